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
        activity::TrendingAsk,
        change::Change,
        clock::{Clock, Moment},
        genre::Genre,
        list::{ListPage, ListQuery},
        movie::{ImdbId, Movie, MovieData, MovieId},
        revision::{AsOf, Revision, Scope},
        search::{SearchPage, SearchQuery},
        suggest::{SuggestQuery, Suggestion},
    },
    store::{
        MUTATIONS_MAX, Once, OnceKey, Snapshot, Store,
        error::StoreError,
        mutation::{Mutation, Outcome, Written},
    },
};

use super::{
    error::ServiceError,
    index::{Choice, Finder},
    overload::{Kind, Overload},
    work::Work,
};

/// Whether mutations stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// One transaction for each.
    Each,
    /// One transaction for all.
    All,
}

/// Where an answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The truth, read after it was asked for.
    Truth,
    /// The index, as of when it last followed.
    Index,
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
    /// The gate before the store; `None` where everybody gets in.
    overload: Option<Overload>,
    /// Who asks the index; `None` where there is none.
    index: Option<Finder>,
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
        Self { store, known, news, tasks, overload: None, index: None }
    }

    /// The same catalogue behind a gate, which sends work away that is too much for the store.
    #[must_use]
    pub fn behind(self, overload: Option<Overload>) -> Self {
        Self { overload, ..self }
    }

    /// The same catalogue with an index.
    #[must_use]
    pub fn with_index(self, index: Option<Finder>) -> Self {
        Self { index, ..self }
    }

    /// Who asks the index.
    #[must_use]
    pub const fn index(&self) -> Option<&Finder> {
        self.index.as_ref()
    }

    /// The gate before the store.
    #[must_use]
    pub const fn overload(&self) -> Option<&Overload> {
        self.overload.as_ref()
    }

    /// The catalogue for a program that serves nobody: nobody hears of what it writes.
    #[must_use]
    pub fn alone(store: Arc<Store>, tasks: TaskTracker) -> Self {
        let bounds = Bounds { staleness: Duration::ZERO, cap: Duration::ZERO };
        let known = Known::new(bounds, Clock::system(), Rules::default());
        Self::new(store, Arc::new(known), News::to_nobody(), tasks)
    }

    /// Whether an operation that came now would be sent away at once; who is told so, is. It spares what
    /// comes before it.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`].
    pub fn look(&self, kind: Kind) -> Result<(), ServiceError> {
        Ok(self.overload.as_ref().map_or(Ok(()), |overload| overload.look(kind))?)
    }

    /// The same for a list of movies, which the index may have room for where the database has none.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`].
    pub fn look_for_list(&self, query: &ListQuery) -> Result<(), ServiceError> {
        let elsewhere = || {
            let index = self.index.as_ref();
            index.is_some_and(|index| {
                index.would_list(query, |total| self.store.estimate(query, total))
            })
        };
        if self.is_full() && elsewhere() { Ok(()) } else { self.look(Kind::List) }
    }

    /// What is known of the truth.
    #[must_use]
    pub const fn known(&self) -> &Arc<Known> {
        &self.known
    }

    /// A page of movies, of the revision `need` or later if there is such. The index answers where it can
    /// and is the faster one.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn list(
        &self,
        query: ListQuery,
        need: Revision,
    ) -> Result<AsOf<ListPage>, ServiceError> {
        Ok(self.list_from(query, need).await?.0)
    }

    /// The same, and where it is from.
    ///
    /// # Errors
    /// As [`Catalogue::list`].
    pub async fn list_from(
        &self,
        query: ListQuery,
        need: Revision,
    ) -> Result<(AsOf<ListPage>, Origin), ServiceError> {
        // Nothing is tried out where the database has no room.
        let choice = if self.is_full() { Choice::Faster } else { Choice::Learning };
        if let Some(page) = self.listed_by_index(&query, need, choice).await {
            return Ok((page, Origin::Index));
        }
        let asked = query.clone();
        let read = self.detached(Work::List, async move |store| store.list_timed(&asked).await);
        let read = read.await;
        if let Some(index) = &self.index {
            match &read {
                Ok((page, took)) => index.learn(&query, *took, Some(page.value.total)),
                Err(ServiceError::Store(StoreError::TimedOut(limit))) => {
                    index.learn(&query, *limit, None);
                }
                Err(_) => {}
            }
        }
        // What the database did not even begin, or not end, the index may answer.
        let instead = match &read {
            Err(ServiceError::Overloaded { .. }) => Some(Choice::Faster),
            Err(ServiceError::Store(
                StoreError::Unavailable(_) | StoreError::Unanswered(_) | StoreError::TimedOut(_),
            )) => Some(Choice::Whatever),
            Ok(_) | Err(_) => None,
        };
        if let Some(choice) = instead
            && let Some(page) = self.listed_by_index(&query, need, choice).await
        {
            return Ok((page, Origin::Index));
        }
        let (page, _) = read?;
        if let Some(index) = &self.index {
            index.count_list(false);
        }
        Ok((page, Origin::Truth))
    }

    /// A page from the index, where that is chosen and has it.
    async fn listed_by_index(
        &self,
        query: &ListQuery,
        need: Revision,
        choice: Choice,
    ) -> Option<AsOf<ListPage>> {
        let index = self.index.as_ref()?;
        let page = index.list(query, need, choice, |total| self.store.estimate(query, total)).await;
        let page = page.filter(|page| self.is_of_now(page))?;
        index.count_list(true);
        Some(page)
    }

    /// Whether a list that came now and had to be read from the database would be sent away at once.
    fn is_full(&self) -> bool {
        self.overload.as_ref().is_some_and(|overload| overload.is_full(Kind::List))
    }

    /// Whether a page includes all that is known of the movies that it shows. Which those are is not known
    /// before.
    fn is_of_now(&self, page: &AsOf<ListPage>) -> bool {
        let scopes: Vec<Scope> = page.value.scopes().collect();
        page.revision >= self.known().watch(&scopes).need()
    }

    /// Whether there is an index to be asked.
    ///
    /// # Errors
    /// [`ServiceError::IndexOff`], [`ServiceError::IndexUnready`].
    pub fn may_search(&self) -> Result<(), ServiceError> {
        self.finder()?.ready()
    }

    /// Whether a search that came now would be begun.
    ///
    /// # Errors
    /// As [`Catalogue::may_search`]; [`ServiceError::Overloaded`].
    pub fn look_at_index(&self) -> Result<(), ServiceError> {
        self.finder()?.look()
    }

    /// A page of what a search finds.
    ///
    /// # Errors
    /// As [`Catalogue::may_search`]; [`ServiceError::Overloaded`], [`ServiceError::SearchTimedOut`].
    pub async fn search(&self, query: SearchQuery) -> Result<AsOf<SearchPage>, ServiceError> {
        self.finder()?.search(query).await
    }

    /// The movies that a search finds, in its order, as of `at_least` and all that is known here. The index
    /// is waited for at most for so long.
    ///
    /// # Errors
    /// As [`Catalogue::search`]; [`ServiceError::IndexBehind`].
    pub(super) async fn found(
        &self,
        query: SearchQuery,
        at_least: Revision,
        patience: Duration,
    ) -> Result<AsOf<Vec<MovieId>>, ServiceError> {
        let page = self.finder()?.search_all_known(query, at_least, patience).await?;
        let ids = page.value.rows.iter().map(|row| row.movie.id).collect();
        Ok(AsOf { revision: page.revision, value: ids })
    }

    /// Whether there are suggestions.
    ///
    /// # Errors
    /// [`ServiceError::IndexOff`], [`ServiceError::IndexUnready`].
    pub fn may_suggest(&self) -> Result<(), ServiceError> {
        self.finder()?.may_suggest()
    }

    /// What a text that is being typed may become. Does not block.
    ///
    /// # Errors
    /// As [`Catalogue::may_suggest`].
    pub fn suggest(&self, query: &SuggestQuery) -> Result<AsOf<Vec<Suggestion>>, ServiceError> {
        self.finder()?.suggest(query)
    }

    fn finder(&self) -> Result<&Finder, ServiceError> {
        self.index.as_ref().ok_or(ServiceError::IndexOff)
    }

    /// One movie.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn movie(&self, id: MovieId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        self.detached(Work::Read, async move |store| store.movie(id).await).await
    }

    /// One movie, for the sake of a write that depends on how it is.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn movie_to_write(&self, id: MovieId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        self.detached(Work::Write, async move |store| store.movie(id).await).await
    }

    /// The movie with this `IMDb` id.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn movie_by_imdb_id(&self, id: ImdbId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        self.detached(Work::Read, async move |store| store.movie_by_imdb_id(&id).await).await
    }

    /// Every genre that has movies, by name.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn genres(&self) -> Result<AsOf<Vec<Genre>>, ServiceError> {
        self.detached(Work::Read, async move |store| store.genres().await).await
    }

    /// What is trending at a moment, the most first, with how much.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn trending(
        &self,
        ask: TrendingAsk,
        at: Moment,
    ) -> Result<AsOf<Vec<(Movie, f64)>>, ServiceError> {
        self.detached(Work::List, async move |store| store.trending_movies(&ask, at).await).await
    }

    /// The changes after `since`, oldest first: whole revisions only, at most `limit` changes but at
    /// least one revision, if there is one.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`], with `ChangesGone` for changes that are no longer kept.
    pub async fn changes(
        &self,
        since: Revision,
        limit: u32,
    ) -> Result<AsOf<Vec<Change>>, ServiceError> {
        let changes =
            self.detached(Work::Read, async move |store| store.changes(since, limit).await).await?;
        self.settled(changes.revision).await;
        Ok(changes)
    }

    /// At most `limit` movies after `after` in the order of their ids, and whether there are more.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn by_id(
        &self,
        after: Option<MovieId>,
        limit: u32,
    ) -> Result<AsOf<(Vec<Movie>, bool)>, ServiceError> {
        let AsOf { revision, mut value } = self
            .detached(Work::Read, async move |store| store.movies_by_id(after, limit + 1).await)
            .await?;
        let more = value.len() > limit as usize;
        value.truncate(limit as usize);
        Ok(AsOf { revision, value: (value, more) })
    }

    /// The whole catalogue as it is now, in the order of ids.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn export(&self) -> Result<Export, ServiceError> {
        let store = Arc::clone(&self.store);
        let snapshot = self.spawned(async move { store.snapshot().await }).await?;
        Ok(Export { revision: snapshot.revision(), snapshot: Some(snapshot) })
    }

    /// Does one write in its own transaction. The revision is the one that the write made, or the
    /// catalogue's current one if it changed nothing.
    ///
    /// Dropping the future does not cancel a write that was begun; one that waits for leave is not begun.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`]; [`ServiceError::Store`], and then nothing was written, or (time-out of a commit) it is unknown.
    pub async fn write(&self, mutation: Mutation) -> Result<AsOf<Outcome>, ServiceError> {
        let AsOf { revision, mut value } = self.batch(vec![mutation], Atomicity::All).await?;
        Ok(AsOf { revision, value: value.pop().unwrap_or(Outcome::NotDone) })
    }

    /// Creates a movie, or gives the answer that the first request under the same key was given
    /// within the last 24 hours.
    ///
    /// Dropping the future does not cancel a write that was begun; one that waits for leave is not begun.
    ///
    /// # Errors
    /// [`ServiceError::KeyReused`], [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn create_once(
        &self,
        data: MovieData,
        idempotency: Idempotency,
    ) -> Result<AsOf<Outcome>, ServiceError> {
        let Idempotency { key, request } = idempotency;
        let key = OnceKey { key, request };
        let this = self.clone();
        let once = self
            .detached(Work::Write, async move |store| {
                let before = this.known.before_write();
                let mut once = store.create_once(data, &key, before.known()).await?;
                if let Once::First(written) = &mut once {
                    this.wrote(before, written);
                    written.revision = Some(or_current(&store, written.revision).await?);
                }
                Ok(once)
            })
            .await?;
        let (revision, value) = match once {
            Once::Again(movie, revision) => (revision, Outcome::Created(movie)),
            Once::OtherRequest => return Err(ServiceError::KeyReused),
            Once::First(mut written) => {
                let value = written.outcomes.pop().unwrap_or(Outcome::NotDone);
                (written.revision.unwrap_or_default(), value)
            }
        };
        self.settled(revision).await;
        Ok(AsOf { revision, value })
    }

    /// Does many writes. Outcomes are in the order of the mutations; the revision is the last that
    /// they made, or the catalogue's current one if they changed nothing.
    ///
    /// Dropping the future does not cancel writes that were begun; those that wait for leave are not.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`]. With [`Atomicity::All`] nothing was written then; with
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
        let work = if mutations.len() == 1 { Work::Write } else { Work::Batch };
        let this = self.clone();
        let (revision, value) = self
            .detached(work, async move |store| {
                let mut revision = None;
                let mut outcomes = Vec::with_capacity(mutations.len());
                for part in mutations.chunks(size) {
                    let before = this.known.before_write();
                    let written = store.write(part, before.known()).await?;
                    this.wrote(before, &written);
                    revision = written.revision.or(revision);
                    outcomes.extend(written.outcomes);
                }
                let made = revision.is_some();
                Ok(((made, or_current(&store, revision).await?), outcomes))
            })
            .await?;
        let (made, current) = revision;
        let settled = self.settled(current).await;
        // What was written is named; where nothing was, the answer includes what is known.
        let revision = if made { current } else { settled };
        Ok(AsOf { revision, value })
    }

    /// Makes a write known, in the task that did it: whether or not its client still waits.
    fn wrote(&self, before: BeforeWrite, written: &Written) {
        if let Some(revision) = written.revision {
            self.tell(before, revision, &written.scopes, written.between.as_deref());
        }
    }

    /// Makes a write known, as [`Known::wrote`] has it, and tells others.
    pub(super) fn tell(
        &self,
        before: BeforeWrite,
        revision: Revision,
        scopes: &[Scope],
        between: Option<&[(Scope, Revision)]>,
    ) {
        self.known.wrote(before, revision, scopes, between);
        (self.news.0)(revision, scopes);
    }

    /// Whether the truth can be read.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], and [`ServiceError::Store`] where it cannot.
    pub async fn ready(&self) -> Result<Revision, ServiceError> {
        let revision = self.detached(Work::Read, async move |store| store.revision().await).await?;
        self.settled(revision).await;
        Ok(revision)
    }

    /// Waits until a revision is known here, so that no later answer names an earlier one. Gives that
    /// one, or where polls fail, the one that is known.
    pub(super) async fn settled(&self, revision: Revision) -> Revision {
        if self.known.reach(revision, SETTLE).await {
            return revision;
        }
        self.known.verified()
    }

    /// Does database work, with leave, in a task of its own, which goes on if the caller leaves. Leave is
    /// kept for as long as the task is at it.
    pub(super) async fn detached<T, F>(
        &self,
        work: Work,
        task: impl FnOnce(Arc<Store>) -> F,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let permit = match &self.overload {
            Some(overload) => Some(overload.enter(work.kind()).await?),
            None => None,
        };
        // Boxed, since it is large: requests that still send their bodies would have room for it, too.
        let task = Box::pin(task(Arc::clone(&self.store)));
        self.spawned(async move {
            let outcome = task.await;
            if let Some(permit) = permit {
                permit.end(work.end(&outcome));
            }
            outcome
        })
        .await
    }

    /// Does database work in a task of its own.
    async fn spawned<T>(
        &self,
        task: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
    {
        Ok(self.tasks.spawn(task.in_current_span()).await.map_err(ServiceError::Lost)??)
    }
}

/// The revision that a write made, or the current one if it made none.
pub(super) async fn or_current(
    store: &Store,
    made: Option<Revision>,
) -> Result<Revision, StoreError> {
    match made {
        Some(revision) => Ok(revision),
        None => store.revision().await,
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
