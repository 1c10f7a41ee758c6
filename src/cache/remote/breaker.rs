//! The breaker: after failures in a row nobody waits for Redis, until one probe has found it well.
//!
//! A plain state machine. It knows neither Redis nor the time, which comes as an argument.
//!
//! **Invariant:** while it is half open there is at most one ticket that can change it.
//! **Invariant:** an outcome counts only in the state in which its ticket was given. What began before
//! the breaker opened can neither close it nor keep it open.

use std::time::{Duration, Instant};

use super::jitter;

/// Failures in a row that open it.
const FAILURES: u32 = 5;

/// The first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Share of a pause by which it is longer or shorter, so that replicas do not probe together.
const SPREAD: f64 = 0.2;

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Everything.
    Closed,
    /// One probe, which is on its way.
    HalfOpen,
    /// Nothing.
    Open,
}

impl State {
    /// Every state, in the order of its number in metrics.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// A word for metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// How sure it is that the next operation would fail, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may have been this one only.
    Passing,
    /// There is nobody at the address, or nobody who lets us in.
    Definite,
}

/// Leave for one operation. Its outcome must be told.
#[derive(Debug)]
#[must_use]
pub(super) struct Ticket {
    /// The state's number in which it was given.
    period: u64,
}

/// A change that an operator wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It lets nothing through for a while.
    Opened,
    /// It lets everything through again.
    Closed,
}

#[derive(Debug, Clone, Copy)]
enum Inner {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// Counts failures and decides who may try.
#[derive(Debug)]
pub(super) struct Breaker {
    inner: Inner,
    /// Raised at each change of state, so that outcomes of former ones are known as such.
    period: u64,
    /// The pause after the next failure that opens it.
    pause: Duration,
    /// From 0 to below 1; another one in tests.
    chance: fn() -> f64,
}

impl Breaker {
    pub(super) const fn new(chance: fn() -> f64) -> Self {
        Self { inner: Inner::Closed { failures: 0 }, period: 0, pause: PAUSE.0, chance }
    }

    pub(super) const fn state(&self) -> State {
        match self.inner {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen => State::HalfOpen,
        }
    }

    /// Leave to try, or `None` while it is open or another one probes.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Ticket> {
        match self.inner {
            Inner::Closed { .. } => {}
            Inner::Open { until } if now >= until => self.turn(Inner::HalfOpen),
            Inner::Open { .. } | Inner::HalfOpen => return None,
        }
        Some(Ticket { period: self.period })
    }

    /// The server answered.
    pub(super) fn succeeded(&mut self, ticket: &Ticket) -> Option<Turn> {
        if ticket.period != self.period {
            return None;
        }
        match &mut self.inner {
            Inner::Closed { failures } => {
                *failures = 0;
                None
            }
            Inner::HalfOpen => {
                self.turn(Inner::Closed { failures: 0 });
                self.pause = PAUSE.0;
                Some(Turn::Closed)
            }
            // Nobody has a ticket of this state.
            Inner::Open { .. } => None,
        }
    }

    /// The server did not answer, or should not be asked again.
    pub(super) fn failed(&mut self, ticket: &Ticket, how: Failure, now: Instant) -> Option<Turn> {
        if ticket.period != self.period {
            return None;
        }
        match &mut self.inner {
            Inner::Closed { failures } => {
                *failures += 1;
                if *failures < FAILURES && how == Failure::Passing {
                    return None;
                }
                self.open(now);
                Some(Turn::Opened)
            }
            Inner::HalfOpen => {
                // It has been open since long before: no news.
                self.open(now);
                None
            }
            Inner::Open { .. } => None,
        }
    }

    /// Nobody waited for the outcome. A probe that was given up lets the next one try at once.
    pub(super) fn abandoned(&mut self, ticket: &Ticket, now: Instant) {
        if ticket.period == self.period && matches!(self.inner, Inner::HalfOpen) {
            self.turn(Inner::Open { until: now });
        }
    }

    fn open(&mut self, now: Instant) {
        let pause = jitter::spread(self.pause, SPREAD, (self.chance)());
        self.pause = (self.pause * 2).min(PAUSE.1);
        self.turn(Inner::Open { until: now + pause });
    }

    const fn turn(&mut self, inner: Inner) {
        self.inner = inner;
        self.period += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(|| 0.5), Instant::now())
    }

    /// Fails once, if it may.
    fn fail(breaker: &mut Breaker, now: Instant) -> Option<Turn> {
        let ticket = breaker.admit(now).expect("leave");
        breaker.failed(&ticket, Failure::Passing, now)
    }

    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = breaker();
        while fail(&mut breaker, now) != Some(Turn::Opened) {}
        (breaker, now)
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let (mut breaker, now) = breaker();
        for _ in 0..4 {
            assert_eq!(fail(&mut breaker, now), None);
        }
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(fail(&mut breaker, now), Some(Turn::Opened));
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.admit(now).is_none());
    }

    #[test]
    fn a_success_starts_the_count_anew() {
        let (mut breaker, now) = breaker();
        for _ in 0..10 {
            for _ in 0..4 {
                assert_eq!(fail(&mut breaker, now), None);
            }
            let ticket = breaker.admit(now).unwrap();
            assert_eq!(breaker.succeeded(&ticket), None);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn one_definite_failure_opens_it() {
        let (mut breaker, now) = breaker();
        let ticket = breaker.admit(now).unwrap();
        assert_eq!(breaker.failed(&ticket, Failure::Definite, now), Some(Turn::Opened));
    }

    #[test]
    fn exactly_one_probe_goes_through_after_the_pause() {
        let (mut breaker, now) = opened();
        assert!(breaker.admit(now + 249 * MS).is_none());
        let probe = breaker.admit(now + 250 * MS);
        assert!(probe.is_some());
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.admit(now + 250 * MS).is_none());
        assert!(breaker.admit(now + 10_000 * MS).is_none());
    }

    #[test]
    fn a_probe_that_succeeds_closes_it() {
        let (mut breaker, now) = opened();
        let probe = breaker.admit(now + 250 * MS).unwrap();
        assert_eq!(breaker.succeeded(&probe), Some(Turn::Closed));
        assert_eq!(breaker.state(), State::Closed);
        assert!(breaker.admit(now + 250 * MS).is_some());
    }

    #[test]
    fn pauses_double_up_to_five_seconds_and_start_anew_after_a_success() {
        let (mut breaker, mut now) = opened();
        for pause in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            assert!(breaker.admit(now + (pause - 1) * MS).is_none(), "{pause}");
            now += pause * MS;
            let probe = breaker.admit(now).unwrap();
            assert_eq!(breaker.failed(&probe, Failure::Passing, now), None, "it was open before");
        }
        now += 5000 * MS;
        let probe = breaker.admit(now).unwrap();
        assert_eq!(breaker.succeeded(&probe), Some(Turn::Closed));
        while fail(&mut breaker, now) != Some(Turn::Opened) {}
        assert!(breaker.admit(now + 250 * MS).is_some());
    }

    #[test]
    fn pauses_are_a_fifth_longer_or_shorter_by_chance() {
        for (chance, pause) in [(0.0, 200), (0.999_999, 299)] {
            let (mut breaker, now) = breaker();
            breaker.chance = if chance < 0.5 { || 0.0 } else { || 0.999_999 };
            while fail(&mut breaker, now) != Some(Turn::Opened) {}
            assert!(breaker.admit(now + (pause - 1) * MS).is_none());
            assert!(breaker.admit(now + (pause + 1) * MS).is_some());
        }
    }

    #[test]
    fn what_began_before_it_opened_changes_nothing() {
        let (mut breaker, now) = breaker();
        let (slow, failing) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
        while fail(&mut breaker, now) != Some(Turn::Opened) {}
        assert_eq!(breaker.succeeded(&slow), None);
        assert_eq!(breaker.state(), State::Open);

        let probe = breaker.admit(now + 250 * MS).unwrap();
        assert_eq!(breaker.succeeded(&slow), None);
        assert_eq!(breaker.failed(&failing, Failure::Definite, now), None);
        breaker.abandoned(&slow, now);
        assert_eq!(breaker.state(), State::HalfOpen);

        assert_eq!(breaker.succeeded(&probe), Some(Turn::Closed));
        assert_eq!(breaker.failed(&failing, Failure::Definite, now), None);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_probe_that_was_given_up_lets_the_next_one_try_at_once() {
        let (mut breaker, now) = opened();
        let later = now + 250 * MS;
        let probe = breaker.admit(later).unwrap();
        breaker.abandoned(&probe, later);
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.admit(later).is_some());
    }
}
