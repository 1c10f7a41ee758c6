//! Days of each year, such as 20 December to 5 January.

use jiff::civil::Date;

use super::{Ms, YEARS, zone::Zone};

/// A day of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MonthDay {
    pub(super) month: i8,
    pub(super) day: i8,
}

impl MonthDay {
    /// Reads `--MM-DD` (ISO 8601:2000; what vCard has for birthdays). 29 February is a day.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (month, day) = text.strip_prefix("--")?.split_once('-')?;
        let number = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<i8>().ok()).flatten()
        };
        let (month, day) = (number(month)?, number(day)?);
        Date::new(2024, month, day).ok().map(|_| Self { month, day })
    }

    /// The day of a year; 29 February is none where there is none.
    fn of(self, year: i16) -> Option<Date> {
        Date::new(year, self.month, self.day).ok()
    }
}

impl std::fmt::Display for MonthDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--{:02}-{:02}", self.month, self.day)
    }
}

/// Days of each year, both included; the last may be in the year after the first.
///
/// In a year without 29 February, a season that begins on it begins on 1 March, one that ends on it ends
/// on 28 February, and one that is that day alone is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Yearly {
    pub(super) from: MonthDay,
    pub(super) to: MonthDay,
    pub(super) zone: Zone,
}

impl Yearly {
    /// Whether no day of the year is left out: the day after the last is the first.
    pub(super) fn is_all_year(&self) -> bool {
        // A common year: what covers it covers all but, perhaps, 29 February.
        let day_after = |year| self.last_of(year).and_then(|day: Date| day.tomorrow().ok());
        match (day_after(2025), self.first_of(2026)) {
            (Some(after), Some(next)) => after >= next,
            _ => false,
        }
    }

    fn first_of(&self, year: i16) -> Option<Date> {
        self.from.of(year).or_else(|| Date::new(year, 3, 1).ok())
    }

    /// The last day of the season that begins in a year.
    fn last_of(&self, year: i16) -> Option<Date> {
        let year = if self.to < self.from { year + 1 } else { year };
        self.to.of(year).or_else(|| Date::new(year, 2, 28).ok())
    }

    /// The season that begins in a year.
    fn span(&self, year: i16) -> Option<(Ms, Ms)> {
        let (first, last) = (self.first_of(year)?, self.last_of(year)?);
        let span = (self.zone.start_of(first), self.zone.start_of(last.tomorrow().ok()?));
        (span.0 < span.1).then_some(span)
    }

    /// The seasons that begin in the years of seasons.
    pub(super) fn spans(&self) -> impl Iterator<Item = (Ms, Ms)> {
        (YEARS.0..=YEARS.1).filter_map(|year| self.span(year))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_year_are_two_digits_each_and_exist() {
        for good in ["--01-01", "--02-29", "--12-31"] {
            assert_eq!(MonthDay::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "12-20", "--1-01", "--13-01", "--02-30", "--04-31", "--12-20Z", "---1-01"] {
            assert_eq!(MonthDay::parse(bad), None, "{bad}");
        }
    }
}
