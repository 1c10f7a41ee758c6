//! Models that are kept, apart from what they say: their versions, how good they were found, and who trains
//! the next one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{clock::Moment, parameters::integer};

/// Number of a model. No two models of a catalogue ever have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelVersion(i64);

impl ModelVersion {
    /// Returns `None` for zero and negative numbers.
    #[must_use]
    pub const fn new(raw: i64) -> Option<Self> {
        if raw > 0 { Some(Self(raw)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for ModelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ModelVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        integer(text).and_then(Self::new).ok_or(())
    }
}

/// SHA-256 of a model's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// A checksum from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A checksum that was stored; `None` for anything but 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 64 bits, in hexadecimal digits: enough to tell models apart.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{:016x}", u64::from_be_bytes(std::array::from_fn(|n| self.0[n])))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How good a model was found before it was stored: what each user did last, foretold from what they did
/// before, by a model that knew the latter alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Users that were asked about.
    pub users: u64,
    /// Share of them whose next movie was among the ten that were shown (HR@10).
    pub hit_rate: f64,
    /// The same, places counting less the lower they are (NDCG@10).
    pub gain: f64,
    /// HR@10 of showing everybody what is popular.
    pub popular_hit_rate: f64,
    /// NDCG@10 of that.
    pub popular_gain: f64,
}

impl Validation {
    /// Whether showing everybody what is popular would have been better, and enough were asked to tell.
    #[must_use]
    pub fn is_worse_than_popularity(&self) -> bool {
        const USERS_TO_TELL: u64 = 200;
        self.users >= USERS_TO_TELL && self.gain < self.popular_gain
    }
}

/// What a model was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MadeFrom {
    /// Users whose histories were learnt from.
    pub users: u64,
    /// What they did.
    pub interactions: u64,
    /// Movies that it speaks of.
    pub items: u64,
}

/// A model that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    /// Of its bytes.
    pub checksum: Checksum,
    /// What it was made from.
    pub made_from: MadeFrom,
    /// How good it was found; `None` where too few could be asked about.
    pub validation: Option<Validation>,
    /// When it was made.
    pub made_at: Moment,
}

/// A model that is kept, without its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredModel {
    /// Its number.
    pub version: ModelVersion,
    /// How many bytes it has.
    pub bytes: u64,
    /// In how many pieces they are kept.
    pub chunks: u32,
    /// What was said of it when it was stored.
    pub model: NewModel,
    /// Whether replicas are to recommend by it.
    pub in_use: bool,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingOutcome {
    /// A model was made, and is in use.
    Made,
    /// Too little is known of what people do.
    TooFew,
    /// What was made is worse than showing everybody what is popular, and was not kept.
    Worse,
    /// It failed.
    Failed,
    /// The replica was stopped.
    Stopped,
}

impl TrainingOutcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Made, Self::TooFew, Self::Worse, Self::Failed, Self::Stopped];

    /// Its name in metrics and in what operators read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::TooFew => "too_few",
            Self::Worse => "worse",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The last scheduled training, of whichever replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingRun {
    /// A random number of the replica that was elected.
    pub replica: u64,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// Until when nobody else begins, unless it has ended.
    pub until_ms: i64,
    /// How it ended; `None` while it goes on, or where its replica died.
    pub outcome: Option<TrainingOutcome>,
}

impl TrainingRun {
    /// Whether it goes on, as far as is known.
    #[must_use]
    pub const fn goes_on(&self, now: Moment) -> bool {
        self.outcome.is_none() && now.unix_ms() < self.until_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_reads_as_hexadecimal_digits() {
        let checksum = Checksum::new(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        assert!(checksum.to_string().starts_with("000102030405060708"));
        assert_eq!(checksum.short(), "0001020304050607");
        assert_eq!(Checksum::from_slice(checksum.as_bytes()), Some(checksum));
        assert_eq!(Checksum::from_slice(&[1]), None);
    }

    #[test]
    fn few_users_are_no_reason_to_refuse_a_model() {
        let figures = |users, gain| Validation {
            users,
            hit_rate: 0.1,
            gain,
            popular_hit_rate: 0.1,
            popular_gain: 0.05,
        };
        assert!(figures(500, 0.04).is_worse_than_popularity());
        assert!(!figures(500, 0.05).is_worse_than_popularity());
        assert!(!figures(50, 0.01).is_worse_than_popularity());
    }

    #[test]
    fn a_run_whose_replica_died_goes_on_until_its_time_is_over() {
        let run = TrainingRun { replica: 1, began_ms: 0, until_ms: 10, outcome: None };
        assert!(run.goes_on(Moment::from_unix_ms(9)));
        assert!(!run.goes_on(Moment::from_unix_ms(10)));
        let ended = TrainingRun { outcome: Some(TrainingOutcome::Failed), ..run };
        assert!(!ended.goes_on(Moment::from_unix_ms(9)));
    }
}
