//! The text of an iCalendar rule (RFC 5545, section 3.3.10), as far as it gives days.
//!
//! It is read here rather than by the library that works rules out, which takes more than there is in the
//! standard, and tells one fault at a time.

use std::{fmt, iter};

use jiff::{civil::Date, tz::Offset};

use super::{Ms, OCCURRENCES_MAX};

/// Characters of a rule.
pub(super) const LENGTH_MAX: usize = 500;
const INTERVAL_MAX: i64 = 1_000;
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
}

impl Frequency {
    const ALL: [Self; 4] = [Self::Yearly, Self::Monthly, Self::Weekly, Self::Daily];

    const fn name(self) -> &'static str {
        match self {
            Self::Yearly => "YEARLY",
            Self::Monthly => "MONTHLY",
            Self::Weekly => "WEEKLY",
            Self::Daily => "DAILY",
        }
    }

    /// Days that there are at most each time.
    const fn days_at_most(self) -> i16 {
        match self {
            Self::Yearly => 366,
            Self::Monthly => 31,
            Self::Weekly => 7,
            Self::Daily => 1,
        }
    }
}

/// Up to when a rule gives days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// This day, included.
    Day(Date),
    /// This instant: what begins later is left out.
    Instant(Ms),
}

/// A list of numbers that a rule may have, with their bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Month,
    WeekNo,
    YearDay,
    MonthDay,
    SetPos,
}

impl By {
    const ALL: [Self; 5] = [Self::Month, Self::WeekNo, Self::YearDay, Self::MonthDay, Self::SetPos];

    const fn name(self) -> &'static str {
        match self {
            Self::Month => "BYMONTH",
            Self::WeekNo => "BYWEEKNO",
            Self::YearDay => "BYYEARDAY",
            Self::MonthDay => "BYMONTHDAY",
            Self::SetPos => "BYSETPOS",
        }
    }

    const fn most(self) -> i16 {
        match self {
            Self::Month => 12,
            Self::WeekNo => 53,
            Self::YearDay | Self::SetPos => 366,
            Self::MonthDay => 31,
        }
    }

    /// Why it does not go with a frequency.
    const fn fault(self, frequency: Frequency) -> Option<&'static str> {
        match (self, frequency) {
            (Self::WeekNo, Frequency::Monthly | Frequency::Weekly | Frequency::Daily) => {
                Some("BYWEEKNO goes with FREQ=YEARLY only")
            }
            (Self::YearDay, Frequency::Monthly | Frequency::Weekly | Frequency::Daily) => {
                Some("BYYEARDAY goes with FREQ=YEARLY only")
            }
            (Self::MonthDay, Frequency::Weekly) => Some("BYMONTHDAY does not go with FREQ=WEEKLY"),
            _ => None,
        }
    }
}

/// A rule as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleText {
    frequency: Frequency,
    interval: i64,
    pub(super) count: Option<usize>,
    pub(super) until: Option<Until>,
    by: [Vec<i16>; By::ALL.len()],
    /// Which of its weekdays in the month or year (0 for each), and which weekday.
    by_day: Vec<(i16, usize)>,
    week_start: usize,
}

impl RuleText {
    /// Reads `FREQ=YEARLY;BYMONTH=11;BYDAY=4TH`.
    ///
    /// # Errors
    /// Every fault.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<String>> {
        if text.len() > LENGTH_MAX {
            return Err(vec![format!("must have at most {LENGTH_MAX} characters")]);
        }
        let mut reader = Reader::default();
        let text = text.to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        for part in text.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if reader.seen.iter().any(|seen| seen == name) {
                reader.faults.push(format!("{name} must be given once"));
                continue;
            }
            reader.seen.push(name.to_owned());
            reader.part(name, value);
        }
        reader.finish()
    }

    /// What the library is to work out: the day from which it counts, and the rule up to a day. There is no
    /// `COUNT` in it, since that counts from `start`.
    ///
    /// The library's first week begins on the day from which it counts, but `BYSETPOS` is of whole weeks
    /// (RFC 5545, section 3.3.10). There it counts from the first day of the week (`WKST`) in which `start`
    /// is, and what comes before `start` is to be left out.
    pub(super) fn for_library(&self, start: Date, until: Date) -> (Date, String) {
        let until = Some(format!("{}T000000Z", until.strftime("%Y%m%d")));
        if self.frequency != Frequency::Weekly || self.by[By::SetPos as usize].is_empty() {
            return (start, self.written(None, until, &self.by_day));
        }
        let weekday = usize::from(start.weekday().to_monday_zero_offset().unsigned_abs());
        let before = (weekday + WEEKDAYS.len() - self.week_start) % WEEKDAYS.len();
        let first = iter::successors(Some(start), |day| day.yesterday().ok()).nth(before);
        // Without weekdays it is that of `start`, not that of the day from which the library counts.
        let of_start = [(0, weekday)];
        let by_day = if self.by_day.is_empty() { &of_start[..] } else { &self.by_day[..] };
        (first.unwrap_or(start), self.written(None, until, by_day))
    }

    /// The rule with another end and other weekdays, in the words of the standard.
    fn written(
        &self,
        count: Option<usize>,
        until: Option<String>,
        by_day: &[(i16, usize)],
    ) -> String {
        let mut text = format!("FREQ={}", self.frequency.name());
        let mut put = |name: &str, value: String| {
            if !value.is_empty() {
                text.extend([";", name, "=", value.as_str()]);
            }
        };
        if self.interval > 1 {
            put("INTERVAL", self.interval.to_string());
        }
        put("COUNT", count.map(|count| count.to_string()).unwrap_or_default());
        put("UNTIL", until.unwrap_or_default());
        for by in By::ALL {
            put(by.name(), joined(&self.by[by as usize]));
        }
        put("BYDAY", weekdays(by_day));
        if self.week_start != 0 {
            put("WKST", WEEKDAYS[self.week_start].to_owned());
        }
        text
    }
}

impl fmt::Display for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.map(|until| until.to_string());
        f.write_str(&self.written(self.count, until, &self.by_day))
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.strftime("%Y%m%d").fmt(f),
            Self::Instant(at) => {
                let time = jiff::Timestamp::from_millisecond(*at).map_err(|_| fmt::Error)?;
                Offset::UTC.to_datetime(time).strftime("%Y%m%dT%H%M%SZ").fmt(f)
            }
        }
    }
}

fn joined(numbers: &[i16]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn weekdays(days: &[(i16, usize)]) -> String {
    let day = |(nth, day): &(i16, usize)| match nth {
        0 => WEEKDAYS[*day].to_owned(),
        nth => format!("{nth}{}", WEEKDAYS[*day]),
    };
    days.iter().map(day).collect::<Vec<_>>().join(",")
}

#[derive(Default)]
struct Reader {
    faults: Vec<String>,
    seen: Vec<String>,
    frequency: Option<Frequency>,
    interval: Option<i64>,
    count: Option<usize>,
    until: Option<Until>,
    by: [Vec<i16>; By::ALL.len()],
    by_day: Vec<(i16, usize)>,
    week_start: usize,
}

impl Reader {
    fn part(&mut self, name: &str, value: &str) {
        if let Some(by) = By::ALL.into_iter().find(|by| by.name() == name) {
            return self.numbers(by, value);
        }
        match name {
            "FREQ" => {
                self.frequency = Frequency::ALL.into_iter().find(|one| one.name() == value);
                if self.frequency.is_none() {
                    self.fault(
                        "FREQ must be YEARLY, MONTHLY, WEEKLY or DAILY: seasons are made of days",
                    );
                }
            }
            "INTERVAL" => {
                self.interval = number(value).filter(|number| (1..=INTERVAL_MAX).contains(number));
                if self.interval.is_none() {
                    self.fault(format!("INTERVAL must be from 1 to {INTERVAL_MAX}"));
                }
            }
            "COUNT" => {
                let count = number(value).and_then(|number| usize::try_from(number).ok());
                self.count = count.filter(|count| (1..=OCCURRENCES_MAX).contains(count));
                if self.count.is_none() {
                    self.fault(format!("COUNT must be from 1 to {OCCURRENCES_MAX}"));
                }
            }
            "UNTIL" => {
                self.until = until(value);
                if self.until.is_none() {
                    self.fault(
                        "UNTIL must be a day as YYYYMMDD, or an instant as YYYYMMDDTHHMMSSZ",
                    );
                }
            }
            "BYDAY" => {
                let days: Option<Vec<_>> = value.split(',').map(weekday).collect();
                match days {
                    Some(days) if days.len() <= 7 * 53 => self.by_day = days,
                    _ => self.fault("BYDAY must be weekdays as MO,TU,WE,TH,FR,SA,SU, with a number before them for one of a month or a year, as in 4TH and -1MO"),
                }
            }
            "WKST" => match WEEKDAYS.iter().position(|day| *day == value) {
                Some(day) => self.week_start = day,
                None => self.fault("WKST must be one of MO, TU, WE, TH, FR, SA, SU"),
            },
            "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                self.fault(format!(
                    "{name} does not go with days: the time of day is that of dtstart"
                ));
            }
            _ => self.fault(format!(
                "{:?} is no part of a rule",
                name.chars().take(32).collect::<String>()
            )),
        }
    }

    fn numbers(&mut self, by: By, value: &str) {
        let most = by.most();
        let least = if by == By::Month { 1 } else { -most };
        let good =
            |number: &i64| (i64::from(least)..=i64::from(most)).contains(number) && *number != 0;
        let read =
            |text: &str| number(text).filter(good).and_then(|number| i16::try_from(number).ok());
        match value.split(',').map(read).collect::<Option<Vec<_>>>() {
            Some(numbers) => self.by[by as usize] = numbers,
            None => self
                .fault(format!("{} must be numbers from {least} to {most}, and not 0", by.name())),
        }
    }

    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    fn finish(mut self) -> Result<RuleText, Vec<String>> {
        if !self.seen.iter().any(|name| name == "FREQ") {
            self.fault("FREQ is required: YEARLY, MONTHLY, WEEKLY or DAILY");
        }
        if self.seen.iter().any(|name| name == "COUNT")
            && self.seen.iter().any(|name| name == "UNTIL")
        {
            self.fault("COUNT goes without UNTIL");
        }
        if let Some(frequency) = self.frequency {
            for by in By::ALL {
                let fault = by.fault(frequency).filter(|_| !self.by[by as usize].is_empty());
                if let Some(fault) = fault {
                    self.fault(fault);
                }
            }
            let most = frequency.days_at_most();
            if self.by[By::SetPos as usize].iter().any(|position| position.abs() > most) {
                self.fault(format!(
                    "BYSETPOS must be from -{most} to {most} with FREQ={}",
                    frequency.name()
                ));
            }
            self.weekdays_of(frequency);
        }
        let others = By::ALL.into_iter().filter(|by| *by != By::SetPos);
        let any_other = others.into_iter().any(|by| !self.by[by as usize].is_empty());
        if !self.by[By::SetPos as usize].is_empty() && !any_other && self.by_day.is_empty() {
            self.fault("BYSETPOS needs another BY… beside it");
        }
        let Some(frequency) = self.frequency.filter(|_| self.faults.is_empty()) else {
            return Err(self.faults);
        };
        let Self { count, until, by, by_day, week_start, .. } = self;
        let interval = self.interval.unwrap_or(1);
        Ok(RuleText { frequency, interval, count, until, by, by_day, week_start })
    }

    /// Whether the weekdays go with a frequency, and with each other.
    fn weekdays_of(&mut self, frequency: Frequency) {
        let (numbered, plain): (Vec<_>, Vec<_>) =
            self.by_day.iter().copied().partition(|(nth, _)| *nth != 0);
        // What the library takes, which has one less at the end of a month or a year.
        let (bounds, instead) = match frequency {
            Frequency::Yearly if self.by[By::WeekNo as usize].is_empty() => (-52_i16..=53, ""),
            Frequency::Monthly => {
                (-4..=5, ": the fifth Monday from the end is BYDAY=MO;BYMONTHDAY=-29,-30,-31")
            }
            _ if numbered.is_empty() => return,
            _ => {
                return self.fault(
                    "numbers in BYDAY go with FREQ=MONTHLY or YEARLY, and without BYWEEKNO",
                );
            }
        };
        if !numbered.iter().all(|(nth, _)| bounds.contains(nth)) {
            let (least, most) = (bounds.start(), bounds.end());
            self.fault(format!("numbers in BYDAY must be from {least} to {most} here{instead}"));
        }
        // The standard has the days of either; the library has those that are both.
        if !numbered.is_empty() && !plain.is_empty() {
            self.fault(format!(
                "BYDAY must have a number before each weekday, or before none: make two seasons, one with \
                 BYDAY={} and one with BYDAY={}",
                weekdays(&plain),
                weekdays(&numbered)
            ));
        }
    }
}

/// A number of at most six digits, with an optional sign.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn weekday(text: &str) -> Option<(i16, usize)> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = WEEKDAYS.iter().position(|one| *one == day)?;
    let nth = if nth.is_empty() { 0 } else { number(nth).filter(|nth| *nth != 0)? };
    Some((i16::try_from(nth).ok()?, day))
}

fn until(text: &str) -> Option<Until> {
    let digits = |range: std::ops::Range<usize>| {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i16>().ok()).flatten()
    };
    let small = |range| digits(range).and_then(|number| i8::try_from(number).ok());
    let day = Date::new(digits(0..4)?, small(4..6)?, small(6..8)?).ok()?;
    if text.len() == 8 {
        return Some(Until::Day(day));
    }
    if text.len() != 16 || text.get(8..9)? != "T" || !text.ends_with('Z') {
        return None;
    }
    let time = jiff::civil::Time::new(small(9..11)?, small(11..13)?, small(13..15)?, 0).ok()?;
    Some(Until::Instant(Offset::UTC.to_timestamp(day.to_datetime(time)).ok()?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        RuleText::parse(text).expect_err(text)
    }

    #[test]
    fn a_rule_is_written_in_one_order() {
        let rule = "rrule:byday=4th;bymonth=11;freq=yearly;interval=1;wkst=mo";
        assert_eq!(RuleText::parse(rule).unwrap().to_string(), "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH");
        for same in [
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYMONTHDAY=-1,15;BYSETPOS=1",
            "FREQ=YEARLY;UNTIL=20301231;BYWEEKNO=20;BYDAY=MO;WKST=SU",
            "FREQ=WEEKLY;UNTIL=20301231T220000Z;BYDAY=FR,SA",
        ] {
            assert_eq!(RuleText::parse(same).unwrap().to_string(), same);
        }
    }

    #[test]
    fn all_faults_come_at_once() {
        let faults = faults(
            "FREQ=HOURLY;FREQ=DAILY;INTERVAL=0;COUNT=1;UNTIL=2030;BYMONTH=13,x;BYDAY=XX;BYHOUR=9;WKST=1;X;",
        );
        let starts = [
            "FREQ must be YEARLY",
            "FREQ must be given once",
            "INTERVAL",
            "UNTIL",
            "BYMONTH",
            "BYDAY",
            "BYHOUR",
            "WKST",
            "\"X\"",
            "\"\"",
            "COUNT goes",
        ];
        assert_eq!(faults.len(), starts.len(), "{faults:?}");
        assert!(
            faults.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)),
            "{faults:?}"
        );
    }

    #[test]
    fn parts_that_do_not_go_together_are_refused() {
        for bad in [
            "",
            "FREQ=",
            "BYMONTH=1",
            "FREQ=SECONDLY",
            "FREQ=DAILY;BYYEARDAY=1",
            "FREQ=MONTHLY;BYWEEKNO=1",
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=MONTHLY;BYDAY=6MO",
            "FREQ=MONTHLY;BYDAY=-5MO",
            "FREQ=MONTHLY;BYDAY=-32768MO",
            "FREQ=YEARLY;BYDAY=-53MO",
            "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=32",
            "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=-8",
            "FREQ=DAILY;BYDAY=MO;BYSETPOS=1,2",
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO",
            "FREQ=YEARLY;BYSETPOS=1",
            "FREQ=YEARLY;BYMONTH=0",
            "FREQ=YEARLY;BYMONTH=-1",
            "FREQ=YEARLY;BYMONTHDAY=32",
            "FREQ=YEARLY;BYDAY=0MO",
            "FREQ=YEARLY;COUNT=99999",
            "FREQ=YEARLY;UNTIL=20300230",
            "FREQ=YEARLY;UNTIL=20301231T235960Z",
            "FREQ=YEARLY;UNTIL=20301231T220000",
            "FREQ=YEARLY;BYEASTER=0",
            "FREQ=YEARLY\nEXDATE:20300101",
        ] {
            faults(bad);
        }
    }

    #[test]
    fn weekdays_with_a_number_and_without_are_not_in_one_rule() {
        for (rule, plain, numbered) in [
            ("FREQ=MONTHLY;BYDAY=MO,1TU", "BYDAY=MO ", "BYDAY=1TU"),
            ("FREQ=MONTHLY;BYDAY=-1SA,SU", "BYDAY=SU ", "BYDAY=-1SA"),
            ("FREQ=YEARLY;BYMONTH=5;BYDAY=MO,2TU,WE,-1FR", "BYDAY=MO,WE ", "BYDAY=2TU,-1FR"),
        ] {
            let faults = faults(rule);
            let told = |part: &str| faults[0].contains(part);
            assert!(faults.len() == 1 && told("two seasons"), "{rule}: {faults:?}");
            assert!(told(plain) && faults[0].ends_with(numbered), "{rule}: {faults:?}");
        }
        // One fault is enough where numbers do not go at all.
        assert_eq!(faults("FREQ=WEEKLY;BYDAY=MO,1TU").len(), 1);
    }

    #[test]
    fn bounds_are_told_in_words_of_ours() {
        let fifth = faults("FREQ=MONTHLY;BYDAY=-5MO");
        assert!(fifth[0].starts_with("numbers in BYDAY must be from -4 to 5 here: "), "{fifth:?}");
        let yearly = faults("FREQ=YEARLY;BYDAY=-53MO");
        assert_eq!(yearly, ["numbers in BYDAY must be from -52 to 53 here"]);
        let position = faults("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=40");
        assert_eq!(position, ["BYSETPOS must be from -31 to 31 with FREQ=MONTHLY"]);
    }
}
