//! How requests ask the index.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::{
    cache::known::{Exactness, Known, Shown},
    domain::{
        list::{Filter, ListPage, ListQuery, Total},
        movie::Movie,
        revision::{AsOf, Revision, Scope},
        search::{SearchPage, SearchQuery},
        suggest::{SuggestQuery, Suggestion},
    },
    search::{Index, SearchError},
    service::error::ServiceError,
    store::Estimate,
};

use super::{
    Options, Phase, Reason,
    choice::{Choice, is_faster, is_for_index, may_be_for_index},
    desk::{Desk, Unanswered},
    experience::{Experience, Took},
    metrics::{Asked, Metrics, Refused},
    suggestions::Suggestions,
};

/// The longest that somebody is told to wait for an index that is being built.
const RETRY_MAX: Duration = Duration::from_mins(1);

/// Asks the index. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Finder(pub(super) Arc<Desktop>);

/// What requests and the index's keeper share.
#[derive(Debug)]
pub(super) struct Desktop {
    pub(super) known: Arc<Known>,
    pub(super) metrics: Arc<Metrics>,
    /// The index that can be asked.
    pub(super) serving: ArcSwapOption<Serving>,
    /// Tells the keeper that somebody found the index damaged.
    pub(super) damaged: Notify,
    pub(super) state: Mutex<State>,
    pub(super) suggestions: Arc<Suggestions>,
    desk: Desk,
    experience: Experience,
}

/// An index that can be asked.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) index: Index,
    /// The generation of what is known in which it was opened.
    pub(super) generation: u64,
}

/// How the index is.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) rebuild: Option<Rebuilding>,
}

/// A rebuild under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rebuilding {
    pub(super) reason: Reason,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) began: Instant,
}

/// The index as an operator looks at it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `ready`, `building`, or `rebuilding` while the last one still answers.
    pub state: &'static str,
    /// The revision up to which it includes every write; none while it cannot be asked.
    pub revision: Option<Revision>,
    /// Milliseconds since the instant as of which it includes everything.
    pub lag_ms: Option<u128>,
    /// Movies in it.
    pub movies: i64,
    /// Bytes of its files.
    pub bytes: i64,
    /// The rebuild under way.
    pub rebuild: Option<Progress>,
}

/// A rebuild as an operator looks at it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Progress {
    /// Why it was begun.
    pub reason: &'static str,
    /// Movies that it has put into the index.
    pub done: u64,
    /// Movies that it has to put there, about.
    pub total: u64,
    /// Seconds since it was begun.
    pub seconds: u64,
}

impl Rebuilding {
    /// How long it will still take, by how long it took so far.
    fn left(&self) -> Duration {
        let took = self.began.elapsed();
        if self.done == 0 {
            return Duration::from_secs(1);
        }
        let left = self.total.saturating_sub(self.done);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let share = left as f64 / self.done as f64;
        took.mul_f64(share).clamp(Duration::from_secs(1), RETRY_MAX)
    }
}

impl Finder {
    pub(super) fn new(
        known: Arc<Known>,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
        options: &Options,
    ) -> Self {
        let desk = Desk::new(options, tasks, Arc::clone(&metrics));
        let state = Mutex::new(State { phase: Phase::Building, rebuild: None });
        metrics.is(Phase::Building);
        let (serving, damaged) = (ArcSwapOption::empty(), Notify::new());
        let suggestions = Arc::new(Suggestions::new());
        let experience = Experience::new();
        Self(Arc::new(Desktop {
            known,
            metrics,
            serving,
            damaged,
            state,
            suggestions,
            desk,
            experience,
        }))
    }

    /// Whether there is an index to be asked.
    ///
    /// # Errors
    /// [`ServiceError::IndexUnready`].
    pub fn ready(&self) -> Result<(), ServiceError> {
        if self.0.known.shown().is_some() {
            return Ok(());
        }
        Err(self.unready())
    }

    /// Whether a search that came now would be begun.
    ///
    /// # Errors
    /// [`ServiceError::IndexUnready`], [`ServiceError::Overloaded`].
    pub fn look(&self) -> Result<(), ServiceError> {
        self.ready()?;
        self.0.desk.look()
    }

    /// A page of what a search finds.
    ///
    /// # Errors
    /// [`ServiceError::IndexUnready`], [`ServiceError::Overloaded`], [`ServiceError::SearchTimedOut`].
    pub async fn search(&self, query: SearchQuery) -> Result<AsOf<SearchPage>, ServiceError> {
        let Some((serving, _)) = self.serving() else { return Err(self.unready()) };
        let index = serving.index.clone();
        let answer = self.0.desk.ask(Asked::Search, move || index.search(&query)).await;
        let page = answer.map_err(|failure| self.failed(failure))?;
        if page.value.total == 0 {
            self.0.metrics.nothing_found.inc();
        }
        self.still(&serving)?;
        Ok(page)
    }

    /// A page of what a search finds, with `at_least` and all that is known here in it: the index is waited
    /// for at most for so long.
    ///
    /// # Errors
    /// As [`Finder::search`]; [`ServiceError::IndexBehind`].
    pub async fn search_all_known(
        &self,
        query: SearchQuery,
        at_least: Revision,
        patience: Duration,
    ) -> Result<AsOf<SearchPage>, ServiceError> {
        self.ready()?;
        let known = &self.0.known;
        let written = known.watch(&[Scope::All]);
        let must = written.proven().max(at_least);
        // What the bus told is waited for, too; but it may have been made up.
        let reached = known.reach_shown(written.need().max(must), patience).await;
        if !reached && known.shown().is_some_and(|shown| shown.revision < must) {
            self.0.metrics.refused(Refused::Unready);
            return Err(ServiceError::IndexBehind);
        }
        self.search(query).await
    }

    /// Whether there are suggestions.
    ///
    /// # Errors
    /// [`ServiceError::IndexUnready`].
    pub fn may_suggest(&self) -> Result<(), ServiceError> {
        self.ready()?;
        if self.0.suggestions.is_filled() { Ok(()) } else { Err(self.unready()) }
    }

    /// What a text that is being typed may become. Does not block.
    ///
    /// # Errors
    /// [`ServiceError::IndexUnready`].
    pub fn suggest(&self, query: &SuggestQuery) -> Result<AsOf<Vec<Suggestion>>, ServiceError> {
        let began = Instant::now();
        // Read first: what is suggested includes what the index shows.
        let found = self.serving().and_then(|(serving, shown)| {
            let value = self.0.suggestions.ask(query)?;
            Some((serving, AsOf { revision: shown.revision, value }))
        });
        let Some((serving, found)) = found else { return Err(self.unready()) };
        self.still(&serving)?;
        self.0.metrics.took(Asked::Suggest, began.elapsed());
        Ok(found)
    }

    /// Whether the index is the faster one for a list, and has room for it now.
    pub(in crate::service) fn would_list(
        &self,
        query: &ListQuery,
        estimate: impl FnOnce(Option<u64>) -> Estimate,
    ) -> bool {
        self.0.desk.has_room()
            && self.serving().is_some()
            && self.is_chosen(query, Choice::Faster, estimate)
    }

    /// Whether the index is to answer a list, by how long the list took not long ago, and by an estimate that is
    /// told how many movies it has, where that is known.
    fn is_chosen(
        &self,
        query: &ListQuery,
        choice: Choice,
        estimate: impl FnOnce(Option<u64>) -> Estimate,
    ) -> bool {
        if !may_be_for_index(query) {
            return false;
        }
        let known = &self.0.experience;
        let of = |by: fn(&ListQuery, &Estimate, &Took) -> bool| {
            by(query, &estimate(known.total(&query.filter)), &known.took(query))
        };
        match choice {
            Choice::Learning => of(is_for_index),
            Choice::Faster => of(is_faster),
            Choice::Whatever => true,
        }
    }

    /// A page of a list, where the index has it, of `need` or later, and is chosen. It is never waited for.
    pub async fn list(
        &self,
        query: &ListQuery,
        need: Revision,
        choice: Choice,
        estimate: impl FnOnce(Option<u64>) -> Estimate,
    ) -> Option<AsOf<ListPage>> {
        if !self.is_chosen(query, choice, estimate) {
            return None;
        }
        let (serving, shown) = self.serving()?;
        if shown.exactness != Exactness::Exact || shown.revision < need {
            return None;
        }
        let (index, asked) = (serving.index.clone(), query.clone());
        let question = move || {
            let began = Instant::now();
            let page = index.list(&asked)?;
            Ok((page, began.elapsed()))
        };
        let answer = self.0.desk.ask_at_once(Asked::List, question).await?;
        let (page, took) = answer.map_err(|failure| self.failed(failure)).ok()?;
        self.0.experience.note(query, true, took, Some(page.value.total));
        // It went on in between: to what is one state, too, or to what is none.
        let exact = page.revision == shown.revision
            || self.0.known.shown().is_some_and(|now| {
                now.exactness == Exactness::Exact && now.revision == page.revision
            });
        (exact && self.still(&serving).is_ok()).then_some(page)
    }

    /// The movies that are most like one by what is written about them, if the index can be asked at once. It
    /// is never waited for, and may lack what was written last.
    pub async fn alike(
        &self,
        movie: Movie,
        filter: Filter,
        count: usize,
    ) -> Option<Vec<(Movie, f32)>> {
        let (serving, _) = self.serving()?;
        let index = serving.index.clone();
        let question = move || index.alike(&movie, &filter, count);
        let answer = self.0.desk.ask_at_once(Asked::Similar, question).await?;
        let found = answer.map_err(|failure| self.failed(failure)).ok()?;
        self.still(&serving).is_ok().then_some(found.value)
    }

    /// Counts a list that was loaded.
    pub(in crate::service) fn count_list(&self, by_index: bool) {
        let lists = &self.0.metrics.lists;
        if by_index { lists.by_index.inc() } else { lists.by_database.inc() }
    }

    /// Notes how long the database took for a list, and how many movies it has if that was found, for choosing who
    /// reads it the next time.
    pub(in crate::service) fn learn(
        &self,
        query: &ListQuery,
        took: Duration,
        total: Option<Total>,
    ) {
        if may_be_for_index(query) {
            self.0.experience.note(query, false, took, total);
        }
    }

    /// How it is; brings the gauges up to date.
    #[must_use]
    pub fn report(&self) -> Report {
        let Desktop { known, metrics, state, .. } = &*self.0;
        let State { phase, rebuild } = *state.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = known.shown().map(|shown| shown.revision);
        let age = known.lease_of(crate::cache::entry::Basis::Index).age(known.clock().tick());
        let lag = revision.map(|_| age);
        let behind = revision.map_or(0, |revision| known.verified().get() - revision.get());
        metrics.revision.set(revision.map_or(0, Revision::get));
        metrics.lag_revisions.set(behind.max(0));
        metrics.lag_seconds.set(lag.unwrap_or_default().as_secs_f64());
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        metrics.rebuild_done.set(rebuild.map_or(0, |rebuild| gauge(rebuild.done)));
        metrics.rebuild_total.set(rebuild.map_or(0, |rebuild| gauge(rebuild.total)));
        Report {
            state: phase.label(),
            revision,
            lag_ms: lag.map(|lag| lag.as_millis()),
            movies: metrics.documents.get(),
            bytes: metrics.bytes.get(),
            rebuild: rebuild.map(|rebuild| Progress {
                reason: rebuild.reason.label(),
                done: rebuild.done,
                total: rebuild.total,
                seconds: rebuild.began.elapsed().as_secs(),
            }),
        }
    }

    /// The index, and what it shows, of the truth's present life.
    fn serving(&self) -> Option<(Arc<Serving>, Shown)> {
        let shown = self.0.known.shown()?;
        let serving = self.0.serving.load_full()?;
        (serving.generation == self.0.known.generation()).then_some((serving, shown))
    }

    /// Whether an answer of this index is still one.
    fn still(&self, serving: &Serving) -> Result<(), ServiceError> {
        if serving.generation == self.0.known.generation() {
            return Ok(());
        }
        Err(self.unready())
    }

    fn unready(&self) -> ServiceError {
        self.0.metrics.refused(Refused::Unready);
        let state = *self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.rebuild.map_or(Duration::from_secs(1), |rebuild| rebuild.left());
        ServiceError::IndexUnready { retry_after: left }
    }

    /// Notes a failure of the index; its keeper sees to it.
    fn failed(&self, failure: Unanswered) -> ServiceError {
        match failure {
            Unanswered::Service(error) => error,
            Unanswered::Index(error) => {
                self.0.metrics.refused(Refused::Failed);
                self.0.metrics.failures.inc();
                if matches!(error, SearchError::Damaged(_)) {
                    self.0.damaged.notify_one();
                }
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause = cause.unwrap_or_default(), "the index failed");
                ServiceError::IndexUnready { retry_after: Duration::from_secs(1) }
            }
        }
    }
}
