//! Overload: how much is asked of the database at once, and who is sent away beyond that.
//!
//! What is kept is answered without coming here. A read of the database (a miss) and a write need leave.
//! Each kind has leave of its own, so that no number of misses keeps writes out; and misses give way
//! first, since their limit falls at lower latencies. How the limit is found is in `limit`, who waits in
//! `queue`, and leave itself in `gate`.
//!
//! Exports have a bound of their own, polls have a connection of their own, and commands do not come
//! here: none of them needs leave.
//!
//! **Invariant:** nobody waits without a bound, in time and in number.
//! **Invariant:** those who have leave, exports and housekeeping find a connection in the pool.

mod gate;
mod limit;
mod metrics;
mod queue;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::domain::clock::Clock;

use self::{
    gate::{Gate, Most},
    limit::{Bounds, Limit},
    queue::Places,
};

pub use self::{gate::Permit, limit::End, metrics::Metrics};

/// Connections that are left to exports (two at once) and to housekeeping.
const RESERVED: u32 = 4;
/// The part of what is left that writes have, where they share connections with reads.
const WRITERS_PART: u32 = 3;
/// Writes at once where one connection does them: one writes, the others are ready when it has.
const QUEUED_WRITERS: u32 = 4;
/// The least that a kind is cut down to.
const FLOOR: u32 = 2;
/// How many times as long as alone operations may take: misses first give way to writes.
const TOLERANCE: [f64; 2] = [2.0, 3.0];
/// How many times as long as a miss a write may wait: there are few, and it is harder to do without.
const WRITES_PATIENCE: u32 = 2;
/// Places for a burst to wait in, for each operation that may be in flight.
const PLACES: u32 = 16;
/// The same in an overload.
const PLACES_IN_OVERLOAD: u32 = 4;

/// A kind of operation on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reading what is not kept.
    Miss,
    /// Writing.
    Write,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Miss, Self::Write];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Write => "write",
        }
    }
}

/// How many operations there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// As many as the database is found to do well.
    Adaptive,
    /// So many misses, and a third as many writes.
    Fixed(u32),
}

/// What the database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Connections of the pool.
    pub most: u32,
    /// Whether writes share them with reads, or have one of their own.
    pub shared: bool,
}

/// How the gate is set.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many operations at once.
    pub limits: Limits,
    /// For how long a burst of misses may wait.
    pub queue_time: Duration,
    /// What there is to share.
    pub connections: Connections,
}

/// An operation that is not begun, since too many others were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shed {
    /// When to try again: one to three seconds in turn, so that those who were sent away together do not
    /// come back together.
    pub retry_after: Duration,
}

impl Shed {
    /// The one that is the `nth` to be sent away.
    fn nth(n: u64) -> Self {
        Self { retry_after: Duration::from_secs(1 + n % 3) }
    }
}

/// A kind of operations as an operator looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Most at once.
    pub limit: usize,
    /// In flight.
    pub in_flight: usize,
    /// Who wait.
    pub waiting: usize,
    /// Sent away since the start.
    pub shed: u64,
}

/// Both kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Reads of what is not kept.
    pub miss: Status,
    /// Writes.
    pub write: Status,
}

/// The gate before the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Overload {
    miss: Arc<Gate>,
    write: Arc<Gate>,
}

impl Overload {
    /// A gate that lets in as `options` say.
    #[must_use]
    pub fn new(options: Options, metrics: &Metrics, clock: &Clock) -> Self {
        let ceilings = ceilings(options.connections);
        let gate = |kind: Kind| {
            let ceiling = ceilings[kind as usize];
            let bounds = Bounds { floor: FLOOR, ceiling, tolerance: TOLERANCE[kind as usize] };
            let most = match (options.limits, kind) {
                (Limits::Adaptive, _) => Most::Adaptive(Limit::new(bounds, clock.tick())),
                (Limits::Fixed(misses), Kind::Miss) => Most::Fixed(misses.max(1) as usize),
                (Limits::Fixed(misses), Kind::Write) => Most::Fixed((misses / 3).max(1) as usize),
            };
            let patience = match kind {
                Kind::Miss => options.queue_time,
                Kind::Write => options.queue_time * WRITES_PATIENCE,
            };
            let places = Places {
                burst: (PLACES * ceiling) as usize,
                overload: (PLACES_IN_OVERLOAD * ceiling) as usize,
            };
            Arc::new(Gate::new(kind, clock.clone(), metrics.of(kind), most, places, patience))
        };
        Self { miss: gate(Kind::Miss), write: gate(Kind::Write) }
    }

    /// Leave to begin an operation, at once or after a short wait.
    ///
    /// Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Shed`].
    pub async fn enter(&self, kind: Kind) -> Result<Permit, Shed> {
        match kind {
            Kind::Miss => self.miss.enter().await,
            Kind::Write => self.write.enter().await,
        }
    }

    /// Whether an operation that came now would be sent away at once; who is told so, is. It spares the work
    /// up to [`Overload::enter`].
    ///
    /// # Errors
    /// [`Shed`].
    pub fn look(&self, kind: Kind) -> Result<(), Shed> {
        match kind {
            Kind::Miss => self.miss.look(),
            Kind::Write => self.write.look(),
        }
    }

    /// Whether an operation that came now would be sent away at once. Nobody is told so.
    #[must_use]
    pub fn is_full(&self, kind: Kind) -> bool {
        match kind {
            Kind::Miss => self.miss.is_full(),
            Kind::Write => self.write.is_full(),
        }
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> Report {
        Report { miss: self.miss.status(), write: self.write.status() }
    }
}

/// Most misses and most writes at once.
fn ceilings(connections: Connections) -> [u32; 2] {
    let usable = connections.most - RESERVED.min(connections.most / 4);
    if !connections.shared {
        return [usable.max(1), QUEUED_WRITERS];
    }
    let writes = (usable / WRITERS_PART).max(1);
    [usable.saturating_sub(writes).max(1), writes]
}
