//! What people do: noted as it happens, counted a few times a second, stored in batches.
//!
//! A request notes in the buffer of its thread (`buffer`). The writer (`writer`) empties the buffers, makes
//! numbers of clients (`numbers`), adds up what is alike (`tally`), and stores it. What users did one by
//! one waits beside that (`unstored`), and is seen before it is stored.
//!
//! **Invariant:** noting waits for nothing. Whatever has no room is dropped, and counted.
//! **Invariant:** addresses and keys are in memory only, until the writer has made numbers of them.
//! **Invariant:** what is lost when the process ends at once is what was noted in the last second.

mod buffer;
mod event;
mod metrics;
mod numbers;
mod recent;
mod tally;
mod unstored;
mod writer;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{
    domain::{
        activity::{Day, Interaction, Limits, SearchStudied, SearchesAsk, Sent, Studied, UserId},
        clock::{Clock, Moment, Tick},
        movie::MovieId,
    },
    store::{
        EventKey, InteractionCursor, InteractionPage, Recorded, Salt, Store, WriterId,
        error::StoreError,
    },
};

pub use {
    event::{Client, Kind, Shown, Subject, Wish},
    metrics::Metrics,
};

use buffer::Buffers;
use event::Noted;
use metrics::Dropped;
use unstored::{Told, Unstored};
use writer::Writer;

use super::error::ServiceError;

/// Users who were erased here of late, whose events may still be in buffers.
const ERASED_LATELY: usize = 1_000;

/// Whether anything is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// It is.
    #[default]
    On,
    /// Nothing is.
    Off,
}

/// How activity is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether it is.
    pub recording: Recording,
    /// The share of clients of which it is, from 0 to 1. What callers say of users is recorded in any case.
    pub sample: f64,
    /// For how many days it is kept.
    pub kept_days: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { recording: Recording::On, sample: 1.0, kept_days: 90 }
    }
}

/// Who looked at something.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// From where.
    pub client: Client,
    /// The pseudonym that a caller with a key gave.
    pub user: Option<UserId>,
    /// Whether they want to be recorded.
    pub wish: Wish,
}

/// What came of an interaction that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is noted, and will be stored.
    Noted,
    /// There is no room for it now.
    NoRoom,
}

/// What people do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<Store>,
    clock: Clock,
    options: Options,
    metrics: Metrics,
    tasks: TaskTracker,
    buffers: Buffers,
    unstored: Unstored,
    salt: ArcSwapOption<(Day, Salt)>,
    /// The number of the last erasure that is known here.
    erasures: AtomicU64,
    erased_lately: Mutex<VecDeque<(UserId, u64)>>,
    /// Tells what is said here from what is said elsewhere and before, and how much was said.
    source: u64,
    said: AtomicU64,
}

impl Activity {
    /// Records in `store`; the work that outlives its callers is spawned on `tasks`. Nothing is stored
    /// before [`Activity::run`] runs.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        clock: Clock,
        options: Options,
        metrics: Metrics,
        tasks: TaskTracker,
    ) -> Self {
        let source = getrandom::u64().unwrap_or_else(|_| clock.now().unix_ms().cast_unsigned());
        Self(Arc::new(Inner {
            store,
            clock,
            options,
            metrics,
            tasks,
            buffers: Buffers::new(),
            unstored: Unstored::default(),
            salt: ArcSwapOption::empty(),
            erasures: AtomicU64::new(0),
            erased_lately: Mutex::default(),
            source,
            said: AtomicU64::new(0),
        }))
    }

    /// Whether anything is recorded.
    #[must_use]
    #[inline]
    pub fn records(&self) -> bool {
        self.0.options.recording == Recording::On
    }

    /// Notes that somebody looked at something, unless they do not want that.
    #[inline]
    pub fn note(&self, subject: &Subject, visitor: Visitor, at: Tick) {
        let inner = &*self.0;
        if !self.records() {
            return;
        }
        let Visitor { client, user, wish } = visitor;
        if wish != Wish::Unsaid {
            return inner.buffers.ignore(wish, 1);
        }
        let erasures = inner.erasures.load(Ordering::Acquire);
        let subject = subject.clone();
        inner.buffers.note(Noted { subject, client, user, at, erasures, times: 1 });
    }

    /// Counts so many things that somebody did and that are not to be noted.
    pub fn ignore(&self, wish: Wish, count: u64) {
        if self.records() {
            self.0.buffers.ignore(wish, count);
        }
    }

    /// Which times an interaction may have that is said now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let now = self.0.clock.now();
        let oldest = Day::of(now).before(self.0.options.kept_days - 1).first_hour().begins();
        Limits { now, oldest }
    }

    /// Notes what somebody said of movies: `user`, where an interaction names none itself, else the client
    /// as it is known today. In their order, what came of each.
    ///
    /// # Errors
    /// [`ServiceError::Store`] where the client cannot be made a number of.
    pub async fn say(
        &self,
        sent: Vec<Sent>,
        user: Option<UserId>,
        client: Client,
    ) -> Result<Vec<Said>, ServiceError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let nobody = user.is_none() && sent.iter().any(|sent| sent.user.is_none());
        let user = if nobody { Some(self.of_today(client, now).await?) } else { user };
        let erasures = inner.erasures.load(Ordering::Acquire);
        let mut said = Vec::with_capacity(sent.len());
        // Of what one user says of one movie at once, the last word is the latest.
        let mut words: HashMap<(UserId, MovieId), i64> = HashMap::new();
        for sent in sent {
            let Some(user) = sent.user.clone().or_else(|| user.clone()) else { continue };
            let at = sent.at.unwrap_or_else(|| {
                let words = words.entry((user.clone(), sent.movie)).or_default();
                *words += 1;
                Moment::from_unix_ms(now.unix_ms() + *words - 1)
            });
            let event = inner.event_of(&sent, &user);
            let interaction = Interaction { user, movie: sent.movie, signal: sent.signal, at };
            let recorded = Recorded { interaction, event, erasures, interest: None };
            inner.metrics.noted(Kind::Interaction, 1);
            let noted = inner.unstored.push(recorded, Told::Said);
            if noted.is_err() {
                inner.metrics.dropped(Dropped::Backlog, 1);
            }
            said.push(if noted.is_ok() { Said::Noted } else { Said::NoRoom });
        }
        Ok(said)
    }

    /// A client as a user of today.
    async fn of_today(&self, client: Client, now: Moment) -> Result<UserId, ServiceError> {
        let day = Day::of(now);
        let held = self.0.salt.load_full().filter(|held| held.0 == day);
        let salt = match held {
            Some(held) => held.1,
            None => self.spawned(async move |store| store.salt_of(day).await).await?,
        };
        Ok(UserId::of_day(numbers::number(&salt, numbers::CLIENT, &client.bytes())))
    }

    /// The newest `limit` interactions of a user, the newest first, also those that were noted here and
    /// are not stored yet.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn history(
        &self,
        user: &UserId,
        limit: u32,
    ) -> Result<Vec<Interaction>, ServiceError> {
        // What waits first: what arrives meanwhile is there twice, rather than not at all.
        let mut history = self.0.unstored.of(user);
        history.reverse();
        let asked = user.clone();
        let stored = self.spawned(async move |store| store.history(&asked, limit).await).await?;
        let waiting = history.len();
        for interaction in stored {
            if !history[..waiting].contains(&interaction) {
                history.push(interaction);
            }
        }
        history.sort_by_key(|interaction| std::cmp::Reverse(interaction.at));
        history.truncate(limit as usize);
        Ok(history)
    }

    /// What is held of a user in the store, the oldest first: a page after a place.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn held_of(
        &self,
        user: &UserId,
        after: Option<InteractionCursor>,
        limit: u32,
    ) -> Result<InteractionPage, ServiceError> {
        let user = user.clone();
        self.spawned(async move |store| store.held_of(&user, after, limit).await).await
    }

    /// What was noted here of a user and is not stored yet, the oldest first.
    #[must_use]
    pub fn unstored_of(&self, user: &UserId) -> Vec<Interaction> {
        self.0.unstored.of(user)
    }

    /// Erases a user: what is stored, what waits here, and what waits in other replicas, which will not
    /// store it. It goes on when the caller leaves.
    ///
    /// # Errors
    /// [`ServiceError::Store`]; it may be asked for again then.
    pub async fn erase(&self, user: &UserId) -> Result<(), ServiceError> {
        let (this, user) = (self.clone(), user.clone());
        let erasing = async move {
            let inner = &*this.0;
            let erasure = inner.store.erase_user(&user).await?;
            {
                let mut lately = inner.erased_lately.lock().unwrap_or_else(PoisonError::into_inner);
                lately.retain(|(other, _)| *other != user);
                lately.push_back((user.clone(), erasure));
                if lately.len() > ERASED_LATELY {
                    lately.pop_front();
                }
            }
            this.heard(erasure);
            inner.metrics.dropped(Dropped::Erased, inner.unstored.erase(&user));
            inner.metrics.erased();
            Ok::<_, StoreError>(())
        };
        let erased = self.0.tasks.spawn(erasing.in_current_span());
        Ok(erased.await.map_err(ServiceError::Lost)??)
    }

    /// The number of the last erasure that is known here: what is kept of users from before it changed is
    /// to be dropped.
    #[must_use]
    pub fn erasures(&self) -> u64 {
        self.0.erasures.load(Ordering::Acquire)
    }

    /// Hears of the last erasure, by a poll or its own.
    pub(super) fn heard(&self, erasures: u64) {
        self.0.erasures.fetch_max(erasures, Ordering::AcqRel);
    }

    /// What people looked for, as editors may study it.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn studied(
        &self,
        what: Studied,
        ask: SearchesAsk,
    ) -> Result<Vec<SearchStudied>, ServiceError> {
        let today = Day::of(self.0.clock.now());
        self.spawned(async move |store| store.studied_searches(what, ask, today).await).await
    }

    /// Does database work in a task of its own.
    async fn spawned<T: Send + 'static, F>(
        &self,
        task: impl FnOnce(Arc<Store>) -> F,
    ) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = task(Arc::clone(&self.0.store));
        Ok(self.0.tasks.spawn(task.in_current_span()).await.map_err(ServiceError::Lost)??)
    }

    /// Counts and stores what is noted until told to stop, and then what is left.
    pub async fn run(self, stop: CancellationToken) {
        if !self.records() {
            return;
        }
        match WriterId::random() {
            Ok(id) => Writer::new(self.0, id).run(stop).await,
            Err(error) => tracing::error!(%error, "activity is not recorded"),
        }
    }
}

impl Inner {
    /// The key of what was said. With an id it counts once, however often it is sent; without one each time.
    fn event_of(&self, sent: &Sent, user: &UserId) -> EventKey {
        match &sent.id {
            Some(id) => EventKey::of(&[b"id", user.as_str().as_bytes(), id.as_str().as_bytes()]),
            None => EventKey::numbered(self.source, self.said.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Whether a user was erased here after an event of theirs was noted.
    fn is_erased(&self, user: &UserId, erasures: u64) -> bool {
        let lately = self.erased_lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.iter().any(|(erased, erasure)| erased == user && erasures < *erasure)
    }
}
