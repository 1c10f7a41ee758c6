//! Redis: the cache that replicas share, and how long it may take.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use super::{
    bad_setting::BadSetting,
    redis_url::RedisUrl,
    value::{Rule, count, duration},
};

/// Settings of Redis.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// Redis, which replicas share as a cache and tell each other about writes through:
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `redis-sentinel://…@HOST:PORT,HOST:PORT/MASTER`
    /// or `redis-cluster://…@HOST:PORT,HOST:PORT`, each also with TLS as `rediss…`; or
    /// `redis+unix:///PATH`. Without it each replica has its own cache alone.
    #[arg(long, env = "MARQUEE_REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<RedisUrl>,

    /// What the names of keys and of the channel in Redis begin with. Replicas of one catalogue share
    /// it; two catalogues on one Redis must not.
    #[arg(long, env = "MARQUEE_REDIS_PREFIX", value_name = "NAME", default_value = "marquee")]
    pub redis_prefix: RedisPrefix,

    /// Longest time for one operation of the shared cache. Then the database is asked instead.
    #[arg(
        long,
        env = "MARQUEE_REDIS_DEADLINE",
        value_name = "DURATION",
        default_value = "40ms",
        value_parser = duration(Duration::from_millis(1), Duration::from_secs(5))
    )]
    pub redis_deadline: Duration,

    /// Connections to Redis for the shared cache. Operations share them; invalidations have two of
    /// their own.
    #[arg(
        long,
        env = "MARQUEE_REDIS_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "4",
        value_parser = count(1, 64)
    )]
    pub redis_connections: u32,

    /// Most operations of the shared cache at once. Beyond it the database is asked instead.
    #[arg(
        long,
        env = "MARQUEE_REDIS_IN_FLIGHT",
        value_name = "NUMBER",
        default_value = "256",
        value_parser = count(1, 100_000)
    )]
    pub redis_in_flight: u32,

    /// How long an answer stays in the shared cache, give or take a tenth.
    #[arg(
        long,
        env = "MARQUEE_REDIS_TTL",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = duration(Duration::from_secs(1), Duration::from_hours(30 * 24))
    )]
    pub redis_ttl: Duration,

    /// Longest wait for an answer that another replica is loading.
    #[arg(
        long,
        env = "MARQUEE_REDIS_FILL_WAIT",
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = duration(Duration::ZERO, Duration::from_secs(10))
    )]
    pub redis_fill_wait: Duration,

    /// PEM file with the certificates of the authorities that sign Redis' certificate. Without it
    /// the system's are trusted.
    #[arg(long, env = "MARQUEE_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,
}

impl RedisSettings {
    /// Checks the rules that one value's type cannot hold.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BadSetting> {
        let Some(file) = &self.redis_ca else { return Ok(()) };
        if self.redis_url.as_ref().is_some_and(RedisUrl::is_tls) {
            return Ok(());
        }
        Err(BadSetting::new(
            "--redis-ca",
            "MARQUEE_REDIS_CA",
            "is of use only where --redis-url is of a kind with TLS (rediss://)",
            &file.to_string_lossy(),
        ))
    }
}

/// What names in Redis begin with: 1 to 64 letters, digits, `-`, `_`, `.` and `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisPrefix(String);

impl RedisPrefix {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RedisPrefix {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        // Braces have a meaning in a cluster's keys, stars and brackets in patterns of access rules.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if !(1..=64).contains(&text.len()) || !text.chars().all(plain) {
            return Err(Rule::new("must be 1 to 64 letters, digits and any of `-_.:`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RedisPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn read(arguments: &[&str]) -> RedisSettings {
        let command = RedisSettings::augment_args(clap::Command::new("settings"));
        let arguments = ["settings"].iter().chain(arguments);
        let matches = command.try_get_matches_from(arguments).unwrap();
        RedisSettings::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn a_prefix_that_keys_could_not_begin_with_is_refused() {
        for text in ["", "a b", "{films}", "films*", "é", &"a".repeat(65)] {
            let rule = text.parse::<RedisPrefix>().unwrap_err().to_string();
            assert_eq!(rule, "must be 1 to 64 letters, digits and any of `-_.:`", "{text}");
        }
        assert_eq!("films:v2".parse::<RedisPrefix>().unwrap().as_str(), "films:v2");
    }

    #[test]
    fn an_authority_without_tls_is_refused() {
        for arguments in [
            &["--redis-ca", "ca.pem"][..],
            &["--redis-ca", "ca.pem", "--redis-url", "redis://cache"],
        ] {
            let refused = read(arguments).check().unwrap_err().to_string();
            assert!(refused.starts_with("--redis-ca (MARQUEE_REDIS_CA) is"), "{refused}");
        }
        for scheme in ["rediss://cache", "rediss-sentinel://a/films", "rediss-cluster://a"] {
            assert!(read(&["--redis-ca", "ca.pem", "--redis-url", scheme]).check().is_ok());
        }
    }
}
