//! What is counted of requests, for Prometheus.
//!
//! A hit costs some microseconds, so counting it must cost next to nothing, on many threads at once: each
//! thread counts in cells of its own (`shard`), which are added up when somebody asks (`families`).
//!
//! **Invariant:** which series there are follows from the route table and the kinds of problems
//! (`series`); nothing that a client sends makes another one.
//! **Invariant:** every request ends in exactly one of `Requests::hit`, `Started::answered`, or as
//! abandoned.

mod families;
mod series;
mod shard;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::StatusCode;
use prometheus::Registry;

use crate::cache::outcome::Outcome;

use self::{families::Families, series::Series, shard::Shards};
use super::{error::Kind, route::Route};

/// The counters of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    series: Series,
    shards: Shards,
}

impl Requests {
    /// Counters that are read through `registry`.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let series = Series::new();
        let shards = Shards::new(series.cells());
        let requests = Self(Arc::new(Counted { series, shards }));
        let families = Families::new(requests.clone());
        registry.register(Box::new(families)).expect("names are registered once");
        requests
    }

    /// A request begins.
    #[must_use]
    pub(super) fn begin(&self) -> Started {
        self.0.shards.add(&[(self.0.series.begun(), 1)]);
        Started { requests: self.clone(), at: Instant::now(), answered: false }
    }

    /// A hit in the process was answered at once.
    #[inline]
    pub(super) fn hit(&self, route: Route, status: StatusCode, elapsed: Duration) {
        let Counted { series, shards } = &*self.0;
        let of = series.answer(Some(route), status, Some(Outcome::L1Hit));
        let [bucket, sum] = series.duration(series::Pace::Hit, elapsed);
        shards.add(&[(of, 1), (bucket, 1), (sum, nanos(elapsed))]);
    }

    /// A request was refused, or failed, with a problem of this kind.
    pub(super) fn refused(&self, kind: Kind) {
        self.0.shards.add(&[(self.0.series.refusal(kind), 1)]);
    }
}

/// A request under way. Dropped without an answer, it was abandoned: its client left.
#[derive(Debug)]
pub(super) struct Started {
    requests: Requests,
    /// When it began.
    at: Instant,
    answered: bool,
}

impl Started {
    /// The request is answered; gives how long it took.
    pub(super) fn answered(
        mut self,
        route: Option<Route>,
        status: StatusCode,
        outcome: Option<Outcome>,
    ) -> Duration {
        let elapsed = self.at.elapsed();
        let Counted { series, shards } = &*self.requests.0;
        let [bucket, sum] = series.duration(series::Pace::of(route, status, outcome), elapsed);
        shards.add(&[
            (series.answer(route, status, outcome), 1),
            (bucket, 1),
            (sum, nanos(elapsed)),
            (series.ended(), 1),
        ]);
        self.answered = true;
        elapsed
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.answered {
            let Counted { series, shards } = &*self.requests.0;
            shards.add(&[(series.ended(), 1), (series.abandoned(), 1)]);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
