//! What is counted of the database, for Prometheus.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{db::Purpose, error::StoreError, pools::Pools};

/// Seconds, from a read out of memory to a statement that meets its deadline.
const SECONDS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0,
];

impl Purpose {
    pub(super) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Watch];

    /// Its name in metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Watch => "watch",
        }
    }
}

/// What a statement or a connection can fail of, as a label.
const ERRORS: [&str; 6] =
    ["unavailable", "timed_out", "contended", "loading", "refused", "internal"];

/// Counters of the store.
#[derive(Debug)]
pub(crate) struct Metrics {
    acquire_seconds: Histogram,
    acquire_failures: IntCounter,
    statement_seconds: [Histogram; Purpose::ALL.len()],
    statements: HistogramVec,
    errors: [IntCounter; ERRORS.len()],
    error_kinds: IntCounterVec,
    retries: IntCounter,
    not_prepared: IntCounter,
    again: IntCounter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let counter =
            |name: &str, help: &str| IntCounter::new(name, help).expect("the name is valid");
        let seconds =
            |name: &str, help: &str| HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        let statements = HistogramVec::new(
            seconds(
                "marquee_database_statement_seconds",
                "Seconds that statements took, by what they were for.",
            ),
            &["purpose"],
        );
        let statements = statements.expect("the name is valid");
        let error_kinds = IntCounterVec::new(
            Opts::new("marquee_database_errors_total", "Statements that failed, by how."),
            &["kind"],
        );
        let error_kinds = error_kinds.expect("the name is valid");
        Self {
            acquire_seconds: Histogram::with_opts(seconds(
                "marquee_database_acquire_seconds",
                "Seconds that were waited for a connection.",
            ))
            .expect("the name is valid"),
            acquire_failures: counter(
                "marquee_database_acquire_failures_total",
                "Waits for a connection that ended without one.",
            ),
            statement_seconds: Purpose::ALL
                .map(|purpose| statements.with_label_values(&[purpose.label()])),
            statements,
            errors: ERRORS.map(|kind| error_kinds.with_label_values(&[kind])),
            error_kinds,
            retries: counter(
                "marquee_database_retries_total",
                "Reads and transactions that were begun again: another writer won, or the connection had died.",
            ),
            not_prepared: counter(
                "marquee_database_not_prepared_total",
                "Times that the server prepared no more statements (max_prepared_stmt_count), and one was prepared again later.",
            ),
            again: counter(
                "marquee_database_reads_again_total",
                "Reads that were made again, since they were of a write that nobody here had seen and so may have lacked one before it.",
            ),
        }
    }

    /// Lets `registry` read them, and the state of `pools`.
    ///
    /// # Panics
    /// For a registry that has them already.
    pub(super) fn register(&self, registry: &Registry, pools: &Pools) {
        let collectors: [Box<dyn Collector>; 8] = [
            Box::new(self.acquire_seconds.clone()),
            Box::new(self.acquire_failures.clone()),
            Box::new(self.statements.clone()),
            Box::new(self.error_kinds.clone()),
            Box::new(self.retries.clone()),
            Box::new(self.not_prepared.clone()),
            Box::new(self.again.clone()),
            Box::new(Connections::of(pools.clone())),
        ];
        for collector in collectors {
            registry.register(collector).expect("names are registered once");
        }
    }

    pub(super) fn acquired(&self, took: Duration) {
        self.acquire_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn not_acquired(&self, took: Duration) {
        self.acquired(took);
        self.acquire_failures.inc();
    }

    /// A statement ended.
    pub(super) fn ran(&self, purpose: Purpose, took: Duration, failure: Option<&StoreError>) {
        self.statement_seconds[purpose as usize].observe(took.as_secs_f64());
        if let Some(error) = failure {
            self.errors[place(error)].inc();
        }
    }

    pub(super) fn retried(&self) {
        self.retries.inc();
    }

    /// Something is read again since it may not be whole.
    pub(super) fn reads_again(&self) {
        self.again.inc();
    }

    /// The server prepares no more statements.
    pub(super) fn has_no_room(&self) {
        self.not_prepared.inc();
        let times = self.not_prepared.get();
        // Where it happens once it may happen with every other statement.
        if times.is_power_of_two() {
            tracing::warn!(
                times,
                "the database prepares no more statements, so none are kept: raise its max_prepared_stmt_count"
            );
        }
    }
}

/// The place of a failure in [`ERRORS`].
fn place(error: &StoreError) -> usize {
    match error {
        StoreError::Unavailable(_) => 0,
        StoreError::TimedOut(_) | StoreError::Unanswered(_) => 1,
        StoreError::Contended { .. } => 2,
        StoreError::Refused(_) if error.is_contention() => 2,
        StoreError::Loading(_) => 3,
        StoreError::Refused(_) => 4,
        StoreError::BadRow { .. } | StoreError::Migrate(_) | StoreError::ChangesGone { .. } => 5,
    }
}

/// Connections that requests can have, looked at when somebody asks. Those of the polls are apart.
#[derive(Debug)]
struct Connections {
    pools: Pools,
    by_state: IntGaugeVec,
    idle: IntGauge,
    in_use: IntGauge,
    max: IntGauge,
}

impl Connections {
    fn of(pools: Pools) -> Self {
        let by_state = IntGaugeVec::new(
            Opts::new(
                "marquee_database_connections",
                "Connections to the database that requests use, by state.",
            ),
            &["state"],
        );
        let by_state = by_state.expect("the name is valid");
        let max = IntGauge::new(
            "marquee_database_connections_max",
            "Connections to the database that requests may use at most.",
        );
        Self {
            pools,
            idle: by_state.with_label_values(&["idle"]),
            in_use: by_state.with_label_values(&["in_use"]),
            by_state,
            max: max.expect("the name is valid"),
        }
    }
}

impl Collector for Connections {
    fn desc(&self) -> Vec<&Desc> {
        [self.by_state.desc(), self.max.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (idle, open, max) = self.pools.connections();
        self.idle.set(i64::from(idle));
        self.in_use.set(i64::from(open.saturating_sub(idle)));
        self.max.set(i64::from(max));
        [self.by_state.collect(), self.max.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_counted_by_purpose_and_failures_by_kind() {
        let registry = Registry::new();
        let metrics = Metrics::new();
        registry.register(Box::new(metrics.statements.clone())).unwrap();
        registry.register(Box::new(metrics.error_kinds.clone())).unwrap();
        let late = StoreError::TimedOut(Duration::from_secs(1));
        metrics.ran(Purpose::Write, Duration::from_millis(3), None);
        metrics.ran(Purpose::Read, Duration::from_secs(9), Some(&late));
        let mut text = String::new();
        prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut text).unwrap();
        for line in [
            r#"marquee_database_statement_seconds_bucket{purpose="write",le="0.0025"} 0"#,
            r#"marquee_database_statement_seconds_bucket{purpose="write",le="0.005"} 1"#,
            r#"marquee_database_statement_seconds_bucket{purpose="read",le="5"} 0"#,
            r#"marquee_database_statement_seconds_count{purpose="read"} 1"#,
            r#"marquee_database_statement_seconds_count{purpose="watch"} 0"#,
            r#"marquee_database_errors_total{kind="timed_out"} 1"#,
            r#"marquee_database_errors_total{kind="refused"} 0"#,
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
        }
    }
}
