//! When requests are due.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::{io::unix::AsyncFd, sync::Semaphore};

/// How many requests, or for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Requests(u64),
    Time(Duration),
}

/// A request's turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// When it should be sent; from here its time counts.
    pub(crate) due: Instant,
}

/// Hands out turns to the connections of one thread.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    next: Cell<u64>,
    limit: Limit,
    /// Requests a second; `None` is as fast as answers come.
    rate: Option<f64>,
    /// Turns that are due and nobody has taken.
    due: Semaphore,
}

impl Pace {
    /// Begins now.
    pub(crate) fn new(rate: Option<f64>, limit: Limit) -> Self {
        let (began, next) = (Instant::now(), Cell::new(0));
        Self { began, next, limit, rate, due: Semaphore::new(0) }
    }

    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    /// Waits for the next turn; `None` when there are no more.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let due = match self.rate {
            None => Instant::now(),
            Some(rate) => {
                self.due.acquire().await.ok()?.forget();
                self.due_at(self.next.get(), rate)
            }
        };
        let number = self.next.get();
        let over = match self.limit {
            Limit::Requests(count) => number >= count,
            Limit::Time(time) => due >= self.began + time,
        };
        if over {
            return None;
        }
        self.next.set(number + 1);
        Some(Turn { number, due })
    }

    /// Makes turns due at the rate, if there is one, until all are. For so many who take turns.
    ///
    /// The runtime's clock has a resolution of a millisecond, in which a fast server answers a hundred
    /// times; so the system's is used.
    ///
    /// # Errors
    /// The system's, when it has no such timer.
    pub(crate) async fn drive(&self, takers: usize) -> io::Result<()> {
        let Some(rate) = self.rate else { return Ok(()) };
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        #[expect(deprecated, reason = "the timer is owned, and what takes its place is unsafe")]
        let timer = AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        let mut given = 0;
        while !self.is_last(given, rate) {
            let wait = self.due_at(given, rate).saturating_duration_since(Instant::now());
            if wait.is_zero() {
                self.due.add_permits(1);
                given += 1;
                continue;
            }
            timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once_after(wait))?;
            timer.readable().await?.clear_ready();
        }
        // For each taker a turn that tells it that there are no more.
        self.due.add_permits(takers);
        Ok(())
    }

    fn is_last(&self, number: u64, rate: f64) -> bool {
        match self.limit {
            Limit::Requests(count) => number >= count,
            Limit::Time(time) => self.due_at(number, rate) >= self.began + time,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 requests")]
    fn due_at(&self, number: u64, rate: f64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / rate)
    }
}

fn once_after(wait: Duration) -> Itimerspec {
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let tv_sec = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
    Itimerspec {
        it_interval: never,
        it_value: Timespec { tv_sec, tv_nsec: wait.subsec_nanos().into() },
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join;

    use super::*;

    #[tokio::test]
    async fn an_open_loop_makes_each_request_due_at_its_time_whoever_is_late() {
        let pace = Pace::new(Some(10_000.0), Limit::Requests(50));
        let taking = async {
            let mut taken = Vec::new();
            while let Some(turn) = pace.turn().await {
                taken.push(turn);
            }
            taken
        };
        let (driven, taken) = join(pace.drive(1), taking).await;
        driven.unwrap();
        assert_eq!(taken.len(), 50);
        for (number, turn) in (0..).zip(taken) {
            assert_eq!(turn.number, number);
            let after = turn.due - pace.began();
            assert_eq!(after.as_micros().div_ceil(100), u128::from(number));
        }
    }

    #[tokio::test]
    async fn a_closed_loop_is_due_whenever_it_asks() {
        let pace = Pace::new(None, Limit::Requests(2));
        pace.drive(1).await.unwrap();
        assert!(pace.turn().await.is_some() && pace.turn().await.is_some());
        assert!(pace.turn().await.is_none());
    }
}
