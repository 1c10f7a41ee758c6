//! The buckets of all clients: one for each client and class, in maps behind a few locks.
//!
//! **Invariant:** there are no more buckets than the bound, those of keys apart: nobody can make up
//! keys. Beyond it newcomers have one bucket together; who is there, stays.
//! **Invariant:** a bucket that left the table is retired, and threads that have it at hand see that.

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use super::{
    cluster::Share,
    metrics::Metrics,
    policy::{Cells, Policy},
};
use crate::domain::{
    clock::Tick,
    rate::{KeyRates, LimitClass},
};

/// Maps, each behind a lock.
const SHARDS: usize = 64;

/// By what a client is told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    IpV4,
    /// The network, 64 bits: whoever has one address there has them all.
    IpV6,
    Key,
}

/// A client and a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) id: [u64; 2],
    pub(super) kind: Kind,
    pub(super) class: LimitClass,
}

impl Name {
    /// A client without a key.
    #[inline]
    pub(super) fn of_address(address: IpAddr, class: LimitClass) -> Self {
        match address {
            IpAddr::V4(address) => {
                Self { id: [u64::from(address.to_bits()), 0], kind: Kind::IpV4, class }
            }
            IpAddr::V6(address) => {
                let network = u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX);
                Self { id: [network, 0], kind: Kind::IpV6, class }
            }
        }
    }

    /// A client with a key.
    #[inline]
    pub(super) fn of_key(id: u128, class: LimitClass) -> Self {
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        Self { id: [half(id), half(id >> 64)], kind: Kind::Key, class }
    }
}

/// What is remembered of a client.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: Name,
    pub(super) policy: Arc<Policy>,
    /// The key's own rates, if it has any.
    pub(super) rates: Option<Arc<KeyRates>>,
    pub(super) cells: Cells,
    /// Its part of a quota that replicas share.
    pub(super) share: Share,
    retired: AtomicBool,
}

impl Bucket {
    pub(super) fn new(name: Name, policy: Arc<Policy>, rates: Option<Arc<KeyRates>>) -> Self {
        let share = Share::new(policy.lease);
        let cells = Cells::default();
        Self { name, policy, rates, cells, share, retired: AtomicBool::new(false) }
    }

    /// Whether it left the table.
    #[inline]
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// The same client under other rules.
    fn under(&self, policy: Arc<Policy>) -> Self {
        let cells = policy.carried(&self.policy, &self.cells);
        Self { cells, ..Self::new(self.name, policy, self.rates.clone()) }
    }
}

type Shard = HashMap<Name, Arc<Bucket>, RandomState>;

/// All buckets.
#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    anonymous: AtomicUsize,
    anonymous_max: usize,
}

/// What a look-up found.
pub(super) enum Found {
    /// The client's own bucket.
    Own(Arc<Bucket>),
    /// There is no room for another client.
    NoRoom,
}

impl Table {
    pub(super) fn new(anonymous_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            anonymous: AtomicUsize::new(0),
            anonymous_max,
        }
    }

    /// The hash by which threads place what they have at hand, too.
    #[inline]
    pub(super) fn hash(&self, name: &Name) -> u64 {
        self.hasher.hash_one(name)
    }

    /// The bucket of a client, made by `make` where there is none, or one of other rates of its key.
    /// `make` is called under the lock.
    pub(super) fn find_or_make(
        &self,
        name: &Name,
        rates: Option<&Arc<KeyRates>>,
        metrics: &Metrics,
        make: impl FnOnce() -> Option<Bucket>,
    ) -> Option<Found> {
        let mut shard = self.lock(self.hash(name));
        if let Some(bucket) = shard.get(name) {
            if bucket.rates.as_ref() == rates {
                return Some(Found::Own(Arc::clone(bucket)));
            }
            bucket.retire();
            let Some(after) = make() else {
                shard.remove(name);
                metrics.clients(name.class).dec();
                return None;
            };
            let cells = after.policy.carried(&bucket.policy, &bucket.cells);
            let after = Arc::new(Bucket { cells, ..after });
            shard.insert(*name, Arc::clone(&after));
            return Some(Found::Own(after));
        }
        let bucket = make()?;
        if name.kind != Kind::Key && !self.has_room() {
            return Some(Found::NoRoom);
        }
        let bucket = Arc::new(bucket);
        shard.insert(*name, Arc::clone(&bucket));
        metrics.clients(name.class).inc();
        Some(Found::Own(bucket))
    }

    /// Takes a place for a client without a key.
    fn has_room(&self) -> bool {
        let below = |count: usize| (count < self.anonymous_max).then(|| count + 1);
        self.anonymous.fetch_update(Ordering::AcqRel, Ordering::Acquire, below).is_ok()
    }

    /// Whether more than half of all places are taken.
    pub(super) fn is_crowded(&self) -> bool {
        self.anonymous.load(Ordering::Acquire) > self.anonymous_max / 2
    }

    /// Forgets clients that tell no more than new ones: those that have had all of their quota since
    /// `rest` ago.
    pub(super) fn sweep(&self, now: Tick, rest: impl Fn(&Policy) -> Duration, metrics: &Metrics) {
        self.retain(metrics, |bucket| {
            let rest = u64::try_from(rest(&bucket.policy).as_nanos()).unwrap_or(u64::MAX);
            let at = Tick::from_nanos(now.as_nanos().saturating_sub(rest));
            let whole = bucket.policy.is_whole(&bucket.cells, at);
            if whole {
                metrics.evictions.inc();
            }
            if whole { Kept::No } else { Kept::Yes }
        });
    }

    /// Puts every client under the policy that `policy` has for it.
    pub(super) fn rule(&self, metrics: &Metrics, policy: impl Fn(&Bucket) -> Option<Arc<Policy>>) {
        self.retain(metrics, |bucket| match policy(bucket) {
            None => Kept::No,
            Some(policy) if Arc::ptr_eq(&policy, &bucket.policy) => Kept::Yes,
            Some(policy) => Kept::As(bucket.under(policy)),
        });
    }

    fn retain(&self, metrics: &Metrics, decide: impl Fn(&Bucket) -> Kept) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|name, bucket| match decide(bucket) {
                Kept::Yes => true,
                Kept::As(after) => {
                    bucket.retire();
                    *bucket = Arc::new(after);
                    true
                }
                Kept::No => {
                    bucket.retire();
                    metrics.clients(name.class).dec();
                    if name.kind != Kind::Key {
                        self.anonymous.fetch_sub(1, Ordering::AcqRel);
                    }
                    false
                }
            });
            // Memory that a flood took is given back, but not for every wave.
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                let twice = 2 * shard.len();
                shard.shrink_to(twice);
            }
        }
    }

    fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let shard = usize::try_from(hash >> 32).unwrap_or(0) % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a bucket.
enum Kept {
    Yes,
    No,
    As(Bucket),
}
