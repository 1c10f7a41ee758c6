//! Hits, answered from what each thread has at hand.
//!
//! The way through the cache reads the query into a value, spells it, hashes that, and looks it up in a
//! map that all threads share. A request that is byte for byte one that this thread has answered from
//! the tier in the process needs none of it: its place here has the entry and the finished head. The
//! entry is judged as everywhere else.
//!
//! **Invariant:** what is here does not keep an entry alive: the tier in the process decides which are
//! kept, and within how many bytes. It hears of the hits here now and then, for its admission.
//! **Invariant:** a request with anything about it that could change the answer is not answered here.

use std::{
    cell::RefCell,
    hash::BuildHasher as _,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use foldhash::quality::RandomState;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderMap, HeaderValue},
};

use crate::{
    cache::{entry::Entry, key::Key, lease::Freshness, tiers::Answer},
    domain::{clock::Tick, revision::Revision},
    service::activity::Subject,
};

use super::{
    cached::{MIN_CATALOG_REVISION, ReadCache},
    encoding::Coding,
    finished::Finished,
    framing,
    gate::Passed,
    limit::{RATE_LIMIT, RATE_LIMIT_POLICY, Standing},
    noted::Marks,
    request_id::{Ids, RequestId, X_REQUEST_ID},
    response::Body,
    route::Route,
    trace_context::{TRACEPARENT, TraceContext},
    wire,
};

/// Places of one thread; a request has one of two.
const PLACES: usize = 1024;
/// Longer targets are not worth a place.
const TARGET_MAX: usize = 2048;
/// How often the tier in the process hears that an entry is asked for.
const TOUCH_EVERY: Duration = Duration::from_millis(50);

/// What tells the places of one cache from those of another in the same process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(u64);

impl Owner {
    /// A new one.
    pub(super) fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What one thread has at hand.
struct Front {
    places: Vec<Option<Box<Place>>>,
    hasher: RandomState,
    /// The last host that was found to be one.
    host: Vec<u8>,
    ids: Ids,
}

#[derive(Debug, Clone)]
struct Place {
    owner: Owner,
    hash: u64,
    target: Box<str>,
    accept: Option<HeaderValue>,
    key: Key,
    route: Route,
    entry: Weak<Entry<Finished>>,
    /// What whoever asks for it looks at.
    subject: Option<Subject>,
    coding: Coding,
    /// The head as of `second` and `revision`, but for the request's id and how its client stands.
    head: HeaderMap,
    /// Whether it says how a client stands.
    says_standing: bool,
    /// The head as bytes but for what depends on the request, of the answer and of a 304; empty until
    /// they are asked for.
    wire: [Vec<u8>; 2],
    second: u64,
    revision: Revision,
    touched: Tick,
}

/// An answer that is worth a place: an extension of it.
#[derive(Debug, Clone)]
pub(super) struct Candidate(Box<Place>);

/// A hit.
#[derive(Debug)]
pub(super) struct Hit {
    /// The operation.
    pub(super) route: Route,
    /// The answer, but for how the client stands.
    pub(super) response: Response<Body>,
    /// Whether it says how another client stood.
    pub(super) says_standing: bool,
    /// What its client looks at.
    pub(super) subject: Option<Subject>,
    /// When it was judged.
    pub(super) now: Tick,
}

/// A place whose answer is good.
struct Good<'f> {
    place: &'f mut Place,
    ids: &'f mut Ids,
    entry: Arc<Entry<Finished>>,
    /// When it was judged.
    now: Tick,
}

/// A hit that was written.
#[derive(Debug)]
pub(super) struct Written {
    /// The operation.
    pub(super) route: Route,
    /// The answer's status.
    pub(super) status: StatusCode,
    /// Its body, which is still to be written.
    pub(super) body: Bytes,
    /// The request's id.
    pub(super) id: RequestId,
    /// When it was judged.
    pub(super) now: Tick,
    /// Who asked.
    pub(super) passed: Passed,
}

thread_local! {
    static FRONT: RefCell<Front> = RefCell::new(Front {
        places: std::iter::repeat_with(|| None).take(PLACES).collect(),
        hasher: RandomState::default(),
        host: Vec::new(),
        ids: Ids::new(),
    });
}

/// The parts of a request on which a hit depends.
struct Asked<'r> {
    target: &'r str,
    host: &'r [u8],
    accept: Option<&'r HeaderValue>,
    if_none_match: Option<&'r HeaderValue>,
    has_id: bool,
    trace: Option<&'r HeaderValue>,
    marks: Marks<'r>,
    is_head: bool,
}

impl<'r> Asked<'r> {
    /// `None` for a request that takes the long way.
    fn of<B>(request: &'r Request<B>) -> Option<Self> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let target = request.uri().path_and_query()?.as_str();
        let (mut host, mut accept, mut if_none_match, mut has_id) = (None, None, None, false);
        let mut trace = None;
        let mut marks = Marks::default();
        for (name, value) in request.headers() {
            if *name == header::HOST {
                once(&mut host, value)?;
            } else if *name == header::ACCEPT_ENCODING {
                once(&mut accept, value)?;
            } else if *name == header::IF_NONE_MATCH {
                once(&mut if_none_match, value)?;
            } else if *name == X_REQUEST_ID {
                has_id = true;
            } else if *name == TRACEPARENT {
                once(&mut trace, value)?;
            } else if *name == header::TRANSFER_ENCODING
                || *name == header::CONTENT_LENGTH
                || *name == header::EXPECT
                || *name == MIN_CATALOG_REVISION
            {
                return None;
            } else {
                marks.see(name, value);
            }
        }
        let is_head = *request.method() == Method::HEAD;
        let host = framing::host_of(request.version(), request.uri(), host)?;
        Some(Self { target, host, accept, if_none_match, has_id, trace, marks, is_head })
    }
}

fn once<'r>(place: &mut Option<&'r HeaderValue>, value: &'r HeaderValue) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Answers a request if it is a hit that this thread has at hand.
#[inline]
pub(super) fn hit(cache: &ReadCache, request: &Request<Incoming>) -> Option<Hit> {
    if tracing::enabled!(target: "access", tracing::Level::DEBUG) {
        return None; // where every request is logged
    }
    let asked = Asked::of(request).filter(|_| request.body().is_end_stream())?;
    FRONT.with_borrow_mut(|front| front.hit(cache, &asked, request.headers()))
}

/// The same for a request without a body, as bytes of HTTP/1.1: the head is put behind what is in `out`.
/// `pass` lets the request in, at the moment at which the answer of an operation was found to be good;
/// `note` is told what it looks at.
#[inline]
pub(super) fn write(
    cache: &ReadCache,
    request: &Request<()>,
    pass: impl FnOnce(Route, Tick) -> Option<(Passed, Option<Standing>)>,
    note: impl FnOnce(&Subject, &Marks<'_>, &Passed, Tick),
    out: &mut Vec<u8>,
) -> Option<Written> {
    if tracing::enabled!(target: "access", tracing::Level::DEBUG) {
        return None; // where every request is logged
    }
    let asked = Asked::of(request)?;
    FRONT.with_borrow_mut(|front| front.write(cache, &asked, request, pass, note, out))
}

/// Takes what is worth a place at hand, for the requests like this one that follow. `head` is that of
/// the answer, with all that is said of every request, in the words of this one.
pub(super) fn keep(candidate: Candidate, head: &HeaderMap) {
    let Candidate(mut place) = candidate;
    place.head = with_room_for_an_id(head);
    place.says_standing = head.contains_key(RATE_LIMIT);
    FRONT.with_borrow_mut(|front| {
        place.hash = front.hash(place.owner, &place.target, place.accept.as_ref());
        front.put(place);
    });
}

impl Candidate {
    /// An answer from the tier in the process, if it is worth a place.
    pub(super) fn of(
        cache: &ReadCache,
        request: &hyper::http::request::Parts,
        (route, subject): (Route, Option<Subject>),
        key: Key,
        answer: &Answer<Finished>,
        coding: Coding,
    ) -> Option<Self> {
        let target = request.uri.path_and_query()?;
        let mut accept = request.headers.get_all(header::ACCEPT_ENCODING).iter();
        let (first, second) = (accept.next(), accept.next());
        if second.is_some() || target.as_str().len() > TARGET_MAX || answer.unverified {
            return None;
        }
        let place = Place {
            owner: cache.owner,
            hash: 0,
            target: target.as_str().into(),
            accept: first.cloned(),
            key,
            route,
            entry: Arc::downgrade(&answer.entry),
            subject,
            coding,
            head: HeaderMap::new(),
            says_standing: false,
            wire: Default::default(),
            second: u64::MAX, // to be made at the first hit
            revision: Revision::ZERO,
            touched: answer.now,
        };
        Some(Self(Box::new(place)))
    }
}

impl Front {
    fn hash(&self, owner: Owner, target: &str, accept: Option<&HeaderValue>) -> u64 {
        self.hasher.hash_one((owner.0, target, accept.map(HeaderValue::as_bytes)))
    }

    fn put(&mut self, place: Box<Place>) {
        let [one, other] = pair(place.hash);
        let age = |n: usize| self.places[n].as_ref().map_or(Tick::START, |place| place.touched);
        let same = |n: usize| {
            self.places[n]
                .as_ref()
                .is_some_and(|there| there.hash == place.hash && there.target == place.target)
        };
        let n = if same(other) || !same(one) && age(other) < age(one) { other } else { one };
        self.places[n] = Some(place);
    }

    /// The place of an answer that is good now.
    #[inline]
    fn find(&mut self, cache: &ReadCache, asked: &Asked<'_>) -> Option<Good<'_>> {
        let hash = self.hash(cache.owner, asked.target, asked.accept);
        let n = pair(hash).into_iter().find(|n| {
            self.places[*n].as_ref().is_some_and(|place| {
                place.hash == hash
                    && place.owner == cache.owner
                    && *place.target == *asked.target
                    && place.accept.as_ref() == asked.accept
            })
        })?;
        if self.host != asked.host {
            if !framing::is_host(asked.host) {
                return None;
            }
            self.host.clear();
            self.host.extend_from_slice(asked.host);
        }
        let tiers = cache.tiers();
        let known = tiers.known();
        let now = known.clock().tick();
        let entry = self.places[n].as_ref()?.entry.upgrade();
        // The lease, then what is known up to, then the entry: a poll that comes in between must not make
        // an answer fresh that lacks what it found. Nor may it be another life in which it is good.
        let lives = known.lives();
        let is_fresh = |entry: &Arc<Entry<Finished>>| {
            known.lease_of(entry.basis).freshness(now) == Freshness::Fresh
        };
        let is_fresh = entry.as_ref().is_none_or(is_fresh);
        let verified = known.verified();
        let good =
            |entry: &Arc<Entry<Finished>>| entry.is_good() && entry.is_current(now, known.clock());
        let Some(entry) = entry.filter(good) else {
            self.places[n] = None;
            return None;
        };
        if !is_fresh || known.lives() != lives {
            return None;
        }
        let place = self.places[n].as_mut()?;
        let (second, revision) = (now.as_nanos() / 1_000_000_000, entry.includes(verified));
        if place.second != second || place.revision != revision {
            (place.second, place.revision) = (second, revision);
            cache.say_hit(&entry, revision, now, &mut place.head);
            place.wire.iter_mut().for_each(Vec::clear);
        }
        if now.since(place.touched) > TOUCH_EVERY {
            place.touched = now;
            tiers.touch(&place.key);
        }
        Some(Good { place, ids: &mut self.ids, entry, now })
    }

    fn hit(&mut self, cache: &ReadCache, asked: &Asked<'_>, headers: &HeaderMap) -> Option<Hit> {
        let Good { place, ids, entry, now } = self.find(cache, asked)?;
        let mut response = Response::new(Body::EMPTY);
        match asked.if_none_match {
            None => {
                *response.status_mut() = entry.payload.status;
                *response.body_mut() = Body::Full(entry.payload.body_in(place.coding)?.clone());
                *response.headers_mut() = place.head.clone();
            }
            // Any other condition than this very tag is looked at the long way.
            Some(tag) if place.head.get(header::ETAG) == Some(tag) => {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.headers_mut() = place.head.clone();
                response.headers_mut().remove(header::CONTENT_TYPE);
                response.headers_mut().remove(header::CONTENT_ENCODING);
            }
            Some(_) => return None,
        }
        let id = if asked.has_id { RequestId::of(headers) } else { ids.next() };
        response.headers_mut().insert(X_REQUEST_ID, id.into_header());
        if let Some(trace) = asked.trace.and_then(TraceContext::parse) {
            response.headers_mut().insert(TRACEPARENT, trace.to_header());
        }
        let subject = place.subject.as_ref().filter(|_| !asked.is_head).cloned();
        let Place { route, says_standing, .. } = *place;
        Some(Hit { route, response, says_standing, subject, now })
    }

    fn write(
        &mut self,
        cache: &ReadCache,
        asked: &Asked<'_>,
        request: &Request<()>,
        pass: impl FnOnce(Route, Tick) -> Option<(Passed, Option<Standing>)>,
        note: impl FnOnce(&Subject, &Marks<'_>, &Passed, Tick),
        out: &mut Vec<u8>,
    ) -> Option<Written> {
        let Good { place, ids, entry, now } = self.find(cache, asked)?;
        let (status, body) = match asked.if_none_match {
            None => (entry.payload.status, entry.payload.body_in(place.coding)?.clone()),
            Some(tag) if place.head.get(header::ETAG) == Some(tag) => {
                (StatusCode::NOT_MODIFIED, Bytes::new())
            }
            Some(_) => return None,
        };
        let (passed, standing) = pass(place.route, now)?;
        if let Some(subject) = place.subject.as_ref().filter(|_| !asked.is_head) {
            note(subject, &asked.marks, &passed, now);
        }
        let wire = &mut place.wire[usize::from(status == StatusCode::NOT_MODIFIED)];
        if wire.is_empty() {
            let date = cache.tiers().known().clock().now();
            wire::head(status, &place.head, body.len(), date, wire);
        }
        out.extend_from_slice(wire);
        if let Some(standing) = standing {
            wire::field(out, RATE_LIMIT_POLICY.as_str(), standing.policy.as_bytes());
            wire::field(out, RATE_LIMIT.as_str(), standing.limit.as_bytes());
        }
        let id = if asked.has_id { RequestId::of(request.headers()) } else { ids.next() };
        wire::field(out, X_REQUEST_ID.as_str(), id.as_str().as_bytes());
        if let Some(trace) = asked.trace.and_then(TraceContext::parse) {
            wire::field(out, TRACEPARENT.as_str(), trace.to_header().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        let body = if asked.is_head { Bytes::new() } else { body };
        Some(Written { route: place.route, status, body, id, now, passed })
    }
}

/// A head that the request's id is put into without moving the rest.
fn with_room_for_an_id(head: &HeaderMap) -> HeaderMap {
    let mut head = head.clone();
    head.insert(X_REQUEST_ID, HeaderValue::from_static(""));
    head
}

/// The two places that a request can have.
fn pair(hash: u64) -> [usize; 2] {
    let one = usize::try_from(hash % (PLACES as u64)).unwrap_or(0);
    [one, one ^ 1]
}
