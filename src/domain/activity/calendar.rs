//! Days and hours of UTC, by which activity is counted, kept and forgotten.

use crate::domain::clock::Moment;

const HOUR_MS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;

/// A day: days since 1970-01-01, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// An hour: hours since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub const fn of(at: Moment) -> Self {
        Self(at.unix_ms().div_euclid(HOUR_MS * DAY_HOURS))
    }

    /// A day by its number.
    #[must_use]
    pub const fn new(days: i64) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The day so many days before.
    #[must_use]
    pub const fn before(self, days: i64) -> Self {
        Self(self.0 - days)
    }

    /// Its first hour.
    #[must_use]
    pub const fn first_hour(self) -> Hour {
        Hour(self.0 * DAY_HOURS)
    }
}

impl Hour {
    /// The hour of a moment.
    #[must_use]
    pub const fn of(at: Moment) -> Self {
        Self(at.unix_ms().div_euclid(HOUR_MS))
    }

    /// An hour by its number.
    #[must_use]
    pub const fn new(hours: i64) -> Self {
        Self(hours)
    }

    /// Hours since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The hour so many hours before.
    #[must_use]
    pub const fn before(self, hours: i64) -> Self {
        Self(self.0 - hours)
    }

    /// Its first moment.
    #[must_use]
    pub const fn begins(self) -> Moment {
        Moment::from_unix_ms(self.0 * HOUR_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_begin_at_their_first_millisecond() {
        let at = |text: &str| Moment::parse(text).unwrap();
        assert_eq!(Day::of(at("1970-01-02T00:00:00Z")), Day::new(1));
        assert_eq!(Day::of(at("1970-01-01T23:59:59.999Z")), Day::new(0));
        assert_eq!(Day::of(at("1969-12-31T23:59:59.999Z")), Day::new(-1));
        assert_eq!(Hour::of(at("1970-01-01T01:59:59Z")).begins(), at("1970-01-01T01:00:00Z"));
        assert_eq!(Day::new(3).before(1).first_hour(), Hour::new(48));
    }
}
