//! Time zones by name, with the rules that are part of the program.
//!
//! **Invariant:** the machine's own files are never looked at: replicas on different machines would
//! disagree about when a season begins.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

use super::Ms;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Zone {
    /// The zone of an IANA name, spelled as IANA does (`Europe/Berlin`, `UTC`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let rules = DATABASE.get(name).ok()?;
        let known = rules.iana_name() == Some(name) && !rules.is_unknown();
        known.then(|| Self { name: name.to_owned(), rules })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first instant of a day. Where clocks jump over midnight, that is the instant of the jump; a day
    /// that they jump over whole begins when the next one does.
    pub(super) fn start_of(&self, day: Date) -> Ms {
        let midnight = day.at(0, 0, 0, 0);
        let instant = self.instant_of(midnight);
        let ambiguous = self.rules.to_ambiguous_timestamp(midnight);
        if !matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
            return instant;
        }
        let after = Timestamp::from_millisecond(instant.saturating_add(1));
        let jump = after.ok().and_then(|after| self.rules.preceding(after).next());
        jump.map_or(instant, |jump| jump.timestamp().as_millisecond())
    }

    /// The instant of a local time. One that comes twice is the first; one that clocks jump over is as much
    /// later as they jump (RFC 5545, section 3.3.5).
    pub(super) fn instant_of(&self, local: DateTime) -> Ms {
        let instant = self.rules.to_timestamp(local);
        // Beyond what can be written down; the years of seasons are not.
        instant.map_or(Ms::MAX, Timestamp::as_millisecond)
    }

    /// The day that it is at an instant.
    pub(super) fn day_of(&self, at: Ms) -> Date {
        let bounds = if at < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let at = Timestamp::from_millisecond(at).unwrap_or(bounds);
        self.rules.to_datetime(at).date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(zone: &str, day: &str) -> String {
        let ms = Zone::named(zone).unwrap().start_of(day.parse().unwrap());
        Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    #[test]
    fn zones_have_the_names_that_iana_gives_them() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
            assert_eq!(Zone::named(name).map(|zone| zone.name), Some(name.to_owned()));
        }
        for name in ["", "Europe/Atlantis", "europe/berlin", "+02:00", "Etc/Unknown", "CEST", ".."]
        {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_day_begins_at_its_first_instant_wherever_clocks_are_changed() {
        assert_eq!(start("Europe/Berlin", "2026-12-20"), "2026-12-19T23:00:00Z");
        // No midnight: clocks jump from 00:00 to 01:00.
        assert_eq!(start("America/Santiago", "2026-09-06"), "2026-09-06T04:00:00Z");
        // Two midnights: clocks go back from 01:00 to 00:00.
        assert_eq!(start("America/Havana", "2026-11-01"), "2026-11-01T04:00:00Z");
        // Clocks jump over midnight, from 23:30 to 00:30.
        assert_eq!(start("America/Toronto", "1919-03-31"), "1919-03-31T04:30:00Z");
        // A day that there was not.
        assert_eq!(start("Pacific/Apia", "2011-12-30"), "2011-12-30T10:00:00Z");
        assert_eq!(start("Pacific/Apia", "2011-12-31"), "2011-12-30T10:00:00Z");
    }

    #[test]
    fn local_times_that_come_twice_or_never_are_instants_too() {
        let instant = |text: &str| {
            let ms = Zone::named("Europe/Berlin").unwrap().instant_of(text.parse().unwrap());
            Timestamp::from_millisecond(ms).unwrap().to_string()
        };
        assert_eq!(instant("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        assert_eq!(instant("2026-03-29T02:30:00"), "2026-03-29T01:30:00Z");
    }
}
