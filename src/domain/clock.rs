//! Time, passed in rather than looked up, so that tests can move it.
//!
//! Two kinds: a [`Moment`] is what a calendar says, and jumps when somebody sets the machine's clock; a
//! [`Tick`] only ever grows, also while the machine sleeps, and is what durations are measured by.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// A moment from Unix milliseconds.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time; fractions below a millisecond are cut.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|time| Self(time.as_millisecond()))
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC; milliseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// An instant in nanoseconds since the machine's start. Not comparable between machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(u64);

impl Tick {
    /// The start itself: earlier than anything that was measured.
    pub const START: Self = Self(0);

    /// A tick from its nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` until now; none if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant that is so much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Where the time comes from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    wall_ms: AtomicI64,
    ticks_ns: AtomicU64,
}

/// Where the ticks of a manual clock begin, so that there is a past.
const MANUAL_START: Tick = Tick(3_600_000_000_000);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::set`].
    #[must_use]
    pub fn manual(start: Moment) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            wall_ms: AtomicI64::new(start.0),
            ticks_ns: AtomicU64::new(MANUAL_START.0),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(Timestamp::now().as_millisecond()),
            Source::Manual(manual) => Moment(manual.wall_ms.load(Ordering::SeqCst)),
        }
    }

    /// The instant. Setting the machine's clock does not move it, and it goes on while the machine
    /// sleeps (`CLOCK_BOOTTIME`): what was fresh before a suspension is not fresh after it.
    #[must_use]
    pub fn tick(&self) -> Tick {
        match &self.0 {
            Source::System => {
                let time = clock_gettime(ClockId::Boottime);
                let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
                Tick(seconds * 1_000_000_000 + nanos)
            }
            Source::Manual(manual) => Tick(manual.ticks_ns.load(Ordering::SeqCst)),
        }
    }

    /// Sets the calendar of a manual clock; the machine's clock stays as it is.
    pub fn set(&self, now: Moment) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall_ms.store(now.0, Ordering::SeqCst);
        }
    }

    /// Lets time pass on a manual clock, calendar and ticks; the machine's clock goes on by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            manual.wall_ms.fetch_add(ms, Ordering::SeqCst);
            let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            manual.ticks_ns.fetch_add(nanos, Ordering::SeqCst);
        }
    }
}
