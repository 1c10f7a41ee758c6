//! What `marquee config` prints: each setting, its value, and where that came from.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

use clap::{ArgMatches, parser::ValueSource};
use serde::Serialize;

use super::Settings;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Nobody set it.
    Default,
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Its flag.
    pub setting: String,
    /// Its environment variable.
    pub environment: String,
    /// Its value, without secrets.
    pub value: String,
    /// Where the value came from.
    pub from: From,
}

/// Every setting that was read by `command`, with `matches` as what it read.
#[must_use]
pub fn describe(
    settings: &Settings,
    command: &clap::Command,
    matches: &ArgMatches,
) -> Vec<Described> {
    command
        .get_arguments()
        .filter_map(|argument| {
            let environment = argument.get_env()?.to_string_lossy().into_owned();
            let id = argument.get_id().as_str();
            let value = in_force(settings, id).or_else(|| {
                let raw = matches.get_raw(id)?.next()?;
                Some(raw.to_string_lossy().into_owned())
            });
            let from = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => From::Flag,
                Some(ValueSource::EnvVariable) => From::Environment,
                _ => From::Default,
            };
            Some(Described {
                setting: format!("--{}", argument.get_long()?),
                environment,
                value: value.unwrap_or_default(),
                from,
            })
        })
        .collect()
}

/// The value of the settings that are not in force just as they were typed: secrets, and defaults
/// that depend on something else.
fn in_force(settings: &Settings, id: &str) -> Option<String> {
    match id {
        "database_url" => Some(settings.database.database_url.to_string()),
        "database_connections" => Some(settings.database.connections().to_string()),
        "redis_url" => Some(or_none(settings.redis.redis_url.as_ref())),
        "otlp_endpoint" => Some(or_none(settings.watching.otlp_endpoint.as_ref())),
        "train_at" => Some(or_none(settings.learning.train_at.as_ref())),
        "index_dir" => Some(settings.index_dir().map_or_else(
            || "a temporary folder".to_owned(),
            |folder| folder.display().to_string(),
        )),
        "rate_limit_file" => Some(file_or_none(settings.limits.rate_limit_file.as_ref())),
        "redis_ca" => Some(file_or_none(settings.redis.redis_ca.as_ref())),
        "listen_unix" => Some(file_or_none(settings.connections.listen_unix.as_ref())),
        "tls_cert" => Some(file_or_none(settings.tls.tls_cert.as_ref())),
        "tls_key" => Some(file_or_none(settings.tls.tls_key.as_ref())),
        "tls_client_ca" => Some(file_or_none(settings.tls.tls_client_ca.as_ref())),
        "jwks_file" => Some(file_or_none(settings.auth.jwks_file.as_ref())),
        "jwt_issuer" => Some(or_none(settings.auth.jwt_issuer.as_ref())),
        "jwt_audience" => Some(or_none(settings.auth.jwt_audience.as_ref())),
        "log_format" => Some(settings.log.format().to_string()),
        _ => None,
    }
}

/// How a setting without a default is shown.
fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn file_or_none(path: Option<&PathBuf>) -> String {
    or_none(path.map(|path| path.display()))
}

/// The settings as a table.
#[must_use]
pub fn table(described: &[Described]) -> String {
    let mut table = String::new();
    let header = ["SETTING", "ENVIRONMENT", "VALUE"];
    let rows = described.iter().map(|row| [&row.setting, &row.environment, &row.value]);
    let width = |n: usize| {
        let longest = rows.clone().map(|row| row[n].chars().count()).max().unwrap_or_default();
        longest.max(header[n].len())
    };
    let [a, b, c] = [width(0), width(1), width(2)];
    let mut line = |cells: [&str; 3], from: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{:a$}  {:b$}  {:c$}  {from}", cells[0], cells[1], cells[2]);
    };
    line(header, "FROM");
    for (row, cells) in described.iter().zip(rows.clone()) {
        line(cells.map(String::as_str), &row.from.to_string());
    }
    table
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn describe_all(arguments: &[&str]) -> Vec<Described> {
        let command = Settings::augment_args(clap::Command::new("settings"));
        let arguments = ["settings"].iter().chain(arguments);
        let matches = command.clone().try_get_matches_from(arguments).unwrap();
        describe(&Settings::from_arg_matches(&matches).unwrap(), &command, &matches)
    }

    #[test]
    fn every_setting_is_described_and_secrets_are_hidden() {
        let url = "mysql://marquee:secret@db/films";
        let redis = "rediss://marquee:secret@cache/1";
        let described = describe_all(&[
            "--database-url",
            url,
            "--redis-url",
            redis,
            "--log-format=text",
            "--drain-delay",
            "5s",
        ]);
        insta::assert_snapshot!(table(&described));
    }

    #[test]
    fn every_setting_has_a_flag_a_variable_of_the_same_name_and_a_value() {
        for setting in describe_all(&[]) {
            let name = setting.setting.trim_start_matches("--").replace('-', "_").to_uppercase();
            assert_eq!(setting.environment, format!("MARQUEE_{name}"));
            assert!(!setting.value.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_secret_is_shown_by_a_type_that_hides_it() {
        let command = Settings::augment_args(clap::Command::new("settings"));
        let secret = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
        let ids: Vec<&str> = secret.map(|argument| argument.get_id().as_str()).collect();
        assert_eq!(ids, ["database_url", "redis_url"], "add it to in_force, too");
    }

    #[test]
    fn the_default_of_connections_depends_on_the_database() {
        let connections = |url: &str| {
            let described = describe_all(&["--database-url", url]);
            described.into_iter().find(|one| one.setting == "--database-connections").unwrap().value
        };
        assert_eq!(connections("mysql://db/films"), "100");
        assert_eq!(connections("sqlite:films.db"), "8");
    }
}
