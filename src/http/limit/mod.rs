//! Limits: how many requests a client may make, by class.
//!
//! A client is its key, else its address (of IPv6 the network of 64 bits). Each client and class has a
//! bucket in a table that all threads share; each thread has the buckets that it judged last at hand,
//! so a request of a client that comes often takes no lock.
//!
//! **Invariant:** a judgement waits for nothing, Redis least of all.
//! **Invariant:** what is refused counts in no window.
//! **Invariant:** clients keep how they stand when rules change that are not theirs.

mod cell;
mod cluster;
mod hand;
mod metrics;
mod policy;
mod regime;
mod standing;
pub(super) mod steering;
mod table;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use hyper::header::HeaderValue;
use prometheus::Registry;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::standing::Standing;
pub(super) use self::standing::{RATE_LIMIT, RATE_LIMIT_POLICY};
use self::{
    cluster::Cluster,
    hand::Last,
    metrics::{Decision, Metrics},
    policy::Policy,
    regime::{Regime, Spared},
    standing::Writer,
    table::{Bucket, Found, Name, Table},
};
use super::{class::Class, client::Client};
use crate::{
    cache::remote::Remote,
    domain::{
        clock::{Clock, Tick},
        rate::{KeyRates, LimitClass, RateLimits},
    },
};

/// How often it is looked at whether clients can be forgotten,
const SWEEP: Duration = Duration::from_secs(1);
/// and after how many such looks they are, where there is much room left.
const SWEEP_IN_ANY_CASE: u32 = 30;

impl LimitClass {
    /// The class of limits of a class of routes.
    pub(super) const fn of(class: Class) -> Self {
        match class {
            Class::List
            | Class::Item
            | Class::Feed
            | Class::Static
            | Class::Collection
            | Class::Season
            | Class::Recommendation => Self::Read,
            Class::Search | Class::Export | Class::Study => Self::Search,
            Class::Write | Class::Signal | Class::Personal => Self::Write,
        }
    }
}

/// What limits are made with.
#[derive(Debug)]
pub struct Options {
    /// The rules to begin with.
    pub rules: RateLimits,
    /// Most clients without a key that are remembered, counted for each class.
    pub clients_max: usize,
    /// Where quotas are shared with other replicas, if they are.
    pub cluster: Option<Remote>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rules: RateLimits::default(), clients_max: 100_000, cluster: None }
    }
}

/// Who makes a request.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The client.
    pub client: &'a Client,
    /// The key that it showed, once that was found to be good.
    pub key: Option<KeyHolder<'a>>,
}

/// A key, as far as limits care.
#[derive(Debug, Clone, Copy)]
pub struct KeyHolder<'a> {
    /// By which it is told from all other keys and tokens.
    pub id: u128,
    /// Its own rates. The same `Arc` each time, or at least an equal one.
    pub rates: Option<&'a Arc<KeyRates>>,
}

impl<'a> Who<'a> {
    /// A client without a key.
    #[must_use]
    pub const fn anonymous(client: &'a Client) -> Self {
        Self { client, key: None }
    }

    #[inline]
    fn name(&self, class: LimitClass) -> Name {
        match &self.key {
            Some(key) => Name::of_key(key.id, class),
            None => Name::of_address(self.client.address, class),
        }
    }

    #[inline]
    fn rates(&self) -> Option<&'a Arc<KeyRates>> {
        self.key.and_then(|key| key.rates)
    }
}

/// What is decided of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No limit is in force for it.
    Off,
    /// It is admitted.
    Allowed(Standing),
    /// It is refused.
    Refused(Standing),
}

/// All limits of a replica.
#[derive(Debug)]
pub struct Limits {
    owner: u64,
    clock: Clock,
    table: Table,
    regime: ArcSwap<Regime>,
    /// What the regime lets off, for a look without it.
    spared: Spared,
    /// Held while rules change.
    changing: Mutex<()>,
    cluster: Option<Arc<Cluster>>,
    metrics: Metrics,
}

impl Limits {
    /// Limits by these rules, counted in `registry`.
    ///
    /// # Panics
    /// For a registry that has limits already.
    #[must_use]
    pub fn new(options: Options, clock: Clock, registry: &Registry) -> Self {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        let Options { rules, clients_max, cluster } = options;
        let regime = Regime::new(rules, None);
        let spared = Spared::default();
        spared.set(&regime);
        let cluster = cluster.map(|remote| Arc::new(Cluster::new(remote, clock.clone())));
        Self {
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
            clock,
            table: Table::new(clients_max),
            regime: ArcSwap::from_pointee(regime),
            spared,
            changing: Mutex::new(()),
            cluster,
            metrics: Metrics::new(registry),
        }
    }

    /// Judges a request, and counts the judgement.
    #[inline]
    pub fn check(&self, who: &Who<'_>, class: LimitClass) -> Verdict {
        if self.spares(who, class) {
            return Verdict::Off;
        }
        let (verdict, decision) = self.judge(who, class, self.clock.tick());
        if let Some(decision) = decision {
            self.metrics.decided(class, decision);
        }
        verdict
    }

    /// Judges a request that can be answered out of hand, at `now`: `None` for one that is refused,
    /// which has then left no trace, and is refused the long way.
    #[inline]
    pub fn pass(&self, who: &Who<'_>, class: LimitClass, now: Tick) -> Option<Option<Standing>> {
        if self.spares(who, class) {
            return Some(None);
        }
        match self.judge(who, class, now).0 {
            Verdict::Off => Some(None),
            Verdict::Allowed(standing) => {
                self.metrics.decided(class, Decision::Allowed);
                Some(Some(standing))
            }
            Verdict::Refused(_) => None,
        }
    }

    /// Whether there is no limit, so that nothing need be looked up.
    #[inline]
    fn spares(&self, who: &Who<'_>, class: LimitClass) -> bool {
        self.spared.spares(who.client.is_near, who.key.is_some(), class) && who.rates().is_none()
    }

    #[inline]
    fn judge(&self, who: &Who<'_>, class: LimitClass, now: Tick) -> (Verdict, Option<Decision>) {
        let name = who.name(class);
        let hash = self.table.hash(&name);
        hand::with(|hand| {
            if let Some((bucket, policy, last, writer)) =
                hand.find(self.owner, hash, &name, who.rates())
            {
                return self.decide(bucket, (policy, last, writer), now, Decision::Limited);
            }
            let make = || self.new_bucket(name, who.rates());
            match self.table.find_or_make(&name, who.rates(), &self.metrics, make) {
                None => (Verdict::Off, None),
                Some(Found::Own(bucket)) => {
                    let (bucket, policy, last, writer) = hand.keep(self.owner, hash, bucket);
                    self.decide(bucket, (policy, last, writer), now, Decision::Limited)
                }
                Some(Found::NoRoom) => match self.regime.load().overflow(class) {
                    None => (Verdict::Off, None),
                    Some(shared) => {
                        let policy = hand::value_of(&shared.policy);
                        let limited = Decision::OverflowLimited;
                        let words = (&policy, &mut Last::none(), hand.writer());
                        self.decide(shared, words, now, limited)
                    }
                },
            }
        })
    }

    /// Called under the lock of the table's part that the bucket goes to: a change of rules that is
    /// not seen here sees the bucket.
    fn new_bucket(&self, name: Name, rates: Option<&Arc<KeyRates>>) -> Option<Bucket> {
        let policy = self.regime.load().policy(&name, rates.map(|rates| &**rates))?;
        Some(Bucket::new(name, policy, rates.cloned()))
    }

    #[inline]
    fn decide(
        &self,
        bucket: &Arc<Bucket>,
        (text, last, writer): (&HeaderValue, &mut Last, &mut Writer),
        now: Tick,
        limited: Decision,
    ) -> (Verdict, Option<Decision>) {
        let policy = &bucket.policy;
        let own = policy.take(&bucket.cells, now);
        let taken = own.and_then(|left| match &self.cluster {
            None => Ok(left),
            Some(cluster) => cluster.spend(bucket, now).map(|()| left).map_err(|wait| {
                policy.give_back(&bucket.cells);
                policy::Empty { window: left.window, wait }
            }),
        });
        let (window, remaining, wait) = match taken {
            Ok(left) => (left.window, left.remaining, None),
            Err(empty) => (empty.window, 0, Some(empty.wait.seconds())),
        };
        let reset_s = Policy::reset_s(&bucket.cells, window, now).max(wait.unwrap_or(0));
        let says = (window, remaining, reset_s);
        if last.said != says {
            let value = writer.limit(policy.head(window), remaining, reset_s);
            *last = Last { said: says, value };
        }
        let standing =
            Standing { policy: text.clone(), limit: last.value.clone(), retry_after_s: wait };
        match wait {
            None => (Verdict::Allowed(standing), Some(Decision::Allowed)),
            Some(_) => (Verdict::Refused(standing), Some(limited)),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> RateLimits {
        self.regime.load().rules.clone()
    }

    /// Puts other rules in force, and gives those that were. Clients keep how they stand in each window
    /// whose rate stays.
    pub fn replace(&self, rules: RateLimits) -> RateLimits {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.regime.load_full();
        let regime = Arc::new(Regime::new(rules, Some(&before)));
        self.regime.store(Arc::clone(&regime));
        // A bucket that is made from now on is made by the new rules.
        self.table.rule(&self.metrics, |bucket| regime.policy_again(bucket));
        self.spared.set(&regime);
        before.rules.clone()
    }

    /// Clients that are remembered, by class.
    #[must_use]
    pub fn clients(&self, class: LimitClass) -> i64 {
        self.metrics.clients(class).get()
    }

    /// Forgets clients that have all of their quota again.
    pub fn sweep(&self) {
        let shared = self.cluster.is_some();
        // A part of a shared quota that was spent and not asked for again is forgotten only when the
        // windows in which it was spent are over.
        let rest = |policy: &Policy| {
            let longest = policy.windows().iter().map(|window| window.rate.window_s()).max();
            Duration::from_secs(if shared { longest.unwrap_or(0).into() } else { 0 })
        };
        self.table.sweep(self.clock.tick(), rest, &self.metrics);
    }

    /// Forgets clients in time, and asks for tokens of shared quotas, until told to stop.
    ///
    /// Dropping the future ends both.
    pub async fn run(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        if let Some(cluster) = &self.cluster {
            tasks.spawn(Arc::clone(cluster).run(tasks.clone(), stop.clone()));
        }
        let mut times = interval(SWEEP);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0;
        loop {
            tokio::select! {
                _ = times.tick() => {}
                () = stop.cancelled() => return,
            }
            looks += 1;
            if looks >= SWEEP_IN_ANY_CASE || self.table.is_crowded() {
                looks = 0;
                let limits = Arc::clone(&self);
                // Many clients take a while, and are behind locks.
                if let Err(error) = tasks.spawn_blocking(move || limits.sweep()).await {
                    tracing::error!(%error, "clients could not be forgotten");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
