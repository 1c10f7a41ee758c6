//! One window of one client: an instant in an atomic, judged by governor's algorithm (GCRA).
//!
//! governor's own keyed stores have a limiter for each quota, and a lock or an `Arc` for each key. Here
//! windows of a client lie side by side in its bucket, and the limiter is made on the stack for each
//! request, of the quota and a reference: no allocation, one reading of the clock for all windows, and
//! an instant that can be given back, carried over to other rules, and looked at by the sweep.
//!
//! **Invariant:** a cell is the instant, in ticks, at which all of its window is there again.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

use crate::domain::{clock::Tick, rate::Rate};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A window's rule.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) rate: Rate,
    quota: Quota,
    interval_ns: u64,
    /// How far ahead of now a cell may be for one more request.
    tolerance_ns: u64,
}

/// When a client may come again, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

impl Window {
    pub(super) fn new(rate: Rate) -> Self {
        let interval_ns = rate.interval_ns().max(1);
        let burst = NonZeroU32::new(rate.burst()).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_nanos(interval_ns))
            .unwrap_or(Quota::per_second(burst))
            .allow_burst(burst);
        let tolerance_ns = interval_ns * u64::from(burst.get() - 1);
        Self { rate, quota, interval_ns, tolerance_ns }
    }

    /// Takes one request of the window, and tells how many more may come at once.
    #[inline]
    pub(super) fn take(&self, cell: &AtomicU64, now: Tick) -> Result<u32, Wait> {
        let store = Store { cell, now: now.as_nanos() };
        let limiter: RateLimiter<NotKeyed, Store<'_>, Now, StateInformationMiddleware> =
            RateLimiter::new(self.quota, store, Now);
        match limiter.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => {
                let wait = not_until.wait_time_from(Nanos::new(0));
                Err(Wait(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
            }
        }
    }

    /// Gives back what was taken, since another window had nothing.
    pub(super) fn give_back(&self, cell: &AtomicU64) {
        cell.fetch_sub(self.interval_ns, Ordering::AcqRel);
    }

    /// How long there is nothing.
    pub(super) fn wait(&self, cell: &AtomicU64, now: Tick) -> Wait {
        let earliest = cell.load(Ordering::Acquire).saturating_sub(self.tolerance_ns);
        Wait(earliest.saturating_sub(now.as_nanos()))
    }

    /// Seconds until all of it is there again, rounded up.
    #[inline]
    pub(super) fn reset_s(cell: &AtomicU64, now: Tick) -> u64 {
        cell.load(Ordering::Acquire).saturating_sub(now.as_nanos()).div_ceil(SECOND)
    }

    /// Whether all of it was there at an instant.
    pub(super) fn is_whole(cell: &AtomicU64, at: Tick) -> bool {
        cell.load(Ordering::Acquire) <= at.as_nanos()
    }

    /// Nanoseconds between two requests at the rate.
    pub(super) const fn interval_ns(&self) -> u64 {
        self.interval_ns
    }
}

impl Wait {
    /// Whole seconds, rounded up, and at least one.
    pub(super) const fn seconds(self) -> u64 {
        let seconds = self.0.div_ceil(SECOND);
        if seconds == 0 { 1 } else { seconds }
    }
}

/// governor's clock: it measures from now.
#[derive(Debug)]
struct Now;

impl Clock for Now {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}

/// A cell, for one request: governor sees it as time from now.
#[derive(Debug)]
struct Store<'c> {
    cell: &'c AtomicU64,
    now: u64,
}

impl StateStore for Store<'_> {
    type Key = NotKeyed;

    #[inline]
    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut before = self.cell.load(Ordering::Acquire);
        loop {
            let (value, after) = decide(Some(Nanos::new(before.saturating_sub(self.now))))?;
            let after = self.now.saturating_add(after.as_u64());
            let kept =
                self.cell.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire);
            match kept {
                Ok(_) => return Ok(value),
                Err(other) => before = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 3600 * SECOND;

    fn window(count: u32, window_s: u32, burst: u32) -> Window {
        Window::new(Rate::new(count, window_s, burst).unwrap())
    }

    fn at(ms: u64) -> Tick {
        Tick::from_nanos(START + ms * 1_000_000)
    }

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let (window, cell) = (window(10, 1, 3), AtomicU64::new(0));
        assert_eq!([0, 0, 0].map(|ms| window.take(&cell, at(ms))), [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(window.take(&cell, at(0)), Err(Wait(SECOND / 10)));
        assert_eq!(window.take(&cell, at(99)), Err(Wait(1_000_000)));
        assert_eq!(window.take(&cell, at(100)), Ok(0));
        assert_eq!(window.take(&cell, at(100)), window.take(&cell, at(100)));
        assert_eq!(window.take(&cell, at(10_000)), Ok(2));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (window, cell) = (window(1, 60, 1), AtomicU64::new(0));
        assert_eq!(window.take(&cell, at(0)), Ok(0));
        assert!(!Window::is_whole(&cell, at(0)));
        window.give_back(&cell);
        assert!(Window::is_whole(&cell, at(0)));
        assert_eq!(window.take(&cell, at(0)), Ok(0));
        assert_eq!(window.wait(&cell, at(1000)), Wait(59 * SECOND));
        assert_eq!(Window::reset_s(&cell, at(500)), 60);
    }

    #[test]
    fn no_more_than_the_rate_is_taken_by_many_threads_together() {
        let (window, cell) = (window(500, 60, 500), AtomicU64::new(0));
        let taken = std::thread::scope(|scope| {
            let work = || (0..400).filter(|_| window.take(&cell, at(0)).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(taken, 500);
    }

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        assert_eq!([0, 1, SECOND, SECOND + 1].map(|ns| Wait(ns).seconds()), [1, 1, 1, 2]);
    }

    #[test]
    fn the_longest_rates_do_not_overflow() {
        let (window, cell) = (window(1, 86_400, 100), AtomicU64::new(0));
        for left in (0..100).rev() {
            assert_eq!(window.take(&cell, at(0)), Ok(left));
        }
        assert!(window.take(&cell, at(0)).is_err());
    }
}
