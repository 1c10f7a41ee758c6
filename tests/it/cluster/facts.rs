//! The checker itself: what it lets pass and what it does not, on a history that is made up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use marquee::domain::{
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
};

use super::{
    check::{Checker, Content, Floors, Limits, Observation},
    load::shapes,
    truth::{Row, ShapeId, digest},
    wire::{Coding, Reply},
};

const MS: Duration = Duration::from_millis(1);
const LIMITS: Limits = Limits { bound: Duration::from_millis(100), cap: Duration::from_secs(1) };

/// A catalogue of one movie, whose title is the number of its revision; each was committed 200 ms after
/// the one before.
struct History {
    checker: Checker,
    shape: ShapeId,
    began: Instant,
}

fn row(revision: i64) -> Row {
    let then = Moment::from_unix_ms(0);
    let data = MovieData { title: revision.to_string(), ..MovieData::default() };
    let id = MovieId::new(1).expect("positive");
    Row::new(Movie { id, data, version: revision, created_at: then, updated_at: then })
}

impl History {
    fn new(revisions: i64) -> Self {
        let checker = Checker::new(LIMITS);
        let shape = shapes::movie(&checker, 1);
        let history = Self { checker, shape, began: Instant::now() };
        for revision in 1..=revisions {
            history.learn(revision);
        }
        history
    }

    fn learn(&self, revision: i64) {
        self.checker.learn(vec![(1, Some(Arc::new(row(revision))))]);
        self.checker.committed_by(revision, self.committed(revision));
    }

    fn committed(&self, revision: i64) -> Instant {
        self.began + MS * 200 * u32::try_from(revision).expect("small")
    }

    /// An answer that says it is of a revision, with the content of another one.
    fn answer(&self, revision: i64, content: i64, sent: Instant) -> Observation {
        let body = Bytes::from(row(content).whole);
        Observation {
            shape: self.shape,
            sent,
            arrived: sent + MS,
            revision,
            floors: Floors::default(),
            content: Content { digest: digest(&body), revision: None },
            via: String::new(),
            request: Vec::new(),
            reply: Reply {
                status: 200,
                head: Bytes::new(),
                body,
                revision: Some(revision),
                etag: None,
                coding: Coding::Identity,
                cache_status: "marquee-l1; hit; ttl=5".into(),
                served_by: None,
                problem: false,
            },
        }
    }

    /// The rules that were broken since the last time.
    fn broken(&self) -> Vec<&'static str> {
        self.checker.report(|report| report.violations.drain(..).map(|v| v.rule).collect())
    }
}

#[test]
fn an_answer_may_lack_writes_that_are_younger_than_the_bound_and_no_others() {
    let history = History::new(3);
    let after = |revision, ms| history.committed(revision) + MS * ms;
    history.checker.observe(history.answer(3, 3, after(3, 500)));
    history.checker.observe(history.answer(2, 2, after(3, 99)));
    assert_eq!(history.broken(), [""; 0]);
    history.checker.observe(history.answer(2, 2, after(3, 100)));
    assert_eq!(history.broken(), ["unmarked answers have every write that is as old as the bound"]);
}

#[test]
fn a_marked_answer_may_be_as_old_as_the_cap_and_no_older() {
    let history = History::new(3);
    let marked = |sent| {
        let mut answer = history.answer(2, 2, sent);
        answer.reply.cache_status = "marquee-l1; hit; detail=unverified".into();
        answer
    };
    history.checker.observe(marked(history.committed(3) + MS * 999));
    assert_eq!(history.broken(), [""; 0]);
    history.checker.observe(marked(history.committed(3) + MS * 1_000));
    assert_eq!(history.broken(), ["answers are never older than the cap"]);
}

#[test]
fn an_answer_with_the_content_of_another_revision_is_noticed() {
    let history = History::new(3);
    history.checker.observe(history.answer(3, 2, history.committed(3)));
    history.checker.observe(history.answer(2, 3, history.committed(3)));
    assert_eq!(history.broken(), ["an answer is of its revision"; 2]);
}

#[test]
fn an_answer_below_what_its_reader_was_promised_is_noticed() {
    let history = History::new(3);
    let mut answer = history.answer(2, 2, history.committed(2));
    answer.floors = Floors { written: 3, seen: 3, asked: 3 };
    history.checker.observe(answer);
    assert_eq!(
        history.broken(),
        [
            "revisions seen from one replica never go back",
            "Min-Catalog-Revision is honoured",
            "a write is in every later answer of its replica",
        ]
    );
}

#[test]
fn an_answer_of_a_revision_to_come_waits_for_it() {
    let history = History::new(2);
    let sent = history.committed(3);
    history.checker.observe(history.answer(3, 2, sent));
    history.checker.polled(sent, 2);
    assert_eq!((history.broken(), history.checker.waiting()), (vec![], 1));
    history.learn(3);
    assert_eq!(history.broken(), ["an answer is of its revision"]);
    history.checker.observe(history.answer(4, 3, sent));
    history.checker.polled(sent + MS * 2, 3);
    assert_eq!(history.broken(), ["no revision is made up"]);
}

#[test]
fn a_tag_that_names_two_bodies_is_noticed() {
    let history = History::new(1);
    let content = Content { digest: 1, revision: None };
    let tagged =
        |coding, body| history.checker.tagged(history.shape, coding, "\"a\"", body, content);
    tagged(Coding::Identity, 1);
    tagged(Coding::Identity, 1);
    tagged(Coding::Gzip, 2);
    assert_eq!(history.broken(), [""; 0]);
    tagged(Coding::Gzip, 3);
    assert_eq!(history.broken(), ["a tag names one body"]);
}
