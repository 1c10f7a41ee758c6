//! Days that an iCalendar rule gives.
//!
//! The rule is worked out on days of the calendar, without a zone, once, when it is read; the days become
//! instants here, so that there is one set of time-zone rules in the program. They are not kept: what is
//! asked of them is when all seasons of a thing are on.

use jiff::{civil::Date, tz::Offset};
use rrule::RRuleSet;

use super::{
    Ms, Spans, YEARS,
    duration::Duration,
    once::Local,
    rule_text::{RuleText, Until},
    zone::Zone,
};

/// Most days of one rule. Each Monday, Wednesday and Friday of 75 years are 11,700.
pub const OCCURRENCES_MAX: usize = 20_000;

/// Days that a rule gives, and how long each occurrence is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(super) text: RuleText,
    pub(super) start: Local,
    pub(super) duration: Duration,
    pub(super) zone: Zone,
}

impl Rule {
    /// A rule, and its occurrences from its first day up to the last year of seasons.
    ///
    /// # Errors
    /// Why it is of no use, in the words of a fault.
    pub(super) fn new(
        text: RuleText,
        start: Local,
        duration: Duration,
        zone: Zone,
    ) -> Result<(Self, Spans), String> {
        let rule = Self { text, start, duration, zone };
        let is_before_start = |until| match until {
            Until::Day(day) => day < start.day(),
            Until::Instant(at) => at < rule.begin(start.day()),
        };
        if rule.text.until.is_some_and(is_before_start) {
            return Err("UNTIL is before dtstart".to_owned());
        }
        let spans = rule.days()?.into_iter().map(|day| rule.span(day));
        // A day that clocks jump over is none.
        let spans = spans.filter(|(start, end)| start < end).collect();
        Ok((rule, spans))
    }

    fn span(&self, day: Date) -> (Ms, Ms) {
        let start = self.begin(day);
        let Duration { days, seconds } = self.duration;
        let nominal = match days {
            0 => start,
            days => self.begin(day.saturating_add(jiff::Span::new().days(days))),
        };
        (start, nominal.saturating_add(seconds * 1000))
    }

    /// When an occurrence on a day begins.
    fn begin(&self, day: Date) -> Ms {
        match self.start {
            Local::Day(_) => self.zone.start_of(day),
            Local::Time(time) => self.zone.instant_of(day.to_datetime(time.time())),
        }
    }

    /// The days on which it begins, in their order.
    fn days(&self) -> Result<Vec<Date>, String> {
        let Self { text, zone, .. } = self;
        let start = self.start.day();
        let last = Date::new(YEARS.1, 12, 31).expect("the last year has a last day");
        // A day more than an instant's own, since it may be another one in the zone.
        let until = match text.until {
            None => last,
            Some(Until::Day(day)) => day.min(last),
            Some(Until::Instant(at)) => {
                let day = zone.day_of(at);
                day.tomorrow().unwrap_or(day).min(last)
            }
        };
        let (first, rule) = text.for_library(start, until);
        let first = first.strftime("%Y%m%d");
        let set: RRuleSet = format!("DTSTART:{first}T000000Z\nRRULE:{rule}")
            .parse()
            .map_err(|error| format!("cannot be worked out: {error}"))?;
        let mut days = Vec::new();
        for occurrence in &set.limit() {
            let seconds = occurrence.timestamp();
            let Ok(at) = jiff::Timestamp::from_second(seconds) else { break };
            let day = Offset::UTC.to_datetime(at).date();
            if day < start {
                continue;
            }
            if day > until {
                break;
            }
            if let Some(Until::Instant(end)) = text.until
                && self.begin(day) > end
            {
                break;
            }
            if days.len() == OCCURRENCES_MAX {
                let most = OCCURRENCES_MAX;
                return Err(format!(
                    "gives more than {most} days until {}: end it with UNTIL",
                    YEARS.1
                ));
            }
            days.push(day);
            if text.count == Some(days.len()) {
                break;
            }
        }
        if days.is_empty() {
            return Err(format!("gives no day from dtstart until {}", YEARS.1));
        }
        Ok(days)
    }
}
