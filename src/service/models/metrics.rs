//! What is counted of models.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector};

use crate::domain::model::TrainingOutcome;

use super::InForce;

/// Why a model is not in force that should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It was read, and is of no use.
    Refused,
    /// It could not be read.
    Unread,
}

impl Failure {
    const ALL: [Self; 2] = [Self::Refused, Self::Unread];

    const fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unread => "unread",
        }
    }
}

/// The series.
#[derive(Debug)]
pub struct Metrics {
    version: IntGauge,
    made: Gauge,
    bytes: IntGauge,
    items: IntGauge,
    loads: IntCounter,
    failures: [IntCounter; Failure::ALL.len()],
    trainings: [IntCounter; TrainingOutcome::ALL.len()],
    training: IntGauge,
    training_seconds: Gauge,
    learnt: IntGauge,
}

pub(in crate::service) fn registered<C: Collector + Clone + 'static>(
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
        let real = |name: &str, help: &str| registered(registry, Gauge::new(name, help));
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help));
        let by = |name: &str, help: &str, label: &str| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), &[label]))
        };
        let failures = by(
            "marquee_model_load_failures_total",
            "Times that a model was to be loaded and was not, by why: it was refused, or could not be read.",
            "reason",
        );
        let trainings = by(
            "marquee_trainings_total",
            "Trainings that this replica was elected for, by how they ended.",
            "outcome",
        );
        Self {
            version: gauge("marquee_model_version", "The model in force; 0 for none."),
            made: real(
                "marquee_model_made_timestamp_seconds",
                "When the model in force was made, in seconds since 1970; 0 for none.",
            ),
            bytes: gauge("marquee_model_bytes", "Bytes that the model in force takes in memory."),
            items: gauge("marquee_model_items", "Movies that the model in force speaks of."),
            loads: counter("marquee_model_loads_total", "Models that were put in force."),
            failures: Failure::ALL.map(|reason| failures.with_label_values(&[reason.label()])),
            trainings: TrainingOutcome::ALL
                .map(|outcome| trainings.with_label_values(&[outcome.name()])),
            training: gauge("marquee_training", "1 while this replica trains a model."),
            training_seconds: real(
                "marquee_training_seconds",
                "How long the last training of this replica took.",
            ),
            learnt: gauge(
                "marquee_training_interactions",
                "Interactions that the last training of this replica learnt from.",
            ),
        }
    }

    pub(super) fn show(&self, model: Option<&InForce>) {
        let set = |gauge: &IntGauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        self.version.set(model.map_or(0, |model| model.stored.version.get()));
        set(&self.bytes, model.map_or(0, InForce::bytes));
        set(&self.items, model.map_or(0, InForce::items));
        let made = model.map_or(0, |model| model.stored.model.made_at.unix_ms());
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^53")]
        self.made.set(made as f64 / 1000.0);
    }

    pub(super) fn loaded(&self) {
        self.loads.inc();
    }

    pub(super) fn refused(&self) {
        self.failures[Failure::Refused as usize].inc();
    }

    pub(super) fn unread(&self) {
        self.failures[Failure::Unread as usize].inc();
    }

    pub(in crate::service) fn training_began(&self) {
        self.training.set(1);
    }

    pub(in crate::service) fn training_ended(
        &self,
        outcome: TrainingOutcome,
        seconds: f64,
        interactions: u64,
    ) {
        self.training.set(0);
        self.trainings[outcome as usize].inc();
        self.training_seconds.set(seconds);
        self.learnt.set(i64::try_from(interactions).unwrap_or(i64::MAX));
    }
}
