//! What to show next: what is like a movie, and what somebody may want to see.
//!
//! | | |
//! |---|---|
//! | `similar` | what is like a movie: the same for everybody |
//! | `personal` | what somebody may want, from what they did |
//! | `rank` | how much a user may want each of some movies |
//! | `alike` | likeness by what is written about movies |
//! | `popular` | what is shown to whom nothing is known of |
//! | `histories`, `shelf` | what users did, and movies, at hand |
//! | `metrics` | what is counted |
//!
//! **Invariant:** nothing of a user is in what others are given, nor in any cache that replicas share.
//! **Invariant:** without a model there are answers, too.

mod alike;
mod histories;
mod metrics;
mod personal;
mod popular;
mod rank;
mod shelf;
mod similar;

use std::{sync::Arc, time::Duration};

use crate::domain::activity::UserId;

use super::{activity::Activity, catalogue::Catalogue, models::Models};

pub use metrics::Metrics;
pub use personal::{Counts, Ground, Recommendations, Recommended};
pub use shelf::OnShelf;
pub use similar::{Similar, SimilarRow};

use {alike::Alike, histories::Histories, popular::Popular, shelf::Shelf};

/// Recommends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recommender {
    catalogue: Catalogue,
    models: Models,
    alike: Alike,
    histories: Histories,
    popular: Popular,
    shelf: Shelf,
    metrics: Arc<Metrics>,
}

impl Recommender {
    /// A recommender by `models`, of the movies of a catalogue. Movies are at hand for `ttl` at most.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        activity: Activity,
        models: Models,
        metrics: Metrics,
        ttl: Duration,
    ) -> Self {
        Self {
            alike: Alike::new(catalogue.clone()),
            histories: Histories::new(activity, catalogue.clone()),
            popular: Popular::new(catalogue.clone()),
            shelf: Shelf::new(catalogue.clone(), ttl),
            catalogue,
            models,
            metrics: Arc::new(metrics),
        }
    }

    /// The models that it recommends by.
    #[must_use]
    pub const fn models(&self) -> &Models {
        &self.models
    }

    /// Notes that a user said something, which is noted by now: what is recommended from here on follows from it.
    pub fn heard_of(&self, user: &UserId) {
        self.histories.forget(user);
    }
}
