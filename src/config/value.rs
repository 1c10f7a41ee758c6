//! How values are read: durations, counts and sizes, each with the bounds that its setting allows.

use std::{fmt, time::Duration};

use jiff::SignedDuration;

/// The rule that a value breaks, in words that help to mend it: "must be …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rule(String);

impl Rule {
    /// A rule in the operator's words.
    pub fn new(rule: impl Into<String>) -> Self {
        Self(rule.into())
    }
}

/// Reads durations from `least` to `most`: a number with a unit (`250ms`, `1s`, `5m`, `1h 30m`).
pub fn duration(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, Rule> + Clone + Send + Sync + 'static {
    move |text| {
        text.parse::<SignedDuration>()
            .ok()
            .and_then(|signed| Duration::try_from(signed).ok())
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| {
                let (least, most) = (Human(least), Human(most));
                Rule(format!(
                    "must be a number with a unit (ms, s, m, h) and from {least} to {most}"
                ))
            })
    }
}

/// Reads whole numbers from `least` to `most`.
pub fn count(
    least: u32,
    most: u32,
) -> impl Fn(&str) -> Result<u32, Rule> + Clone + Send + Sync + 'static {
    move |text| {
        text.parse()
            .ok()
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| Rule(format!("must be a whole number from {least} to {most}")))
    }
}

/// Reads shares: numbers from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, Rule> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| Rule::new("must be a share, a number from 0 to 1"))
}

/// A number of bytes, written with a unit (`512KiB`, `1MiB`, `16MB`) or as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Bytes {
    const UNITS: [(&'static str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a size in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Reads sizes up to 1 TiB; 0 stands for none.
    pub(super) fn up_to_1_tib(text: &str) -> Result<Self, Rule> {
        Self::parse(text).filter(|size| size.0 <= 1 << 40).ok_or_else(|| {
            Rule::new(
                "must be a number with a unit (B, KiB, MiB, GiB) and at most 1024GiB; 0 for none",
            )
        })
    }

    /// Reads sizes from 1 KiB to 1 GiB.
    pub(super) fn from_1_kib_to_1_gib(text: &str) -> Result<Self, Rule> {
        Self::parse(text).filter(|size| (1 << 10..=1 << 30).contains(&size.0)).ok_or_else(|| {
            Rule::new("must be a number with a unit (B, KiB, MiB, GiB) and from 1KiB to 1GiB")
        })
    }

    /// Reads sizes from 16 MiB to 16 GiB.
    pub(super) fn from_16_mib_to_16_gib(text: &str) -> Result<Self, Rule> {
        Self::parse(text).filter(|size| (16 << 20..=16 << 30).contains(&size.0)).ok_or_else(|| {
            Rule::new("must be a number with a unit (MiB, GiB) and from 16MiB to 16GiB")
        })
    }

    /// Reads sizes from 1 KiB to 1 TiB.
    pub(super) fn from_1_kib_to_1_tib(text: &str) -> Result<Self, Rule> {
        Self::parse(text).filter(|size| (1 << 10..=1 << 40).contains(&size.0)).ok_or_else(|| {
            Rule::new("must be a number with a unit (B, KiB, MiB, GiB) and from 1KiB to 1024GiB")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim_start() {
            "" => 1,
            unit => Self::UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        number.parse::<u64>().ok()?.checked_mul(unit).map(Self)
    }
}

/// The value of a `Cache-Control` header, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheControl(String);

impl CacheControl {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for CacheControl {
    type Err = Rule;

    /// Reads directives separated by commas (RFC 9111, section 5.2): `name` or `name=value`.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let token = |text: &str| {
            let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~\"".contains(c);
            !text.is_empty() && text.chars().all(good)
        };
        let directive = |text: &str| {
            let (name, value) = text.split_once('=').unwrap_or((text, "1"));
            token(name) && token(value)
        };
        if text.split(',').map(str::trim).all(directive) {
            return Ok(Self(text.trim().to_owned()));
        }
        Err(Rule::new("must be directives of Cache-Control, like \"public, max-age=10\""))
    }
}

impl fmt::Display for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A duration as people write it.
struct Human(Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(signed) => write!(f, "{signed:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to_an_hour(text: &str) -> Result<Duration, String> {
        duration(Duration::from_millis(10), Duration::from_hours(1))(text)
            .map_err(|rule| rule.to_string())
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        for (text, ms) in
            [("250ms", 250), ("1s", 1000), ("5m", 300_000), ("1m30s", 90_000), ("1h", 3_600_000)]
        {
            assert_eq!(up_to_an_hour(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn durations_without_a_unit_or_out_of_bounds_are_refused_with_the_rule() {
        for text in ["", "5", "-1s", "9ms", "61m", "soon", "1 fortnight", "0s"] {
            assert_eq!(
                up_to_an_hour(text),
                Err("must be a number with a unit (ms, s, m, h) and from 10ms to 1h".into()),
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_are_read_with_or_without_a_unit() {
        for (text, bytes) in [
            ("1KiB", 1024),
            ("4096", 4096),
            ("2 MiB", 2 << 20),
            ("1GiB", 1 << 30),
            ("5MB", 5_000_000),
        ] {
            assert_eq!(Bytes::from_1_kib_to_1_gib(text), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn sizes_out_of_bounds_or_in_unknown_units_are_refused() {
        for text in ["", "MiB", "1023", "2GiB", "-1KiB", "1.5MiB", "1mib", "99999999999999999999"] {
            assert!(Bytes::from_1_kib_to_1_gib(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cache_control_is_a_list_of_directives() {
        for good in ["no-store", "public, max-age=10", "private,max-age=0 , must-revalidate"] {
            assert!(good.parse::<CacheControl>().is_ok(), "{good}");
        }
        for bad in ["", ",", "max-age=", "a b", "max-age=1\r\nX: y", "é"] {
            assert!(bad.parse::<CacheControl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_out_of_bounds_are_refused_with_the_rule() {
        let read = count(1, 10);
        assert_eq!(read("10"), Ok(10));
        for text in ["", "0", "11", "-1", "1.5", "ten"] {
            let rule = read(text).unwrap_err().to_string();
            assert_eq!(rule, "must be a whole number from 1 to 10", "{text}");
        }
    }
    #[test]
    fn shares_are_numbers_from_0_to_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["", "-0.1", "1.1", "NaN", "1%", "inf"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
