//! Import: rows of files, or of the original service's database, into the catalogue.
//!
//! Rows are read and checked on a thread of their own ([`feed`]) while the store writes those before
//! them, up to 1,000 in a transaction, and two of those at once in a large first load ([`writes`]).
//! Whatever ends an import, what it wrote is whole
//! rows, and the same import run again finishes it: rows that are there already are left unchanged.
//!
//! **Invariant:** a row is counted once: as created, updated, unchanged, rejected or skipped.

mod batch;
pub mod feed;
mod moved;
mod writes;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::interval};
use tokio_util::sync::CancellationToken;

use self::{
    batch::Fate,
    feed::{Batch, Delivery},
    writes::{Ended, Rows, Writes},
};
use crate::{
    domain::movie_json::MovieInput,
    exchange::{
        error::ExchangeError,
        record::{Record, Verdict},
        rejects::Reject,
    },
    store::{
        Load, Store,
        error::StoreError,
        mutation::{Mutation, Recognise},
    },
};

/// How often a watcher hears of progress when there is nothing else to hear of.
const TICK: Duration = Duration::from_millis(250);

/// What becomes of ids in the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Rows that have an id are movies of that id, created when the row says; others are recognised
    /// by what they say.
    Kept,
    /// All rows are recognised by what they say.
    Ignored,
}

/// What came of an import so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows that were read, those that were skipped apart.
    pub read: u64,
    /// Movies that are new.
    pub created: u64,
    /// Movies that changed.
    pub updated: u64,
    /// Movies that were as the row says.
    pub unchanged: u64,
    /// Rows that were not taken.
    pub rejected: u64,
    /// Rows that were not asked for, such as episodes among `IMDb`'s titles.
    pub skipped: u64,
    /// Genres, in the original service's database, of movies that do not exist.
    pub orphans: u64,
    /// Files that could not be read to their end.
    pub broken: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Summary {
    /// Rows read per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let read = self.read as f64;
        read / self.elapsed.as_secs_f64().max(0.001)
    }

    fn count(&mut self, fate: &Fate) {
        match fate {
            Fate::Created => self.created += 1,
            Fate::Updated => self.updated += 1,
            Fate::Unchanged => self.unchanged += 1,
            Fate::Rejected(_) => self.rejected += 1,
            Fate::NotTried => return,
        }
        self.read += 1;
    }
}

/// How an import ended.
#[derive(Debug)]
pub enum End {
    /// All rows were read.
    Done,
    /// It was told to stop, and did so after a batch.
    Stopped,
    /// It could not go on.
    Failed(ImportError),
}

/// Why an import could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store does not take what is given to it.
    #[error("cannot write to the catalogue")]
    Store(#[source] StoreError),
    /// The original service's database cannot be read on.
    #[error("cannot read the original database")]
    Original(#[source] StoreError),
    /// Rejected rows cannot be written down.
    #[error("cannot write down rejected rows")]
    Rejects(#[source] io::Error),
    /// The files cannot be read at all.
    #[error(transparent)]
    Files(#[from] ExchangeError),
    /// No thread could be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// Hears of an import while it goes on.
pub trait Watch: Send {
    /// A row was not taken.
    ///
    /// # Errors
    /// When it cannot be written down; the import ends then.
    fn rejected(&mut self, reject: &Reject) -> io::Result<()>;

    /// A file could not be read to its end.
    fn broken(&mut self, error: &ExchangeError);

    /// So much is done.
    fn progress(&mut self, summary: &Summary);

    /// All rows are in, and so many of so many indexes are made.
    fn indexing(&mut self, made: usize, of: usize) {
        tracing::info!(made, of, "making the indexes that lists are read by");
    }
}

/// Writes what comes from a feed to the store, or with `None` only looks at it.
///
/// When `stop` is cancelled, the batch at hand is finished, and the import ends.
pub async fn run(
    store: Option<&Store>,
    feed: mpsc::Receiver<Delivery>,
    ids: Ids,
    stop: &CancellationToken,
    watch: &mut dyn Watch,
) -> (Summary, End) {
    let started = Instant::now();
    let indexes = Indexes::Kept;
    let mut import = Import { store, ids, summary: Summary::default(), watch, indexes };
    let end = import.whole(feed, stop, started).await;
    import.summary.elapsed = started.elapsed();
    import.watch.progress(&import.summary);
    (import.summary, end)
}

struct Import<'a> {
    store: Option<&'a Store>,
    ids: Ids,
    summary: Summary,
    watch: &'a mut dyn Watch,
    indexes: Indexes,
}

/// What became of the indexes that lists are read by.
#[derive(Debug)]
enum Indexes {
    /// They stay: the catalogue had movies before, and may be in use.
    Kept,
    /// They go when the load turns out to be large: the catalogue was empty.
    Spared,
    /// They are away until the end.
    Away(Load),
}

/// A first load of more movies than this makes the indexes at its end.
const LARGE: u64 = 5_000;

/// Where a row stood, for the case that the store rejects it.
struct Origin {
    file: Arc<str>,
    line: u64,
    raw: String,
}

impl Import<'_> {
    /// The import, and the indexes that it did without.
    async fn whole(
        &mut self,
        feed: mpsc::Receiver<Delivery>,
        stop: &CancellationToken,
        started: Instant,
    ) -> End {
        if let Some(store) = self.store {
            match store.movies_by_id(None, 1).await {
                Ok(movies) if movies.value.is_empty() => self.indexes = Indexes::Spared,
                Ok(_) => {}
                Err(error) => return End::Failed(ImportError::Store(error)),
            }
        }
        let end = self.all(feed, stop, started).await;
        let indexes = std::mem::replace(&mut self.indexes, Indexes::Kept);
        let (Some(store), Indexes::Away(load)) = (self.store, indexes) else { return end };
        let watch = &mut self.watch;
        let mut told = |made, of| watch.indexing(made, of);
        let restored = store.restore_list_indexes(load, &mut told).await;
        match (end, restored) {
            (End::Failed(error), _) => End::Failed(error),
            (_, Err(error)) => End::Failed(ImportError::Store(error)),
            (end, Ok(())) => end,
        }
    }

    /// Takes the indexes of lists away once a first load turns out to be large.
    async fn lighten(&mut self) -> Result<(), ImportError> {
        if let Some(store) = self.store
            && matches!(self.indexes, Indexes::Spared)
            && self.summary.created > LARGE
        {
            let load = store.drop_list_indexes().await.map_err(ImportError::Store)?;
            self.indexes = load.map_or(Indexes::Kept, Indexes::Away);
        }
        Ok(())
    }

    async fn all(
        &mut self,
        feed: mpsc::Receiver<Delivery>,
        stop: &CancellationToken,
        started: Instant,
    ) -> End {
        let mut writes = self.store.map(Writes::new);
        let mut end = self.each(feed, stop, started, writes.as_mut()).await;
        // What is under way is whole rows, however it ended, and is counted.
        while let Some(ended) = next(writes.as_mut()).await {
            match self.settle(ended) {
                Err(error) if !matches!(end, End::Failed(_)) => end = End::Failed(error),
                _ => self.tell(started),
            }
        }
        end
    }

    async fn each(
        &mut self,
        mut feed: mpsc::Receiver<Delivery>,
        stop: &CancellationToken,
        started: Instant,
        mut writes: Option<&mut Writes<'_, Store, Origin>>,
    ) -> End {
        let mut ticks = interval(TICK);
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => return End::Stopped,
                Some(ended) = next(writes.as_deref_mut()) => self.settle(ended),
                delivery = feed.recv() => match delivery {
                    None => return End::Done,
                    Some(Delivery::Batch(batch)) => self.batch(batch, writes.as_deref_mut()).await,
                    Some(Delivery::Broken(error)) => {
                        self.summary.broken += 1;
                        self.watch.broken(&error);
                        Ok(())
                    }
                    Some(Delivery::Failed(error)) => Err(ImportError::Original(error)),
                },
                _ = ticks.tick() => Ok(()),
            };
            if let Err(error) = taken {
                return End::Failed(error);
            }
            self.tell(started);
        }
    }

    fn tell(&mut self, started: Instant) {
        self.summary.elapsed = started.elapsed();
        self.watch.progress(&self.summary);
    }

    async fn batch(
        &mut self,
        batch: Batch,
        writes: Option<&mut Writes<'_, Store, Origin>>,
    ) -> Result<(), ImportError> {
        let Batch { records, skipped, orphans } = batch;
        self.summary.skipped += skipped;
        let mut rows = Rows { mutations: Vec::new(), origins: Vec::new() };
        for record in records {
            let Record { file, line, raw, verdict } = record;
            let origin = Origin { file, line, raw };
            match verdict {
                Verdict::Movie(input) => {
                    rows.mutations.push(self.mutation(*input));
                    rows.origins.push(origin);
                }
                Verdict::Rejected(reason) => {
                    self.summary.count(&Fate::Rejected(String::new()));
                    self.reject(&origin, &reason)?;
                }
                Verdict::Skipped => {}
            }
        }
        for orphan in orphans {
            self.summary.orphans += 1;
            let Record { file, line, raw, verdict } = orphan;
            let Verdict::Rejected(reason) = verdict else { continue };
            self.reject(&Origin { file, line, raw }, &reason)?;
        }
        let Some(writes) = writes else {
            self.summary.read += rows.mutations.len() as u64;
            return Ok(());
        };
        let marks = writes.marks(&rows.mutations);
        while !writes.has_room(self.at_once(), &marks) {
            let Some(ended) = writes.next().await else { break };
            self.settle(ended)?;
        }
        if writes.is_empty() {
            self.lighten().await?; // it waits for every transaction to end
        }
        writes.begin(rows, marks);
        Ok(())
    }

    /// How many batches may be written at once. Where others may write, too, or rows be there already, one
    /// after the other keeps the order of rows in ids.
    fn at_once(&self) -> usize {
        match (&self.indexes, self.store) {
            (Indexes::Away(_), Some(store)) => store.loads_at_once(),
            _ => 1,
        }
    }

    fn settle(&mut self, ended: Ended<Origin>) -> Result<(), ImportError> {
        let Ended { fates, origins, error } = ended;
        for (fate, origin) in fates.iter().zip(&origins) {
            self.summary.count(fate);
            if let Fate::Rejected(reason) = fate {
                self.reject(origin, reason)?;
            }
        }
        error.map_or(Ok(()), |error| Err(ImportError::Store(error)))
    }

    fn mutation(&self, input: MovieInput) -> Mutation {
        let MovieInput { data, id, created_at } = input;
        let (recognise, created_at) = match (self.ids, id) {
            (Ids::Kept, Some(id)) => (Recognise::ById(id), created_at),
            (Ids::Kept, None) => (Recognise::ByContent, created_at),
            (Ids::Ignored, _) => (Recognise::ByContent, None),
        };
        Mutation::Import { data: Box::new(data), recognise, created_at }
    }

    fn reject(&mut self, origin: &Origin, reason: &str) -> Result<(), ImportError> {
        let Origin { file, line, raw } = origin;
        let reject = Reject { file, line: *line, reason, row: raw };
        self.watch.rejected(&reject).map_err(ImportError::Rejects)
    }
}

/// The batch that ends next; none if none is under way.
async fn next(writes: Option<&mut Writes<'_, Store, Origin>>) -> Option<Ended<Origin>> {
    writes?.next().await
}
