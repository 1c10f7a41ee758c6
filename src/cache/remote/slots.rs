//! Open connections, which operations share: each takes the next one in turn.
//!
//! A connection is made by a task of its own, which goes on when the operation that wanted it is past
//! its deadline: a handshake may take longer than an operation may.
//!
//! **Invariant:** a slot has at most one connection, and one task that makes one.
//! **Invariant:** a connection to a server that failed or was late is given to nobody else. Answers that
//! are still on their way end with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{ErrorKind, RedisError};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    connect::{CONNECT_DEADLINE, Connection, late},
    pool::{Pool, Pooled},
};

/// How long a slot whose connection could not be made is left alone while others have theirs. Where
/// none has, the breaker says when to try.
const PAUSE: Duration = Duration::from_millis(200);

/// Failures in a row after which a cluster's connection is made anew. It goes to all nodes, and is used
/// until there is another: a node that is away must not cost the way to the others. The driver looks
/// after single nodes, but does not notice those that fell silent.
const CLUSTER_STRIKES: u32 = 3;

/// The connections.
#[derive(Debug)]
pub(super) struct Slots {
    all: Vec<Arc<watch::Sender<Slot>>>,
    next: AtomicUsize,
    pool: Arc<Pool>,
    /// Tasks that make connections.
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends those tasks with this.
    _end: DropGuard,
}

enum Slot {
    Empty { failed: Option<(RedisError, Instant)> },
    Connecting,
    Ready { pooled: Pooled, id: u64, strikes: Arc<AtomicU32>, renewing: bool },
}

/// A share of a connection, for one operation.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) connection: Connection,
    slot: usize,
    id: u64,
    strikes: Arc<AtomicU32>,
}

impl Slots {
    pub(super) fn new(pool: Pool, count: usize) -> Self {
        let stop = CancellationToken::new();
        let empty = || Arc::new(watch::Sender::new(Slot::Empty { failed: None }));
        Self {
            all: std::iter::repeat_with(empty).take(count.max(1)).collect(),
            next: AtomicUsize::new(0),
            pool: Arc::new(pool),
            tasks: TaskTracker::new(),
            _end: stop.clone().drop_guard(),
            stop,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    /// Starts making every connection that is not there.
    pub(super) fn connect_all(&self) {
        for slot in 0..self.all.len() {
            self.connect(slot, Duration::ZERO);
        }
    }

    /// A share of the next connection. Where it is not there, it is made, and meanwhile another one is
    /// used; the caller waits only if there is none at all.
    pub(super) async fn hold(&self) -> Result<Held, RedisError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        for offset in 0..self.all.len() {
            let slot = (first + offset) % self.all.len();
            if let Some(held) = self.held(slot) {
                if offset > 0 {
                    self.connect(first, PAUSE);
                }
                return Ok(held);
            }
        }
        self.connect(first, Duration::ZERO);
        let mut state = self.all[first].subscribe();
        let done = state.wait_for(|slot| !matches!(slot, Slot::Connecting)).await;
        match done.as_deref() {
            Ok(Slot::Ready { pooled, id, strikes, .. }) => {
                Ok(Held::new(first, pooled, *id, strikes))
            }
            Ok(Slot::Empty { failed: Some((error, _)) }) => Err(error.clone()),
            Ok(Slot::Empty { failed: None } | Slot::Connecting) | Err(_) => Err(given_up()),
        }
    }

    fn held(&self, slot: usize) -> Option<Held> {
        match &*self.all[slot].borrow() {
            Slot::Ready { pooled, id, strikes, .. } => Some(Held::new(slot, pooled, *id, strikes)),
            Slot::Empty { .. } | Slot::Connecting => None,
        }
    }

    /// Starts making a slot's connection, unless somebody does or there is one, or it failed less than
    /// `pause` ago.
    fn connect(&self, slot: usize, pause: Duration) {
        let ours = self.all[slot].send_if_modified(|slot| match slot {
            Slot::Empty { failed: Some((_, at)) } if at.elapsed() < pause => false,
            Slot::Empty { .. } => {
                *slot = Slot::Connecting;
                true
            }
            Slot::Connecting | Slot::Ready { .. } => false,
        });
        if ours {
            self.make(slot);
        }
    }

    /// Makes a slot's connection in a task of its own. The caller has seen to it that there is no other.
    fn make(&self, slot: usize) {
        let slot = Arc::clone(&self.all[slot]);
        let (pool, stop) = (Arc::clone(&self.pool), self.stop.clone());
        self.tasks.spawn(async move {
            let slot = Unfinished(Some(slot));
            let made = tokio::select! {
                made = timeout(CONNECT_DEADLINE, pool.get()) => made,
                () = stop.cancelled() => return,
            };
            slot.end(made.unwrap_or_else(|_| Err(late("no connection in time"))));
        });
    }

    /// Whether an error means that the connection was dead, and that another one may be alive.
    pub(super) fn can_be_dead(&self, error: &RedisError) -> bool {
        !self.pool.is_cluster() && error.is_connection_dropped()
    }

    /// Tells that an operation on a connection had an answer.
    pub(super) fn worked(held: &Held) {
        // Written only where it changes something: the number is shared by all cores.
        if held.strikes.load(Ordering::Relaxed) != 0 {
            held.strikes.store(0, Ordering::Relaxed);
        }
    }

    /// Tells that an operation on a connection failed or had no answer in time.
    pub(super) fn failed(&self, held: &Held) {
        let strikes = held.strikes.fetch_add(1, Ordering::Relaxed) + 1;
        let cluster = self.pool.is_cluster();
        if cluster && strikes < CLUSTER_STRIKES {
            return;
        }
        let renew = self.all[held.slot].send_if_modified(|slot| match slot {
            Slot::Ready { id, renewing, .. } if *id == held.id && cluster => {
                !std::mem::replace(renewing, true)
            }
            Slot::Ready { id, .. } if *id == held.id => {
                *slot = Slot::Empty { failed: None };
                false
            }
            // Another operation noticed first, and there may be a new connection.
            Slot::Ready { .. } | Slot::Connecting | Slot::Empty { .. } => false,
        });
        if renew {
            self.make(held.slot);
        }
    }
}

impl Held {
    fn new(slot: usize, pooled: &Pooled, id: u64, strikes: &Arc<AtomicU32>) -> Self {
        Self { connection: pooled.connection.clone(), slot, id, strikes: Arc::clone(strikes) }
    }
}

impl Slot {
    fn ready(pooled: Pooled) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::Ready { pooled, id, strikes: Arc::default(), renewing: false }
    }
}

/// A slot that a task makes a connection for. If the task ends without one, the slot is as it was
/// before rather than lost.
struct Unfinished(Option<Arc<watch::Sender<Slot>>>);

impl Unfinished {
    fn end(mut self, made: Result<Pooled, RedisError>) {
        let Some(slot) = self.0.take() else { return };
        match made {
            Ok(pooled) => drop(slot.send_replace(Slot::ready(pooled))),
            Err(error) => without(&slot, Some((error, Instant::now()))),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(slot) = &self.0 {
            without(slot, None);
        }
    }
}

/// There is no new connection.
fn without(slot: &watch::Sender<Slot>, failed: Option<(RedisError, Instant)>) {
    slot.send_if_modified(|slot| match slot {
        Slot::Connecting => {
            *slot = Slot::Empty { failed };
            true
        }
        Slot::Ready { renewing, strikes, .. } => {
            *renewing = false;
            strikes.store(0, Ordering::Relaxed);
            false
        }
        Slot::Empty { .. } => false,
    });
}

fn given_up() -> RedisError {
    (ErrorKind::Io, "the connection was given up").into()
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty { .. } => "Empty",
            Self::Connecting => "Connecting",
            Self::Ready { .. } => "Ready",
        })
    }
}
