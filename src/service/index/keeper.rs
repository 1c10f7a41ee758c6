//! The task that has the index: it opens it or has it built, puts the changes into it, and looks whether
//! it is whole.
//!
//! **Invariant:** what is shown of the index is known of the truth: no answer from it is of a revision
//! that no poll has found.
//! **Invariant:** an index is of one life of the catalogue. When everything is forgotten, it is looked at
//! anew.

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError},
    time::Duration,
};

use prometheus::IntGauge;
use tokio::{
    sync::{Mutex, oneshot},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::known::{Exactness, Known, Shown},
    domain::revision::Revision,
    search::{Folder, Index, Opened, SearchError},
    store::{Store, error::StoreError},
};

use super::{
    Metrics, Options, Phase, Reason,
    batch::{self, Next},
    finder::{Desktop, Finder, Serving},
};

/// Changes that are put into the index at once.
const CHANGES_MAX: u32 = 5_000;
/// The shortest time between two commits of changes that come one by one. The first comes at once.
const COMMITS_APART: Duration = Duration::from_millis(200);
/// How often the index is looked at.
const CHECKS_APART: Duration = Duration::from_secs(1);
/// How long an index that was opened may catch up before it is followed as always: a start waits for it.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(5);
/// How long to wait for the poll that shows a revision of the index to exist.
const SETTLE: Duration = Duration::from_secs(1);
/// The first pause after a failure; it doubles up to [`PAUSE_MAX`], until changes are put into the index again, or an
/// index was followed for longer than that.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Keeps the index.
#[derive(Debug)]
pub struct Keeper {
    pub(super) desktop: Arc<Desktop>,
    pub(super) store: Arc<Store>,
    pub(super) folder: Folder,
    pub(super) options: Options,
    tasks: TaskTracker,
    /// Ends what was begun beside.
    stop: CancellationToken,
    /// Held by who reads all of an index: with millions of movies that is gigabytes.
    verifying: Arc<Mutex<()>>,
    /// Dropped when what was there has been opened, and when that has caught up.
    opened: Option<oneshot::Sender<Infallible>>,
    caught_up: Option<oneshot::Sender<Infallible>>,
    step: Step,
}

/// What is to be done next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// See what the folder has.
    Open,
    /// Build an index.
    Build(Reason),
    /// Keep an index up.
    Follow(Followed),
}

/// An index that is kept up.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    index: Index,
    epoch: u64,
    generation: u64,
    /// What it shows, once everything up to there is known. `None` before it was compared with the truth.
    has: Option<Shown>,
    /// When the last changes were put into it.
    committed: Option<Instant>,
}

/// How far an index is.
#[derive(Debug)]
enum Caught {
    /// It has what there is, or nothing more can be done about it now.
    Up,
    /// There is more.
    Partly,
    /// It is no longer to be kept up: this is to be done.
    Not(Step),
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] SearchError),
    /// What is known of the truth is just being learnt anew.
    #[error("the catalogue is another one, and it is not known yet which")]
    Unsettled,
    /// A thread ended early (a bug: the log has the panic).
    #[error("the work on the index ended without an outcome")]
    Lost,
}

impl Trouble {
    /// Whether the index is as it was, and could not be changed.
    const fn is_of_writing(&self) -> bool {
        matches!(self, Self::Index(SearchError::Io(_) | SearchError::Engine(_)))
    }
}

impl Keeper {
    /// A keeper of the index in `folder`, and who asks it. Work that blocks is spawned on `tasks`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        known: Arc<Known>,
        folder: Folder,
        options: Options,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
    ) -> (Self, Finder) {
        let finder = Finder::new(known, metrics, tasks.clone(), &options);
        let desktop = Arc::clone(&finder.0);
        let stop = CancellationToken::new();
        let keeper = Self {
            desktop,
            store,
            folder,
            options,
            tasks,
            stop,
            verifying: Arc::default(),
            opened: None,
            caught_up: None,
            step: Step::Open,
        };
        (keeper, finder)
    }

    /// Two that end: once an index that is there was opened, and once it has caught up, as far as can be done
    /// at once: what comes after a restart finds it ready. Where there is none to be opened both end too; that
    /// is only built then.
    pub fn begun(&mut self) -> [impl Future<Output = ()> + use<>; 2] {
        let (opened, is_opened) = oneshot::channel::<Infallible>();
        let (caught_up, has_caught_up) = oneshot::channel::<Infallible>();
        (self.opened, self.caught_up) = (Some(opened), Some(caught_up));
        [is_opened, has_caught_up].map(|seen| async {
            let _dropped = seen.await;
        })
    }

    /// Opens an index that is there, and catches up as far as that goes in a while.
    async fn begin(&mut self) {
        let give_up = Instant::now() + CATCH_UP;
        match self.open().await {
            Ok(step) => self.step = step,
            Err(trouble) => self.tell(&trouble),
        }
        self.opened = None;
        while let Step::Follow(mut followed) = self.step.clone() {
            // What fails here is looked at where it is followed.
            let Ok(caught) = self.catch_up(&mut followed).await else { break };
            self.step = Step::Follow(followed);
            match caught {
                Caught::Partly if Instant::now() < give_up => {}
                Caught::Up | Caught::Partly => break,
                Caught::Not(step) => self.step = step,
            }
        }
        self.caught_up = None;
    }

    /// Keeps the index until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let desktop = Arc::clone(&self.desktop);
        tokio::select! {
            () = self.keep() => {}
            () = stop.cancelled() => {}
        }
        self.stop.cancel();
        desktop.known.hide();
        desktop.serving.store(None);
    }

    async fn keep(&mut self) {
        self.begin().await;
        let mut pause = PAUSE_FIRST;
        loop {
            let began = Instant::now();
            let follows = matches!(self.step, Step::Follow(_));
            let done = match self.step.clone() {
                Step::Open => self.open().await,
                Step::Build(reason) => self.build(reason).await,
                Step::Follow(followed) => self.follow(followed).await,
            };
            // One that fails again as soon as it is followed has not recovered.
            if follows && began.elapsed() > PAUSE_MAX {
                pause = PAUSE_FIRST;
            }
            match done {
                Ok(next) => self.step = next,
                Err(trouble) => {
                    self.tell(&trouble);
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                    if !matches!(trouble, Trouble::Unsettled) {
                        self.open_again().await;
                    }
                }
            }
        }
    }

    /// Has the index opened anew that was followed, if one was.
    async fn open_again(&mut self) {
        let Step::Follow(Followed { index, .. }) = &self.step else { return };
        let index = index.clone();
        self.step = Step::Open;
        let rest = move || {
            index.rest();
            Ok(())
        };
        if let Err(trouble) = self.blocking(rest).await {
            self.tell(&trouble);
        }
    }

    /// Tells of trouble that lasts when it begins.
    fn tell_once(&self, lasts: &mut bool, trouble: &Trouble) {
        if !std::mem::replace(lasts, true) {
            self.tell(trouble);
        }
    }

    fn tell(&self, trouble: &Trouble) {
        self.desktop.metrics.failures.inc();
        let cause = std::error::Error::source(trouble).map(ToString::to_string);
        tracing::warn!(error = %trouble, cause = cause.unwrap_or_default(), "the index is not kept up");
    }

    /// Runs what blocks.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, Trouble> {
        Ok(self.tasks.spawn_blocking(work).await.map_err(|_| Trouble::Lost)??)
    }

    /// Sees what the folder has.
    async fn open(&self) -> Result<Step, Trouble> {
        let known = &self.desktop.known;
        if !known.is_settled() {
            known.ask();
            return Err(Trouble::Unsettled);
        }
        let (generation, epoch) = (known.generation(), known.epoch());
        let folder = self.folder.clone();
        let opened = self.blocking(move || folder.open(&name_of(epoch))).await?;
        Ok(match opened {
            Opened::Ready(index) => {
                match is_known(known, index.revision(), generation, SETTLE).await {
                    Reached::Known => {
                        self.verify_beside(index.clone());
                        self.serve(index, epoch, generation)
                    }
                    // Of a future that was restored away.
                    Reached::Never => Step::Build(Reason::Restored),
                    Reached::Forgotten => return Err(Trouble::Unsettled),
                }
            }
            Opened::Missing => Step::Build(Reason::Missing),
            Opened::OtherSchema => Step::Build(Reason::Schema),
            Opened::OtherEpoch => Step::Build(Reason::Restored),
            Opened::Damaged(how) => {
                tracing::error!(how, "the index is damaged");
                Step::Build(Reason::Damaged)
            }
        })
    }

    /// Lets requests ask an index from when it is shown on.
    fn serve(&self, index: Index, epoch: u64, generation: u64) -> Step {
        let filling = Arc::clone(&self.desktop.suggestions)
            .fill_by_itself(Arc::clone(&self.store), self.stop.clone());
        self.tasks.spawn(filling);
        let serving = Serving { index: index.clone(), generation };
        self.desktop.serving.store(Some(Arc::new(serving)));
        Step::Follow(Followed { index, epoch, generation, has: None, committed: None })
    }

    /// Has all of an index read that was opened: what was spoilt while nobody ran is found so. Reading a large one takes
    /// seconds. A file that a merge removes meanwhile is no damage, so who is told looks again.
    fn verify_beside(&self, index: Index) {
        let (desktop, verifying) = (Arc::clone(&self.desktop), Arc::clone(&self.verifying));
        let stop = self.stop.clone();
        let verified = async move {
            let _alone = verifying.lock().await;
            let verify = move || match index.check() {
                Err(SearchError::Replaced) => Ok(()), // while another one was read
                _ => index.verify(),
            };
            if !matches!(tokio::task::spawn_blocking(verify).await, Ok(Ok(()))) {
                desktop.damaged.notify_one();
            }
        };
        self.tasks.spawn(async move { stop.run_until_cancelled(verified).await });
    }

    /// Keeps an index up. Gives what is to be done when it no longer can be.
    async fn follow(&self, mut followed: Followed) -> Result<Step, Trouble> {
        let mut learnt = self.desktop.known.learnt();
        let (mut failing, mut unseen, mut suspected) = (false, false, false);
        let (mut checked, mut again, mut pause) = (Instant::now(), Instant::now(), PAUSE_FIRST);
        self.measure(&followed.index).await;
        loop {
            learnt.borrow_and_update();
            let mut caught = Caught::Up;
            if again <= Instant::now() {
                match self.catch_up(&mut followed).await {
                    Ok(Caught::Not(next)) => return Ok(next),
                    Ok(now) => (caught, failing, pause) = (now, false, PAUSE_FIRST),
                    // The next check tries again.
                    Err(trouble @ Trouble::Store(_)) => self.tell_once(&mut failing, &trouble),
                    Err(Trouble::Index(SearchError::Damaged(how))) => {
                        return Ok(self.is_damaged(&how));
                    }
                    // As with a full disk. It can be asked meanwhile, and opened anew it would fail as well.
                    Err(trouble) if trouble.is_of_writing() => {
                        self.tell(&trouble);
                        again = Instant::now() + pause;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                    Err(other) => return Err(other),
                }
            }
            let mut is_told = false;
            if matches!(caught, Caught::Up) {
                tokio::select! {
                    _ = learnt.changed() => {}
                    () = sleep_until(checked + CHECKS_APART) => {}
                    () = self.desktop.damaged.notified() => is_told = true,
                }
            }
            suspected |= is_told;
            if is_told || checked.elapsed() >= CHECKS_APART {
                match self.check(&followed.index, suspected).await {
                    Ok(()) => (unseen, suspected) = (false, false),
                    Err(Trouble::Index(SearchError::Damaged(how))) => {
                        return Ok(self.is_damaged(&how));
                    }
                    // As without a file descriptor: that says nothing of the index. The next check looks again.
                    Err(trouble @ Trouble::Index(SearchError::Io(_))) => {
                        self.tell_once(&mut unseen, &trouble);
                    }
                    Err(other) => return Err(other),
                }
                self.measure(&followed.index).await;
                checked = Instant::now();
            }
        }
    }

    /// Looks whether an index is whole: all of it, where somebody has found it damaged.
    async fn check(&self, index: &Index, is_suspected: bool) -> Result<(), Trouble> {
        let index = index.clone();
        if !is_suspected {
            return self.blocking(move || index.check()).await;
        }
        let _alone = self.verifying.lock().await;
        self.blocking(move || index.verify()).await
    }

    fn is_damaged(&self, how: &str) -> Step {
        tracing::error!(how, "the index is damaged: it is built anew");
        self.desktop.known.hide();
        self.desktop.serving.store(None);
        Step::Build(Reason::Damaged)
    }

    /// Puts what has changed into the index, as much as goes into one batch.
    async fn catch_up(&self, followed: &mut Followed) -> Result<Caught, Trouble> {
        let known = &self.desktop.known;
        if followed.generation != known.generation() {
            return self.is_of_another_life(followed);
        }
        let revision = followed.index.revision();
        let is_exact = followed.has.is_some_and(|has| has.exactness == Exactness::Exact);
        if is_exact && revision >= known.verified() {
            return Ok(self.show(followed).await);
        }
        if let Some(committed) = followed.committed.filter(|_| is_exact) {
            sleep_until(committed + COMMITS_APART).await;
        }
        let began = Instant::now();
        let changed = match self.store.changed(revision, CHANGES_MAX).await {
            Err(StoreError::ChangesGone { .. }) => {
                return Ok(Caught::Not(Step::Build(Reason::Gap)));
            }
            changed => changed?,
        };
        if changed.epoch != followed.epoch || changed.revision < revision {
            known.ask(); // it will be noticed there, and everything be forgotten
            return Ok(Caught::Up);
        }
        match batch::next(revision, changed) {
            Next::Nothing => {
                followed.has = Some(Shown { revision, exactness: Exactness::Exact });
            }
            Next::BeginAnew => return Ok(Caught::Not(Step::Build(Reason::Bumped))),
            Next::Apply(batch) => {
                let (index, shown) = (followed.index.clone(), batch.shown);
                let movies = batch.changes.len() as u64;
                let suggestions = Arc::clone(&self.desktop.suggestions);
                let apply = move || {
                    suggestions.apply(&batch.changes);
                    index.apply(&batch.changes, shown.revision)
                };
                self.blocking(apply).await?;
                followed.has = Some(shown);
                followed.committed = Some(Instant::now());
                self.desktop.metrics.changes.inc_by(movies);
                self.desktop.metrics.commits.observe(began.elapsed().as_secs_f64());
            }
        }
        Ok(self.show(followed).await)
    }

    /// Everything was forgotten. The index may be of the catalogue that is there now, or not.
    fn is_of_another_life(&self, followed: &Followed) -> Result<Caught, Trouble> {
        let known = &self.desktop.known;
        if !known.is_settled() {
            known.ask();
            return Err(Trouble::Unsettled);
        }
        Ok(Caught::Not(if known.epoch() == followed.epoch {
            self.serve(followed.index.clone(), followed.epoch, known.generation())
        } else {
            Step::Build(Reason::Restored)
        }))
    }

    fn shows(&self, has: Shown) -> bool {
        self.desktop.known.shown() == Some(has)
    }

    /// Tells what the index has, once that is known of the truth.
    async fn show(&self, followed: &Followed) -> Caught {
        let known = &self.desktop.known;
        let Some(has) = followed.has else { return Caught::Partly };
        if !self.shows(has) {
            if !known.reach(has.revision, SETTLE).await {
                return Caught::Up; // polls fail: the next check tries again
            }
            if !known.show(followed.generation, has) {
                return Caught::Up; // everything was forgotten, which the next look finds
            }
            if self.phase() != Phase::Ready {
                self.is(Phase::Ready);
                tracing::info!(revision = %has.revision, "the index is ready");
            }
        }
        if has.exactness == Exactness::Exact { Caught::Up } else { Caught::Partly }
    }

    fn phase(&self) -> Phase {
        self.desktop.state.lock().unwrap_or_else(PoisonError::into_inner).phase
    }

    /// Notes how the index is.
    pub(super) fn is(&self, phase: Phase) {
        let mut state = self.desktop.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.phase = phase;
        if phase == Phase::Ready {
            state.rebuild = None;
        }
        self.desktop.metrics.is(phase);
    }

    /// Measures the index, for the metrics.
    async fn measure(&self, index: &Index) {
        let index = index.clone();
        let Ok(size) = self.blocking(move || index.size()).await else { return };
        let metrics = &self.desktop.metrics;
        let set =
            |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&metrics.documents, size.movies);
        set(&metrics.bytes, size.disk_bytes);
        set(&metrics.memory_bytes, size.memory_bytes);
        set(&metrics.segments, size.segments);
        for (gauge, value) in metrics.suggested.iter().zip(self.desktop.suggestions.size()) {
            set(gauge, value as u64);
        }
    }
}

/// What is known of the revision that an index has.
#[derive(Debug, PartialEq, Eq)]
enum Reached {
    /// The truth has it.
    Known,
    /// The truth does not.
    Never,
    /// Everything was forgotten meanwhile.
    Forgotten,
}

/// Waits until it is known whether the truth has a revision. Only a poll can say that it does not: while the database
/// is away, nobody does.
async fn is_known(known: &Known, revision: Revision, generation: u64, settle: Duration) -> Reached {
    let polls = known.polls_begun();
    loop {
        if known.reach(revision, settle).await {
            return Reached::Known;
        }
        let (has_polled, verified) = (known.has_polled_after(polls), known.verified());
        if known.generation() != generation {
            return Reached::Forgotten;
        }
        if has_polled {
            return if verified >= revision { Reached::Known } else { Reached::Never };
        }
    }
}

/// A life of the catalogue, as the index has it.
pub(super) fn name_of(epoch: u64) -> String {
    format!("{epoch:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::{known::Found, lease::Bounds, rule::Rules},
        domain::clock::{Clock, Moment},
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn at(revision: i64) -> Revision {
        Revision::new(revision).unwrap()
    }

    /// What is known after a poll of a catalogue at revision 10.
    fn known() -> Known {
        let clock = Clock::manual(Moment::from_unix_ms(0));
        let known = Known::new(Bounds { staleness: SECOND, cap: SECOND }, clock, Rules::default());
        known.begin_life(known.begin_poll(), 1, at(10), &[]);
        known
    }

    const SETTLE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn only_a_poll_says_that_a_revision_is_none() {
        for (found, reached) in [(12, Reached::Known), (11, Reached::Never)] {
            let known = known();
            let sent_before = known.begin_poll();
            let polls = async {
                sleep(5 * SETTLE).await;
                assert_eq!(known.polled(sent_before, 1, at(10), &[]), Found::Applied);
                sleep(5 * SETTLE).await;
                assert_eq!(known.polled(known.begin_poll(), 1, at(found), &[]), Found::Applied);
                std::future::pending::<()>().await;
            };
            let began = Instant::now();
            tokio::select! {
                is = is_known(&known, at(12), known.generation(), SETTLE) => assert_eq!(is, reached),
                () = polls => {}
            }
            assert!(began.elapsed() >= 10 * SETTLE, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn what_is_forgotten_meanwhile_is_not_waited_for() {
        let known = known();
        let generation = known.generation();
        known.forget();
        let is = is_known(&known, at(12), generation, SETTLE).await;
        assert_eq!(is, Reached::Forgotten);
    }
}
