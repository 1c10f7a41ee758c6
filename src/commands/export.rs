//! `marquee export`: the whole catalogue, of one revision, as one file that `marquee import` reads.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::{sync::mpsc, task::spawn_blocking};
use tokio_util::task::TaskTracker;

use super::{exit::Exit, signals::Signals};
use crate::{
    app,
    config::StoreSettings,
    domain::clock::Clock,
    exchange::{
        sink::{Compression, Sink, of_name},
        write::{MovieWriter, WriteFormat},
    },
    service::catalogue::Catalogue,
};

/// Chunks that wait to be written.
const AHEAD: usize = 2;

/// Arguments of `marquee export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The file to write, `-` for standard output. It takes its name when it is whole.
    #[arg(value_name = "FILE", default_value = "-")]
    output: String,
    /// Format and compression.
    #[command(flatten)]
    form: Form,
    /// Where the catalogue is kept.
    #[command(flatten)]
    pub(super) settings: StoreSettings,
}

/// Format and compression of a file that is written.
#[derive(Debug, clap::Args)]
pub(super) struct Form {
    /// Format of the file. Default: as its name ends, else `jsonl`.
    #[arg(long, value_name = "FORMAT")]
    format: Option<WriteFormat>,
    /// Compress with gzip, as is done anyway for a file that ends in `.gz`.
    #[arg(long, conflicts_with = "zstd")]
    gzip: bool,
    /// Compress with Zstandard, as is done anyway for a file that ends in `.zst`.
    #[arg(long)]
    zstd: bool,
}

impl Form {
    /// What was asked for, else what the file's name says.
    pub(super) fn of(&self, output: &str) -> (WriteFormat, Compression) {
        let (format, compression) = of_name(output);
        let asked = match (self.gzip, self.zstd) {
            (true, _) => Some(Compression::Gzip),
            (_, true) => Some(Compression::Zstd),
            _ => None,
        };
        (
            self.format.or(format).unwrap_or(WriteFormat::Jsonl),
            asked.or(compression).unwrap_or(Compression::None),
        )
    }
}

pub(super) async fn run(arguments: &ExportArgs) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = export(arguments) => done,
        received = signals.next() => Ok(Exit::Signal(received.number())), // leaves no half file
    }
}

async fn export(arguments: &ExportArgs) -> anyhow::Result<Exit> {
    let ExportArgs { output, form, settings } = arguments;
    let (format, compression) = form.of(output);
    let store = Arc::new(app::open_store(&settings.database, Clock::system()).await?);
    let tasks = TaskTracker::new();
    let catalogue = Catalogue::alone(Arc::clone(&store), tasks.clone());
    let mut export = catalogue.export().await?;
    let revision = export.revision;

    let writer = MovieWriter::new(format);
    let mut sink =
        Sink::open(output, compression).with_context(|| format!("cannot write {output}"))?;
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(AHEAD);
    let writing = spawn_blocking(move || {
        while let Some(bytes) = receiver.blocking_recv() {
            sink.write(&bytes)?;
        }
        Ok::<_, std::io::Error>(sink)
    });
    let mut movies = 0;
    let mut bytes = Vec::new();
    writer.header(&mut bytes)?;
    loop {
        let chunk = export.next().await?;
        writer.movies(&mut bytes, &chunk)?;
        movies += chunk.len();
        let is_over = chunk.is_empty();
        // The writer has failed when it takes no more; it says why.
        if sender.send(std::mem::take(&mut bytes)).await.is_err() || is_over {
            break;
        }
    }
    drop(sender);
    let sink = writing.await?.with_context(|| format!("cannot write {output}"))?;
    spawn_blocking(|| sink.finish()).await?.with_context(|| format!("cannot write {output}"))?;
    tasks.close();
    tasks.wait().await;
    store.close().await;
    tracing::info!(movies, %revision, "the catalogue is exported");
    Ok(Exit::Ok)
}
