//! The catalogue's reads and writes.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    cache::{
        known::{BeforeWrite, Known},
        lease::Bounds,
        rule::Rules,
    },
    domain::{
        change::Change,
        clock::Clock,
        genre::Genre,
        list::{ListPage, ListQuery},
        movie::{ImdbId, Movie, MovieData, MovieId},
        revision::{AsOf, Revision, Scope},
    },
    store::{
        MUTATIONS_MAX, Once, OnceKey, Snapshot, Store,
        error::StoreError,
        mutation::{Mutation, Outcome, Written},
    },
};

use super::error::ServiceError;

/// Whether mutations stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// One transaction for each.
    Each,
    /// One transaction for all.
    All,
}

/// A caller's key for a request that must be done once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key (`Idempotency-Key`), 1 to 255 characters.
    pub key: String,
    /// SHA-256 of what was asked, so that another request under the same key is noticed.
    pub request: [u8; 32],
}

/// The catalogue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalogue {
    store: Arc<Store>,
    known: Arc<Known>,
    news: News,
    tasks: TaskTracker,
}

/// Who is told of writes beside this replica: the scopes that were touched, and the revision.
#[derive(Clone)]
pub struct News(Arc<Tell>);

type Tell = dyn Fn(Revision, &[Scope]) + Send + Sync;

impl News {
    /// Tells somebody, who must not block.
    pub fn to(tell: impl Fn(Revision, &[Scope]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells nobody.
    #[must_use]
    pub fn to_nobody() -> Self {
        Self::to(|_, _| {})
    }
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("News")
    }
}

/// How long a write waits until everything before it is known here too, before it is answered.
const SETTLE: Duration = Duration::from_secs(1);

impl Catalogue {
    /// The catalogue that is kept in `store`; `known` and `news` hear of every write before it is
    /// answered. The work that outlives its callers is spawned on `tasks`, whose owner waits for it
    /// before the store is closed.
    #[must_use]
    pub const fn new(store: Arc<Store>, known: Arc<Known>, news: News, tasks: TaskTracker) -> Self {
        Self { store, known, news, tasks }
    }

    /// The catalogue for a program that serves nobody: nobody hears of what it writes.
    #[must_use]
    pub fn alone(store: Arc<Store>, tasks: TaskTracker) -> Self {
        let bounds = Bounds { staleness: Duration::ZERO, cap: Duration::ZERO };
        let known = Known::new(bounds, Clock::system(), Rules::default());
        Self::new(store, Arc::new(known), News::to_nobody(), tasks)
    }

    /// What is known of the truth.
    #[must_use]
    pub const fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// A page of movies.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn list(&self, query: ListQuery) -> Result<AsOf<ListPage>, ServiceError> {
        self.detached(async move |store| store.list(&query).await).await
    }

    /// One movie.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn movie(&self, id: MovieId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        self.detached(async move |store| store.movie(id).await).await
    }

    /// The movie with this `IMDb` id.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn movie_by_imdb_id(&self, id: ImdbId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        self.detached(async move |store| store.movie_by_imdb_id(&id).await).await
    }

    /// Every genre that has movies, by name.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn genres(&self) -> Result<AsOf<Vec<Genre>>, ServiceError> {
        self.detached(async move |store| store.genres().await).await
    }

    /// The changes after `since`, oldest first: whole revisions only, at most `limit` changes but at
    /// least one revision, if there is one.
    ///
    /// # Errors
    /// [`ServiceError::Store`], with `ChangesGone` for changes that are no longer kept.
    pub async fn changes(
        &self,
        since: Revision,
        limit: u32,
    ) -> Result<AsOf<Vec<Change>>, ServiceError> {
        let changes = self.detached(async move |store| store.changes(since, limit).await).await?;
        self.known.reach(changes.revision, SETTLE).await;
        Ok(changes)
    }

    /// At most `limit` movies after `after` in the order of their ids, and whether there are more.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn by_id(
        &self,
        after: Option<MovieId>,
        limit: u32,
    ) -> Result<AsOf<(Vec<Movie>, bool)>, ServiceError> {
        let AsOf { revision, mut value } =
            self.detached(async move |store| store.movies_by_id(after, limit + 1).await).await?;
        let more = value.len() > limit as usize;
        value.truncate(limit as usize);
        Ok(AsOf { revision, value: (value, more) })
    }

    /// The whole catalogue as it is now, in the order of ids.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn export(&self) -> Result<Export, ServiceError> {
        let snapshot = self.detached(async move |store| store.snapshot().await).await?;
        Ok(Export { revision: snapshot.revision(), snapshot: Some(snapshot) })
    }

    /// Does one write in its own transaction. The revision is the one that the write made, or the
    /// catalogue's current one if it changed nothing.
    ///
    /// Dropping the future does not cancel the write.
    ///
    /// # Errors
    /// [`ServiceError::Store`]; then nothing was written, or (time-out of a commit) it is unknown.
    pub async fn write(&self, mutation: Mutation) -> Result<AsOf<Outcome>, ServiceError> {
        let AsOf { revision, mut value } = self.batch(vec![mutation], Atomicity::All).await?;
        Ok(AsOf { revision, value: value.pop().unwrap_or(Outcome::NotDone) })
    }

    /// Creates a movie, or gives the answer that the first request under the same key was given
    /// within the last 24 hours.
    ///
    /// Dropping the future does not cancel the write.
    ///
    /// # Errors
    /// [`ServiceError::KeyReused`], [`ServiceError::Store`].
    pub async fn create_once(
        &self,
        data: MovieData,
        idempotency: Idempotency,
    ) -> Result<AsOf<Outcome>, ServiceError> {
        let Idempotency { key, request } = idempotency;
        let key = OnceKey { key, request };
        let this = self.clone();
        let once = self
            .detached(async move |store| {
                let before = this.known.before_write();
                let once = store.create_once(data, &key).await?;
                if let Once::First(written) = &once {
                    this.wrote(before, written);
                }
                Ok(once)
            })
            .await?;
        match once {
            Once::Again(movie, revision) => {
                let revision = self.revision(Some(revision)).await?;
                Ok(AsOf { revision, value: Outcome::Created(movie) })
            }
            Once::OtherRequest => Err(ServiceError::KeyReused),
            Once::First(mut written) => {
                let value = written.outcomes.pop().unwrap_or(Outcome::NotDone);
                Ok(AsOf { revision: self.revision(written.revision).await?, value })
            }
        }
    }

    /// Does many writes. Outcomes are in the order of the mutations; the revision is the last that
    /// they made, or the catalogue's current one if they changed nothing.
    ///
    /// Dropping the future does not cancel the writes.
    ///
    /// # Errors
    /// [`ServiceError::Store`]. With [`Atomicity::All`] nothing was written then; with
    /// [`Atomicity::Each`] the first writes may stand.
    ///
    /// # Panics
    /// With [`Atomicity::All`] for more than [`MUTATIONS_MAX`] mutations.
    pub async fn batch(
        &self,
        mutations: Vec<Mutation>,
        atomicity: Atomicity,
    ) -> Result<AsOf<Vec<Outcome>>, ServiceError> {
        let size = match atomicity {
            Atomicity::Each => 1,
            Atomicity::All => MUTATIONS_MAX.max(mutations.len()),
        };
        let this = self.clone();
        let (revision, value) = self
            .detached(async move |store| {
                let mut revision = None;
                let mut outcomes = Vec::with_capacity(mutations.len());
                for part in mutations.chunks(size) {
                    let before = this.known.before_write();
                    let written = store.write(part).await?;
                    this.wrote(before, &written);
                    revision = written.revision.or(revision);
                    outcomes.extend(written.outcomes);
                }
                Ok((revision, outcomes))
            })
            .await?;
        Ok(AsOf { revision: self.revision(revision).await?, value })
    }

    /// Makes a write known, in the task that did it: whether or not its client still waits.
    fn wrote(&self, before: BeforeWrite, written: &Written) {
        if let Some(revision) = written.revision {
            self.known.wrote(before, revision, &written.scopes);
            (self.news.0)(revision, &written.scopes);
        }
    }

    /// Whether the truth can be read.
    ///
    /// # Errors
    /// [`ServiceError::Store`] where it cannot.
    pub async fn ready(&self) -> Result<Revision, ServiceError> {
        self.revision(None).await
    }

    async fn revision(&self, known: Option<Revision>) -> Result<Revision, ServiceError> {
        let revision = match known {
            Some(revision) => revision,
            None => self.detached(async move |store| store.revision().await).await?,
        };
        // So that no later answer names an earlier revision than this one does.
        self.known.reach(revision, SETTLE).await;
        Ok(revision)
    }

    /// Does database work in a task of its own, which goes on if the caller leaves.
    async fn detached<T, F>(&self, work: impl FnOnce(Arc<Store>) -> F) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.tasks.spawn(work(Arc::clone(&self.store)).in_current_span());
        Ok(task.await.map_err(ServiceError::Lost)??)
    }
}

/// The whole catalogue of one revision, chunk by chunk in constant memory.
#[derive(Debug)]
pub struct Export {
    /// The revision that all chunks are of.
    pub revision: Revision,
    snapshot: Option<Snapshot>,
}

impl Export {
    /// The next movies; empty at the end, after which the snapshot is let go.
    ///
    /// # Errors
    /// [`ServiceError::Store`]; the export is over then, and not whole.
    pub async fn next(&mut self) -> Result<Vec<Movie>, ServiceError> {
        let Some(snapshot) = &mut self.snapshot else { return Ok(Vec::new()) };
        let movies = snapshot.next().await?;
        if movies.is_empty()
            && let Some(snapshot) = self.snapshot.take()
        {
            snapshot.end().await;
        }
        Ok(movies)
    }
}
