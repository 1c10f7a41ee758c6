//! Titles and people for who is typing, kept in memory beside the index.
//!
//! They are given every change that the index is given, before the index shows it: what they answer
//! includes all that the index shows. They are filled from the scan that builds an index; where an index
//! is opened, by a scan of their own, beside the changes that come meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        movie::Movie,
        suggest::{SuggestQuery, Suggestion},
    },
    search::{
        Change,
        suggest::{Builder, Options, Suggester},
    },
    store::{Store, error::StoreError},
};

/// Chunks of movies that were read and are not taken yet.
const CHUNKS: usize = 4;
/// The longest pause between two chunks.
const PAUSE_MAX: Duration = Duration::from_millis(50);
/// The pause after a scan that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The suggestions.
#[derive(Debug)]
pub(super) struct Suggestions {
    suggester: Suggester,
    /// Whether it was filled: before that it does not know what it does not know.
    is_filled: AtomicBool,
    is_filling: AtomicBool,
    is_compacting: AtomicBool,
}

impl Suggestions {
    pub(super) fn new() -> Self {
        let suggester = Suggester::new(Options::default());
        let [is_filled, is_filling, is_compacting] = [const { AtomicBool::new(false) }; 3];
        Self { suggester, is_filled, is_filling, is_compacting }
    }

    /// Whether it was filled.
    pub(super) fn is_filled(&self) -> bool {
        self.is_filled.load(Ordering::Acquire)
    }

    /// What may be meant; `None` before it was filled.
    pub(super) fn ask(&self, query: &SuggestQuery) -> Option<Vec<Suggestion>> {
        self.is_filled().then(|| self.suggester.suggest(query))
    }

    /// Movies, people, and bytes in memory.
    pub(super) fn size(&self) -> [usize; 3] {
        let size = self.suggester.size();
        [size.movies, size.people, size.bytes]
    }

    /// Makes changes. Blocks. Where it is time to compact, that goes on beside: with millions of movies it takes
    /// a minute, for which neither the index nor writes may wait.
    pub(super) fn apply(self: &Arc<Self>, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(movie) => self.suggester.put(movie),
                Change::Delete(id) => self.suggester.delete(*id),
            }
        }
        if self.suggester.size().is_due && !self.is_compacting.swap(true, Ordering::AcqRel) {
            let this = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                this.suggester.compact();
                this.is_compacting.store(false, Ordering::Release);
            });
        }
    }

    /// Nothing of it is right any more.
    pub(super) fn forget(&self) {
        self.is_filled.store(false, Ordering::Release);
    }

    /// Fills it with what `each` adds, if that says that it was all. Blocks.
    pub(super) fn fill(&self, each: impl FnOnce(&mut Builder<'_>) -> bool) -> bool {
        let mut builder = self.suggester.builder();
        let filled = each(&mut builder) && builder.publish();
        if filled {
            self.is_filled.store(true, Ordering::Release);
        }
        filled
    }

    /// Fills it by a scan of its own, unless that was or is being done.
    pub(super) async fn fill_by_itself(
        self: Arc<Self>,
        store: Arc<Store>,
        stop: CancellationToken,
    ) {
        if self.is_filled() || self.is_filling.swap(true, Ordering::AcqRel) {
            return;
        }
        let filling = async {
            loop {
                // Where an index is being built, that fills it.
                if !self.suggester.is_building()
                    && let Err(error) = self.scan(&store).await
                {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    let cause = cause.unwrap_or_default();
                    tracing::warn!(%error, cause, "titles and people could not be read");
                }
                if self.is_filled() {
                    break;
                }
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        };
        tokio::select! {
            () = filling => {}
            () = stop.cancelled() => {}
        }
        self.is_filling.store(false, Ordering::Release);
    }

    async fn scan(self: &Arc<Self>, store: &Store) -> Result<(), StoreError> {
        let began = Instant::now();
        let (movies, mut chunks) = mpsc::channel::<Option<Vec<Movie>>>(CHUNKS);
        let (begins, has_begun) = oneshot::channel();
        let this = Arc::clone(self);
        // What is written from here on is in it, too; so the snapshot is taken after this.
        let filling = tokio::task::spawn_blocking(move || {
            this.fill(|builder| {
                let _ = begins.send(());
                while let Some(chunk) = chunks.blocking_recv() {
                    let Some(chunk) = chunk else { return true };
                    for movie in &chunk {
                        builder.add(movie.id, &movie.data);
                    }
                }
                false
            })
        });
        let _ = has_begun.await;
        let mut snapshot = store.snapshot().await?;
        loop {
            let asked = Instant::now();
            let chunk = snapshot.next().await?;
            if chunk.is_empty() {
                break;
            }
            let took = asked.elapsed();
            if movies.send(Some(chunk)).await.is_err() {
                break;
            }
            sleep((took / 2).min(PAUSE_MAX)).await;
        }
        snapshot.end().await;
        let _ = movies.send(None).await;
        if filling.await.unwrap_or_default() {
            tracing::info!(took = ?began.elapsed(), "titles and people are suggested");
        }
        Ok(())
    }
}
