//! The tier in this process: moka as a map that is weighed in bytes.
//!
//! moka's own loading and invalidating are not used: `get_with` may keep what was loaded before an
//! invalidation. Its admission (`TinyLFU`) is the reason for it: keys that are asked for once do not push
//! out those that are asked for again and again.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use moka::{notification::RemovalCause, ops::compute::Op, sync::Cache};

use super::{
    entry::{Payload, Shared},
    key::Key,
};

/// The tier.
#[derive(Debug)]
pub(super) struct Local<P: Payload> {
    /// `None` where it is off.
    map: Option<Cache<Key, Shared<P>>>,
    bytes_max: u64,
    evicted: Arc<AtomicU64>,
}

impl<P: Payload> Local<P> {
    /// A tier of so many bytes; none at all is off.
    pub(super) fn new(bytes_max: u64) -> Self {
        let evicted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&evicted);
        let map = (bytes_max > 0).then(|| {
            Cache::builder()
                .max_capacity(bytes_max)
                .weigher(|key: &Key, entry: &Shared<P>| entry.weight(key))
                .eviction_listener(move |_, _, cause| {
                    if cause == RemovalCause::Size {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                })
                .build()
        });
        Self { map, bytes_max, evicted }
    }

    /// The entry of a key, good or not.
    pub(super) fn get(&self, key: &Key) -> Option<Shared<P>> {
        self.map.as_ref()?.get(key)
    }

    /// Keeps an entry, unless there is one that is newer and may be answered. One that may not must not be
    /// in the way: after a restore all that was read before it has higher revisions.
    pub(super) fn put(&self, key: Key, entry: &Shared<P>, answers: impl Fn(&Shared<P>) -> bool) {
        let Some(map) = &self.map else { return };
        map.entry(key).and_compute_with(|old| match old {
            Some(old) if old.value().tag > entry.tag && answers(old.value()) => Op::Nop,
            _ => Op::Put(Arc::clone(entry)),
        });
    }

    /// Puts an entry again that has grown, if it is still the one that is there.
    pub(super) fn weigh_again(&self, key: Key, entry: &Shared<P>) {
        let Some(map) = &self.map else { return };
        map.entry(key).and_compute_with(|old| match old {
            Some(old) if Arc::ptr_eq(old.value(), entry) => Op::Put(Arc::clone(entry)),
            _ => Op::Nop,
        });
    }

    /// Entries, their bytes, the bound of those, and how many had to go for others.
    pub(super) fn size(&self) -> Size {
        let (entries, bytes) = self.map.as_ref().map_or((0, 0), |map| {
            map.run_pending_tasks();
            (map.entry_count(), map.weighted_size())
        });
        let evicted = self.evicted.load(Ordering::Relaxed);
        Size { entries, bytes, bytes_max: self.bytes_max, evicted }
    }
}

/// How full the tier is.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Size {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bound.
    pub bytes_max: u64,
    /// Entries that had to go for others, since the start.
    pub evicted: u64,
}
