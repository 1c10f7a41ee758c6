//! The way of a read: the tier in the process, a load that others share, the tier that replicas share,
//! the truth.
//!
//! **Invariant:** what is known up to is read before an answer is judged, so that the answer includes
//! every write up to it.
//! **Invariant:** an answer whose tag is below what it must include is never kept.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::domain::{
    clock::Tick,
    revision::{Revision, Scope},
};

use super::{
    bus::Health,
    entry::{Entry, Made, Payload},
    flight::{Boarding, Flights, Need, Pilot},
    key::Key,
    known::{Known, Watched},
    lease::Freshness,
    local::{Local, Size},
    metrics::Metrics,
    outcome::{Failure, LoadFailure, Miss, Outcome},
    remote::{Remote, breaker},
    rule::Rule,
    shared::{self, Shared, Turn, Wanted},
};

/// How long a failure is everybody's before the next request may try again, give or take a tenth.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);
/// How long a load that is ahead of the polls waits for the next one.
const SETTLE: Duration = Duration::from_millis(500);

/// How the tiers are used.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of the tier in the process; 0 for none.
    pub l1_bytes: u64,
    /// How long it keeps an entry that nothing has superseded, give or take a tenth.
    pub l1_ttl: Duration,
    /// How long a request waits for a revision that it asks for.
    pub catch_up: Duration,
}

/// The tiers, for answers of one kind and failures of one kind.
#[derive(Debug)]
pub struct Tiers<P: Payload, E> {
    known: Arc<Known>,
    local: Local<P>,
    shared: Option<Shared>,
    flights: Arc<Flights<Landing<P, E>>>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    options: Options,
}

type Landing<P, E> = Result<Landed<P>, Failure<E>>;

/// What a load came to.
#[derive(Debug)]
struct Landed<P> {
    entry: Arc<Entry<P>>,
    from: From,
}

impl<P> Clone for Landed<P> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), from: self.from }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    L1,
    L2,
    Truth,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its name.
    pub key: Key,
    /// What it depends on, before anything is known of the answer.
    pub scopes: Vec<Scope>,
    /// The place of its route in the metrics.
    pub route: usize,
    /// The revision that it must include, if the client names one.
    pub at_least: Revision,
}

/// An answer, and what is to be said of it.
#[derive(Debug)]
pub struct Answer<P> {
    /// The answer.
    pub entry: Arc<Entry<P>>,
    /// Where it came from.
    pub outcome: Outcome,
    /// The revision up to which it includes every write.
    pub revision: Revision,
    /// Whether it must be marked: the truth was not reached for longer than the bound.
    pub unverified: bool,
    /// When it was judged.
    pub now: Tick,
}

impl<P: Payload, E: LoadFailure + Clone + Send + Sync + 'static> Tiers<P, E> {
    /// The tiers. Loads are spawned on `tasks`.
    #[must_use]
    pub fn new(
        known: Arc<Known>,
        remote: Option<(Remote, shared::Options)>,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
        options: Options,
    ) -> Self {
        let local = Local::new(options.l1_bytes);
        let shared = remote.map(|(remote, options)| Shared { remote, options });
        Self { known, local, shared, flights: Flights::new(), metrics, tasks, options }
    }

    /// What is known of the truth.
    #[must_use]
    pub const fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// The counters.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers a read; `load` makes the answer from one snapshot of the truth, in a task of its own.
    /// `may_load` says whether it would be begun, where nothing but the truth can have the answer.
    ///
    /// Dropping the future cancels nothing.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn get<F>(
        self: &Arc<Self>,
        ask: Ask,
        may_load: impl FnOnce() -> Result<(), E>,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Answer<P>, Failure<E>>
    where
        F: Future<Output = Result<Made<P>, E>> + Send + 'static,
    {
        let now = self.known.clock().tick();
        let freshness = self.known.lease().freshness(now);
        if freshness == Freshness::Expired {
            self.metrics.expired.inc();
            return Err(Failure::Expired);
        }
        self.known.reach(ask.at_least, self.options.catch_up).await;
        let verified = self.known.verified();
        let at_least = if verified >= ask.at_least { Revision::ZERO } else { ask.at_least };
        let (generation, epoch) = (self.known.generation(), self.known.epoch());
        let watched = self.known.watch(&ask.scopes);
        let need = (watched.need().max(at_least), watched.proven().max(at_least));
        let unverified = freshness != Freshness::Fresh;
        let route = ask.route;

        let (entry, outcome) = match self.look(&ask.key, at_least, now) {
            Ok(entry) => (entry, Outcome::L1Hit),
            Err(miss) => {
                self.metrics.missed(route, miss);
                let flown = if self.known.rules().hold(Rule::FlightIgnoresNeed) {
                    need
                } else {
                    Need::default()
                };
                match self.flights.board(&ask.key, flown) {
                    Boarding::Joined(waiter) => {
                        let landed = waiter.outcome().await.unwrap_or(Err(Failure::Lost))?;
                        (landed.entry, Outcome::Collapsed(miss))
                    }
                    Boarding::Mine(pilot, waiter) => {
                        if self.shared.is_none()
                            && let Err(failure) = may_load()
                        {
                            pilot.land(Err(Failure::Load(failure.clone())));
                            return Err(Failure::Load(failure));
                        }
                        let flight =
                            Flight { ask, at_least, floor: need.1, watched, epoch, generation };
                        let flying = Arc::clone(self).lead(flight, pilot, load);
                        self.tasks.spawn(flying.in_current_span());
                        let landed = waiter.outcome().await.unwrap_or(Err(Failure::Lost))?;
                        let outcome = match landed.from {
                            From::L1 => Outcome::L1Hit,
                            From::L2 => Outcome::L2Hit(miss),
                            From::Truth => Outcome::Loaded(miss),
                        };
                        (landed.entry, outcome)
                    }
                }
            }
        };
        // What this request itself had loaded is of after it came.
        let unverified = unverified && !matches!(outcome, Outcome::Loaded(_));
        self.count(route, outcome, unverified);
        Ok(Answer { revision: entry.tag.max(verified), entry, outcome, unverified, now })
    }

    fn count(&self, route: usize, outcome: Outcome, unverified: bool) {
        let counters = self.metrics.route(route);
        match outcome {
            Outcome::L1Hit => counters.l1_hits.inc(),
            Outcome::L2Hit(_) => counters.l2_hits.inc(),
            Outcome::Loaded(_) => counters.loads.inc(),
            Outcome::Collapsed(_) => counters.collapsed.inc(),
        }
        if unverified {
            counters.stale.inc();
        }
    }

    /// The entry in the process, if it will do.
    fn look(&self, key: &Key, at_least: Revision, now: Tick) -> Result<Arc<Entry<P>>, Miss> {
        let entry = self.local.get(key).ok_or(Miss::Absent)?;
        let good = entry.is_good() && entry.tag >= at_least;
        if !good && self.known.rules().hold(Rule::NoValidation) {
            return Err(Miss::Superseded);
        }
        if entry.expires <= now {
            return Err(Miss::Expired);
        }
        Ok(entry)
    }

    /// Tells the admission that an entry was asked for again, by who kept it at hand meanwhile.
    pub fn touch(&self, key: &Key) {
        drop(self.local.get(key));
    }

    /// Weighs an entry again that has grown.
    pub fn weigh_again(&self, key: Key, entry: &Arc<Entry<P>>) {
        self.local.weigh_again(key, entry);
    }

    async fn lead<F>(
        self: Arc<Self>,
        flight: Flight,
        pilot: Pilot<Landing<P, E>>,
        load: impl FnOnce() -> F + Send,
    ) where
        F: Future<Output = Result<Made<P>, E>> + Send,
    {
        let now = self.known.clock().tick();
        // Somebody may have landed between this request's look and its boarding.
        if let Ok(entry) = self.look(&flight.ask.key, flight.at_least, now) {
            return pilot.land(Ok(Landed { entry, from: From::L1 }));
        }
        let wanted = Wanted {
            key: &flight.ask.key,
            digest: flight.ask.key.digest(),
            at_least: flight.at_least,
        };
        let lease = match &self.shared {
            None => None,
            Some(shared) => match shared.turn(wanted, &self.known, &self.metrics).await {
                Turn::Have(made) => {
                    let (entry, _) = self.entry(&flight, made);
                    self.keep(&flight, &entry);
                    return pilot.land(Ok(Landed { entry, from: From::L2 }));
                }
                Turn::Load(lease) => lease,
            },
        };
        let loaded = self.load(&flight, load).await;
        let mut kept = None;
        match loaded {
            Ok((entry, scopes)) => {
                kept = self.keep(&flight, &entry).then(|| (Arc::clone(&entry), scopes));
                pilot.land(Ok(Landed { entry, from: From::Truth }));
                drop(pilot);
            }
            Err(Failure::Load(failure)) if failure.was_not_begun() => {
                pilot.land(Err(Failure::Load(failure)));
                drop(pilot); // whoever comes next is sent away as quickly, or is lucky
            }
            Err(failure) => {
                self.metrics.load_failures.inc();
                pilot.land(Err(failure));
                let pause = jittered(FAILURE_PAUSE);
                self.tasks.spawn(async move {
                    sleep(pause).await;
                    drop(pilot);
                });
            }
        }
        if let Some(shared) = &self.shared {
            let kept = kept.as_ref().map(|(entry, scopes)| (&**entry, &**scopes, flight.epoch));
            shared.keep(wanted, kept, lease, &self.metrics).await;
        }
    }

    async fn load<F>(
        &self,
        flight: &Flight,
        load: impl FnOnce() -> F,
    ) -> Result<(Arc<Entry<P>>, Vec<Scope>), Failure<E>>
    where
        F: Future<Output = Result<Made<P>, E>> + Send,
    {
        let began = self.known.clock().tick();
        let span = tracing::trace_span!(target: "spans", "load");
        let made = load().instrument(span).await.map_err(Failure::Load)?;
        self.metrics.load_seconds.observe(self.known.clock().tick().since(began).as_secs_f64());
        // What the truth itself had told when the request came must be in it; what the bus told may have
        // been made up, and what was written since belongs to requests that came later.
        if made.tag < flight.floor && self.known.rules().hold(Rule::TagAfterData) {
            self.known.ask();
            return Err(Failure::Behind);
        }
        // Otherwise the next answer, of something else, could name an earlier revision than this one.
        if !self.known.reach(made.tag, SETTLE).await {
            return Err(Failure::Behind);
        }
        Ok(self.entry(flight, made))
    }

    fn entry(&self, flight: &Flight, made: Made<P>) -> (Arc<Entry<P>>, Vec<Scope>) {
        let watched = match &made.scopes {
            Some(scopes) if *scopes != flight.ask.scopes => self.known.watch(scopes),
            _ => flight.watched.clone(),
        };
        let scopes = made.scopes.unwrap_or_else(|| flight.ask.scopes.clone());
        let expires = self.known.clock().tick().after(jittered(self.options.l1_ttl));
        let entry = Entry { tag: made.tag, watched, expires, payload: made.payload };
        (Arc::new(entry), scopes)
    }

    /// Keeps an entry in the process, if it includes what it must and is of this life of the catalogue.
    fn keep(&self, flight: &Flight, entry: &Arc<Entry<P>>) -> bool {
        let good = entry.is_good() || !self.known.rules().hold(Rule::NoValidation);
        let keep = good && flight.generation == self.known.generation();
        if keep {
            self.local.put(flight.ask.key.clone(), entry);
        }
        keep
    }

    /// How full the tier in the process is; brings the gauges up to date.
    #[must_use]
    pub fn status(&self, bus: Option<Health>) -> Status {
        let l1 = self.local.size();
        let lease = self.known.lease();
        let lease_age = lease.age(self.known.clock().tick());
        let breaker = self.shared.as_ref().map(|shared| shared.remote.breaker());
        let gauges = &self.metrics.gauges;
        let set = |gauge: &prometheus::IntGauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&gauges.entries, l1.entries);
        set(&gauges.bytes, l1.bytes);
        set(&gauges.bytes_max, l1.bytes_max);
        gauges.evictions.raise(l1.evicted);
        gauges.lease.set(lease_age.as_secs_f64());
        set(&gauges.flights, self.flights.len() as u64);
        gauges.verified.set(self.known.verified().get());
        gauges.restores.raise(self.known.restores());
        gauges.breaker.set(match breaker {
            None => -1,
            Some(breaker::State::Closed) => 0,
            Some(breaker::State::HalfOpen) => 1,
            Some(breaker::State::Open) => 2,
        });
        gauges.tell_of_bus(bus.as_ref());
        Status {
            bus,
            revision: self.known.verified(),
            epoch: format!("{:016x}", self.known.epoch()),
            lease_age_ms: lease_age.as_millis(),
            freshness: match lease.freshness(self.known.clock().tick()) {
                Freshness::Fresh => "fresh",
                Freshness::Unverified => "unverified",
                Freshness::Expired => "expired",
            },
            genres: self.known.genres(),
            l1,
            l2_breaker: breaker.map(breaker::State::label),
            loads_in_flight: self.flights.len(),
        }
    }
}

/// The cache as an operator looks at it.
#[derive(Debug, serde::Serialize)]
pub struct Status {
    /// The revision up to which every change is known.
    pub revision: Revision,
    /// The life of the catalogue.
    pub epoch: String,
    /// Milliseconds since the instant as of which the truth is known.
    pub lease_age_ms: u128,
    /// What answers are worth by that.
    pub freshness: &'static str,
    /// Genres whose revisions are known.
    pub genres: usize,
    /// The tier in the process.
    pub l1: Size,
    /// The breaker before the shared tier; none without such a tier.
    pub l2_breaker: Option<&'static str>,
    /// The bus; none without one.
    pub bus: Option<Health>,
    /// Loads under way.
    pub loads_in_flight: usize,
}

/// A load that was begun.
#[derive(Debug)]
struct Flight {
    ask: Ask,
    at_least: Revision,
    /// The revision that it must include, by what the truth itself had told.
    floor: Revision,
    /// Taken before the load.
    watched: Watched,
    epoch: u64,
    generation: u64,
}

/// A duration, give or take a tenth, so that what began together does not end together.
pub(super) fn jittered(duration: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    duration.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
}
