//! A model that is ready to answer.

use super::{model::Model, recommend::Prior};

/// A model with what answers need besides.
#[derive(Debug)]
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// What is popular of late, as of its training.
    pub prior: Prior,
    /// Without it: what the user did counts alone, for answers that are to be about the user.
    pub personal: Prior,
}

impl Loaded {
    /// Makes a model ready.
    #[must_use]
    pub fn new(model: Model) -> Self {
        let (prior, personal) = (Prior::at_training(&model), Prior::tie_break(&model));
        Self { model, prior, personal }
    }

    /// Bytes that it takes in memory, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.model.bytes() + self.model.items.len() * 4 * size_of::<u32>()
    }
}
