//! What is counted of the gate, for Prometheus.
//!
//! Every series is there from the first scrape, also where there is no gate.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

use super::Kind;

/// Seconds, from a read out of the database's memory to one that meets its time-out.
const SECONDS: [f64; 14] =
    [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The series of all kinds.
#[derive(Debug)]
pub struct Metrics {
    limit: IntGaugeVec,
    in_flight: IntGaugeVec,
    waiting: IntGaugeVec,
    shed: IntCounterVec,
    seconds: HistogramVec,
}

/// The series of one kind.
#[derive(Debug)]
pub(super) struct OfKind {
    pub(super) limit: IntGauge,
    pub(super) in_flight: IntGauge,
    pub(super) waiting: IntGauge,
    pub(super) shed: IntCounter,
    pub(super) seconds: Histogram,
}

impl Metrics {
    /// Makes all series and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        fn registered<C: Collector + Clone + 'static>(
            registry: &Registry,
            made: prometheus::Result<C>,
        ) -> C {
            let collector = made.expect("names are valid");
            registry.register(Box::new(collector.clone())).expect("names are registered once");
            collector
        }
        let gauges = |name: &str, help: &str| {
            registered(registry, IntGaugeVec::new(Opts::new(name, help), &["kind"]))
        };
        let shed = Opts::new(
            "marquee_overload_shed_total",
            "Operations on the database that were not begun, since too many others were.",
        );
        let seconds = HistogramOpts::new(
            "marquee_overload_latency_seconds",
            "Seconds that operations on the database took, once they were begun.",
        );
        let metrics = Self {
            limit: gauges(
                "marquee_overload_limit",
                "Most operations on the database at once; 0 where there is no limit.",
            ),
            in_flight: gauges("marquee_overload_in_flight", "Operations on the database."),
            waiting: gauges("marquee_overload_waiting", "Operations that wait to be begun."),
            shed: registered(registry, IntCounterVec::new(shed, &["kind"])),
            seconds: registered(
                registry,
                HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["kind"]),
            ),
        };
        for kind in Kind::ALL {
            metrics.of(kind);
        }
        metrics
    }

    pub(super) fn of(&self, kind: Kind) -> OfKind {
        let kind = [kind.label()];
        OfKind {
            limit: self.limit.with_label_values(&kind),
            in_flight: self.in_flight.with_label_values(&kind),
            waiting: self.waiting.with_label_values(&kind),
            shed: self.shed.with_label_values(&kind),
            seconds: self.seconds.with_label_values(&kind),
        }
    }
}
