//! From the truth's chunks to a model that answers.

use sha2::{Digest as _, Sha256};

use crate::{
    domain::model::{Checksum, StoredModel},
    learn::{error::LearnError, file, loaded::Loaded},
    store::{Store, error::StoreError},
};

use super::in_force::InForce;

/// Why a model must not answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is more than this replica takes.
    #[error("it has {bytes} bytes, and this replica takes {most} (--model-memory)")]
    TooLarge {
        /// How many it has.
        bytes: u64,
        /// How many it may have.
        most: u64,
    },
    /// Chunks are missing, or of another size.
    #[error("its bytes are not all there")]
    Incomplete,
    /// Its bytes are not those that were stored.
    #[error("its checksum is wrong")]
    Checksum,
    /// Its bytes are no model of this version of the program.
    #[error(transparent)]
    File(#[from] LearnError),
    /// It speaks of something that is no movie.
    #[error("{0:?} is no movie's id")]
    Item(String),
    /// It says nothing.
    #[error("it speaks of no movie")]
    Empty,
}

/// Why a model was not loaded.
#[derive(Debug)]
pub(super) enum Unloaded {
    /// It could not be read, this time.
    Store(StoreError),
    /// It was read, and is of no use.
    Refused(Refused),
}

impl From<StoreError> for Unloaded {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refused> for Unloaded {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Reads a model, and looks at all of it.
pub(super) async fn load(
    store: &Store,
    stored: &StoredModel,
    bytes_max: u64,
) -> Result<InForce, Unloaded> {
    if stored.bytes > bytes_max {
        return Err(Refused::TooLarge { bytes: stored.bytes, most: bytes_max }.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stored.bytes).unwrap_or(0));
    for number in 0..stored.chunks {
        let chunk = store.model_chunk(stored.version, number).await?;
        bytes.extend(chunk.ok_or(Refused::Incomplete)?);
        if bytes.len() as u64 > stored.bytes {
            return Err(Refused::Incomplete.into());
        }
    }
    if bytes.len() as u64 != stored.bytes {
        return Err(Refused::Incomplete.into());
    }
    let stored = stored.clone();
    let checked = tokio::task::spawn_blocking(move || check(stored, &bytes));
    match checked.await {
        Ok(checked) => Ok(checked?),
        // A panic: whatever is in there must not be tried again and again.
        Err(_) => Err(Refused::Incomplete.into()),
    }
}

fn check(stored: StoredModel, bytes: &[u8]) -> Result<InForce, Refused> {
    if Checksum::new(Sha256::digest(bytes).into()) != stored.model.checksum {
        return Err(Refused::Checksum);
    }
    let model = file::from_bytes(bytes)?;
    if model.items.is_empty() {
        return Err(Refused::Empty);
    }
    InForce::new(stored, Loaded::new(model)).map_err(Refused::Item)
}
