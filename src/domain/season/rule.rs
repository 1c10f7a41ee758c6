//! Days that an iCalendar rule gives.
//!
//! The rule is worked out on days of the calendar, without a zone, once, when it is read; the days become
//! instants here, so that there is one set of time-zone rules in the program.

use std::sync::Arc;

use jiff::{civil::Date, tz::Offset};
use rrule::RRuleSet;

use super::{
    Ms, YEARS,
    duration::Duration,
    once::Local,
    rule_text::{RuleText, Until},
    zone::Zone,
};

/// Most days of one rule. Each Monday, Wednesday and Friday of 75 years are 11,700.
pub const OCCURRENCES_MAX: usize = 20_000;

/// Occurrences that may end in another order than they began, where clocks are changed.
const DISORDER: usize = 3;

/// Days that a rule gives, and how long each occurrence is.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) text: RuleText,
    pub(super) start: Local,
    pub(super) duration: Duration,
    pub(super) zone: Zone,
    /// The days on which it begins, in their order.
    days: Arc<[Date]>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        // The days follow from these.
        let parts = |rule: &Self| (rule.text.clone(), rule.start, rule.duration, rule.zone.clone());
        parts(self) == parts(other)
    }
}

impl Rule {
    /// Works a rule out, from its first day up to the last year of seasons.
    ///
    /// # Errors
    /// Why it is of no use, in the words of a fault.
    pub(super) fn new(
        text: RuleText,
        start: Local,
        duration: Duration,
        zone: Zone,
    ) -> Result<Self, String> {
        let is_before_start = |until| match until {
            Until::Day(day) => day < start.day(),
            Until::Instant(at) => at < begin(&zone, start, start.day()),
        };
        if text.until.is_some_and(is_before_start) {
            return Err("UNTIL is before dtstart".to_owned());
        }
        let days = days(&text, start, &zone)?;
        Ok(Self { text, start, duration, zone, days })
    }

    fn span(&self, day: Date) -> (Ms, Ms) {
        let start = begin(&self.zone, self.start, day);
        let Duration { days, seconds } = self.duration;
        let nominal = match days {
            0 => start,
            days => {
                let later = day.saturating_add(jiff::Span::new().days(days));
                begin(&self.zone, self.start, later)
            }
        };
        (start, nominal.saturating_add(seconds * 1000))
    }

    /// How many occurrences have begun by an instant.
    fn begun(&self, at: Ms) -> usize {
        self.days.partition_point(|day| begin(&self.zone, self.start, *day) <= at)
    }

    /// The occurrences that have begun by an instant and may not have ended, the last first.
    pub(super) fn begun_by(&self, at: Ms) -> impl Iterator<Item = (Ms, Ms)> {
        let back = jiff::Span::new().days(self.duration.days_at_most() + 2);
        let oldest = self.zone.day_of(at).saturating_sub(back);
        let begun = self.days[..self.begun(at)].iter().rev();
        let recent = begun.take_while(move |day| **day >= oldest);
        recent.map(|day| self.span(*day)).filter(|(start, end)| start < end)
    }

    pub(super) fn begins_after(&self, at: Ms) -> Option<Ms> {
        let spans = self.days[self.begun(at)..].iter().map(|day| self.span(*day));
        // A day that clocks jump over is none.
        spans.filter(|(start, end)| start < end).map(|(start, _)| start).next()
    }

    pub(super) fn ended_by(&self, at: Ms) -> Option<Ms> {
        let begun = self.days[..self.begun(at)].iter().rev().map(|day| self.span(*day));
        begun
            .filter(|(start, end)| start < end && *end <= at)
            .map(|(_, end)| end)
            .take(DISORDER)
            .max()
    }
}

/// When an occurrence on a day begins.
fn begin(zone: &Zone, start: Local, day: Date) -> Ms {
    match start {
        Local::Day(_) => zone.start_of(day),
        Local::Time(time) => zone.instant_of(day.to_datetime(time.time())),
    }
}

fn days(text: &RuleText, start: Local, zone: &Zone) -> Result<Arc<[Date]>, String> {
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
    let ending = text.ending(text.count.is_none().then_some(until));
    let first = start.day().strftime("%Y%m%d");
    let set: RRuleSet = format!("DTSTART:{first}T000000Z\nRRULE:{ending}")
        .parse()
        .map_err(|error| format!("cannot be worked out: {error}"))?;
    let mut days = Vec::new();
    for occurrence in &set.limit() {
        let seconds = occurrence.timestamp();
        let Ok(at) = jiff::Timestamp::from_second(seconds) else { break };
        let day = Offset::UTC.to_datetime(at).date();
        if day > until {
            break;
        }
        if let Some(Until::Instant(end)) = text.until
            && begin(zone, start, day) > end
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
    }
    if days.is_empty() {
        return Err(format!("gives no day from dtstart until {}", YEARS.1));
    }
    Ok(days.into())
}
