//! What is counted of collections.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector};

/// What came of preparing a document before anybody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmed {
    /// It was loaded from the database.
    Loaded,
    /// Another replica had made it.
    FromL2,
    /// It could not be made; it is tried again.
    Failed,
    /// It was made, and there was no room to keep it until somebody asks.
    NoRoom,
}

impl Warmed {
    const ALL: [Self; 4] = [Self::Loaded, Self::FromL2, Self::Failed, Self::NoRoom];

    const fn label(self) -> &'static str {
        match self {
            Self::Loaded => "load",
            Self::FromL2 => "l2",
            Self::Failed => "failed",
            Self::NoRoom => "no_room",
        }
    }
}

/// The series.
#[derive(Debug)]
pub struct Metrics {
    collections: IntGauge,
    active: IntGauge,
    ahead_bytes: IntGauge,
    reloads: IntCounter,
    reload_failures: IntCounter,
    warmed: [IntCounter; Warmed::ALL.len()],
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
    /// Makes all series, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help));
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        let warmed = IntCounterVec::new(
            Opts::new(
                "marquee_collections_warmed_total",
                "Answers about collections and for campaigns that were made before anybody asked, by what came of it.",
            ),
            &["source"],
        );
        let warmed = registered(registry, warmed);
        Self {
            collections: gauge("marquee_collections", "Collections that there are."),
            active: gauge("marquee_collections_active", "Collections that are on now."),
            ahead_bytes: gauge(
                "marquee_collections_ahead_bytes",
                "Bytes of answers that are kept in the process for seasons, asked for or not.",
            ),
            reloads: counter(
                "marquee_collections_reloads_total",
                "Times that what was said of collections was read anew.",
            ),
            reload_failures: counter(
                "marquee_collections_reload_failures_total",
                "Times that it was to be read anew and could not be.",
            ),
            warmed: Warmed::ALL.map(|source| warmed.with_label_values(&[source.label()])),
        }
    }

    pub(super) fn reloaded(&self) {
        self.reloads.inc();
    }

    pub(super) fn failed_to_reload(&self) {
        self.reload_failures.inc();
    }

    /// Counts an answer that was to be prepared.
    pub fn warmed(&self, source: Warmed) {
        self.warmed[source as usize].inc();
    }

    /// Sets how many there are and are on, and how much is kept for seasons.
    pub fn show(&self, (collections, active): (usize, usize), ahead_bytes: u64) {
        let set = |gauge: &IntGauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.collections, collections as u64);
        set(&self.active, active as u64);
        set(&self.ahead_bytes, ahead_bytes);
    }
}
