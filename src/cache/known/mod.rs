//! What this replica knows of the truth's revisions.
//!
//! **Invariant:** the cursor moves by polls only. A message of the bus tells of its own scopes and
//! nothing of the writes before it, which may have been lost on the way.
//! **Invariant:** everything of a poll is applied before the cursor says so.
//! **Invariant:** what raises cells is counted as news before it is said to be known.
//! **Invariant:** what was learnt from the truth only grows, until the truth itself is another one
//! (a restore); then everything is forgotten at once, and no entry that was made before is good again.

mod cells;
mod shown;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout_at},
};

use crate::domain::{
    clock::{Clock, Tick},
    revision::{Revision, Scope},
};

pub use cells::Watched;
pub use shown::{Exactness, Shown};

use cells::{Cell, Cells, News};
use shown::Showing;

use super::{
    entry::Basis,
    lease::{Bounds, Lease},
    rule::{Rule, Rules},
};

/// Messages of the bus that wait to be confirmed by a poll. More are not heeded: they only hasten what
/// the next poll tells.
const HINTS_MAX: usize = 4_096;
/// How soon a poll is asked for again by who waits for a revision that the last one did not find.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// Something that the bus told.
#[derive(Debug)]
struct Hint {
    /// The number of the last poll that had begun when it came.
    after_poll: u64,
    revision: i64,
    cells: Box<[Arc<Cell>]>,
}

/// A poll that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Poll {
    number: u64,
    /// Before it was sent.
    sent: Tick,
    /// The revision that it must not be below, since this replica has seen it: its own writes, and
    /// earlier polls.
    floor: i64,
    /// The revision from which on it asks.
    pub since: Revision,
}

/// What was known before an own write.
#[derive(Debug, Clone, Copy)]
pub struct BeforeWrite {
    generation: u64,
    verified: Revision,
}

impl BeforeWrite {
    /// The revision up to which everything was known; none where nothing was.
    #[must_use]
    pub fn known(self) -> Option<Revision> {
        Some(self.verified).filter(|verified| *verified > Revision::ZERO)
    }
}

/// What a poll found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// What was to be expected.
    Applied,
    /// The truth is another one, or an earlier state of itself: nothing was applied. The whole of it
    /// must be forgotten, and the whole be read ([`Known::forget`], [`Known::begin_life`]).
    Restored,
}

/// What is known of the truth. Shared by everything that reads or writes.
#[derive(Debug)]
pub struct Known {
    cells: RwLock<Cells>,
    news: News,
    hints: Mutex<Vec<Hint>>,
    epoch: AtomicU64,
    /// How often everything was forgotten.
    generation: AtomicU64,
    /// How many lives of the catalogue have ended, as noticed here.
    lives: AtomicU64,
    /// Whether the truth may be another one: everything was forgotten, and not yet learnt anew.
    suspect: AtomicBool,
    /// The last revision that a poll found: of every scope it is known whether it was touched up to
    /// here.
    cursor: AtomicI64,
    /// The revision up to which everything is known: the cursor, or beyond it where this replica's own
    /// writes follow without a gap, or saw what is in the gap.
    verified: AtomicI64,
    /// The highest revision that this replica wrote.
    written: AtomicI64,
    /// Polls that have begun.
    polls: AtomicU64,
    /// The number of the last poll that succeeded.
    polled: watch::Sender<u64>,
    wanted: Notify,
    /// The last revision up to which everything was known, for who follows.
    learnt: watch::Sender<Revision>,
    showing: Showing,
    restores: AtomicU64,
    lease: Lease,
    clock: Clock,
    rules: Rules,
}

impl Known {
    /// Knows nothing yet: before the first poll nothing is fresh.
    #[must_use]
    pub fn new(bounds: Bounds, clock: Clock, rules: Rules) -> Self {
        Self {
            cells: RwLock::new(Cells::new(0)),
            news: News::new(),
            hints: Mutex::default(),
            epoch: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            lives: AtomicU64::new(0),
            suspect: AtomicBool::new(true),
            cursor: AtomicI64::new(0),
            verified: AtomicI64::new(0),
            written: AtomicI64::new(0),
            polls: AtomicU64::new(0),
            polled: watch::Sender::new(0),
            wanted: Notify::new(),
            learnt: watch::Sender::new(Revision::ZERO),
            showing: Showing::new(bounds),
            restores: AtomicU64::new(0),
            lease: Lease::new(bounds),
            clock,
            rules,
        }
    }

    /// What an answer depends on. To be taken before the answer is loaded.
    #[must_use]
    pub fn watch(&self, scopes: &[Scope]) -> Watched {
        Watched::new(self.cells_of(scopes.iter()), self.news.clone())
    }

    fn cells_of<'s>(&self, scopes: impl Iterator<Item = &'s Scope> + Clone) -> Box<[Arc<Cell>]> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        let found = scopes.clone().map(|scope| cells.of(scope).cloned()).collect::<Option<_>>();
        drop(cells);
        found.unwrap_or_else(|| {
            let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
            scopes.map(|scope| Arc::clone(cells.make(scope))).collect()
        })
    }

    /// The last revision that the truth is known to have: whatever is read from it from now on includes it.
    #[must_use]
    pub fn told(&self) -> Revision {
        self.watch(&[Scope::All]).proven()
    }

    /// A number that is another one whenever more is known than was before.
    #[must_use]
    pub fn news(&self) -> u64 {
        self.news.now()
    }

    /// Waits until more is known than was at `seen` ([`Known::news`]). Dropping the future is safe.
    pub async fn news_after(&self, seen: u64) {
        self.news.after(seen).await;
    }

    /// The revision up to which everything is known. An answer that is good includes every write up
    /// to it, provided that this was read *before* the answer was judged.
    #[must_use]
    #[inline]
    pub fn verified(&self) -> Revision {
        Revision::new(self.verified.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Which life of the catalogue this is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// How often everything was forgotten. What was loaded in another generation is not kept.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// How many lives of the catalogue have ended, as noticed here. What was found out in another one is not
    /// answered: the same revisions are of other writes.
    #[must_use]
    #[inline]
    pub fn lives(&self) -> u64 {
        self.lives.load(Ordering::Acquire)
    }

    /// The lease.
    #[must_use]
    #[inline]
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The clock by which leases and lifetimes are measured.
    #[must_use]
    #[inline]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Which rules hold.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Genres that have a cell.
    #[must_use]
    pub fn genres(&self) -> usize {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).genres()
    }

    /// What is known before an own write. To be taken before its transaction begins.
    #[must_use]
    pub fn before_write(&self) -> BeforeWrite {
        BeforeWrite { generation: self.generation(), verified: self.verified() }
    }

    /// Notes an own write. To be called after its commit, and before it is answered. `between` is what
    /// its transaction saw of the writes between what was known before and itself.
    pub fn wrote(
        &self,
        before: BeforeWrite,
        revision: Revision,
        scopes: &[Scope],
        between: Option<&[(Scope, Revision)]>,
    ) {
        // A revision that was known before it was made: the truth went back meanwhile.
        if revision <= before.verified && before.generation == self.generation() {
            tracing::error!(%revision, "the database went back: a write was given an old revision");
            self.forget();
            self.ask();
        }
        let at = revision.get();
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let mut is_news = cells.prove(&Scope::All, at);
        for scope in scopes {
            is_news |= cells.prove(scope, at);
        }
        for (scope, touched) in between.unwrap_or_default() {
            is_news |= cells.prove(scope, touched.get());
        }
        self.news.count_if(is_news);
        self.written.fetch_max(at, Ordering::AcqRel);
        // With the cells still held, so that nothing is forgotten in between.
        if between.is_some() && before.generation == self.generation() {
            self.verified.fetch_max(at, Ordering::AcqRel);
        }
        drop(cells);
        let next = (at - 1, at);
        let _ = self.verified.compare_exchange(next.0, next.1, Ordering::AcqRel, Ordering::Relaxed);
        self.tell();
    }

    /// Heeds a message of the bus: `scopes` were touched at `revision`, or everything was. It renews
    /// no lease and moves no cursor.
    pub fn hint(&self, epoch: u64, revision: Revision, scopes: Option<&[Scope]>) {
        if epoch != self.epoch() {
            return;
        }
        let at = revision.get();
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.len() >= HINTS_MAX {
            return;
        }
        let touched = if let Some(scopes) = scopes {
            let is_of_truth = |scope: &&Scope| !matches!(scope, Scope::Index | Scope::Model);
            self.cells_of(scopes.iter().filter(is_of_truth).chain([&Scope::All]))
        } else {
            let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
            cells.make_all();
            cells.every().cloned().collect()
        };
        let mut is_news = false;
        for cell in &touched {
            is_news |= cell.hint(at);
        }
        self.news.count_if(is_news);
        if at > self.cursor.load(Ordering::Acquire) {
            let after_poll = self.polls.load(Ordering::Acquire);
            hints.push(Hint { after_poll, revision: at, cells: touched });
        }
        drop(hints);
        if !self.rules.hold(Rule::BusRenewsLease) {
            self.lease.renew(self.clock.tick());
        }
        if !self.rules.hold(Rule::BusMovesCursor) {
            self.cursor.fetch_max(at, Ordering::AcqRel);
            self.verified.fetch_max(at, Ordering::AcqRel);
        }
    }

    /// Begins a poll. There is one at a time.
    #[must_use]
    pub fn begin_poll(&self) -> Poll {
        let cursor = self.cursor.load(Ordering::Acquire);
        Poll {
            number: self.polls.fetch_add(1, Ordering::AcqRel) + 1,
            sent: self.clock.tick(),
            floor: cursor.max(self.written.load(Ordering::Acquire)),
            since: Revision::new(cursor).unwrap_or_default(),
        }
    }

    /// How many polls were begun so far.
    #[must_use]
    pub fn polls_begun(&self) -> u64 {
        self.polls.load(Ordering::Acquire)
    }

    /// Whether a poll succeeded that was begun after so many.
    #[must_use]
    pub fn has_polled_after(&self, begun: u64) -> bool {
        *self.polled.borrow() > begun
    }

    /// Applies what a poll found.
    #[must_use]
    pub fn polled(
        &self,
        poll: Poll,
        epoch: u64,
        revision: Revision,
        scopes: &[(Scope, Revision)],
    ) -> Found {
        let at = revision.get();
        let back = at < poll.floor && self.rules.hold(Rule::BusMovesCursor);
        if back || epoch != self.epoch() || self.suspect.load(Ordering::Acquire) {
            return Found::Restored;
        }
        self.apply(scopes);
        self.settle(poll, at);
        Found::Applied
    }

    /// Forgets everything: no entry that was made before is good again, and the next poll reads the
    /// whole. To be done before that poll is sent, so that it loses no own write that comes meanwhile.
    pub fn forget(&self) {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let gone = std::mem::replace(&mut *cells, Cells::new(0));
        // It may be noticed by a write and then by a poll. What was read in between is of the new life.
        if !self.suspect.swap(true, Ordering::AcqRel) {
            self.lives.fetch_add(1, Ordering::AcqRel);
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.written.store(0, Ordering::Release);
        self.cursor.store(0, Ordering::Release);
        self.verified.store(0, Ordering::Release);
        let own = [gone.of(&Scope::Index), gone.of(&Scope::Model)].into_iter().flatten();
        gone.every().chain(own).for_each(|cell| cell.kill());
        self.news.count();
        self.showing.forget();
    }

    /// Begins another life of the catalogue, after everything was forgotten, with what a poll of the
    /// whole found: that comes first, since it is what answers of this life are judged by.
    pub fn begin_life(
        &self,
        poll: Poll,
        epoch: u64,
        revision: Revision,
        scopes: &[(Scope, Revision)],
    ) {
        self.apply(scopes);
        self.epoch.store(epoch, Ordering::Release);
        self.suspect.store(false, Ordering::Release);
        self.settle(poll, revision.get());
    }

    fn apply(&self, scopes: &[(Scope, Revision)]) {
        if scopes.is_empty() {
            return;
        }
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let mut is_news = false;
        for (scope, touched) in scopes {
            is_news |= cells.prove(scope, touched.get());
        }
        self.news.count_if(is_news);
    }

    /// Once all scopes of a poll are known: the cursor, the lease, and those who wait.
    fn settle(&self, poll: Poll, at: i64) {
        self.confirm_hints(poll, at);
        self.cursor.fetch_max(at, Ordering::AcqRel);
        self.verified.fetch_max(at, Ordering::AcqRel);
        self.lease.renew(poll.sent);
        self.showing.polled(Revision::new(at).unwrap_or_default(), poll.sent);
        self.polled.send_replace(poll.number);
        self.tell();
    }

    /// Tells who follows up to where everything is known.
    fn tell(&self) {
        let verified = self.verified();
        self.learnt.send_if_modified(|told| std::mem::replace(told, verified) != verified);
    }

    /// The revision up to which everything is known, again and again.
    #[must_use]
    pub fn learnt(&self) -> watch::Receiver<Revision> {
        self.learnt.subscribe()
    }

    /// Notes what this replica's index shows from now on: to be called once it does, and with the
    /// [`generation`](Self::generation) that it was made in. Whether that is still the present one.
    ///
    /// Answers that were made of what it showed before are not good any more.
    pub fn show(&self, generation: u64, shown: Shown) -> bool {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        if generation != self.generation() || self.suspect.load(Ordering::Acquire) {
            return false;
        }
        cells.show(shown.revision.get());
        self.news.count();
        self.showing.show(shown);
        true
    }

    /// Notes that there is no index to be asked: no answer that was made from it is good any more.
    pub fn hide(&self) {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        cells.hide();
        self.news.count();
        self.showing.hide();
    }

    /// Notes that this replica recommends by another model from now on: no answer that was made by the one
    /// before is good any more. To be called once the new one is in force, so that nothing is made by the old
    /// one afterwards and taken for good.
    pub fn replace_model(&self) {
        self.cells.write().unwrap_or_else(PoisonError::into_inner).replace_model();
        self.news.count();
    }

    /// Whether it is known which life of the catalogue this is: not between noticing that it is another one
    /// and having learnt it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.suspect.load(Ordering::Acquire)
    }

    /// What this replica's index shows; `None` while there is none to be asked.
    #[must_use]
    pub fn shown(&self) -> Option<Shown> {
        self.showing.shown()
    }

    /// The lease of answers by what they are made from. That of the index, as of when it includes
    /// everything, is never ahead of the truth's.
    #[must_use]
    #[inline]
    pub const fn lease_of(&self, basis: Basis) -> &Lease {
        match basis {
            Basis::Truth => &self.lease,
            Basis::Index => self.showing.lease(),
        }
    }

    /// Waits until the index shows a revision, at most for `limit`. Whether it does. Dropping the future
    /// is safe.
    pub async fn reach_shown(&self, revision: Revision, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        if self.shown().is_some_and(|shown| shown.revision >= revision) {
            return true;
        }
        self.reach(revision, limit).await
            && self.showing.reach(revision, end.saturating_duration_since(Instant::now())).await
    }

    /// Takes back what the bus told and a poll that was sent later did not find.
    fn confirm_hints(&self, poll: Poll, at: i64) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.is_empty() {
            return;
        }
        let (settled, open): (Vec<Hint>, Vec<Hint>) =
            std::mem::take(&mut *hints).into_iter().partition(|hint| hint.after_poll < poll.number);
        let false_ones: Vec<&Hint> = settled.iter().filter(|hint| hint.revision > at).collect();
        for cell in false_ones.iter().flat_map(|hint| &hint.cells) {
            cell.hinted.store(0, Ordering::Release);
        }
        if !false_ones.is_empty() {
            tracing::warn!(
                messages = false_ones.len(),
                revision = at,
                "the bus told of revisions that the database does not have"
            );
            for hint in &open {
                for cell in &hint.cells {
                    let _ = cell.hint(hint.revision);
                }
            }
            self.news.count();
        }
        *hints = open;
    }

    /// Notes that the truth turned out to be another one: somebody should hear of it.
    pub fn count_restore(&self) {
        self.restores.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the truth turned out to be another one since the start.
    #[must_use]
    pub fn restores(&self) -> u64 {
        self.restores.load(Ordering::Relaxed)
    }

    /// Waits until everything up to a revision is known, at most for `limit`; asks for polls meanwhile.
    /// Whether it is. Dropping the future is safe.
    pub async fn reach(&self, revision: Revision, limit: Duration) -> bool {
        if self.verified() >= revision {
            return true;
        }
        let end = Instant::now() + limit;
        let mut polled = self.polled.subscribe();
        loop {
            // A poll that is under way may have been sent too early to find it.
            let begun = self.polls.load(Ordering::Acquire);
            self.wanted.notify_one();
            let again = Instant::now() + ASK_AGAIN;
            let news = |number: &u64| *number > begun || self.verified() >= revision;
            let heard = timeout_at(end, polled.wait_for(news)).await.map(drop);
            if self.verified() >= revision {
                return true;
            }
            if heard.is_err() || timeout_at(end, sleep_until(again)).await.is_err() {
                return false;
            }
        }
    }

    /// Waits until somebody asks for a poll.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Asks for a poll.
    pub fn ask(&self) {
        self.wanted.notify_one();
    }
}

#[cfg(test)]
mod tests;
