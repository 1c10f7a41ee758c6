//! What requests are answered by.

use crate::service::{
    activity::Activity, catalogue::Catalogue, collections::Collections, recommend::Recommender,
};

/// What requests are answered by. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Its collections.
    pub collections: Collections,
    /// What people do.
    pub activity: Activity,
    /// What goes with what.
    pub recommender: Recommender,
}
