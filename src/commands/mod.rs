//! The command line: what can be asked of the program, and which code it exits with.
//!
//! **Invariant:** only commands write to standard output.

mod ask;
pub mod bump;
pub mod collections;
pub mod config;
pub mod evaluate;
pub mod exit;
pub mod export;
pub mod healthcheck;
pub mod import;
pub mod keys;
pub mod migrate;
pub mod models;
pub mod openapi;
pub mod output;
pub mod serve;
pub mod synthesise;
pub mod train;
pub mod warm;

mod signals;

use std::ffi::OsString;

use clap::{Args as _, CommandFactory as _, FromArgMatches as _};

use self::exit::Exit;
use crate::config::{
    Settings, StoreSettings,
    bad_setting::BadSetting,
    describe::{Described, describe},
    log::LogSettings,
    watching::WatchingSettings,
};

/// Marquee, a movie catalogue service.
///
/// Each setting is a flag and an environment variable; the flag wins.
#[derive(Debug, clap::Parser)]
#[command(
    name = "marquee",
    version,
    disable_help_subcommand = true,
    after_help = "`marquee COMMAND --help` lists the settings of a command.\n\n\
                  Exit codes: 0 done, 64 bad settings or arguments, 65 bad data, 66 no such input, \
                  69 the database is not reachable, 70 a bug, 74 input or output failed."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What the program is asked to do.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Serve the catalogue over HTTP.
    Serve(Box<Settings>),
    /// Take movies from files, or from the original service's database, into the catalogue.
    Import(Box<import::ImportArgs>),
    /// Write the whole catalogue as one file that `import` reads.
    Export(Box<export::ExportArgs>),
    /// Make up a catalogue of any size, for measurements.
    #[command(hide = true)]
    Synthesise(synthesise::SynthesiseArgs),
    /// Judge recommendations on an interaction file, beside simpler methods.
    Evaluate(evaluate::EvaluateArgs),
    /// Train a model that recommendations come from, and put it in use.
    Train(Box<train::TrainArgs>),
    /// List models, put one in use, remove one.
    Models(models::ModelsArgs),
    /// Bring the database's schema up to date, then end.
    Migrate(Box<StoreSettings>),
    /// Print every setting of `serve`, its value and where that came from; secrets stay hidden.
    Config(Box<config::ConfigArgs>),
    /// Print the OpenAPI document of the HTTP interface.
    Openapi,
    /// Ask a running service on this machine whether it is ready: exit with 0 when it is, else 1.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Make, list, rotate and revoke API keys.
    Keys(keys::KeysArgs),
    /// Take collections from a file, or write them to one.
    Collections(collections::CollectionsArgs),
    /// Prepare running replicas for a rush: have answers made and kept before they are asked for.
    Warm(Box<warm::WarmArgs>),
    /// Tell every cache that the database was changed by other means; print the new revision.
    Bump(Box<bump::BumpArgs>),
}

/// The command line as it was read.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    /// The settings in force, for `marquee config`.
    described: Vec<Described>,
}

impl Invocation {
    /// Reads the command line and the environment. Prints help, or what is wrong, itself.
    ///
    /// # Errors
    /// The code to exit with at once.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Exit> {
        Self::parse(arguments).map_err(|error| error.report())
    }

    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Unreadable> {
        let mut definition = CommandLine::command();
        let matches = definition.try_get_matches_from_mut(arguments);
        let (command, matches) = matches
            .and_then(|matches| Ok((CommandLine::from_arg_matches(&matches)?.command, matches)))
            .map_err(|error| match BadSetting::from_clap(&error, &definition) {
                Some(bad_setting) => Unreadable::BadSetting(bad_setting),
                None => Unreadable::Other(error),
            })?;
        let mut described = Vec::new();
        match (&command, matches.subcommand()) {
            (Command::Serve(settings), _) => settings.check()?,
            (Command::Config(arguments), Some((_, matches))) => {
                arguments.settings.check()?;
                let definition = Settings::augment_args(clap::Command::new("settings"));
                described = describe(&arguments.settings, &definition, matches);
            }
            _ => {}
        }
        Ok(Self { command, described })
    }

    /// The settings of the log; `None` for commands that have none to write.
    #[must_use]
    pub fn log(&self) -> Option<&LogSettings> {
        match &self.command {
            Command::Serve(settings) => Some(&settings.log),
            Command::Migrate(settings) => Some(&settings.log),
            Command::Bump(arguments) => Some(&arguments.settings.log),
            Command::Import(arguments) => Some(&arguments.settings.log),
            Command::Export(arguments) => Some(&arguments.settings.log),
            Command::Keys(arguments) => Some(arguments.log()),
            Command::Collections(arguments) => Some(arguments.log()),
            Command::Train(arguments) => Some(arguments.log()),
            Command::Models(arguments) => Some(arguments.log()),
            Command::Config(_)
            | Command::Evaluate(_)
            | Command::Healthcheck(_)
            | Command::Openapi
            | Command::Warm(_)
            | Command::Synthesise(_) => None,
        }
    }

    /// What is told of requests; `None` for commands that answer none.
    #[must_use]
    pub fn watching(&self) -> Option<&WatchingSettings> {
        match &self.command {
            Command::Serve(settings) => Some(&settings.watching),
            _ => None,
        }
    }

    /// Does what was asked.
    ///
    /// # Errors
    /// Why it could not be done; [`Exit::of`] knows the code.
    pub async fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Serve(settings) => Ok(serve::run(&settings).await),
            Command::Import(arguments) => import::run(&arguments).await,
            Command::Export(arguments) => export::run(&arguments).await,
            Command::Synthesise(arguments) => synthesise::run(&arguments),
            Command::Evaluate(arguments) => evaluate::run(&arguments),
            Command::Train(arguments) => train::run(&arguments).await,
            Command::Models(arguments) => models::run(&arguments).await,
            Command::Migrate(settings) => migrate::run(&settings).await,
            Command::Config(arguments) => config::run(&arguments, &self.described),
            Command::Openapi => openapi::run(),
            Command::Healthcheck(arguments) => healthcheck::run(&arguments).await,
            Command::Keys(arguments) => keys::run(&arguments).await,
            Command::Collections(arguments) => collections::run(&arguments).await,
            Command::Warm(arguments) => warm::run(&arguments).await,
            Command::Bump(arguments) => bump::run(&arguments).await,
        }
    }
}

/// A command line that cannot be followed.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    BadSetting(#[from] BadSetting),
    /// A misspelt flag, or not an error at all: help and the version come this way too.
    #[error(transparent)]
    Other(clap::Error),
}

impl Unreadable {
    fn report(&self) -> Exit {
        match self {
            Self::BadSetting(bad) => {
                output::complain(bad);
                Exit::Usage
            }
            Self::Other(error) => {
                // There is nobody to tell when this fails.
                let _ = error.print();
                if error.use_stderr() { Exit::Usage } else { Exit::Ok }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(arguments: &[&str]) -> String {
        let arguments = ["marquee"].iter().chain(arguments).map(OsString::from);
        Invocation::parse(arguments).unwrap_err().to_string()
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn a_bad_value_is_one_line_that_names_the_setting_and_the_rule() {
        let complaints = [
            complaint(&["serve", "--listen", "localhost"]),
            complaint(&["serve", "--jwks-file", "keys.json"]),
            complaint(&["serve", "--read-access", "nobody"]),
            complaint(&["keys", "create", "--name", "", "--role", "editor"]),
            complaint(&["keys", "create", "--name", "n", "--role", "root"]),
            complaint(&["keys", "create", "--name", "n", "--role", "editor", "--expires", "0d"]),
            complaint(&["keys", "revoke", "x"]),
            complaint(&["serve", "--database-url", "postgres://a:secret@b/c"]),
            complaint(&["migrate", "--database-connections", "0"]),
            complaint(&["config", "--body-timeout", "5"]),
            complaint(&["serve", "--body-limit", "1TiB"]),
            complaint(&["serve", "--bundled-catalogue", "maybe"]),
            complaint(&["bump", "--log-level", "loud"]),
            complaint(&["serve", "--admin-listen="]),
            complaint(&["healthcheck", "--timeout", "never"]),
        ];
        insta::assert_snapshot!(complaints.join("\n"));
    }
}
