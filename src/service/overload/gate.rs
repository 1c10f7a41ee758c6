//! The gate of one kind of operations: leave to begin one, a short wait for it, or none.
//!
//! **Invariant:** leave comes back when it is dropped, however the work ended, and goes to who waits.
//! **Invariant:** nothing is dropped or sent to outside this module while the lock is held.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::domain::clock::{Clock, Tick};

use super::{
    Kind, Shed, Status,
    limit::{End, Limit, Sample},
    metrics::OfKind,
    queue::{Places, Queue},
};

/// How often the log says that operations are shed.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The gate.
#[derive(Debug)]
pub(super) struct Gate {
    kind: Kind,
    clock: Clock,
    metrics: OfKind,
    state: Mutex<State>,
}

/// How many may be in flight at once.
#[derive(Debug)]
pub(super) enum Most {
    /// As many as the database is found to do well.
    Adaptive(Limit),
    /// So many.
    Fixed(usize),
}

impl Most {
    fn now(&self) -> usize {
        match self {
            Self::Adaptive(limit) => limit.now(),
            Self::Fixed(limit) => *limit,
        }
    }
}

#[derive(Debug)]
struct State {
    most: Most,
    in_flight: usize,
    queue: Queue<oneshot::Sender<Permit>>,
    shed: u64,
    /// How many were shed when the log last said so, and when that was.
    told: (u64, Option<Tick>),
}

impl State {
    fn is_full(&self, now: Tick) -> bool {
        self.in_flight >= self.most.now() && self.queue.is_full(now, self.most.now())
    }
}

/// Leave for one operation on the database.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    /// `None` once it was given back.
    gate: Option<Arc<Gate>>,
    began: Tick,
    in_flight: usize,
}

/// Somebody who waits; leaves the queue when dropped.
struct Waiting<'a> {
    gate: &'a Gate,
    number: u64,
    receiver: oneshot::Receiver<Permit>,
}

impl Gate {
    pub(super) fn new(
        kind: Kind,
        clock: Clock,
        metrics: OfKind,
        most: Most,
        places: Places,
        patience: Duration,
    ) -> Self {
        let queue = Queue::new(places, patience);
        let state = State { most, in_flight: 0, queue, shed: 0, told: (0, None) };
        let gate = Self { kind, clock, metrics, state: Mutex::new(state) };
        gate.show(&gate.lock());
        gate
    }

    /// Leave to begin an operation, at once or after a short wait.
    ///
    /// Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`Shed`].
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Permit, Shed> {
        let (place, receiver) = {
            let now = self.clock.tick();
            let mut state = self.lock();
            let most = state.most.now();
            if state.in_flight < most {
                let permit = self.admit(&mut state, now);
                self.show(&state);
                return Ok(permit);
            }
            let (sender, receiver) = oneshot::channel();
            let Some(place) = state.queue.join(sender, now, most) else {
                return Err(self.shed(state, now));
            };
            self.show(&state);
            (place, receiver)
        };
        let mut waiting = Waiting { gate: self, number: place.number, receiver };
        if let Ok(Ok(permit)) = timeout(place.patience, &mut waiting.receiver).await {
            return Ok(permit);
        }
        let mut state = self.lock();
        if state.queue.leave(place.number) {
            return Err(self.shed(state, self.clock.tick()));
        }
        drop(state);
        // Its turn came in the instant in which it gave up.
        waiting.receiver.try_recv().map_err(|_| Shed::nth(0))
    }

    /// Whether somebody who came now would be sent away at once; who is told so, is.
    ///
    /// # Errors
    /// [`Shed`].
    pub(super) fn look(&self) -> Result<(), Shed> {
        let now = self.clock.tick();
        let state = self.lock();
        if state.is_full(now) { Err(self.shed(state, now)) } else { Ok(()) }
    }

    /// Whether somebody who came now would be sent away at once.
    pub(super) fn is_full(&self) -> bool {
        self.lock().is_full(self.clock.tick())
    }

    /// How it is.
    pub(super) fn status(&self) -> Status {
        let state = self.lock();
        Status {
            limit: state.most.now(),
            in_flight: state.in_flight,
            waiting: state.queue.len(),
            shed: state.shed,
        }
    }

    /// Lets one in, whoever asks.
    fn admit(self: &Arc<Self>, state: &mut State, now: Tick) -> Permit {
        state.in_flight += 1;
        Permit { gate: Some(Arc::clone(self)), began: now, in_flight: state.in_flight }
    }

    /// Takes leave back, and gives it to who waits.
    fn ended(self: &Arc<Self>, began: Tick, in_flight: usize, end: End) {
        let now = self.clock.tick();
        if end != End::Unmeasured {
            self.metrics.seconds.observe(now.since(began).as_secs_f64());
        }
        let mut state = self.lock();
        state.in_flight -= 1;
        if let Most::Adaptive(limit) = &mut state.most {
            limit.ended(Sample { began, now, in_flight, end });
        }
        let most = state.most.now();
        while state.in_flight < most {
            let Some(waiter) = state.queue.next(now, most) else { break };
            let permit = self.admit(&mut state, now);
            if let Err(mut unwanted) = waiter.send(permit) {
                unwanted.gate = None; // its waiter is about to leave
                state.in_flight -= 1;
            }
        }
        self.show(&state);
    }

    /// Sends one away, and tells the log now and then.
    fn shed(&self, mut state: MutexGuard<'_, State>, now: Tick) -> Shed {
        state.shed += 1;
        self.metrics.shed.inc();
        self.show(&state);
        let (told, when) = state.told;
        let shed = state.shed - told;
        let tells = when.is_none_or(|when| now.since(when) >= TELL_EVERY);
        if tells {
            state.told = (state.shed, Some(now));
        }
        let (limit, in_flight, nth) = (state.most.now(), state.in_flight, state.shed);
        drop(state);
        if tells {
            let kind = self.kind.label();
            tracing::warn!(
                kind,
                shed,
                limit,
                in_flight,
                "more is asked of the database than it does"
            );
        }
        Shed::nth(nth)
    }

    fn show(&self, state: &State) {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.metrics.limit.set(number(state.most.now()));
        self.metrics.in_flight.set(number(state.in_flight));
        self.metrics.waiting.set(number(state.queue.len()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Says how the operation ended.
    pub fn end(mut self, end: End) {
        if let Some(gate) = self.gate.take() {
            gate.ended(self.began, self.in_flight, end);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.ended(self.began, self.in_flight, End::Unmeasured);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if state.queue.leave(self.number) {
            self.gate.show(&state);
        }
        // A permit that came meanwhile is given back with the receiver, after the lock.
    }
}
