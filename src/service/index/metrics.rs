//! What is counted of the index, for Prometheus.
//!
//! Every series is there from the first scrape, also where there is no index.

use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, core::Collector,
};

use super::{Phase, Reason};

/// Seconds, from suggestions out of memory to a search that meets its time-out.
const SECONDS: [f64; 15] = [
    0.000_025, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5,
];

/// What is asked of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A search.
    Search,
    /// A list.
    List,
    /// Suggestions.
    Suggest,
    /// What is like a movie.
    Similar,
}

impl Asked {
    const ALL: [Self; 4] = [Self::Search, Self::List, Self::Suggest, Self::Similar];

    const fn label(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::List => "list",
            Self::Suggest => "suggest",
            Self::Similar => "similar",
        }
    }
}

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no index to be asked now.
    Unready,
    /// Too many others wait.
    Overloaded,
    /// It took too long.
    TimedOut,
    /// The index failed.
    Failed,
}

impl Refused {
    const ALL: [Self; 4] = [Self::Unready, Self::Overloaded, Self::TimedOut, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Unready => "unready",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
        }
    }
}

/// The series.
#[derive(Debug)]
pub struct Metrics {
    states: Vec<IntGauge>,
    pub(super) revision: IntGauge,
    pub(super) lag_revisions: IntGauge,
    pub(super) lag_seconds: Gauge,
    pub(super) documents: IntGauge,
    pub(super) bytes: IntGauge,
    pub(super) memory_bytes: IntGauge,
    pub(super) segments: IntGauge,
    pub(super) suggested: [IntGauge; 3],
    pub(super) changes: IntCounter,
    pub(super) commits: Histogram,
    pub(super) failures: IntCounter,
    rebuilds: Vec<IntCounter>,
    pub(super) rebuild_done: IntGauge,
    pub(super) rebuild_total: IntGauge,
    pub(super) rebuild_seconds: Gauge,
    seconds: Vec<Histogram>,
    refused: Vec<IntCounter>,
    pub(super) in_flight: IntGauge,
    pub(super) waiting: IntGauge,
    pub(super) nothing_found: IntCounter,
    pub(super) lists: Lists,
}

/// Lists that were loaded, by what from.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) by_index: IntCounter,
    pub(super) by_database: IntCounter,
}

impl Metrics {
    /// Makes all series and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "each series has a line or two of its own")]
    pub fn new(registry: &Registry) -> Self {
        fn registered<C: Collector + Clone + 'static>(
            registry: &Registry,
            made: prometheus::Result<C>,
        ) -> C {
            let collector = made.expect("names are valid");
            registry.register(Box::new(collector.clone())).expect("names are registered once");
            collector
        }
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help));
        let real = |name: &str, help: &str| registered(registry, Gauge::new(name, help));
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        let counters = |name: &str, help: &str, label: &str| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), &[label]))
        };
        let states = Opts::new("marquee_index_state", "1 for the state in which the index is.");
        let states = registered(registry, IntGaugeVec::new(states, &["state"]));
        let rebuilds = counters(
            "marquee_index_rebuilds_total",
            "Times that the index was begun anew, by reason.",
            "reason",
        );
        let refused = counters(
            "marquee_search_refused_total",
            "Searches that were not answered, by reason.",
            "reason",
        );
        let lists = counters(
            "marquee_list_loads_total",
            "Lists that were not kept, by what they were read from.",
            "source",
        );
        let seconds = HistogramOpts::new(
            "marquee_search_seconds",
            "Seconds that the index took for what was not kept, waiting for its turn apart.",
        );
        let seconds = seconds.buckets(SECONDS.to_vec());
        let seconds = registered(registry, HistogramVec::new(seconds, &["kind"]));
        let commits = HistogramOpts::new(
            "marquee_index_commit_seconds",
            "Seconds that it took to put changes into the index, from reading them to showing them.",
        );
        let commits = commits.buckets(SECONDS.to_vec());
        let metrics = Self {
            states: Phase::ALL.map(|one| states.with_label_values(&[one.label()])).into(),
            revision: gauge(
                "marquee_index_revision",
                "The revision up to which the index includes every write; 0 while it cannot be asked.",
            ),
            lag_revisions: gauge(
                "marquee_index_lag_revisions",
                "Revisions that are known and that the index does not include yet.",
            ),
            lag_seconds: real(
                "marquee_index_lag_seconds",
                "Seconds since the instant as of which the index includes everything; 0 while it cannot \
                 be asked.",
            ),
            documents: gauge("marquee_index_documents", "Movies in the index."),
            bytes: gauge("marquee_index_bytes", "Bytes of the index's files."),
            memory_bytes: gauge(
                "marquee_index_memory_bytes",
                "Bytes of the index that are held in memory between searches.",
            ),
            segments: gauge("marquee_index_segments", "Segments of the index."),
            suggested: [
                gauge("marquee_suggest_movies", "Movies that are suggested."),
                gauge("marquee_suggest_people", "People who are suggested."),
                gauge("marquee_suggest_bytes", "Bytes of memory that suggestions take."),
            ],
            changes: counter(
                "marquee_index_changes_total",
                "Changes that were put into the index.",
            ),
            commits: registered(registry, Histogram::with_opts(commits)),
            failures: counter(
                "marquee_index_failures_total",
                "Times that the index could not be read, written or followed up; the log says why.",
            ),
            rebuilds: Reason::ALL.map(|one| rebuilds.with_label_values(&[one.label()])).into(),
            rebuild_done: gauge(
                "marquee_index_rebuild_documents",
                "Movies that the rebuild under way has put into the index; 0 without one.",
            ),
            rebuild_total: gauge(
                "marquee_index_rebuild_documents_expected",
                "Movies that it has to put there, about; 0 without one.",
            ),
            rebuild_seconds: real(
                "marquee_index_rebuild_seconds",
                "Seconds that the last rebuild took; 0 before the first.",
            ),
            seconds: Asked::ALL.map(|one| seconds.with_label_values(&[one.label()])).into(),
            refused: Refused::ALL.map(|one| refused.with_label_values(&[one.label()])).into(),
            in_flight: gauge("marquee_search_in_flight", "Searches that the index is at."),
            waiting: gauge("marquee_search_waiting", "Searches that wait for their turn."),
            nothing_found: counter(
                "marquee_search_nothing_found_total",
                "Searches without a result.",
            ),
            lists: Lists {
                by_index: lists.with_label_values(&["index"]),
                by_database: lists.with_label_values(&["database"]),
            },
        };
        metrics.is(Phase::Off);
        metrics
    }

    /// Notes the state.
    pub(super) fn is(&self, phase: Phase) {
        for (one, gauge) in Phase::ALL.iter().zip(&self.states) {
            gauge.set(i64::from(*one == phase));
        }
    }

    pub(super) fn rebuilds(&self, reason: Reason) {
        self.rebuilds[reason as usize].inc();
    }

    pub(super) fn took(&self, asked: Asked, seconds: Duration) {
        self.seconds[asked as usize].observe(seconds.as_secs_f64());
    }

    pub(super) fn refused(&self, why: Refused) {
        self.refused[why as usize].inc();
    }
}
