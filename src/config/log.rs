//! What is logged, and how.

use std::{fmt, io::IsTerminal, str::FromStr};

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::value::Rule;

/// Settings of the log, which goes to standard error.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogSettings {
    /// Format of the log: `text` for people, `json` for machines (an object a line). Default: `text`
    /// on a terminal, else `json`.
    #[arg(long, env = "MARQUEE_LOG_FORMAT", value_name = "FORMAT", hide_possible_values = true)]
    pub log_format: Option<LogFormat>,

    /// How much is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`; for a part of the
    /// program `PART=LEVEL`, separated by commas (`info,marquee::store=debug`). The audit trail is
    /// written at every level but `off`; `audit=off` ends it alone. What clients of HTTP/2 do against
    /// the protocol is logged with `h2=warn`.
    #[arg(long, env = "MARQUEE_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,
}

impl LogSettings {
    /// The format: as set, or as fits where standard error goes.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.log_format.unwrap_or_else(|| {
            if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json }
        })
    }
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line of text, in colour on a terminal.
    Text,
    /// A JSON object a line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// How much is logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLevel {
    text: String,
    targets: Targets,
}

impl LogLevel {
    /// The filter for the log.
    #[must_use]
    pub fn filter(&self) -> Targets {
        self.targets.clone()
    }
}

impl fmt::Display for LogLevel {
    /// As it was typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The target of the audit trail.
const AUDIT: &str = "audit";
/// The library of HTTP/2: it warns once for each connection that is ended for the client's faults, and so
/// as often as whoever attacks likes. They are counted among the connections that ended.
const HTTP2: &str = "h2";

impl FromStr for LogLevel {
    type Err = Rule;

    /// Stricter than [`Targets`], which takes a misspelt level for the name of a part.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let level = |text: &str| match text.to_ascii_lowercase().as_str() {
            "off" => Ok(LevelFilter::OFF),
            "error" => Ok(LevelFilter::ERROR),
            "warn" => Ok(LevelFilter::WARN),
            "info" => Ok(LevelFilter::INFO),
            "debug" => Ok(LevelFilter::DEBUG),
            "trace" => Ok(LevelFilter::TRACE),
            _ => Err(Rule::new(
                "must be off, error, warn, info, debug or trace, or PART=LEVEL, separated by commas",
            )),
        };
        // Who lowers the level does not mean the trail of writes: `audit=off` or `off` end that.
        let mut targets = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target(AUDIT, LevelFilter::INFO)
            .with_target(HTTP2, LevelFilter::ERROR);
        for part in text.split(',').map(str::trim) {
            targets = match part.split_once('=') {
                Some((target, of_target)) => targets.with_target(target, level(of_target)?),
                None if level(part)? == LevelFilter::OFF => targets
                    .with_default(LevelFilter::OFF)
                    .with_target(AUDIT, LevelFilter::OFF)
                    .with_target(HTTP2, LevelFilter::OFF),
                None => targets.with_default(level(part)?),
            };
        }
        Ok(Self { text: text.to_owned(), targets })
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_holds_for_all_parts_but_those_with_their_own() {
        let filter = "warn,marquee::store=debug".parse::<LogLevel>().unwrap().filter();
        assert!(filter.would_enable("marquee::store::lists", &Level::DEBUG));
        assert!(filter.would_enable("hyper", &Level::WARN));
        assert!(!filter.would_enable("marquee::http", &Level::INFO));
    }

    #[test]
    fn the_audit_trail_ends_only_where_that_is_said() {
        let trail = |text: &str| {
            let filter = text.parse::<LogLevel>().unwrap().filter();
            filter.would_enable("audit", &Level::INFO)
        };
        assert!(trail("info") && trail("error") && trail("warn,hyper=off"));
        assert!(!trail("off") && !trail("info,audit=off") && !trail("error,audit=warn"));
    }

    #[test]
    fn who_breaks_the_protocol_does_not_fill_the_log() {
        let warns = |text: &str| {
            let filter = text.parse::<LogLevel>().unwrap().filter();
            filter.would_enable("h2::proto::streams::recv", &Level::WARN)
        };
        assert!(!warns("info") && !warns("trace") && !warns("off"));
        assert!(warns("info,h2=warn"));
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for text in ["", "inof", "info,", "marquee=loud", "marquee=", "1"] {
            assert!(text.parse::<LogLevel>().is_err(), "{text}");
        }
    }
}
