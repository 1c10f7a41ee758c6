//! What is counted of activity.
//!
//! Events are noted, and then stored or dropped: `events = stored + dropped + pending`, exactly. Those that
//! are ignored were never noted.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use super::event::Kind;

/// Seconds that a batch takes.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Why an event was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// A thread's buffer was full.
    QueueFull,
    /// More waits for the database than may.
    Backlog,
    /// The database refused it.
    Refused,
    /// The process ended before the database took it.
    Ended,
    /// Its user was erased before it was stored.
    Erased,
}

impl Dropped {
    const ALL: [Self; 5] =
        [Self::QueueFull, Self::Backlog, Self::Refused, Self::Ended, Self::Erased];

    const fn label(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Backlog => "backlog",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Erased => "erased",
        }
    }
}

/// Why an event was not noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignored {
    /// Its sender does not want to be tracked.
    OptedOut,
    /// Its request is private.
    Private,
    /// Its client is not of the share that is recorded.
    Sampled,
}

impl Ignored {
    const ALL: [Self; 3] = [Self::OptedOut, Self::Private, Self::Sampled];

    const fn label(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::Private => "private",
            Self::Sampled => "sampled",
        }
    }
}

/// The series.
#[derive(Debug)]
pub struct Metrics {
    events: [IntCounter; Kind::ALL.len()],
    dropped: [IntCounter; Dropped::ALL.len()],
    ignored: [IntCounter; Ignored::ALL.len()],
    stored: IntCounter,
    batches: [IntCounter; 2],
    rows: IntCounter,
    seconds: Histogram,
    pending: IntGauge,
    erasures: IntCounter,
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
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        let family = |name: &str, help: &str, label: &str| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), &[label]))
        };
        let events = family(
            "marquee_activity_events_total",
            "Things that people did and that were noted, by kind. Each is stored, dropped or pending.",
            "kind",
        );
        let dropped = family(
            "marquee_activity_dropped_total",
            "Events that were noted and will not be stored, by why.",
            "reason",
        );
        let ignored = family(
            "marquee_activity_ignored_total",
            "Things that people did and that were not noted, by why.",
            "reason",
        );
        let batches = family(
            "marquee_activity_batches_total",
            "Batches that were given to the database, by what came of it. One that failed is given to it again.",
            "result",
        );
        let seconds = HistogramOpts::new(
            "marquee_activity_store_seconds",
            "Seconds that the database took for a batch.",
        );
        let seconds = Histogram::with_opts(seconds.buckets(SECONDS.to_vec()));
        Self {
            events: Kind::ALL.map(|kind| events.with_label_values(&[kind.label()])),
            dropped: Dropped::ALL.map(|why| dropped.with_label_values(&[why.label()])),
            ignored: Ignored::ALL.map(|why| ignored.with_label_values(&[why.label()])),
            stored: counter("marquee_activity_stored_total", "Events that are stored."),
            batches: ["stored", "failed"].map(|result| batches.with_label_values(&[result])),
            rows: counter(
                "marquee_activity_rows_total",
                "Rows that batches wrote: events that are alike share one.",
            ),
            seconds: registered(registry, seconds),
            pending: registered(
                registry,
                IntGauge::new(
                    "marquee_activity_pending",
                    "Events that were noted, and are neither stored nor dropped yet.",
                ),
            ),
            erasures: counter("marquee_activity_erasures_total", "Users that were erased here."),
        }
    }

    pub(super) fn noted(&self, kind: Kind, events: u64) {
        // In this order: whoever has seen an event sees that it waits.
        self.pending.add(signed(events));
        self.events[kind as usize].inc_by(events);
    }

    pub(super) fn dropped(&self, why: Dropped, events: u64) {
        self.dropped[why as usize].inc_by(events);
        self.pending.sub(signed(events));
    }

    /// Takes back that an event was noted: it is none that is recorded.
    pub(super) fn ignored(&self, why: Ignored, events: u64) {
        self.ignored[why as usize].inc_by(events);
    }

    pub(super) fn stored(&self, events: u64, rows: usize, took: Duration) {
        self.stored.inc_by(events);
        self.pending.sub(signed(events));
        self.batches[0].inc();
        self.rows.inc_by(rows as u64);
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn failed(&self) {
        self.batches[1].inc();
    }

    pub(super) fn erased(&self) {
        self.erasures.inc();
    }
}

fn signed(events: u64) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}
