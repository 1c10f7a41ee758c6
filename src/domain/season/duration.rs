//! How long an occurrence of a rule is: ISO 8601's durations, as far as iCalendar has them.

use std::fmt;

/// Days of the longest duration.
pub const DAYS_MAX: i64 = 366;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A duration: days by the calendar, then seconds by the clock. A day may have 23 or 25 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Duration {
    pub(super) days: i64,
    pub(super) seconds: i64,
}

impl Duration {
    /// A day.
    pub(super) const DAY: Self = Self { days: 1, seconds: 0 };

    /// Reads `P10D`, `P2W`, `PT36H`, `P1DT12H30M` (RFC 5545, section 3.3.6, without a sign): longer than
    /// nothing, and at most [`DAYS_MAX`] days. Years and months are no such durations, since nobody knows
    /// how long they are.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        let [weeks, days] = parts(date, ['W', 'D'])?;
        let [hours, minutes, seconds] = parts(time, ['H', 'M', 'S'])?;
        if weeks.is_some() && rest.len() != date.len() || weeks.is_some() && days.is_some() {
            return None; // weeks stand alone
        }
        let number = |part: Option<i64>| part.unwrap_or(0);
        let days = number(weeks) * 7 + number(days);
        let seconds = number(hours) * 3600 + number(minutes) * 60 + number(seconds);
        let whole = days * DAY_SECONDS + seconds;
        (1..=DAYS_MAX * DAY_SECONDS).contains(&whole).then_some(Self { days, seconds })
    }

    /// A number of days.
    pub(super) fn of_days(days: i64) -> Option<Self> {
        (1..=DAYS_MAX).contains(&days).then_some(Self { days, seconds: 0 })
    }
}

/// The numbers before these letters, in their order.
fn parts<const N: usize>(text: &str, letters: [char; N]) -> Option<[Option<i64>; N]> {
    let mut parts = [None; N];
    let (mut rest, mut next) = (text, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, letter) = rest.split_at(digits);
        let letter = letter.chars().next()?;
        let place = next + letters.iter().skip(next).position(|one| *one == letter)?;
        // Nine digits of weeks in seconds are far from the end of what is counted with.
        let number = (1..=9).contains(&number.len()).then(|| number.parse().ok()).flatten()?;
        parts[place] = Some(number);
        next = place + 1;
        rest = &rest[digits + 1..];
    }
    Some(parts)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        if self.days > 0 {
            write!(f, "{}D", self.days)?;
        }
        if self.seconds == 0 {
            return Ok(());
        }
        f.write_str("T")?;
        let (hours, minutes) = (self.seconds / 3600, self.seconds / 60 % 60);
        for (number, letter) in [(hours, 'H'), (minutes, 'M'), (self.seconds % 60, 'S')] {
            if number > 0 {
                write!(f, "{number}{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_icalendar() {
        let same = ["P1D", "P366D", "PT36H", "P1DT12H30M", "PT1S", "PT90M0S"];
        let written = ["P1D", "P366D", "PT36H", "P1DT12H30M", "PT1S", "PT1H30M"];
        for (text, written) in same.into_iter().zip(written) {
            assert_eq!(Duration::parse(text).unwrap().to_string(), written);
        }
        assert_eq!(Duration::parse("P2W"), Duration::of_days(14));
        let bad = [
            "",
            "P",
            "PT",
            "1D",
            "P1M",
            "P1Y",
            "P0D",
            "PT0S",
            "P367D",
            "PT9999H",
            "P-1D",
            "-P1D",
            "P1.5D",
            "P1DT",
            "PT1D",
            "P1H",
            "P1W2D",
            "P1WT1H",
            "PT1M1H",
            "p1d",
            "P1D ",
            "P99999999999D",
            "P+1D",
            "P٣D",
        ];
        for bad in bad {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }
}
