//! Seasons read from JSON, with all of their faults.
//!
//! Yearly: `{"from":"--12-20","to":"--01-05","timezone":…}`; once: the same with days or times;
//! by a rule: `{"rrule":…,"dtstart":…,"duration":…,"timezone":…}`.

use serde_json::{Map, Value};

use crate::domain::{invalid::Faults, movie_json::pointer};

use super::{
    DAYS_MAX, Once, Rule, SEASONS_MAX, SPANS_MAX, Season, Seasons, Spans, YEARS, Yearly,
    duration::Duration, once::Local, rule_text::RuleText, yearly::MonthDay, zone::Zone,
};

/// Reads a list of seasons whose JSON pointer is `at`; its faults are noted in `faults`.
pub fn read(at: &str, value: &Value, faults: &mut Faults) -> Option<Seasons> {
    let Value::Array(items) = value else {
        faults.pointer(at, "must be a list of seasons, or null for always");
        return None;
    };
    if items.is_empty() {
        faults.pointer(at, "must have a season; null, or no such member, is always");
        return None;
    }
    if items.len() > SEASONS_MAX {
        faults.pointer(at, format!("must have at most {SEASONS_MAX} seasons, not {}", items.len()));
        return None;
    }
    let read = |(n, item): (usize, &Value)| {
        let at = format!("{at}/{n}");
        let Value::Object(object) = item else {
            faults.pointer(at, "must be an object");
            return None;
        };
        Reader { at, object, faults }.season()
    };
    // Each of them, so that all faults are told.
    let read: Vec<Option<(Season, Spans)>> = items.iter().enumerate().map(read).collect();
    let read: Vec<(Season, Spans)> = read.into_iter().collect::<Option<_>>()?;
    let (seasons, spans): (Vec<Season>, Vec<Spans>) = read.into_iter().unzip();
    match Seasons::new(seasons, spans.concat()) {
        Ok(seasons) => Some(seasons),
        Err(count) => {
            let last = YEARS.1;
            let detail = format!(
                "must be on at most {SPANS_MAX} times until {last}, not {count}: end rules with UNTIL"
            );
            faults.pointer(at, detail);
            None
        }
    }
}

struct Reader<'a> {
    at: String,
    object: &'a Map<String, Value>,
    faults: &'a mut Faults,
}

const OF_SPANS: &[&str] = &["from", "to", "timezone"];
const OF_RULES: &[&str] = &["rrule", "dtstart", "duration", "timezone"];

impl Reader<'_> {
    /// A season, and when it is on.
    fn season(mut self) -> Option<(Season, Spans)> {
        let is_rule =
            ["rrule", "dtstart", "duration"].iter().any(|name| self.object.contains_key(*name));
        let members = if is_rule { OF_RULES } else { OF_SPANS };
        for name in self.object.keys().filter(|name| !members.contains(&name.as_str())) {
            let detail =
                format!("does not belong here; a season like this has {}", members.join(", "));
            self.faults.pointer(format!("{}{}", self.at, pointer(name)), detail);
        }
        let is_whole = self.object.keys().all(|name| members.contains(&name.as_str()));
        let zone = self.zone();
        let season = if is_rule { self.rule(zone) } else { self.span(zone) };
        season.filter(|_| is_whole)
    }

    fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.pointer(format!("{}/{name}", self.at), detail);
    }

    fn text(&mut self, name: &str, must: &str) -> Option<String> {
        match self.object.get(name) {
            Some(Value::String(text)) => return Some(text.clone()),
            None => self.fault(name, format!("is required: {must}")),
            Some(_) => self.fault(name, format!("must be {must}")),
        }
        None
    }

    fn zone(&mut self) -> Option<Zone> {
        let must = "the name of a time zone, as in Europe/Berlin, America/New_York or UTC";
        let name = self.text("timezone", must)?;
        let zone = Zone::named(&name);
        if zone.is_none() {
            self.fault("timezone", format!("must be {must}, spelled as IANA does"));
        }
        zone
    }

    fn span(&mut self, zone: Option<Zone>) -> Option<(Season, Spans)> {
        let must = "a day of each year as --MM-DD, or a day as YYYY-MM-DD, or a local time as YYYY-MM-DDTHH:MM";
        let (from, to) = (self.text("from", must), self.text("to", must));
        let from = from.and_then(|text| self.end("from", &text));
        let to = to.and_then(|text| self.end("to", &text));
        match (from?, to?) {
            (End::Yearly(from), End::Yearly(to)) => {
                let yearly = Yearly { from, to, zone: zone? };
                if yearly.is_all_year() {
                    self.fault(
                        "to",
                        "leaves out no day of the year: without seasons it is always on",
                    );
                    return None;
                }
                let spans = yearly.spans().collect();
                Some((Season::Yearly(yearly), spans))
            }
            (End::Once(from), End::Once(to)) => {
                let once = Once::new(from, to, zone?);
                if once.is_none() {
                    self.fault("to", "must not be before from");
                }
                once.map(|once| {
                    let spans = vec![once.span()];
                    (Season::Once(once), spans)
                })
            }
            _ => {
                self.fault(
                    "to",
                    "must be a day of each year if from is one, and none if it is not",
                );
                None
            }
        }
    }

    fn end(&mut self, name: &str, text: &str) -> Option<End> {
        let end = if text.starts_with("--") {
            MonthDay::parse(text).map(End::Yearly)
        } else {
            Local::parse(text).map(End::Once)
        };
        if end.is_none() {
            let (first, last) = YEARS;
            let detail = if text.starts_with("--") {
                "must be a day of the year as --MM-DD".to_owned()
            } else {
                format!(
                    "must be a day as YYYY-MM-DD or a local time as YYYY-MM-DDTHH:MM, without an offset, \
                     from {first} to {last}"
                )
            };
            self.fault(name, detail);
        }
        end
    }

    fn rule(&mut self, zone: Option<Zone>) -> Option<(Season, Spans)> {
        let text = self.text("rrule", "an iCalendar rule, as in FREQ=YEARLY;BYMONTH=11;BYDAY=4TH");
        let text = text.and_then(|text| match RuleText::parse(&text) {
            Ok(rule) => Some(rule),
            Err(faults) => {
                for fault in faults {
                    self.fault("rrule", fault);
                }
                None
            }
        });
        let start =
            self.text("dtstart", "the first day, or the first local time, that the rule may give");
        let start = start.and_then(|text| match self.end("dtstart", &text) {
            Some(End::Once(start)) => Some(start),
            Some(End::Yearly(_)) => {
                self.fault("dtstart", "must have a year");
                None
            }
            None => None,
        });
        let duration = self.duration();
        match Rule::new(text?, start?, duration?, zone?) {
            Ok((rule, spans)) => Some((Season::Rule(rule), spans)),
            Err(fault) => {
                self.fault("rrule", fault);
                None
            }
        }
    }

    fn duration(&mut self) -> Option<Duration> {
        let duration = match self.object.get("duration") {
            None | Some(Value::Null) => return Some(Duration::DAY),
            Some(Value::String(text)) => Duration::parse(text),
            Some(Value::Number(days)) => days.as_i64().and_then(Duration::of_days),
            Some(_) => None,
        };
        if duration.is_none() {
            let detail = format!(
                "must be a number of days, or a duration as in P10D, P2W or PT36H, and at most {DAYS_MAX} days"
            );
            self.fault("duration", detail);
        }
        duration
    }
}

enum End {
    Yearly(MonthDay),
    Once(Local),
}
