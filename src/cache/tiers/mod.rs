//! The way of a read: the tier in the process, a load that others share, the tier that replicas share,
//! the truth.
//!
//! **Invariant:** what is known up to is read before an answer is judged, so that the answer includes
//! every write up to it.
//! **Invariant:** an answer whose tag is below what it must include is never kept.
//! **Invariant:** what a request found out in one life of the catalogue is not answered in another, where the
//! same revisions are of other writes.

mod prepare;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::domain::{
    clock::Tick,
    revision::{Revision, Scope},
};

use super::{
    ahead::Ahead,
    bus::Health,
    entry::{Basis, Entry, Lasting, Made, Payload, Within},
    flight::{Boarding, Flights, Join, Need, Pilot},
    key::Key,
    known::{Known, Watched},
    lease::Freshness,
    local::{Local, Size},
    metrics::{Counts, Metrics},
    outcome::{Beside, Failure, LoadFailure, Miss, Outcome},
    remote::{Remote, breaker},
    rule::Rule,
    shared::{self, Shared, Turn, Wanted},
};

/// How long a failure is everybody's before the next request may try again, give or take a tenth.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);
/// How long a load that is ahead of the polls waits for the next one.
const SETTLE: Duration = Duration::from_millis(500);

pub use prepare::Prepared;

/// Which part of the tier in the process is for what is kept unasked.
const AHEAD_PART: u64 = 8;

/// How the tiers are used.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of the tier in the process; 0 for none.
    pub l1_bytes: u64,
    /// How long it keeps an entry that nothing has superseded, give or take a tenth.
    pub l1_ttl: Duration,
    /// The same for answers of a season that is on, or about to be.
    pub season_ttl: Duration,
    /// How long a request waits for a revision that it asks for.
    pub catch_up: Duration,
}

/// The tiers, for answers of one kind and failures of one kind.
#[derive(Debug)]
pub struct Tiers<P: Payload, E> {
    known: Arc<Known>,
    local: Local<P>,
    /// What is kept in the process whether or not it is asked for.
    ahead: Ahead<P>,
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
    /// How many lives had ended when it was begun.
    lives: u64,
    from: From,
    /// Whether it is for others who ask for the same later.
    keep: bool,
    /// What the tier that replicas share had.
    beside: Beside,
}

impl<P> Clone for Landed<P> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), ..*self }
    }
}

impl<P> Landed<P> {
    /// What the tier in the process had.
    const fn at_hand(entry: Arc<Entry<P>>, lives: u64) -> Self {
        Self { entry, lives, from: From::L1, keep: true, beside: Beside::Unasked }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    L1,
    L2,
    /// What was read from the truth.
    Truth,
    /// What was made anew from something else.
    Copy,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its name.
    pub key: Key,
    /// What it depends on, before anything is known of the answer. That may depend on more ([`Made::scopes`]).
    pub scopes: Vec<Scope>,
    /// The place of its route in the metrics.
    pub route: usize,
    /// The revision that it must include, if the client names one.
    pub at_least: Revision,
    /// Whether replicas share the answer: one that takes microseconds to make is not worth a way to Redis.
    pub is_shared: bool,
    /// When its answer holds by the calendar.
    pub within: Within,
    /// For how long that is kept.
    pub lasting: Lasting,
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
    /// What the tier that replicas share had, where this was loaded.
    pub beside: Beside,
    /// Whether the tier in the process keeps it.
    pub stored: bool,
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
        let ahead = Ahead::new(options.l1_bytes / AHEAD_PART);
        Self { known, local, ahead, shared, flights: Flights::new(), metrics, tasks, options }
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

    /// Answers a read; `load` makes the answer of what `query` says from one snapshot of the truth, in a task
    /// of its own. `may_load` says whether it would be begun, where nothing but the truth can have the answer.
    ///
    /// Dropping the future cancels nothing.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn get<Q, F>(
        self: &Arc<Self>,
        ask: Ask,
        query: Q,
        may_load: impl Fn(&Q) -> Result<(), E>,
        load: impl FnOnce(Q) -> F + Send + 'static,
    ) -> Result<Answer<P>, Failure<E>>
    where
        Q: Send + 'static,
        F: Future<Output = Result<Made<P>, E>> + Send + 'static,
    {
        let lives = self.known.lives(); // before all that is known
        let (generation, epoch) = (self.known.generation(), self.known.epoch());
        let basis = Basis::of(&ask.scopes);
        let now = self.known.clock().tick();
        let freshness = self.known.lease_of(basis).freshness(now);
        if freshness == Freshness::Expired {
            self.metrics.expired.inc();
            return Err(Failure::Expired);
        }
        let polls = self.known.polls_begun();
        let reached = self.reach(basis, ask.at_least).await;
        // A poll that was begun after the request came has not found it: there is no such revision, and a load
        // would find no other one.
        if !reached && (basis == Basis::Index || self.known.has_polled_after(polls)) {
            return Err(Failure::Behind);
        }
        let verified = self.known.verified();
        let at_least = if reached { Revision::ZERO } else { ask.at_least };
        let need = Need { news: self.known.news(), at_least }; // before anything else that is known
        let watched = self.known.watch(&ask.scopes);
        let floor = Floor::of(&self.known, &watched, at_least);
        let unverified = freshness != Freshness::Fresh;
        let route = ask.route;

        let (landed, outcome) = match self.look(&ask.key, at_least, now) {
            Ok(entry) => (Landed::at_hand(entry, lives), Outcome::L1Hit),
            Err(miss) => {
                self.metrics.missed(route, miss);
                let (mut need, mut join) = (need, Join::Any);
                loop {
                    if !self.known.rules().hold(Rule::FlightIgnoresNeed) {
                        need = Need::default();
                    }
                    // Who is sent away should cost as little as can be.
                    let is_shared = self.shared.is_some() && ask.is_shared;
                    if !is_shared && !self.flights.is_under_way(&ask.key, need, join) {
                        may_load(&query).map_err(Failure::Load)?;
                    }
                    match self.flights.board(&ask.key, need, join) {
                        Boarding::Joined(waiter) => {
                            let is_sure = waiter.is_sure();
                            let landed = waiter.outcome().await.unwrap_or(Err(Failure::Lost))?;
                            let is_of_this_life = landed.lives == lives;
                            if is_of_this_life && (is_sure || landed.entry.is_good()) {
                                break (landed, Outcome::Collapsed(miss));
                            }
                            if self.known.lives() != lives {
                                return Err(Failure::Restored);
                            }
                            // It began before what this request must see was known, and that concerns it.
                            need = Need { news: self.known.news(), at_least };
                            join = Join::Sure;
                        }
                        Boarding::Mine(pilot, waiter) => {
                            let beyond = now;
                            let flight = Flight {
                                ask,
                                at_least,
                                floor,
                                watched,
                                epoch,
                                generation,
                                lives,
                                beyond,
                            };
                            let flying = Arc::clone(self).lead(flight, pilot, move || load(query));
                            self.tasks.spawn(flying.in_current_span());
                            let landed = waiter.outcome().await.unwrap_or(Err(Failure::Lost))?;
                            let outcome = match landed.from {
                                From::L1 => Outcome::L1Hit,
                                From::L2 => Outcome::L2Hit(miss),
                                From::Truth | From::Copy => Outcome::Loaded(miss),
                            };
                            break (landed, outcome);
                        }
                    }
                }
            }
        };
        // The truth turned out to be another one meanwhile. Whoever asks again is told of that one.
        if self.known.lives() != lives {
            return Err(Failure::Restored);
        }
        // What this request itself had read from the truth is of after it came. What an index had, or some
        // memory, is of before.
        let is_read = matches!((outcome, landed.from), (Outcome::Loaded(_), From::Truth));
        let unverified = unverified && !is_read;
        self.count(route, outcome, unverified);
        let Landed { entry, keep, beside, .. } = landed;
        let stored = keep && self.options.l1_bytes > 0;
        let revision = entry.includes(verified);
        Ok(Answer { entry, outcome, revision, beside, stored, unverified, now })
    }

    /// Waits until what answers are made from includes a revision. Whether it does.
    async fn reach(&self, basis: Basis, at_least: Revision) -> bool {
        match basis {
            Basis::Truth => self.known.reach(at_least, self.options.catch_up).await,
            Basis::Index => self.known.reach_shown(at_least, self.options.catch_up).await,
        }
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
        let clock = self.known.clock();
        let will_do = |entry: &Arc<Entry<P>>| entry.is_good() && entry.is_current(now, clock);
        let entry = self.local.get(key);
        let entry = match entry {
            Some(entry) if will_do(&entry) => Some(entry),
            other => self.ahead.get(key).filter(will_do).or(other),
        };
        let entry = entry.ok_or(Miss::Absent)?;
        let good = entry.is_good() && entry.tag >= at_least;
        if !good && self.known.rules().hold(Rule::NoValidation) {
            return Err(Miss::Superseded);
        }
        if !entry.is_current(now, clock) {
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
        let there = self.look(&flight.ask.key, flight.at_least, now);
        if let Some(entry) = there.ok().filter(|entry| entry.expires > flight.beyond) {
            return pilot.land(Ok(Landed::at_hand(entry, flight.lives)));
        }
        let wanted = Wanted {
            key: &flight.ask.key,
            digest: flight.ask.key.digest(),
            at_least: flight.at_least,
            basis: Basis::of(&flight.ask.scopes),
            lasting: flight.ask.lasting,
        };
        let shared = self.shared.as_ref().filter(|_| flight.ask.is_shared);
        let (lease, beside) = match shared {
            None => (None, Beside::Unasked),
            Some(shared) => match shared.turn(wanted, &self.known, &self.metrics).await {
                Turn::Have(made) => {
                    let (entry, _, _) = self.entry(&flight, made);
                    if self.keep(&flight, &entry) {
                        let (lives, beside) = (flight.lives, Beside::Unasked);
                        return pilot.land(Ok(Landed {
                            entry,
                            lives,
                            from: From::L2,
                            keep: true,
                            beside,
                        }));
                    }
                    // It was superseded, or everything forgotten, as it was being taken.
                    (None, Beside::Rejected)
                }
                Turn::Load(lease, beside) => (lease, beside),
            },
        };
        let loaded = self.load(&flight, load).await;
        let mut kept = None;
        match loaded {
            Ok((entry, scopes, keep, from)) => {
                let keep = keep && self.keep(&flight, &entry);
                kept = keep.then(|| (Arc::clone(&entry), scopes));
                pilot.land(Ok(Landed { entry, lives: flight.lives, from, keep, beside }));
                drop(pilot);
            }
            Err(Failure::Load(failure)) if failure.was_not_begun() => {
                pilot.land(Err(Failure::Load(failure)));
                drop(pilot); // whoever comes next is sent away as quickly, or is lucky
            }
            Err(failure) => {
                self.metrics.load_failures.inc();
                let ends_with_a_write =
                    matches!(&failure, Failure::Load(failure) if failure.ends_with_a_write());
                pilot.land(Err(failure));
                if ends_with_a_write {
                    drop(pilot);
                } else {
                    let pause = jittered(FAILURE_PAUSE);
                    self.tasks.spawn(async move {
                        sleep(pause).await;
                        drop(pilot);
                    });
                }
            }
        }
        if let Some(shared) = shared {
            let kept = kept.as_ref().map(|(entry, scopes)| (&**entry, &**scopes, flight.epoch));
            shared.keep(wanted, kept, lease, &self.metrics).await;
        }
    }

    async fn load<F>(
        &self,
        flight: &Flight,
        load: impl FnOnce() -> F,
    ) -> Result<(Arc<Entry<P>>, Vec<Scope>, bool, From), Failure<E>>
    where
        F: Future<Output = Result<Made<P>, E>> + Send,
    {
        let began = self.known.clock().tick();
        let span = tracing::trace_span!(target: "spans", "load");
        let made = load().instrument(span).await.map_err(Failure::Load)?;
        self.metrics.load_seconds.observe(self.known.clock().tick().since(began).as_secs_f64());
        // What the truth itself had told when the request came must be in it; what the bus told may have
        // been made up, and what was written since belongs to requests that came later.
        if made.tag < flight.floor.of_made(made.is_read)
            && self.known.rules().hold(Rule::TagAfterData)
        {
            self.known.ask();
            return Err(Failure::Behind);
        }
        // Otherwise the next answer, of something else, could name an earlier revision than this one.
        let settled = match Basis::of(&flight.ask.scopes) {
            Basis::Truth => self.known.reach(made.tag, SETTLE).await,
            Basis::Index => self.known.reach_shown(made.tag, SETTLE).await,
        };
        if !settled {
            return Err(Failure::Behind);
        }
        let from = if made.is_read { From::Truth } else { From::Copy };
        let (entry, scopes, keep) = self.entry(flight, made);
        Ok((entry, scopes, keep, from))
    }

    fn entry(&self, flight: &Flight, made: Made<P>) -> (Arc<Entry<P>>, Vec<Scope>, bool) {
        let watched = match &made.scopes {
            Some(scopes) if *scopes != flight.ask.scopes => {
                let watched = self.known.watch(scopes);
                // Which model it is of was found before it was loaded; there may be another one by now.
                let modelled = flight.ask.scopes.contains(&Scope::Model);
                if modelled { watched.beside(&flight.watched) } else { watched }
            }
            _ => flight.watched.clone(),
        };
        let scopes = made.scopes.unwrap_or_else(|| flight.ask.scopes.clone());
        let expires = self.known.clock().tick().after(jittered(self.ttl(flight.ask.lasting)));
        let (basis, within) = (Basis::of(&scopes), flight.ask.within);
        let entry = Entry { tag: made.tag, watched, basis, expires, within, payload: made.payload };
        (Arc::new(entry), scopes, made.keep)
    }

    /// For how long the tier in the process keeps an answer, give or take a little.
    const fn ttl(&self, lasting: Lasting) -> Duration {
        match lasting {
            Lasting::Usual => self.options.l1_ttl,
            Lasting::Season => self.options.season_ttl,
        }
    }

    /// Keeps an entry in the process, if it includes what it must and is of this life of the catalogue.
    fn keep(&self, flight: &Flight, entry: &Arc<Entry<P>>) -> bool {
        let good = entry.is_good() || !self.known.rules().hold(Rule::NoValidation);
        let keep = good && flight.generation == self.known.generation();
        if keep {
            let clock = self.known.clock();
            let now = clock.tick();
            let answers = |old: &Arc<Entry<P>>| old.is_good() && old.is_current(now, clock);
            self.local.put(flight.ask.key.clone(), entry, answers);
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
            counts: self.metrics.counts(),
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
    /// What was counted since the start.
    pub counts: Counts,
}

/// A load that was begun.
#[derive(Debug)]
struct Flight {
    ask: Ask,
    at_least: Revision,
    floor: Floor,
    /// Taken before the load.
    watched: Watched,
    epoch: u64,
    generation: u64,
    lives: u64,
    /// An answer that is there will do if it is kept beyond this.
    beyond: Tick,
}

/// The revision that a load must include, by what the truth itself had told when it began.
#[derive(Debug, Clone, Copy)]
struct Floor {
    /// Of what its answer depends on, as far as that is known before.
    scopes: Revision,
    /// Of everything: what is read from the truth afterwards is no older. If it is, the truth went back.
    truth: Revision,
}

impl Floor {
    fn of(known: &Known, watched: &Watched, at_least: Revision) -> Self {
        let scopes = watched.proven().max(at_least);
        Self { scopes, truth: known.told().max(scopes) }
    }

    const fn of_made(self, is_read: bool) -> Revision {
        if is_read { self.truth } else { self.scopes }
    }
}

/// A duration, give or take a tenth, so that what began together does not end together.
pub(super) fn jittered(duration: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    duration.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
}
