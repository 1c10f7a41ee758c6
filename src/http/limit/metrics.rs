//! What is counted of limits. Every series is there, at zero, from the first scrape.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::domain::rate::LimitClass;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// By its client's own bucket.
    Limited,
    /// By the bucket that newcomers share while there is no room for more clients.
    OverflowLimited,
}

const CLASSES: usize = LimitClass::ALL.len();

/// Counters of limits.
#[derive(Debug)]
pub(super) struct Metrics {
    decisions: [[IntCounter; 3]; CLASSES],
    clients: [IntGauge; CLASSES],
    pub(super) evictions: IntCounter,
}

impl Metrics {
    /// Makes all series, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    pub(super) fn new(registry: &Registry) -> Self {
        let decisions = IntCounterVec::new(
            Opts::new("marquee_rate_limit_decisions_total", "Requests that limits judged."),
            &["class", "decision"],
        )
        .expect("names are valid");
        let clients = IntGaugeVec::new(
            Opts::new("marquee_rate_limit_clients", "Clients whose requests are remembered."),
            &["class"],
        )
        .expect("names are valid");
        let evictions = IntCounter::new(
            "marquee_rate_limit_evictions_total",
            "Clients that were forgotten, since they have all of their quota again.",
        )
        .expect("names are valid");
        let registered = registry
            .register(Box::new(decisions.clone()))
            .and_then(|()| registry.register(Box::new(clients.clone())))
            .and_then(|()| registry.register(Box::new(evictions.clone())));
        registered.expect("names are registered once");
        let labels = ["allowed", "limited", "overflow_limited"];
        Self {
            decisions: LimitClass::ALL.map(|class| {
                labels.map(|label| decisions.with_label_values(&[class.name(), label]))
            }),
            clients: LimitClass::ALL.map(|class| clients.with_label_values(&[class.name()])),
            evictions,
        }
    }

    #[inline]
    pub(super) fn decided(&self, class: LimitClass, decision: Decision) {
        self.decisions[class as usize][decision as usize].inc();
    }

    /// The number of clients of a class.
    pub(super) const fn clients(&self, class: LimitClass) -> &IntGauge {
        &self.clients[class as usize]
    }

    #[cfg(test)]
    pub(super) fn decided_so_far(&self, class: LimitClass, decision: Decision) -> u64 {
        self.decisions[class as usize][decision as usize].get()
    }
}
