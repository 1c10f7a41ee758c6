//! What is counted of the cache, for Prometheus.
//!
//! Handles are made at the start, so that a request looks nothing up; every series is there, at zero,
//! from the first scrape.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

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
    pub(super) evictions: IntGauge,
    pub(super) verified: IntGauge,
    pub(super) lease_ms: IntGauge,
    pub(super) breaker: IntGauge,
    pub(super) flights: IntGauge,
    bus_connected: IntGauge,
    bus_silence_ms: IntGauge,
    bus_messages: [IntGauge; 5],
}

impl Gauges {
    fn new(gauge: &dyn Fn(&str, &str) -> IntGauge) -> Self {
        Self {
            entries: gauge("marquee_cache_l1_entries", "Entries of the tier in the process."),
            bytes: gauge("marquee_cache_l1_bytes", "Bytes of the tier in the process."),
            bytes_max: gauge("marquee_cache_l1_bytes_max", "Bound of those bytes."),
            evictions: gauge(
                "marquee_cache_l1_evictions",
                "Entries of the tier in the process that had to go for others, since the start.",
            ),
            verified: gauge(
                "marquee_known_revision",
                "The revision up to which every change is known.",
            ),
            lease_ms: gauge(
                "marquee_lease_age_milliseconds",
                "Milliseconds since the instant as of which the database is known.",
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
            bus_silence_ms: gauge(
                "marquee_bus_silence_milliseconds",
                "Milliseconds since anything was heard on the bus; -1 before that.",
            ),
            bus_messages: [
                ("marquee_bus_published", "Messages that were sent since the start."),
                ("marquee_bus_received", "Messages that came since the start."),
                ("marquee_bus_dropped", "Messages that a full queue refused since the start."),
                ("marquee_bus_rejected", "Messages that were none of ours since the start."),
                ("marquee_bus_reconnects", "Connections that were made anew since the start."),
            ]
            .map(|(name, help)| gauge(name, help)),
        }
    }

    /// Brings those of the bus up to date.
    pub(super) fn tell_of_bus(&self, bus: Option<&Health>) {
        self.bus_connected.set(bus.map_or(-1, |bus| i64::from(bus.connected)));
        let Some(bus) = bus else { return };
        let silence = bus.heard.map_or(-1, |heard| i64::try_from(heard.as_millis()).unwrap_or(-1));
        self.bus_silence_ms.set(silence);
        let counts = [bus.published, bus.received, bus.dropped, bus.rejected, bus.reconnects];
        for (gauge, count) in self.bus_messages.iter().zip(counts) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

impl Metrics {
    /// Makes all series, with a label for each of `routes`, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry, routes: &[&str]) -> Self {
        fn registered<C: Collector + Clone + 'static>(
            registry: &Registry,
            made: prometheus::Result<C>,
        ) -> C {
            let collector = made.expect("names are valid");
            registry.register(Box::new(collector.clone())).expect("names are registered once");
            collector
        }
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
        for operation in ["get", "put", "lease"] {
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
            gauges: Gauges::new(&|name, help| registered(registry, IntGauge::new(name, help))),
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
        let operation = match operation {
            Operation::Get => "get",
            Operation::Put => "put",
            Operation::Lease => "lease",
        };
        self.l2_failures.with_label_values(&[operation, reason]).inc();
    }
}
