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

use foldhash::quality::RandomState;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderMap, HeaderValue},
};

use crate::{
    cache::{entry::Entry, key::Key, lease::Freshness, tiers::Answer},
    domain::{clock::Tick, revision::Revision},
};

use super::{
    cached::{MIN_CATALOG_REVISION, ReadCache},
    encoding::Coding,
    finished::Finished,
    framing,
    request_id::{Ids, RequestId, X_REQUEST_ID},
    response::Body,
    route::Route,
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

struct Place {
    owner: Owner,
    hash: u64,
    target: Box<str>,
    accept: Option<HeaderValue>,
    key: Key,
    route: Route,
    entry: Weak<Entry<Finished>>,
    coding: Coding,
    /// The head as of `second` and `verified`, but for the request's id.
    head: HeaderMap,
    second: u64,
    verified: Revision,
    touched: Tick,
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
    host: &'r HeaderValue,
    accept: Option<&'r HeaderValue>,
    if_none_match: Option<&'r HeaderValue>,
    has_id: bool,
}

impl<'r> Asked<'r> {
    /// `None` for a request that takes the long way.
    fn of(request: &'r Request<Incoming>) -> Option<Self> {
        if !matches!(*request.method(), Method::GET | Method::HEAD)
            || !request.body().is_end_stream()
        {
            return None;
        }
        let target = request.uri().path_and_query()?.as_str();
        let (mut host, mut accept, mut if_none_match, mut has_id) = (None, None, None, false);
        for (name, value) in request.headers() {
            if *name == header::HOST {
                once(&mut host, value)?;
            } else if *name == header::ACCEPT_ENCODING {
                once(&mut accept, value)?;
            } else if *name == header::IF_NONE_MATCH {
                once(&mut if_none_match, value)?;
            } else if *name == X_REQUEST_ID {
                has_id = true;
            } else if *name == header::TRANSFER_ENCODING
                || *name == header::CONTENT_LENGTH
                || *name == header::EXPECT
                || *name == MIN_CATALOG_REVISION
            {
                return None;
            }
        }
        Some(Self { target, host: host?, accept, if_none_match, has_id })
    }
}

fn once<'r>(place: &mut Option<&'r HeaderValue>, value: &'r HeaderValue) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Answers a request if it is a hit that this thread has at hand.
pub(super) fn hit(cache: &ReadCache, request: &Request<Incoming>) -> Option<Response<Body>> {
    if tracing::enabled!(tracing::Level::DEBUG) {
        return None; // where every request is logged
    }
    let asked = Asked::of(request)?;
    FRONT.with_borrow_mut(|front| front.hit(cache, &asked, request.headers()))
}

/// Takes an answer from the tier in the process at hand, for the requests like this one that follow.
pub(super) fn keep(
    cache: &ReadCache,
    request: &hyper::http::request::Parts,
    route: Route,
    key: Key,
    answer: &Answer<Finished>,
    coding: Coding,
    head: &HeaderMap,
) {
    let Some(target) = request.uri.path_and_query() else { return };
    let mut accept = request.headers.get_all(header::ACCEPT_ENCODING).iter();
    let (first, second) = (accept.next(), accept.next());
    if second.is_some() || target.as_str().len() > TARGET_MAX || answer.unverified {
        return;
    }
    FRONT.with_borrow_mut(|front| {
        let hash = front.hash(cache.owner, target.as_str(), first);
        let place = Place {
            owner: cache.owner,
            hash,
            target: target.as_str().into(),
            accept: first.cloned(),
            key,
            route,
            entry: Arc::downgrade(&answer.entry),
            coding,
            head: with_room_for_an_id(head),
            second: u64::MAX, // to be made at the first hit
            verified: Revision::ZERO,
            touched: answer.now,
        };
        front.put(place);
    });
}

impl Front {
    fn hash(&self, owner: Owner, target: &str, accept: Option<&HeaderValue>) -> u64 {
        self.hasher.hash_one((owner.0, target, accept.map(HeaderValue::as_bytes)))
    }

    fn put(&mut self, place: Place) {
        let [one, other] = pair(place.hash);
        let age = |n: usize| self.places[n].as_ref().map_or(Tick::START, |place| place.touched);
        let same = |n: usize| {
            self.places[n]
                .as_ref()
                .is_some_and(|there| there.hash == place.hash && there.target == place.target)
        };
        let n = if same(other) || !same(one) && age(other) < age(one) { other } else { one };
        self.places[n] = Some(Box::new(place));
    }

    fn hit(
        &mut self,
        cache: &ReadCache,
        asked: &Asked<'_>,
        headers: &HeaderMap,
    ) -> Option<Response<Body>> {
        let hash = self.hash(cache.owner, asked.target, asked.accept);
        let n = pair(hash).into_iter().find(|n| {
            self.places[*n].as_ref().is_some_and(|place| {
                place.hash == hash
                    && place.owner == cache.owner
                    && *place.target == *asked.target
                    && place.accept.as_ref() == asked.accept
            })
        })?;
        if self.host != asked.host.as_bytes() {
            if !framing::is_host(asked.host) {
                return None;
            }
            self.host.clear();
            self.host.extend_from_slice(asked.host.as_bytes());
        }
        let tiers = cache.tiers();
        let known = tiers.known();
        let now = known.clock().tick();
        if known.lease().freshness(now) != Freshness::Fresh {
            return None;
        }
        let verified = known.verified(); // before the entry is judged
        let place = self.places[n].as_mut()?;
        let Some(entry) = place.entry.upgrade() else {
            self.places[n] = None;
            return None;
        };
        if !entry.is_good() || entry.expires <= now {
            self.places[n] = None;
            return None;
        }
        let second = now.as_nanos() / 1_000_000_000;
        if place.second != second || place.verified != verified {
            (place.second, place.verified) = (second, verified);
            cache.say_hit(&entry, verified, now, &mut place.head);
        }
        if now.since(place.touched) > TOUCH_EVERY {
            place.touched = now;
            tiers.touch(&place.key);
        }
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
        let id = if asked.has_id { RequestId::of(headers) } else { self.ids.next() };
        response.headers_mut().insert(X_REQUEST_ID, id.into_header());
        tiers.metrics().route(place.route as usize).l1_hits.inc();
        Some(response)
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
