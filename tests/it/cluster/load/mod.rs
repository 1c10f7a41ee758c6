//! Readers and writers, and what they ask for.

pub(crate) mod movies;
pub(crate) mod population;
pub(crate) mod readers;
pub(crate) mod shapes;
pub(crate) mod writers;

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Instant,
};

use super::{check::Floors, faults::permits::Permits};

/// What everyone who asks the cluster shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) permits: Permits,
    /// What each replica has promised so far.
    promised: Vec<Promised>,
    /// The last revision that any answer to a write named.
    written: AtomicI64,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Promised {
    written: AtomicI64,
    seen: AtomicI64,
}

impl Shared {
    pub(crate) fn new(replicas: usize) -> Self {
        Self {
            permits: Permits::new(Instant::now()),
            promised: (0..replicas).map(|_| Promised::default()).collect(),
            written: AtomicI64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// What a request that is sent now to each replica is promised.
    pub(crate) fn floors(&self) -> Vec<Floors> {
        let load = |value: &AtomicI64| value.load(Ordering::SeqCst);
        let of = |promised: &Promised| Floors {
            written: load(&promised.written),
            seen: load(&promised.seen),
            asked: 0,
        };
        self.promised.iter().map(of).collect()
    }

    /// A replica has acknowledged a write of this revision.
    pub(crate) fn acknowledged(&self, replica: Option<usize>, revision: i64) {
        self.written.fetch_max(revision, Ordering::SeqCst);
        if let Some(promised) = replica.and_then(|replica| self.promised.get(replica)) {
            promised.written.fetch_max(revision, Ordering::SeqCst);
            promised.seen.fetch_max(revision, Ordering::SeqCst);
        }
    }

    /// A replica has answered with this revision.
    pub(crate) fn seen(&self, replica: Option<usize>, revision: i64) {
        if let Some(promised) = replica.and_then(|replica| self.promised.get(replica)) {
            promised.seen.fetch_max(revision, Ordering::SeqCst);
        }
    }

    pub(crate) fn written(&self) -> i64 {
        self.written.load(Ordering::SeqCst)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
