//! Overload: how much is asked of the database at once, and who is sent away beyond that.
//!
//! What is kept is answered without coming here. What has to be read from the database (a miss) and a write
//! need leave. Each kind has leave of its own, so that no number of misses keeps writes out, and lists that
//! take a second each keep out no movie that takes a thousandth; and misses give way first, since their
//! limits fall at lower latencies. How the limit is found is in `limit`, who waits in `queue`, and leave
//! itself in `gate`.
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
/// The part of what is left that reads by key have, and writes, where they share connections with reads;
/// lists have the rest.
const PART: u32 = 3;
/// Writes at once where one connection does them: one writes, the others are ready when it has.
const QUEUED_WRITERS: u32 = 4;
/// The least that a kind is cut down to.
const FLOOR: u32 = 2;
/// How many times as long as alone operations of each kind may take: misses first give way to writes.
const TOLERANCE: [f64; 3] = [2.0, 2.0, 3.0];
/// How many times the queue time operations of each kind may wait: one list alone may take longer than that,
/// and who waits for one should not be sent away for it; there are few writes, which are harder to do without.
const PATIENCE: [u32; 3] = [1, 4, 2];
/// Places for a burst of each kind to wait in, for each operation that may be in flight: the sooner
/// operations are done, the more.
const PLACES: [u32; 3] = [48, 24, 16];
/// What part of them there is in an overload.
const PART_IN_OVERLOAD: u32 = 4;

/// A kind of operation on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reading what is not kept by its key: soon done, whatever else there is.
    Read,
    /// Reading what is not kept and a condition finds, among all movies if need be.
    List,
    /// Writing.
    Write,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Read, Self::List, Self::Write];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
        }
    }
}

/// How many operations there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// As many as the database is found to do well.
    Adaptive,
    /// So many lists, and a third as many reads by key and writes.
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
    /// For how long a burst of reads by key may wait; lists four times as long, writes twice.
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

/// Each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Reads by key.
    pub read: Status,
    /// Lists.
    pub list: Status,
    /// Writes.
    pub write: Status,
}

/// The gate before the database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Overload {
    gates: [Arc<Gate>; 3],
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
                (Limits::Fixed(lists), Kind::List) => Most::Fixed(lists.max(1) as usize),
                (Limits::Fixed(lists), _) => Most::Fixed((lists / PART).max(1) as usize),
            };
            let patience = options.queue_time * PATIENCE[kind as usize];
            let burst = (PLACES[kind as usize] * ceiling) as usize;
            let places = Places { burst, overload: burst / PART_IN_OVERLOAD as usize };
            Arc::new(Gate::new(kind, clock.clone(), metrics.of(kind), most, places, patience))
        };
        Self { gates: Kind::ALL.map(gate) }
    }

    /// Leave to begin an operation, at once or after a short wait.
    ///
    /// Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Shed`].
    pub async fn enter(&self, kind: Kind) -> Result<Permit, Shed> {
        self.of(kind).enter().await
    }

    /// Whether an operation that came now would be sent away at once; who is told so, is. It spares the work
    /// up to [`Overload::enter`].
    ///
    /// # Errors
    /// [`Shed`].
    pub fn look(&self, kind: Kind) -> Result<(), Shed> {
        self.of(kind).look()
    }

    /// Whether an operation that came now would be sent away at once. Nobody is told so.
    #[must_use]
    pub fn is_full(&self, kind: Kind) -> bool {
        self.of(kind).is_full()
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> Report {
        let [read, list, write] = Kind::ALL.map(|kind| self.of(kind).status());
        Report { read, list, write }
    }

    fn of(&self, kind: Kind) -> &Arc<Gate> {
        &self.gates[kind as usize]
    }
}

/// Most reads by key, lists and writes at once.
fn ceilings(connections: Connections) -> [u32; 3] {
    let usable = connections.most - RESERVED.min(connections.most / 4);
    let part = (usable / PART).max(1);
    let writes = if connections.shared { part } else { 0 };
    let lists = usable.saturating_sub(part + writes).max(1);
    [part, lists, if connections.shared { writes } else { QUEUED_WRITERS }]
}
