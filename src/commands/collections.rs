//! `marquee collections`: collections from files, and into them, one a line as JSON.
//!
//! An import exits with 65 when lines were not taken; the others are.

use std::{
    fs::File,
    io::{self, BufReader},
};

use anyhow::Context as _;

use super::{exit::Exit, output};
use crate::{
    app,
    config::{StoreSettings, log::LogSettings},
    domain::clock::Clock,
    exchange::sink::{Compression, Sink},
    service::collections::{self, Imported},
    store::Store,
};

/// Arguments of `marquee collections`.
#[derive(Debug, clap::Args)]
pub struct CollectionsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Take collections from a file: one that there is becomes what the file says.
    Import(Box<ImportArgs>),
    /// Write every collection as a file that `import` reads.
    Export(Box<ExportArgs>),
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The file, one collection a line as JSON; `-` for standard input.
    #[arg(value_name = "FILE", required_unless_present = "bundled")]
    file: Option<String>,
    /// Take the collections that come with the bundled catalogue.
    #[arg(long, conflicts_with = "file")]
    bundled: bool,
    /// Where the catalogue is kept.
    #[command(flatten)]
    settings: StoreSettings,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// The file to write, `-` for standard output. It takes its name when it is whole.
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
    /// Where the catalogue is kept.
    #[command(flatten)]
    settings: StoreSettings,
}

impl CollectionsArgs {
    const fn settings(&self) -> &StoreSettings {
        match &self.action {
            Action::Import(arguments) => &arguments.settings,
            Action::Export(arguments) => &arguments.settings,
        }
    }

    pub(super) const fn log(&self) -> &LogSettings {
        &self.settings().log
    }
}

pub(super) async fn run(arguments: &CollectionsArgs) -> anyhow::Result<Exit> {
    let store = app::open_store(&arguments.settings().database, Clock::system()).await?;
    let done = match &arguments.action {
        Action::Import(arguments) => import(arguments, &store).await,
        Action::Export(arguments) => export(arguments, &store).await,
    };
    store.close().await;
    done
}

async fn import(arguments: &ImportArgs, store: &Store) -> anyhow::Result<Exit> {
    let refused = |refused: collections::Refused| {
        output::complain(format_args!("line {}: {}", refused.line, refused.reason));
    };
    let imported = match arguments.file.as_deref() {
        None => collections::import(store, collections::bundled(), refused).await,
        Some("-") => {
            let lines = BufReader::new(io::stdin());
            collections::import(store, lines, refused).await
        }
        Some(file) => {
            let opened = match File::open(file) {
                Ok(opened) => opened,
                Err(error) => {
                    output::complain(format_args!("cannot read {file}: {error}"));
                    return Ok(Exit::NoInput);
                }
            };
            collections::import(store, BufReader::new(opened), refused).await
        }
    }?;
    let Imported { created, updated, unchanged, refused } = imported;
    output::tell(format_args!(
        "{created} new, {updated} changed, {unchanged} as they were, {refused} not taken"
    ));
    Ok(if refused > 0 { Exit::Data } else { Exit::Ok })
}

async fn export(arguments: &ExportArgs, store: &Store) -> anyhow::Result<Exit> {
    let file = &arguments.file;
    let (lines, bad) = collections::export(store).await.context("cannot read the collections")?;
    for error in &bad {
        output::complain(error);
    }
    let cannot = || format!("cannot write {file}");
    let mut sink = Sink::open(file, Compression::None).with_context(cannot)?;
    for line in &lines {
        sink.write(format!("{line}\n").as_bytes()).with_context(cannot)?;
    }
    sink.finish().with_context(cannot)?;
    tracing::info!(collections = lines.len(), "the collections are exported");
    Ok(if bad.is_empty() { Exit::Ok } else { Exit::Data })
}
