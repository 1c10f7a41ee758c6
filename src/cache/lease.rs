//! For how long answers may be given on what is known.
//!
//! **Invariant:** only a poll of the truth that succeeded renews the lease, as of the instant before
//! it was sent: what was written after that instant, the poll may not have seen.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::domain::clock::Tick;

/// How old what is known may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Beyond it answers are marked.
    pub staleness: Duration,
    /// Beyond it there are no answers.
    pub cap: Duration,
}

/// What an answer that rests on what is known is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It includes every write that is older than the bound.
    Fresh,
    /// The truth was not reached for longer than the bound: the answer must be marked.
    Unverified,
    /// It was not reached for longer than the cap: there is no answer.
    Expired,
}

/// The instant as of which the truth is known.
#[derive(Debug)]
pub struct Lease {
    bounds: Bounds,
    /// Nanoseconds of the tick before which the last successful poll was sent; 0 before the first.
    as_of: AtomicU64,
}

impl Lease {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self { bounds, as_of: AtomicU64::new(0) }
    }

    /// Notes that everything that was written before an instant is known.
    pub(super) fn renew(&self, as_of: Tick) {
        self.as_of.fetch_max(as_of.as_nanos(), Ordering::AcqRel);
    }

    /// Ends it: nothing is known of this truth.
    pub(super) fn end(&self) {
        self.as_of.store(0, Ordering::Release);
    }

    /// For how long the truth has not been heard of.
    #[must_use]
    #[inline]
    pub fn age(&self, now: Tick) -> Duration {
        now.since(Tick::from_nanos(self.as_of.load(Ordering::Acquire)))
    }

    /// What answers are worth now.
    #[must_use]
    #[inline]
    pub fn freshness(&self, now: Tick) -> Freshness {
        let age = self.age(now);
        if age <= self.bounds.staleness {
            Freshness::Fresh
        } else if age <= self.bounds.cap {
            Freshness::Unverified
        } else {
            Freshness::Expired
        }
    }

    /// The bounds.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_fresh_up_to_the_bound_and_there_are_none_beyond_the_cap() {
        let second = Duration::from_secs(1);
        let lease = Lease::new(Bounds { staleness: second, cap: 5 * second });
        let sent = Tick::START.after(100 * second);
        assert_eq!(lease.freshness(sent), Freshness::Expired, "nothing was polled yet");
        lease.renew(sent);
        let at = |after| lease.freshness(sent.after(after));
        let ns = Duration::from_nanos(1);
        assert_eq!(at(second), Freshness::Fresh);
        assert_eq!(at(second + ns), Freshness::Unverified);
        assert_eq!(at(5 * second), Freshness::Unverified);
        assert_eq!(at(5 * second + ns), Freshness::Expired);
    }

    #[test]
    fn an_older_poll_takes_nothing_away() {
        let second = Duration::from_secs(1);
        let lease = Lease::new(Bounds { staleness: second, cap: second });
        let sent = Tick::START.after(100 * second);
        lease.renew(sent.after(second));
        lease.renew(sent);
        assert_eq!(lease.age(sent.after(second)), Duration::ZERO);
    }
}
