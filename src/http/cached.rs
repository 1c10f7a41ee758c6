//! Answering reads from the cache, and what is said of how they fared.

use std::{fmt::Write as _, sync::Arc, time::Instant};

use hyper::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    http::request::Parts,
};
use prometheus::Registry;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    cache::{
        bus::Bus,
        entry::Entry,
        known::Known,
        metrics::Metrics,
        outcome::{Beside, Failure, LoadFailure, Miss, Outcome},
        remote::Remote,
        shared,
        tiers::{Answer, Options, Prepared, Status, Tiers},
    },
    domain::{clock::Tick, revision::Revision},
};

use super::{
    api::Api,
    class::{self, Policies},
    conditional::{self, Condition, ETag},
    encoding::Coding,
    error::{Kind, Problem},
    finished::Finished,
    front::{Candidate, Owner},
    noted::About,
    observe::Took,
    query::Query,
    response::{Body, CATALOG_REVISION},
    route::Route,
    services::Services,
};

/// `Cache-Status` (RFC 9211).
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// `Min-Catalog-Revision`: the answer must include it.
pub(super) const MIN_CATALOG_REVISION: HeaderName = HeaderName::from_static("min-catalog-revision");

/// Finished answers in two tiers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReadCache {
    tiers: Arc<Tiers<Finished, Problem>>,
    policies: Policies,
    bus: Option<Arc<Bus>>,
    /// What goes on when a client leaves.
    tasks: TaskTracker,
    /// Whose the places are that threads have at hand.
    pub(super) owner: Owner,
}

impl ReadCache {
    /// A cache of what is read from the truth that `known` is about.
    #[must_use]
    pub fn new(
        known: Arc<Known>,
        remote: Option<(Remote, shared::Options)>,
        bus: Option<Arc<Bus>>,
        registry: &Registry,
        tasks: TaskTracker,
        options: Options,
        policies: Policies,
    ) -> Self {
        let operations: Vec<&str> = Route::ALL.iter().map(|route| route.spec().operation).collect();
        let metrics = Arc::new(Metrics::new(registry, &operations));
        let tiers = Arc::new(Tiers::new(known, remote, metrics, tasks.clone(), options));
        Self { tiers, policies, bus, tasks, owner: Owner::unique() }
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.tiers.status(self.bus.as_ref().map(|bus| bus.health()))
    }

    /// The policies of answers.
    pub(super) const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Answers a read.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn answer(
        &self,
        query: Query,
        api: &Api,
        parts: &Parts,
        if_none_match: Option<&Condition>,
    ) -> Result<Response<Body>, Problem> {
        let (route, about) = (query.route(), About::of(&query));
        let ask = query.ask(at_least(&parts.headers)?);
        let key = ask.key.clone();
        let rules = self.tiers.known().rules();
        let may_load = |query: &Query| query.look(&api.catalogue);
        let services = api.services();
        let at_least = ask.at_least;
        let began = Instant::now();
        let span = tracing::trace_span!(target: "spans", "cache");
        let load = move |query: Query| query.load(services, rules, at_least);
        let getting = self.tiers.get(ask, query, may_load, load);
        let answer = getting.instrument(span).await?;
        let had = Instant::now();
        let finished = &answer.entry.payload;
        let coding = Coding::negotiate(&parts.headers, &Coding::ALL);
        let (tiers, grown) = (Arc::clone(&self.tiers), key.clone());
        let made = move |entry: &Arc<Entry<Finished>>| tiers.weigh_again(grown, entry);
        let (entry, tasks) = (&answer.entry, &self.tasks);
        let coded = Finished::coded_for_client(entry, |one| &one.payload, coding, tasks, made);
        let coded = coded.await;
        let took = Took { cache: had - began, encode: had.elapsed() };
        let coding = coded.coding;
        let mut response = conditional::answer(finished, coded, &self.policies, if_none_match);
        self.say(&answer, response.headers_mut());
        let subject = about.subject(finished).filter(|_| api.activity.records());
        if let Some(subject) = subject.clone() {
            response.extensions_mut().insert(subject);
        }
        if answer.outcome == Outcome::L1Hit && response.status() == finished.status {
            let candidate = Candidate::of(self, parts, (route, subject), key, &answer, coding);
            candidate.map(|candidate| response.extensions_mut().insert(candidate));
        }
        response.extensions_mut().insert(answer.outcome);
        response.extensions_mut().insert(took);
        Ok(response)
    }

    /// The tag of the answer to a read.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn etag(&self, query: Query, api: &Api) -> Result<Option<ETag>, Problem> {
        Ok(self.look(query, api, Revision::ZERO).await?.entry.payload.etag.clone())
    }

    /// The answer to a read itself, for who makes another one of it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn look(
        &self,
        query: Query,
        api: &Api,
        at_least: Revision,
    ) -> Result<Answer<Finished>, Problem> {
        let ask = query.ask(at_least);
        let rules = self.tiers.known().rules();
        let may_load = |query: &Query| query.look(&api.catalogue);
        let services = api.services();
        let load = move |query: Query| query.load(services, rules, at_least);
        Ok(self.tiers.get(ask, query, may_load, load).await?)
    }

    /// Makes an answer ahead of who will ask for it, and keeps it; what came of it, and its status.
    ///
    /// # Errors
    /// Why it could not be made.
    pub(super) async fn prepare(
        &self,
        query: Query,
        services: &Services,
    ) -> Result<(Prepared, StatusCode), Problem> {
        let ask = query.ask(Revision::ZERO);
        let rules = self.tiers.known().rules();
        let may_load = |query: &Query| query.look(&services.catalogue);
        let for_load = services.clone();
        let load = move |query: Query| query.load(for_load, rules, Revision::ZERO);
        let key = ask.key.clone();
        let (prepared, entry) = self.tiers.prepare(ask, query, may_load, load).await?;
        // The first to ask should not wait for a coding, either.
        let mut grown = false;
        for coding in Coding::COMPRESSED {
            grown |= entry.payload.coded(coding).await.1;
        }
        if grown {
            self.tiers.weigh_again(key, &entry);
        }
        Ok((prepared, entry.payload.status))
    }

    /// What depends on the moment and not on the answer.
    fn say(&self, answer: &Answer<Finished>, headers: &mut HeaderMap) {
        headers.insert(CATALOG_REVISION, HeaderValue::from(answer.revision.get()));
        headers.insert(CACHE_STATUS, self.cache_status(answer));
        if let Some(until) = answer.entry.within.until {
            // Caches downstream must not keep it beyond the day on which it says something else.
            let left = until.unix_ms().saturating_sub(self.tiers.known().clock().now().unix_ms());
            let policy = self.policies.of(answer.entry.payload.class);
            headers.insert(header::CACHE_CONTROL, class::ending(&policy, left));
        }
        if matches!(answer.outcome, Outcome::L1Hit | Outcome::L2Hit(_)) {
            // Judged against the truth of that long ago (RFC 9111, section 5.1: "generated or
            // successfully validated").
            let lease = self.tiers.known().lease_of(answer.entry.basis);
            let age = lease.age(answer.now).as_secs();
            headers.insert(header::AGE, HeaderValue::from(age));
        }
    }

    /// Counts a hit that was answered at once.
    #[inline]
    pub(super) fn count_hit(&self, route: Route) {
        self.tiers.metrics().route(route as usize).l1_hits.inc();
    }

    /// The tiers.
    pub(super) const fn tiers(&self) -> &Arc<Tiers<Finished, Problem>> {
        &self.tiers
    }

    /// What is said of a hit in the process, in a head that may say it of an earlier moment.
    pub(super) fn say_hit(
        &self,
        entry: &Arc<Entry<Finished>>,
        revision: Revision,
        now: Tick,
        headers: &mut HeaderMap,
    ) {
        let answer = Answer {
            entry: Arc::clone(entry),
            outcome: Outcome::L1Hit,
            revision,
            beside: Beside::Unasked,
            stored: true,
            unverified: false,
            now,
        };
        self.say(&answer, headers);
    }

    fn cache_status(&self, answer: &Answer<Finished>) -> HeaderValue {
        let forwarded = |miss| match miss {
            Miss::Absent => "uri-miss",
            Miss::Superseded | Miss::Expired => "stale",
        };
        let mut ttl = answer.entry.expires.since(answer.now).as_secs();
        if let Some(until) = answer.entry.within.until {
            let left = until.unix_ms().saturating_sub(self.tiers.known().clock().now().unix_ms());
            ttl = ttl.min(u64::try_from(left / 1000).unwrap_or(0));
        }
        let mut text = String::new();
        match answer.outcome {
            Outcome::L1Hit => text.push_str("marquee-l1; hit"),
            Outcome::L2Hit(miss) => {
                text.extend(["marquee-l2; hit, marquee-l1; fwd=", forwarded(miss)]);
            }
            Outcome::Loaded(miss) => {
                // Whether that tier will have it is not known yet: it is written after this is answered.
                text.push_str(match answer.beside {
                    Beside::Unasked => "",
                    Beside::Absent => "marquee-l2; fwd=uri-miss, ",
                    Beside::Rejected => "marquee-l2; fwd=stale, ",
                    Beside::Bypassed => "marquee-l2; fwd=bypass, ",
                });
                text.extend(["marquee-l1; fwd=", forwarded(miss)]);
            }
            Outcome::Collapsed(miss) => {
                text.extend(["marquee-l1; fwd=", forwarded(miss), "; collapsed"]);
            }
        }
        if answer.stored && matches!(answer.outcome, Outcome::L2Hit(_) | Outcome::Loaded(_)) {
            text.push_str("; stored");
        }
        let _ = write!(text, "; ttl={ttl}"); // cannot fail
        if answer.unverified {
            text.push_str("; detail=unverified");
        }
        HeaderValue::try_from(text).expect("it is visible ASCII")
    }
}

/// The revision that an answer must include.
///
/// # Errors
/// 400 where it is malformed.
pub(super) fn at_least(headers: &HeaderMap) -> Result<Revision, Problem> {
    let mut given = headers.get_all(MIN_CATALOG_REVISION).iter();
    let Some(value) = given.next() else { return Ok(Revision::ZERO) };
    let digits = |value: &HeaderValue| {
        let text = value.to_str().ok()?;
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        Revision::new(plain.then(|| text.parse().ok()).flatten()?)
    };
    match (digits(value), given.next()) {
        (Some(revision), None) => Ok(revision),
        _ => Err(Problem::header(
            "Min-Catalog-Revision",
            "must be one revision: an integer from 0 on",
        )),
    }
}

impl LoadFailure for Problem {
    fn was_not_begun(&self) -> bool {
        self.kind() == Kind::Overloaded
    }

    fn ends_with_a_write(&self) -> bool {
        self.kind() == Kind::UnreadableCollection
    }
}

impl From<Failure<Self>> for Problem {
    fn from(failure: Failure<Self>) -> Self {
        match failure {
            Failure::Expired => Self::unavailable(
                "the catalogue was not reached for so long that what is kept may be too old",
            ),
            Failure::Behind => Self::unavailable(
                "the catalogue does not have, or does not tell of, the revision that is asked for",
            ),
            Failure::Restored => Self::unavailable(
                "the catalogue was restored from a backup, or another one, while this was being answered",
            ),
            Failure::Lost => Self::internal(),
            Failure::Load(problem) => problem,
        }
    }
}
