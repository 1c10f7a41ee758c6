//! Days or times that come once: a release, a campaign.

use jiff::civil::{Date, DateTime};

use super::{Ms, YEARS, zone::Zone};

/// A day, or a time of a day, by the clocks of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// The whole day.
    Day(Date),
    /// The time.
    Time(DateTime),
}

impl Local {
    /// Reads `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM` or `YYYY-MM-DDTHH:MM:SS` of the years of seasons. There is no
    /// offset in it, since the zone says that, and no leap second.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
        let shape: String = text.chars().map(shape).collect();
        let local = match shape.as_str() {
            "0000-00-00" => Self::Day(text.parse().ok()?),
            "0000-00-00T00:00" | "0000-00-00T00:00:00" => {
                let number = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
                let day: Date = text.get(..10)?.parse().ok()?;
                let second = if text.len() > 16 { number(17)? } else { 0 };
                let time = jiff::civil::Time::new(number(11)?, number(14)?, second, 0).ok()?;
                Self::Time(day.to_datetime(time))
            }
            _ => return None,
        };
        (YEARS.0..=YEARS.1).contains(&local.day().year()).then_some(local)
    }

    pub(super) fn day(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Time(time) => time.date(),
        }
    }
}

impl std::fmt::Display for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// A season that comes once.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    pub(super) from: Local,
    pub(super) to: Local,
    pub(super) zone: Zone,
    span: (Ms, Ms),
}

impl Once {
    /// A season from the first instant of a day, or a time, to the last instant of a day, or up to a time.
    /// `None` where that is no time at all.
    pub(super) fn new(from: Local, to: Local, zone: Zone) -> Option<Self> {
        let start = match from {
            Local::Day(day) => zone.start_of(day),
            Local::Time(time) => zone.instant_of(time),
        };
        let end = match to {
            Local::Day(day) => zone.start_of(day.tomorrow().ok()?),
            Local::Time(time) => zone.instant_of(time),
        };
        (start < end).then_some(Self { from, to, zone, span: (start, end) })
    }

    pub(super) const fn span(&self) -> (Ms, Ms) {
        self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_strictly() {
        let same = ["2026-07-01", "2026-07-01T18:00:00", "2000-02-29T23:59:59"];
        for good in same {
            assert_eq!(Local::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(Local::parse("2026-07-01T18:00").unwrap().to_string(), "2026-07-01T18:00:00");
        let bad = [
            "",
            "2026-7-1",
            "2026-02-30",
            "2026-07-01T24:00",
            "2026-07-01T23:59:60",
            "2026-07-01T18:00Z",
            "2026-07-01T18:00:00+02:00",
            "2026-07-01T18:00:00[Europe/Berlin]",
            "2026-07-01T18",
            "2026-07-01 18:00",
            "2026-07-01t18:00",
            "20260701",
            "1969-12-31",
            "2100-01-01",
            "２０２６-07-01",
        ];
        for bad in bad {
            assert_eq!(Local::parse(bad), None, "{bad}");
        }
    }
}
