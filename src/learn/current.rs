//! The model in force, replaced as a whole while answers are given.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwapOption;

use super::{error::LearnError, file, model::Model, recommend::Prior};

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

/// Where readers find the model in force. Reading it never waits.
#[derive(Debug, Default)]
pub struct Current(ArcSwapOption<Loaded>);

impl Current {
    /// The model in force; `None` before there is one.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Loaded>> {
        self.0.load_full()
    }

    /// Puts a model in force.
    pub fn set(&self, model: Model) {
        let (prior, personal) = (Prior::at_training(&model), Prior::tie_break(&model));
        self.0.store(Some(Arc::new(Loaded { model, prior, personal })));
    }

    /// Puts the model of a file in force. Where that fails, the one that is there stays. Blocks.
    ///
    /// # Errors
    /// [`LearnError::File`], [`LearnError::Damaged`].
    pub fn load(&self, path: &Path) -> Result<(), LearnError> {
        self.set(file::read(path)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{
        interactions::{Interaction, Interactions},
        parameters::Options,
        train,
    };

    #[test]
    fn a_damaged_file_leaves_the_model_that_is_there() {
        let rows = (0..80_i64).map(|n| Interaction {
            user: (n / 5).to_string(),
            item: (n * n % 7).to_string(),
            value: 1.0,
            time: n,
        });
        let data = Interactions::new(rows);
        let model = train::train(&data, None, &Options::default(), &|| {}).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        file::write(&model, &path).unwrap();
        let current = Current::default();
        assert!(current.get().is_none());
        current.load(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(current.load(&path), Err(LearnError::Damaged(_))));
        assert_eq!(current.get().unwrap().model, model);
    }
}
