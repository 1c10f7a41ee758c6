//! Checks each answer against the truth: its content, its age, and what its reader was promised.

mod verdict;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use super::{
    report::Report,
    truth::{Asked, Digest, History, Question, Row, Shape, ShapeId},
    wire::{Coding, Reply},
};

/// How long the truth is kept beyond the cap: longer than any answer waits to be checked.
const KEPT: Duration = Duration::from_secs(20);
/// Tags that are remembered before the older half is forgotten.
const TAGS: usize = 200_000;

/// How old answers may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// `--staleness-bound`.
    pub(crate) bound: Duration,
    /// `--staleness-cap`.
    pub(crate) cap: Duration,
}

/// The least revisions that an answer must have, each for its own reason.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Floors {
    /// Of a write that this replica acknowledged before the request was sent.
    pub(crate) written: i64,
    /// Of an answer of this replica that ended before the request was sent.
    pub(crate) seen: i64,
    /// `Min-Catalog-Revision`.
    pub(crate) asked: i64,
}

/// An answer to a read.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) shape: ShapeId,
    pub(crate) sent: Instant,
    pub(crate) arrived: Instant,
    pub(crate) revision: i64,
    pub(crate) floors: Floors,
    pub(crate) content: Content,
    /// For reports: who was asked, what, and what came.
    pub(crate) via: String,
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Reply,
}

/// What a body says, apart from its coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// Without the revision that it ends with.
    pub(crate) digest: Digest,
    pub(crate) revision: Option<i64>,
}

/// The body of an answer to a write, which must be the movie as it then was.
#[derive(Debug)]
struct Saved {
    id: i64,
    revision: i64,
    arrived: Instant,
    body: bytes::Bytes,
}

/// The checker. Shared by readers, writers and the follower of the truth.
#[derive(Debug)]
pub(crate) struct Checker {
    limits: Limits,
    state: Mutex<State>,
    questions: RwLock<Vec<Arc<Question>>>,
}

/// Tags of questions in a coding: the digest of the encoded body, and what that says.
type Tags = HashMap<(ShapeId, Coding, Box<str>), (Digest, Content)>;

#[derive(Debug)]
struct State {
    history: History,
    shapes: Vec<Shape>,
    by_target: HashMap<String, ShapeId>,
    /// Answers of revisions whose effect is not known yet.
    reads: Vec<Observation>,
    saves: Vec<Saved>,
    /// Movies whose content is not known from one revision up to, but not, another one.
    unsettled: Vec<(i64, i64, i64)>,
    /// Which body each tag stands for; the first map is the younger one.
    tags: [Tags; 2],
    report: Report,
}

impl Checker {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State {
            history: History::default(),
            shapes: Vec::new(),
            by_target: HashMap::new(),
            reads: Vec::new(),
            saves: Vec::new(),
            unsettled: Vec::new(),
            tags: Default::default(),
            report: Report::new(),
        };
        Self { limits, state: Mutex::new(state), questions: RwLock::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere has its own report.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the report, or adds to it.
    pub(crate) fn report<T>(&self, with: impl FnOnce(&mut Report) -> T) -> T {
        with(&mut self.state().report)
    }

    /// Takes up a question, if it is new.
    pub(crate) fn register(&self, target: &str, asked: Asked) -> ShapeId {
        let mut state = self.state();
        if let Some(known) = state.by_target.get(target) {
            return *known;
        }
        let question = Arc::new(Question { target: target.to_owned(), asked });
        let mut questions = self.questions.write().unwrap_or_else(PoisonError::into_inner);
        questions.push(Arc::clone(&question));
        let id = state.shapes.len();
        let shape = Shape::new(question, &state.history);
        state.shapes.push(shape);
        state.by_target.insert(target.to_owned(), id);
        id
    }

    pub(crate) fn question(&self, shape: ShapeId) -> Arc<Question> {
        Arc::clone(&self.questions.read().unwrap_or_else(PoisonError::into_inner)[shape])
    }

    /// What is known of a tag: the digest of the encoded body, and what that says.
    pub(crate) fn tag(
        &self,
        shape: ShapeId,
        coding: Coding,
        etag: &str,
    ) -> Option<(Digest, Content)> {
        let key = (shape, coding, etag.into());
        let state = self.state();
        state.tags.iter().find_map(|tags| tags.get(&key)).copied()
    }

    /// Remembers what a tag stands for. The same tag must always stand for the same bytes.
    pub(crate) fn tagged(
        &self,
        shape: ShapeId,
        coding: Coding,
        etag: &str,
        body: Digest,
        content: Content,
    ) {
        let key = (shape, coding, etag.into());
        let mut state = self.state();
        match state.tags.iter().find_map(|tags| tags.get(&key)) {
            Some(known) if *known != (body, content) => {
                let target = state.shapes[shape].question.target.clone();
                state.report.violate("a tag names one body", || format!("{target}: {key:?}"));
            }
            Some(_) => {}
            None => {
                if state.tags[0].len() >= TAGS {
                    state.tags.swap(0, 1);
                    state.tags[0].clear();
                }
                state.tags[0].insert(key, (body, content));
            }
        }
    }

    /// That a revision was answered or seen at an instant, so it was committed by then.
    pub(crate) fn committed_by(&self, revision: i64, instant: Instant) {
        self.state().history.committed_by(revision, instant);
    }

    /// The last revision whose effect is known.
    pub(crate) fn head(&self) -> i64 {
        self.state().history.head()
    }

    /// Movies as of the last revision whose effect is known.
    pub(crate) fn living(&self) -> Vec<i64> {
        let state = self.state();
        state.history.movies(state.history.head()).map(|row| row.movie.id.get()).collect()
    }

    /// What the next revision did. `settled` is false where the content of a movie is not known.
    pub(crate) fn learn(&self, changed: Vec<(i64, Option<Arc<Row>>)>) {
        let mut state = self.state();
        state.history.push(changed);
        state.settle(self.limits);
    }

    /// That nothing can be checked from a revision on, since the content of a movie is not known.
    pub(crate) fn unsettled(&self, id: i64, from: i64) {
        let mut state = self.state();
        state.unsettled.push((id, from, i64::MAX));
        state.report.count("revisions whose content could not be learnt");
    }

    /// That the content of that movie is known again.
    pub(crate) fn settled(&self, id: i64, until: i64) {
        for unsettled in &mut self.state().unsettled {
            if unsettled.0 == id && unsettled.2 == i64::MAX {
                unsettled.2 = until;
            }
        }
    }

    /// That the truth was at `head` at some instant after `started`.
    pub(crate) fn polled(&self, started: Instant, head: i64) {
        let mut state = self.state();
        let State { reads, report, shapes, .. } = &mut *state;
        reads.retain(|read| {
            let future = read.revision > head && read.arrived < started;
            if future {
                let target = &shapes[read.shape].question.target;
                report.violate("no revision is made up", || {
                    format!("{}\nthe truth is at {head}", read.describe(target))
                });
            }
            !future
        });
    }

    /// Forgets what no answer can be any more.
    pub(crate) fn forget(&self) {
        let Some(before) = Instant::now().checked_sub(self.limits.cap + KEPT) else { return };
        let mut state = self.state();
        state.history.forget_before(before);
        let State { history, shapes, unsettled, .. } = &mut *state;
        for shape in shapes {
            shape.forget(history);
        }
        unsettled.retain(|(_, _, until)| *until > history.oldest());
    }

    /// Checks an answer, now or when its revision is known.
    pub(crate) fn observe(&self, observation: Observation) {
        let mut state = self.state();
        if observation.revision > state.history.head() {
            state.reads.push(observation);
        } else {
            state.check(&observation, self.limits);
        }
    }

    /// Checks the body of an answer to a write.
    pub(crate) fn saved(&self, id: i64, revision: i64, arrived: Instant, body: bytes::Bytes) {
        let mut state = self.state();
        state.saves.push(Saved { id, revision, arrived, body });
        state.settle(self.limits);
    }

    /// How many answers wait for the truth.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        state.reads.len() + state.saves.len()
    }

    /// Checks what still waits as well as it can be.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        for read in std::mem::take(&mut state.reads) {
            let target = state.shapes[read.shape].question.target.clone();
            state.report.violate("no revision is made up", || read.describe(&target));
        }
    }
}

impl State {
    fn settle(&mut self, limits: Limits) {
        let head = self.history.head();
        if self.reads.iter().any(|read| read.revision <= head) {
            let (ready, waiting) =
                std::mem::take(&mut self.reads).into_iter().partition(|r| r.revision <= head);
            self.reads = waiting;
            let ready: Vec<Observation> = ready;
            for read in ready {
                self.check(&read, limits);
            }
        }
        let Self { saves, history, report, unsettled, .. } = self;
        saves.retain(|saved| {
            if saved.revision > head {
                return true;
            }
            let known = history.movie(saved.id, saved.revision);
            let settled = !unsettled.iter().any(|(_, from, until)| {
                (*from..*until).contains(&saved.revision) || saved.revision < history.oldest()
            });
            report.count("answers to writes checked");
            if settled && known.is_none_or(|row| row.whole != saved.body) {
                report.violate("a write is answered by what was written", || {
                    let truth = known.map(|row| String::from_utf8_lossy(&row.whole).into_owned());
                    format!(
                        "movie {} at revision {}\nanswered: {}\ntruth:    {truth:?}\n{:?} ago",
                        saved.id,
                        saved.revision,
                        String::from_utf8_lossy(&saved.body),
                        saved.arrived.elapsed()
                    )
                });
            }
            false
        });
    }
}
