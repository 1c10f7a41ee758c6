//! Which series there are, and in which cell each is counted.
//!
//! **Invariant:** all of them are there from the start, and no request adds one.

use std::{collections::BTreeSet, time::Duration};

use hyper::StatusCode;

use crate::cache::outcome::Outcome;

use super::super::{class::Class, error::Kind, route::Route};

/// Statuses of answers that are no problems.
const ANSWERS: [u16; 6] = [200, 201, 204, 207, 304, 406];
/// Statuses of answers that went through the cache.
const KEPT: [u16; 3] = [200, 304, 404];
/// The label of every other status: an answer with one is a bug.
const OTHER: &str = "other";
/// The label of requests that no operation got, and of answers that no cache had to do with.
pub(super) const NONE: &str = "none";

/// Upper bounds of durations in nanoseconds: fine enough for the 99.9th percentile of hits, which take
/// tens of microseconds, and far enough for an export.
pub(super) const BOUNDS: [u64; 23] = [
    10_000,
    15_000,
    20_000,
    30_000,
    50_000,
    75_000,
    100_000,
    150_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Where an answer came from, without the reason of a miss.
const SOURCES: [&str; 4] = ["l1", "l2", "load", "collapsed"];

const fn source(outcome: Outcome) -> usize {
    match outcome {
        Outcome::L1Hit => 0,
        Outcome::L2Hit(_) => 1,
        Outcome::Loaded(_) => 2,
        Outcome::Collapsed(_) => 3,
    }
}

/// Requests that take about as long as each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Reads that the tier in this process answered.
    Hit,
    /// Reads that had to leave the process, or failed to.
    Miss,
    /// Writes.
    Write,
    /// Everything else: refusals, streams, the description.
    Other,
}

impl Pace {
    pub(super) const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Write, Self::Other];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Write => "write",
            Self::Other => "other",
        }
    }

    pub(super) fn of(route: Option<Route>, status: StatusCode, outcome: Option<Outcome>) -> Self {
        match (outcome, route.map(|route| route.spec().class)) {
            (Some(Outcome::L1Hit), _) => Self::Hit,
            (Some(_), _) => Self::Miss,
            (None, Some(Class::Write | Class::Signal)) => Self::Write,
            // A load that failed.
            (None, Some(Class::List | Class::Item | Class::Collection))
                if status.is_server_error() =>
            {
                Self::Miss
            }
            (None, _) => Self::Other,
        }
    }
}

/// The series of answers: one for each status of each route, and, for those that are kept, one for each
/// source.
#[derive(Debug)]
pub(super) struct Series {
    statuses: Vec<u16>,
    /// The place in `statuses` of each status from 100 to 599; their number for others.
    places: Vec<usize>,
}

/// A series of answers, as it is told.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) cell: usize,
    pub(super) route: &'static str,
    pub(super) status: String,
    pub(super) outcome: &'static str,
}

/// Routes, and no route.
const ROUTES: usize = Route::ALL.len() + 1;
const BUCKETS: usize = BOUNDS.len() + 1;

impl Series {
    pub(super) fn new() -> Self {
        let problems = Kind::ALL.iter().map(|kind| kind.status().as_u16());
        let statuses: BTreeSet<u16> = problems.chain(ANSWERS).collect();
        let statuses: Vec<u16> = statuses.into_iter().collect();
        let place = |status| statuses.binary_search(&status).unwrap_or(statuses.len());
        let places = (100..600).map(place).collect();
        Self { statuses, places }
    }

    // The cells, in their order: answers, answers through the cache, refusals, durations, requests.

    fn statuses(&self) -> usize {
        self.statuses.len() + 1
    }

    fn kept_from(&self) -> usize {
        ROUTES * self.statuses()
    }

    fn refusals_from(&self) -> usize {
        self.kept_from() + ROUTES * KEPT.len() * SOURCES.len()
    }

    fn durations_from(&self) -> usize {
        self.refusals_from() + Kind::ALL.len()
    }

    /// Requests that began the long way.
    pub(super) fn begun(&self) -> usize {
        self.durations_from() + Pace::ALL.len() * (BUCKETS + 1)
    }

    /// Those of them that ended.
    pub(super) fn ended(&self) -> usize {
        self.begun() + 1
    }

    /// Those of them whose clients left.
    pub(super) fn abandoned(&self) -> usize {
        self.begun() + 2
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.begun() + 3
    }

    /// An answer.
    #[inline]
    pub(super) fn answer(
        &self,
        route: Option<Route>,
        status: StatusCode,
        outcome: Option<Outcome>,
    ) -> usize {
        let route = route.map_or(ROUTES - 1, |route| route as usize);
        let code = status.as_u16();
        let kept = KEPT.iter().position(|status| *status == code);
        if let (Some(outcome), Some(kept)) = (outcome, kept) {
            return self.kept_from()
                + (route * KEPT.len() + kept) * SOURCES.len()
                + source(outcome);
        }
        let place = self.places.get(usize::from(code) - 100).copied();
        route * self.statuses() + place.unwrap_or(self.statuses.len())
    }

    /// A refusal.
    pub(super) fn refusal(&self, kind: Kind) -> usize {
        self.refusals_from() + kind as usize
    }

    /// The bucket of a duration, and the sum.
    #[inline]
    pub(super) fn duration(&self, pace: Pace, elapsed: Duration) -> [usize; 2] {
        let elapsed = super::nanos(elapsed);
        let bucket = BOUNDS.iter().position(|bound| elapsed <= *bound).unwrap_or(BUCKETS - 1);
        let from = self.durations_from() + pace as usize * (BUCKETS + 1);
        [from + bucket, from + BUCKETS]
    }

    /// The cells of a histogram: its buckets, not added up, and its sum.
    pub(super) fn histogram(&self, pace: Pace) -> (std::ops::Range<usize>, usize) {
        let from = self.durations_from() + pace as usize * (BUCKETS + 1);
        (from..from + BUCKETS, from + BUCKETS)
    }

    /// Every series of answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = Labels> {
        let routes = || Route::ALL.into_iter().map(Some).chain([None]);
        let name = |route: Option<Route>| route.map_or(NONE, |route| route.spec().operation);
        let plain = routes().enumerate().flat_map(move |(n, route)| {
            let statuses = self.statuses.iter().map(ToString::to_string);
            statuses.chain([OTHER.to_owned()]).enumerate().map(move |(status_n, status)| {
                let cell = n * self.statuses() + status_n;
                Labels { cell, route: name(route), status, outcome: NONE }
            })
        });
        let is_kept = |route: &Route| matches!(route.spec().class, Class::List | Class::Item);
        let kept = Route::ALL.into_iter().filter(is_kept).flat_map(move |route| {
            KEPT.into_iter().enumerate().flat_map(move |(status_n, status)| {
                SOURCES.into_iter().enumerate().map(move |(source_n, outcome)| {
                    let place = (route as usize * KEPT.len() + status_n) * SOURCES.len();
                    let cell = self.kept_from() + place + source_n;
                    let route = route.spec().operation;
                    Labels { cell, route, status: status.to_string(), outcome }
                })
            })
        });
        plain.chain(kept)
    }
}
