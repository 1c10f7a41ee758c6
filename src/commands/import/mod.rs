//! `marquee import`: movies from files, or from the original service's database.
//!
//! Exits with 0 when it was done, 64 for inputs that do not make sense together, 65 for a file of no
//! known format and under `--strict` for rejected rows, 66 for an input that cannot be opened, 69 for
//! a database that cannot be reached, 74 for a file that broke off, and 128 + its number for a signal.
//! What was imported until then stays; the same import run again finishes it.

mod console;
mod input;

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    console::Console,
    input::{Input, Inputs},
};
use super::{exit::Exit, output, signals::Signals};
use crate::{
    app,
    config::StoreSettings,
    domain::{clock::Clock, movie_json::Reading},
    exchange::{
        error::ExchangeError,
        format::Format,
        imdb::TitleTypes,
        plan::{self, Rows},
        record::Unknown,
        source::{Encoding, Progress, Source},
    },
    service::import::{self, End, Ids, ImportError, Summary, feed},
    store::original::Original,
    telemetry::in_one_line,
};

/// Arguments of `marquee import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// Files to read, `-` for standard input: JSON Lines, a JSON array, CSV with a header, or IMDb's
    /// title.basics with title.ratings, title.crew and name.basics; plain, gzip or Zstandard. Or
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, the original service's database, whose ids are
    /// kept.
    #[arg(value_name = "FILE", required = true)]
    inputs: Vec<Input>,

    /// How the files are read.
    #[command(flatten)]
    reading: ReadingArgs,

    /// Keep the ids and creation times that rows have, to restore an exported catalogue. Without it
    /// a row is recognised by its `imdb_id`, or by title, year and directors.
    #[arg(long)]
    keep_ids: bool,

    /// Check all rows, and write nothing to the catalogue.
    #[arg(long)]
    dry_run: bool,

    /// File for rejected rows, each with its line and the reason, as JSON Lines. It is made when there
    /// is one. Default: the first input's name and `.rejects.jsonl`, in the current folder.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// Exit with 65 when rows were rejected.
    #[arg(long)]
    strict: bool,

    /// Where the catalogue is kept.
    #[command(flatten)]
    pub(super) settings: StoreSettings,
}

/// How files are read.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
struct ReadingArgs {
    /// Format of the files. Default: as their first line tells.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Encoding of the files. Rows that are not in it are rejected.
    #[arg(long, value_name = "ENCODING", default_value = "utf8")]
    encoding: Encoding,

    /// What separates the names in a cell of CSV. Default: the first of `|`, `;` and `,` that is in
    /// the cell.
    #[arg(long, value_name = "CHARACTER")]
    list_separator: Option<char>,

    /// Leave out columns and members that are no field of a movie, instead of refusing them.
    #[arg(long)]
    ignore_unknown: bool,

    /// Which of IMDb's titles are movies, by its names for them, separated by commas.
    #[arg(long, value_name = "TYPES", default_value = "movie,tvMovie")]
    title_types: TitleTypes,
}

impl ReadingArgs {
    fn options(&self, keep_ids: bool) -> plan::Options {
        plan::Options {
            format: self.format,
            // What is restored is to be what was exported, to the last space.
            reading: if keep_ids { Reading::Strict } else { Reading::Lenient },
            unknown: if self.ignore_unknown { Unknown::Ignored } else { Unknown::Refused },
            list_separator: self.list_separator,
            title_types: self.title_types.clone(),
        }
    }
}

/// Where rows come from.
enum From {
    Files(Vec<Rows>, Arc<Progress>),
    Original(Box<Original>),
}

pub(super) async fn run(arguments: &ImportArgs) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let importing = import(arguments, &stop);
    tokio::pin!(importing);
    let mut interrupted = None;
    let (summary, end, console) = loop {
        tokio::select! {
            done = &mut importing => match done? {
                Ok(ended) => break ended,
                Err(exit) => return Ok(exit),
            },
            received = signals.next() => {
                let exit = Exit::Signal(received.number());
                if stop.is_cancelled() {
                    return Ok(exit); // the second one: at once
                }
                interrupted = Some(exit);
                stop.cancel();
            }
        }
    };
    output::print(console.report(&summary, arguments.dry_run))?;
    match end {
        End::Failed(error) => Err(error.into()),
        End::Stopped => {
            output::complain("stopped; the same import run again finishes it");
            Ok(interrupted.unwrap_or(Exit::Ok))
        }
        End::Done if summary.broken > 0 => Ok(Exit::Io),
        End::Done if arguments.strict && summary.rejected + summary.orphans > 0 => Ok(Exit::Data),
        End::Done => Ok(Exit::Ok),
    }
}

/// Imports, or gives the code to exit with when nothing can be imported; the reason is told then.
async fn import(
    arguments: &ImportArgs,
    stop: &CancellationToken,
) -> anyhow::Result<Result<(Summary, End, Console), Exit>> {
    let inputs = match Inputs::new(&arguments.inputs) {
        Ok(inputs) => inputs,
        Err(reason) => return Ok(Err(refuse(Exit::Usage, reason))),
    };
    let rejects = arguments.rejects.clone().unwrap_or_else(|| inputs.rejects());
    if inputs.has(&rejects) {
        let reason = format!("{} is an input: rejects would overwrite it", rejects.display());
        return Ok(Err(refuse(Exit::Usage, reason)));
    }
    let from = match inputs {
        Inputs::Original(url) => {
            let original = Original::open(url).await.map_err(ImportError::Original)?;
            From::Original(Box::new(original))
        }
        Inputs::Files(names) => match open(&names, arguments) {
            Ok((rows, progress)) => From::Files(rows, progress),
            Err(error) => return Ok(Err(refuse(exit_of(&error), in_one_line(&error)))),
        },
    };
    let mut store = None;
    if !arguments.dry_run {
        store = Some(app::open_store(&arguments.settings.database, Clock::system()).await?);
    }
    let tasks = TaskTracker::new();
    let (feed, ids, mut console) = match from {
        From::Files(rows, progress) => {
            let ids = if arguments.keep_ids { Ids::Kept } else { Ids::Ignored };
            let feed = feed::files(rows).map_err(ImportError::Thread)?;
            (feed, ids, Console::of_bytes(rejects, progress))
        }
        From::Original(original) => {
            let console = Console::of_rows(rejects, original.movies());
            (feed::original(*original, &tasks), Ids::Kept, console)
        }
    };
    let (summary, end) = import::run(store.as_ref(), feed, ids, stop, &mut console).await;
    console.finish().context("cannot write down rejected rows")?;
    if let Some(store) = store {
        store.close().await;
    }
    Ok(Ok((summary, end, console)))
}

fn open(
    names: &[&str],
    arguments: &ImportArgs,
) -> Result<(Vec<Rows>, Arc<Progress>), ExchangeError> {
    let progress = Arc::default();
    let encoding = arguments.reading.encoding;
    let sources = names.iter().map(|name| Source::open(name, encoding, &progress));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let options = arguments.reading.options(arguments.keep_ids);
    Ok((plan::plan(sources, &options)?, progress))
}

fn refuse(exit: Exit, reason: impl std::fmt::Display) -> Exit {
    output::complain(reason);
    exit
}

const fn exit_of(error: &ExchangeError) -> Exit {
    match error {
        ExchangeError::Open { .. } => Exit::NoInput,
        ExchangeError::Format { .. } => Exit::Data,
        ExchangeError::Together(_) => Exit::Usage,
        ExchangeError::BrokenOff { .. } => Exit::Io,
    }
}
