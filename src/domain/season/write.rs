//! Seasons as JSON.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Once, Rule, Season, Seasons, Yearly};

impl Serialize for Seasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl Serialize for Season {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let zone = match self {
            Self::Yearly(Yearly { from, to, zone }) => {
                map.serialize_entry("from", &from.to_string())?;
                map.serialize_entry("to", &to.to_string())?;
                zone
            }
            Self::Once(Once { from, to, zone, .. }) => {
                map.serialize_entry("from", &from.to_string())?;
                map.serialize_entry("to", &to.to_string())?;
                zone
            }
            Self::Rule(Rule { text, start, duration, zone }) => {
                map.serialize_entry("rrule", &text.to_string())?;
                map.serialize_entry("dtstart", &start.to_string())?;
                map.serialize_entry("duration", &duration.to_string())?;
                zone
            }
        };
        map.serialize_entry("timezone", zone.name())?;
        map.end()
    }
}
