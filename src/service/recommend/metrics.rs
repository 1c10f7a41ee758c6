//! What is counted of recommendations.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::{domain::recommend::Source, service::models};

/// What an answer to a user rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// What a model learnt.
    Model,
    /// What is written about the user's movies.
    Content,
    /// Nothing that is known of the user.
    Cold,
}

impl Basis {
    const ALL: [Self; 3] = [Self::Model, Self::Content, Self::Cold];

    const fn label(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Content => "content",
            Self::Cold => "cold",
        }
    }
}

/// The series.
#[derive(Debug)]
pub struct Metrics {
    answers: [IntCounter; Basis::ALL.len()],
    rows: [IntCounter; Source::ALL.len()],
}

impl Metrics {
    /// Makes all series, and registers them.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let by = |name: &str, help: &str, label: &str| {
            let made = IntCounterVec::new(Opts::new(name, help), &[label]);
            models::registered(registry, made)
        };
        let answers = by(
            "marquee_recommendations_total",
            "Answers of what somebody may want to see, by what they rest on.",
            "basis",
        );
        let rows = by(
            "marquee_recommended_rows_total",
            "Rows of such answers, by where they come from.",
            "source",
        );
        Self {
            answers: Basis::ALL.map(|basis| answers.with_label_values(&[basis.label()])),
            rows: Source::ALL.map(|source| rows.with_label_values(&[source.name()])),
        }
    }

    /// Notes an answer with so many rows of each source.
    pub(super) fn recommended(&self, basis: Basis, rows: &[u32; Source::ALL.len()]) {
        self.answers[basis as usize].inc();
        let rows = self.rows.iter().zip(rows).filter(|(_, count)| **count > 0);
        rows.for_each(|(series, count)| series.inc_by(u64::from(*count)));
    }
}
