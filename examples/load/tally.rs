//! How long answers took, and how many were bad.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// What takes longer counts as this.
const LONGEST: Duration = Duration::from_mins(2);

/// A histogram of times, in nanoseconds, to three digits.
///
/// # Panics
/// Never: the bounds are good ones.
pub(crate) fn times() -> Histogram<u64> {
    Histogram::new_with_bounds(1, nanoseconds(LONGEST), 3).expect("good bounds")
}

pub(crate) fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.min(LONGEST).as_nanos()).unwrap_or(u64::MAX)
}

/// Answers, and what was wrong with those that were not good.
#[derive(Debug)]
pub(crate) struct Tally {
    took: Histogram<u64>,
    faults: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { took: times(), faults: BTreeMap::new() }
    }

    pub(crate) fn answered(&mut self, took: Duration) {
        self.took.saturating_record(nanoseconds(took));
    }

    pub(crate) fn fault(&mut self, what: String) {
        *self.faults.entry(what).or_default() += 1;
    }

    pub(crate) fn failed(&self) -> u64 {
        self.faults.values().sum()
    }

    /// What is told of it.
    pub(crate) fn found(&self, took: Duration) -> Value {
        json!({
            "answers": self.took.len(),
            "seconds": took.as_secs_f64(),
            "failed": self.failed(),
            "faults": self.faults,
            "latency_ns": quantiles(&self.took),
            "client_cpu_ns": processor_time(),
        })
    }
}

/// The middle and the slow end of a histogram.
pub(crate) fn quantiles(took: &Histogram<u64>) -> Value {
    let at = |part| took.value_at_quantile(part);
    json!({
        "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999),
        "max": took.max(), "mean": took.mean(),
    })
}

/// Nanoseconds that this process, which has one thread, was on a core: shows whether it was the bottleneck.
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}
