//! Recommendations: when models are trained, how large they may be, and how long answers may be kept.

use std::time::Duration;

use super::value::{Bytes, CacheControl, Rule, count, duration};

/// Settings of learning.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recommendations")]
pub struct LearningSettings {
    /// How often a model is trained from what people did, by one replica, which the database elects; `0s` for
    /// never. After a training that failed, or found too little, the next follows after a 24th of that.
    #[arg(
        long,
        env = "MARQUEE_TRAIN_EVERY",
        value_name = "DURATION",
        default_value = "24h",
        value_parser = never_or_from_a_minute_to_30_days
    )]
    pub train_every: Duration,

    /// At which time of the day, in UTC, as in `03:30`; unless given, whenever it is time.
    #[arg(long, env = "MARQUEE_TRAIN_AT", value_name = "HH:MM")]
    pub train_at: Option<TimeOfDay>,

    /// What a training may take.
    #[command(flatten)]
    pub training: TrainingSettings,

    /// The Cache-Control of what is answered to one person: recommendations, and searches with `personalize`.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_PERSONAL",
        value_name = "DIRECTIVES",
        default_value = "private, max-age=10"
    )]
    pub cache_control_personal: CacheControl,
}

/// What a training may take, and what becomes of its model.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recommendations")]
pub struct TrainingSettings {
    /// Memory that a training may take for its matrices, and as much again for what it learns from. Movies
    /// beyond those that fit are learnt sparsely; of users beyond those that fit, some are left out.
    #[arg(
        long,
        env = "MARQUEE_TRAIN_MEMORY",
        value_name = "BYTES",
        default_value = "256MiB",
        value_parser = Bytes::from_16_mib_to_16_gib
    )]
    pub train_memory: Bytes,

    /// Threads of a training; 0 is one, and for `marquee train` one for each processor. Those of a replica have
    /// the lowest priority.
    #[arg(
        long,
        env = "MARQUEE_TRAIN_THREADS",
        value_name = "NUMBER",
        default_value = "0",
        value_parser = count(0, 64)
    )]
    pub train_threads: u32,

    /// The largest model: a training makes none that is larger, and a replica takes none. In memory it takes
    /// about as much, and twice that for the moment in which another one is loaded.
    #[arg(
        long,
        env = "MARQUEE_MODEL_MEMORY",
        value_name = "BYTES",
        default_value = "128MiB",
        value_parser = Bytes::from_16_mib_to_16_gib
    )]
    pub model_memory: Bytes,

    /// Models that stay in the database, the newest ones, to go back to.
    #[arg(
        long,
        env = "MARQUEE_MODELS_KEPT",
        value_name = "NUMBER",
        default_value = "5",
        value_parser = count(1, 100)
    )]
    pub models_kept: u32,
}

fn never_or_from_a_minute_to_30_days(text: &str) -> Result<Duration, Rule> {
    let (least, most) = (Duration::from_mins(1), Duration::from_hours(24 * 30));
    match duration(Duration::ZERO, Duration::ZERO)(text) {
        Ok(never) => Ok(never),
        Err(_) => duration(least, most)(text),
    }
}

/// A time of the day, as milliseconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(i64);

impl TimeOfDay {
    /// Milliseconds since midnight.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }
}

impl std::str::FromStr for TimeOfDay {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let number = |text: &str, below: i64| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().filter(|number: &i64| *number < below)
        };
        let read = || {
            let (hours, minutes) = text.split_once(':')?;
            Some(Self((number(hours, 24)? * 60 + number(minutes, 60)?) * 60_000))
        };
        read().ok_or_else(|| Rule::new("must be a time of the day as in 03:30"))
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0 / 60_000;
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_has_hours_and_minutes() {
        let read = |text: &str| text.parse::<TimeOfDay>();
        assert_eq!(read("03:30").unwrap().ms(), 12_600_000);
        assert_eq!(read("23:59").unwrap().to_string(), "23:59");
        for bad in ["", "3:30", "24:00", "03:60", "03:30:00", "+3:30", "ab:cd"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn trainings_are_a_minute_apart_or_never() {
        let read = |text| never_or_from_a_minute_to_30_days(text).ok();
        assert_eq!(read("0s"), Some(Duration::ZERO));
        assert_eq!(read("1m"), Some(Duration::from_mins(1)));
        assert_eq!((read("59s"), read("31d"), read("")), (None, None, None));
    }
}
