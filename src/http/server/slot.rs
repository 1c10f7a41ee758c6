//! A connection as the listener sees it: what it waits for, since when, and what it is told.
//!
//! The connection's own task notes what it waits for, which costs a store; whoever looks at all
//! connections (`slots::Slots`) compares that with the bounds, and tells those that are late.
//!
//! **Invariant:** a connection that has a request open is never taken for idle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::{future::poll_fn, task::AtomicWaker};

use super::metrics::Closed;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its first byte, the PROXY header, the TLS handshake.
    Opening,
    /// The rest of a request head.
    Head,
    /// The next request.
    Idle,
    /// Nothing: a request is being answered.
    Busy,
    /// The client to close, after it was refused.
    Lingering,
}

/// What a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Nothing.
    GoOn,
    /// To end after the answers at hand.
    Finish,
    /// To refuse the request whose head is late.
    RefuseLate,
    /// To end at once.
    Cut,
}

const PHASE_BITS: u32 = 3;

/// A connection's place among those of its listener.
#[derive(Debug)]
pub(super) struct Slot {
    start: Instant,
    /// After so many nanoseconds since `start` it is too old.
    pub(super) old_at: u64,
    /// The phase, and since when: nanoseconds since `start`.
    phase: AtomicU64,
    /// Since when a write waits for the client to take it; 0 where none does.
    blocked: AtomicU64,
    /// Requests being answered that took longer than a moment.
    open: AtomicU32,
    requests: AtomicU32,
    /// Requests that the client gave up.
    given_up: AtomicU32,
    order: AtomicU8,
    told_at: AtomicU64,
    reason: AtomicU8,
    waker: AtomicWaker,
}

impl Slot {
    /// A connection that was just accepted. `start` is the listener's.
    pub(super) fn new(start: Instant, age_max: Option<Duration>) -> Self {
        let slot = Self {
            start,
            old_at: u64::MAX,
            phase: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            open: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            given_up: AtomicU32::new(0),
            order: AtomicU8::new(Order::GoOn as u8),
            told_at: AtomicU64::new(u64::MAX),
            reason: AtomicU8::new(Closed::Client as u8),
            waker: AtomicWaker::new(),
        };
        slot.enter(Phase::Opening);
        let now = slot.now();
        Self { old_at: age_max.map_or(u64::MAX, |age| now.saturating_add(nanos(age))), ..slot }
    }

    /// Nanoseconds since the listener's start.
    pub(super) fn now(&self) -> u64 {
        nanos(self.start.elapsed()).max(1)
    }

    /// Notes what it waits for from now on.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(self.now() << PHASE_BITS | phase as u64, Ordering::Relaxed);
    }

    /// Notes that a request is being answered; since when is of no interest.
    #[inline]
    pub(super) fn enter_busy(&self) {
        self.phase.store(Phase::Busy as u64, Ordering::Relaxed);
    }

    /// Notes that a request was answered as soon as it came, and that it waits for the next.
    #[inline]
    pub(super) fn enter_idle(&self) {
        self.phase.store(Phase::Idle as u64, Ordering::Relaxed);
    }

    /// Notes that it waits for the next request, if the last was answered. Since when is noted by whoever
    /// looks at all connections next: a look at the clock for each request would cost more than the rest.
    #[inline]
    pub(super) fn settle(&self) {
        if self.phase().0 == Phase::Busy && !self.is_open() && self.blocked().is_none() {
            self.phase.store(Phase::Idle as u64, Ordering::Relaxed);
        }
    }

    /// Notes since when it waits for the next request, if it still does.
    pub(super) fn idle_since(&self, now: u64) {
        let (new, old) = (now << PHASE_BITS | Phase::Idle as u64, Phase::Idle as u64);
        let _ = self.phase.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// What it waits for, and since when.
    #[inline]
    pub(super) fn phase(&self) -> (Phase, u64) {
        let word = self.phase.load(Ordering::Relaxed);
        let phase = match word & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Opening,
            1 => Phase::Head,
            2 => Phase::Idle,
            3 => Phase::Busy,
            _ => Phase::Lingering,
        };
        (phase, word >> PHASE_BITS)
    }

    /// Notes that a write waits, or that none does.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(if blocked { self.now() } else { 0 }, Ordering::Relaxed);
    }

    /// Since when a write waits.
    pub(super) fn blocked(&self) -> Option<u64> {
        Some(self.blocked.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }

    /// Whether requests are being answered.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }

    /// Counts a request, and gives its number.
    #[inline]
    pub(super) fn count_request(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Requests so far, and how many of them the client gave up.
    pub(super) fn requests(&self) -> (u32, u32) {
        (self.requests.load(Ordering::Relaxed), self.given_up.load(Ordering::Relaxed))
    }

    /// What it was told.
    #[inline]
    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::GoOn,
            1 => Order::Finish,
            2 => Order::RefuseLate,
            _ => Order::Cut,
        }
    }

    /// When it was told to finish.
    pub(super) fn told_at(&self) -> u64 {
        self.told_at.load(Ordering::Relaxed)
    }

    /// Tells it to end. What was told before stands where that was more.
    pub(super) fn tell(&self, order: Order, reason: Closed) {
        if self.order() == Order::GoOn {
            self.because(reason);
            self.told_at.store(self.now(), Ordering::Relaxed);
        }
        self.order.fetch_max(order as u8, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Notes why it ends.
    pub(super) fn because(&self, reason: Closed) {
        self.reason.store(reason as u8, Ordering::Relaxed);
    }

    /// Why it ended.
    pub(super) fn reason(&self) -> Closed {
        Closed::ALL[usize::from(self.reason.load(Ordering::Relaxed))]
    }

    /// Has the task of `context` woken when it is told something for the next time.
    pub(super) fn watch(&self, context: &Context<'_>) {
        self.waker.register(context.waker());
    }

    /// Waits until it is told to end. To be polled by the connection's task.
    pub(super) async fn told(&self) {
        poll_fn(|context| {
            self.watch(context);
            if self.order() == Order::GoOn { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub struct Open {
    slot: Arc<Slot>,
    answered: bool,
}

impl Open {
    pub(super) fn new(slot: &Arc<Slot>) -> Self {
        slot.open.fetch_add(1, Ordering::AcqRel);
        Self { slot: Arc::clone(slot), answered: false }
    }

    /// Notes that there is an answer: if the client does not take the whole of it, that is no request
    /// that it gave up.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.answered {
            self.slot.given_up.fetch_add(1, Ordering::Relaxed);
        }
        self.slot.open.fetch_sub(1, Ordering::AcqRel);
    }
}
