//! Overload: how much is asked of the database at once, and what is done with the rest.

use std::{fmt, str::FromStr, time::Duration};

use super::{
    bad_setting::BadSetting,
    database::DatabaseSettings,
    http::HttpSettings,
    value::{Bytes, Rule, duration},
};

/// Settings of overload.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Overload")]
pub struct OverloadSettings {
    /// Most reads of the database at once for answers that are not kept. `auto` finds it by how long
    /// they take, for lists, movies and writes each by itself; a number allows so many lists, and a third as
    /// many movies and writes; `off` allows as many as come. Beyond it requests wait for a moment, and are
    /// then answered by 503 with Retry-After. Answers that are kept never wait.
    #[arg(
        long,
        env = "MARQUEE_OVERLOAD_LIMIT",
        value_name = "auto|off|NUMBER",
        default_value = "auto"
    )]
    pub overload_limit: OverloadLimit,

    /// How long a burst of reads may wait for the database; lists four times as long, writes
    /// twice. Where it is no burst but an overload, half of it.
    #[arg(
        long,
        env = "MARQUEE_OVERLOAD_QUEUE_TIME",
        value_name = "DURATION",
        default_value = "500ms",
        value_parser = duration(Duration::from_millis(1), Duration::from_secs(10))
    )]
    pub overload_queue_time: Duration,

    /// Most bytes of requests' bodies that are being read at once. A body for which there is no room is
    /// answered by 503.
    #[arg(
        long,
        env = "MARQUEE_BODY_MEMORY",
        value_name = "BYTES",
        default_value = "256MiB",
        value_parser = Bytes::from_1_kib_to_1_tib
    )]
    pub body_memory: Bytes,
}

impl OverloadSettings {
    /// Refuses a limit that the database has no connections for, and memory that one body could not be
    /// read in.
    pub(super) fn check(
        &self,
        database: &DatabaseSettings,
        http: &HttpSettings,
    ) -> Result<(), BadSetting> {
        if let OverloadLimit::Fixed(limit) = self.overload_limit
            && limit > database.connections()
        {
            let rule =
                format!("must be at most --database-connections ({})", database.connections());
            let value = limit.to_string();
            return Err(BadSetting::new(
                "--overload-limit",
                "MARQUEE_OVERLOAD_LIMIT",
                rule,
                &value,
            ));
        }
        if self.body_memory < http.body_limit.max(http.batch_body_limit) {
            return Err(BadSetting::new(
                "--body-memory",
                "MARQUEE_BODY_MEMORY",
                "must be at least --body-limit and --batch-body-limit, or no such body could be read",
                &self.body_memory.get().to_string(),
            ));
        }
        Ok(())
    }
}

/// How many operations the database gets at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverloadLimit {
    /// As many as it is found to do well.
    Auto,
    /// As many as come.
    Off,
    /// So many lists.
    Fixed(u32),
}

impl FromStr for OverloadLimit {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            number => number.parse().ok().filter(|limit| (1..=10_000).contains(limit)).map_or_else(
                || Err(Rule::new("must be auto, off, or a whole number from 1 to 10000")),
                |limit| Ok(Self::Fixed(limit)),
            ),
        }
    }
}

impl fmt::Display for OverloadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Fixed(limit) => limit.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::{super::Settings, *};

    fn refused(arguments: &[&str]) -> Option<String> {
        let command = Settings::augment_args(clap::Command::new("settings"));
        let arguments = ["settings"].iter().chain(arguments);
        let matches = command.try_get_matches_from(arguments).unwrap();
        let settings = Settings::from_arg_matches(&matches).unwrap();
        settings.check().err().map(|bad| bad.to_string())
    }

    #[test]
    fn a_limit_is_a_word_or_a_number() {
        for text in ["auto", "off", "1", "10000"] {
            assert_eq!(text.parse::<OverloadLimit>().unwrap().to_string(), text);
        }
        for text in ["", "0", "10001", "on", "-1", "1.5", "AUTO"] {
            let rule = text.parse::<OverloadLimit>().unwrap_err().to_string();
            assert_eq!(rule, "must be auto, off, or a whole number from 1 to 10000", "{text}");
        }
    }

    #[test]
    fn a_limit_beyond_the_connections_is_refused() {
        assert_eq!(refused(&["--overload-limit", "8"]), None);
        let rule = refused(&["--overload-limit", "9"]).unwrap();
        assert!(rule.ends_with("but must be at most --database-connections (8)"), "{rule}");
        assert_eq!(refused(&["--overload-limit", "9", "--database-connections", "9"]), None);
    }

    #[test]
    fn memory_that_one_body_could_not_be_read_in_is_refused() {
        assert_eq!(refused(&["--body-memory", "16MiB"]), None);
        for arguments in
            [&["--body-memory", "15MiB"][..], &["--body-memory", "1GiB", "--body-limit", "1GiB"]]
        {
            let rule = refused(arguments);
            let fits = rule.is_none();
            assert_eq!(fits, arguments.len() > 2, "{rule:?}");
        }
        let rule = refused(&["--body-memory", "1KiB"]).unwrap();
        assert!(rule.starts_with("--body-memory (MARQUEE_BODY_MEMORY) is \"1024\", but"), "{rule}");
    }
}
