//! What is counted of the cache, for Prometheus.
//!
//! Handles are made at the start, so that a request looks nothing up; every series is there, at zero,
//! from the first scrape.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::Collector,
};
use serde::Serialize;

use super::{
    bus::Health,
    outcome::{Miss, Reject},
    remote::Missed,
};

/// Seconds, from a load out of memory to one that meets a database's time-out.
const LOAD_SECONDS: [f64; 14] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The operations on the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading an entry.
    Get,
    /// Writing an entry.
    Put,
    /// Taking the lease of a load.
    Lease,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Get, Self::Put, Self::Lease];

    const fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Lease => "lease",
        }
    }
}

/// Counters of one route.
#[derive(Debug)]
pub struct Route {
    /// Answers from the tier in this process.
    pub l1_hits: IntCounter,
    /// Answers from the shared tier.
    pub l2_hits: IntCounter,
    /// Answers from the truth.
    pub loads: IntCounter,
    /// Answers that another request's load gave.
    pub collapsed: IntCounter,
    /// Answers that carried the stale mark.
    pub stale: IntCounter,
    misses: [IntCounter; Miss::ALL.len()],
}

/// Counters of the cache.
#[derive(Debug)]
pub struct Metrics {
    /// Their names, in the order of `routes`.
    names: Vec<String>,
    routes: Vec<Route>,
    rejects: [IntCounter; Reject::ALL.len()],
    /// Seconds of loads from the truth.
    pub(super) load_seconds: Histogram,
    /// Loads that failed.
    pub(super) load_failures: IntCounter,
    /// Answers that were refused since nothing was heard of the truth for too long.
    pub(super) expired: IntCounter,
    l2_failures: IntCounterVec,
    /// Gauges that are set when they are read.
    pub(super) gauges: Gauges,
}

/// What is looked at when somebody asks.
#[derive(Debug)]
pub(super) struct Gauges {
    pub(super) entries: IntGauge,
    pub(super) bytes: IntGauge,
    pub(super) bytes_max: IntGauge,
    pub(super) evictions: Raised,
    pub(super) verified: IntGauge,
    pub(super) restores: Raised,
    pub(super) lease: Gauge,
    pub(super) breaker: IntGauge,
    pub(super) flights: IntGauge,
    bus_connected: IntGauge,
    bus_silence: Gauge,
    bus_messages: [Raised; 5],
}

/// A counter of what somebody else counts: raised to what they say when it is read.
#[derive(Debug)]
pub(super) struct Raised {
    counter: IntCounter,
    told: Mutex<u64>,
}

impl Raised {
    pub(super) fn raise(&self, total: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.counter.inc_by(total.saturating_sub(*told));
        *told = total.max(*told);
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help));
        let seconds = |name: &str, help: &str| registered(registry, Gauge::new(name, help));
        let raised = |name: &str, help: &str| Raised {
            counter: registered(registry, IntCounter::new(name, help)),
            told: Mutex::new(0),
        };
        Self {
            entries: gauge("marquee_cache_l1_entries", "Entries of the tier in the process."),
            bytes: gauge("marquee_cache_l1_bytes", "Bytes of the tier in the process."),
            bytes_max: gauge("marquee_cache_l1_bytes_max", "Bound of those bytes."),
            evictions: raised(
                "marquee_cache_l1_evictions_total",
                "Entries of the tier in the process that had to go for others.",
            ),
            verified: gauge(
                "marquee_known_revision",
                "The revision up to which every change is known.",
            ),
            restores: raised(
                "marquee_catalogue_restores_total",
                "Restores of the database that were noticed, each of which dropped all that was kept.",
            ),
            lease: seconds(
                "marquee_lease_age_seconds",
                "Seconds since the instant as of which the database is known.",
            ),
            breaker: gauge(
                "marquee_cache_l2_breaker_state",
                "Breaker before the shared tier: 0 closed, 1 half open, 2 open, -1 no such tier.",
            ),
            flights: gauge("marquee_cache_loads_in_flight", "Loads under way."),
            bus_connected: gauge(
                "marquee_bus_connected",
                "Whether the bus is connected in both directions; -1 without a bus.",
            ),
            bus_silence: seconds(
                "marquee_bus_silence_seconds",
                "Seconds since anything was heard on the bus; -1 before that, and without a bus.",
            ),
            bus_messages: [
                ("marquee_bus_published_total", "Messages that were sent."),
                ("marquee_bus_received_total", "Messages that came."),
                ("marquee_bus_dropped_total", "Messages that a full queue refused."),
                ("marquee_bus_rejected_total", "Messages that came and were none of ours."),
                ("marquee_bus_reconnects_total", "Connections that were made anew."),
            ]
            .map(|(name, help)| raised(name, help)),
        }
    }

    /// Brings those of the bus up to date.
    pub(super) fn tell_of_bus(&self, bus: Option<&Health>) {
        self.bus_connected.set(bus.map_or(-1, |bus| i64::from(bus.connected)));
        let silence = bus.and_then(|bus| bus.heard).map_or(-1.0, |heard| heard.as_secs_f64());
        self.bus_silence.set(silence);
        let Some(bus) = bus else { return };
        let counts = [bus.published, bus.received, bus.dropped, bus.rejected, bus.reconnects];
        for (counter, count) in self.bus_messages.iter().zip(counts) {
            counter.raise(count);
        }
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> C {
    let collector = made.expect("names are valid");
    registry.register(Box::new(collector.clone())).expect("names are registered once");
    collector
}

impl Metrics {
    /// Makes all series, with a label for each of `routes`, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry, routes: &[&str]) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let answers = counters(
            "marquee_cache_answers_total",
            "Answers to cacheable reads, by where they came from.",
            &["route", "source"],
        );
        let misses = counters(
            "marquee_cache_misses_total",
            "Reads that the tier in the process could not answer, by why.",
            &["route", "reason"],
        );
        let stale = counters(
            "marquee_cache_stale_answers_total",
            "Answers that carried the stale mark, since the database was not reached for longer than the bound.",
            &["route"],
        );
        let rejects = counters(
            "marquee_cache_l2_rejects_total",
            "Entries of the shared tier that were not taken, by why.",
            &["reason"],
        );
        let l2_failures = counters(
            "marquee_cache_l2_failures_total",
            "Operations on the shared tier that failed or were not tried, by why.",
            &["operation", "reason"],
        );
        for operation in Operation::ALL.map(Operation::label) {
            for reason in Missed::LABELS {
                l2_failures.with_label_values(&[operation, reason]);
            }
        }
        let route = |name: &&str| Route {
            l1_hits: answers.with_label_values(&[*name, "l1"]),
            l2_hits: answers.with_label_values(&[*name, "l2"]),
            loads: answers.with_label_values(&[*name, "load"]),
            collapsed: answers.with_label_values(&[*name, "collapsed"]),
            stale: stale.with_label_values(&[*name]),
            misses: Miss::ALL.map(|miss| misses.with_label_values(&[*name, miss.label()])),
        };
        let seconds = HistogramOpts::new(
            "marquee_cache_load_seconds",
            "Seconds that loads from the database took.",
        );
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        Self {
            names: routes.iter().map(|name| (*name).to_owned()).collect(),
            routes: routes.iter().map(route).collect(),
            rejects: Reject::ALL.map(|reject| rejects.with_label_values(&[reject.label()])),
            load_seconds: registered(
                registry,
                Histogram::with_opts(seconds.buckets(LOAD_SECONDS.to_vec())),
            ),
            load_failures: counter(
                "marquee_cache_load_failures_total",
                "Loads from the database that failed.",
            ),
            expired: counter(
                "marquee_cache_expired_refusals_total",
                "Reads refused since the database was not reached for longer than the cap.",
            ),
            l2_failures,
            gauges: Gauges::new(registry),
        }
    }

    /// The counters of a route, by its place in the routes given at the start.
    #[must_use]
    #[inline]
    pub fn route(&self, route: usize) -> &Route {
        &self.routes[route]
    }

    pub(super) fn missed(&self, route: usize, miss: Miss) {
        self.routes[route].misses[miss as usize].inc();
    }

    pub(super) fn rejected(&self, reject: Reject) {
        self.rejects[reject as usize].inc();
    }

    pub(super) fn l2_failed(&self, operation: Operation, reason: &str) {
        self.l2_failures.with_label_values(&[operation.label(), reason]).inc();
    }

    /// What has been counted since the start.
    pub(super) fn counts(&self) -> Counts {
        let of_route = |route: &Route| RouteCounts {
            l1: route.l1_hits.get(),
            l2: route.l2_hits.get(),
            load: route.loads.get(),
            collapsed: route.collapsed.get(),
            stale: route.stale.get(),
            misses: labelled(Miss::ALL.map(Miss::label), &route.misses),
        };
        let failures = |operation: &str| {
            let of = |reason| self.l2_failures.with_label_values(&[operation, reason]).get();
            Missed::LABELS.into_iter().map(|reason| (reason, of(reason))).collect()
        };
        Counts {
            routes: self.names.iter().cloned().zip(self.routes.iter().map(of_route)).collect(),
            l2_rejects: labelled(Reject::ALL.map(Reject::label), &self.rejects),
            l2_failures: Operation::ALL.map(Operation::label).map(|of| (of, failures(of))).into(),
            loads: self.load_seconds.get_sample_count(),
            load_seconds: self.load_seconds.get_sample_sum(),
            load_failures: self.load_failures.get(),
            expired_refusals: self.expired.get(),
        }
    }
}

fn labelled<const N: usize>(
    labels: [&'static str; N],
    counters: &[IntCounter; N],
) -> BTreeMap<&'static str, u64> {
    labels.into_iter().zip(counters.iter().map(IntCounter::get)).collect()
}

/// What was counted, as an operator reads it: the same as the series of these names.
#[derive(Debug, Serialize)]
pub struct Counts {
    routes: BTreeMap<String, RouteCounts>,
    l2_rejects: BTreeMap<&'static str, u64>,
    l2_failures: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    loads: u64,
    load_seconds: f64,
    load_failures: u64,
    expired_refusals: u64,
}

/// What was counted of a route's answers.
#[derive(Debug, Serialize)]
struct RouteCounts {
    l1: u64,
    l2: u64,
    load: u64,
    collapsed: u64,
    stale: u64,
    misses: BTreeMap<&'static str, u64>,
}
