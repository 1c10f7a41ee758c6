//! Learning, on a thread of its own, and keeping what was learnt.

use std::{io, sync::Arc, thread};

use rustix::process::setpriority_process;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use crate::{
    domain::{
        clock::{Clock, Moment},
        model::{Checksum, MadeFrom, ModelVersion, NewModel, TrainingOutcome, Validation},
    },
    learn::{
        error::LearnError,
        file,
        model::Link,
        parameters::{self, Stop},
        train::train_validated,
    },
    store::{Contributors, Store, error::StoreError},
};

use super::{Options, material::Material};

/// Fewer users, and fewer interactions, are too few to learn from.
const USERS_MIN: usize = 20;
const INTERACTIONS_MIN: usize = 100;

/// The lowest priority that a thread can have.
const LOWEST: i32 = 19;
/// Links of each movie.
const NEIGHBOURS: usize = 128;

/// How eagerly a training runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Like everything else.
    Usual,
    /// When nothing else wants to.
    Lowest,
}

/// Why no model was made.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// What is learnt from could not be read, or the model not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be learnt from it.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The system gives no thread.
    #[error("a thread to learn on could not be begun")]
    Thread(#[source] io::Error),
    /// The thread ended early (a bug: the log has the panic).
    #[error("the training ended without an outcome")]
    Lost,
    /// It would be worse than showing everybody what is popular.
    #[error("the model is worse than showing everybody what is popular")]
    Worse(Validation),
    /// It may not be used: somebody whom it is learnt from was erased meanwhile. It may be made again.
    #[error("somebody whom the model was learnt from was erased meanwhile")]
    Erased,
    /// It is larger than a model may be.
    #[error("the model has {0} bytes, more than a model may have")]
    TooLarge(usize),
}

impl TrainError {
    /// How a training ended that failed so.
    #[must_use]
    pub const fn outcome(&self) -> TrainingOutcome {
        match self {
            Self::Learn(LearnError::TooFew(_)) => TrainingOutcome::TooFew,
            Self::Learn(LearnError::Stopped) => TrainingOutcome::Stopped,
            Self::Worse(_) => TrainingOutcome::Worse,
            Self::Store(_)
            | Self::Learn(_)
            | Self::Thread(_)
            | Self::Lost
            | Self::Erased
            | Self::TooLarge(_) => TrainingOutcome::Failed,
        }
    }
}

/// A model that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What is said of it.
    pub model: NewModel,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whom it is learnt from.
    pub of: Contributors,
}

/// Makes models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trainer {
    store: Arc<Store>,
    clock: Clock,
    options: Options,
}

impl Trainer {
    /// A trainer on what `store` has.
    #[must_use]
    pub const fn new(store: Arc<Store>, clock: Clock, options: Options) -> Self {
        Self { store, clock, options }
    }

    /// Reads what is learnt from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn material(&self) -> Result<Material, StoreError> {
        Material::read(&self.store, self.options.memory_bytes).await
    }

    /// Learns. Calls `progress` from another thread, a few dozen times in all
    /// ([`VALIDATED_STEPS`](crate::learn::train::VALIDATED_STEPS)).
    ///
    /// Dropping the future leaves the thread to itself; tell it to stop before.
    ///
    /// # Errors
    /// [`TrainError`], all but [`TrainError::Store`].
    pub async fn learn(
        &self,
        material: Material,
        priority: Priority,
        stop: Stop,
        progress: impl Fn() + Send + Sync + 'static,
    ) -> Result<Made, TrainError> {
        let (options, now) = (self.options, self.clock.now());
        let (sender, made) = oneshot::channel();
        let work = move || {
            if priority == Priority::Lowest {
                // Of this thread, and of those that it begins. Where it is not allowed, it is as all others.
                let _ = setpriority_process(None, LOWEST);
            }
            let made = learn(material, options, now, stop, &progress);
            let _ = sender.send(made); // nobody may wait for it
        };
        thread::Builder::new().name("train".to_owned()).spawn(work).map_err(TrainError::Thread)?;
        made.await.map_err(|_| TrainError::Lost)?
    }

    /// Keeps a model, and puts it in use.
    ///
    /// # Errors
    /// [`TrainError::Store`], [`TrainError::Erased`].
    pub async fn publish(&self, made: &Made) -> Result<ModelVersion, TrainError> {
        let Made { model, bytes, of } = made;
        let published = self.store.publish_model(model, bytes, self.options.keep, of).await?;
        published.ok_or(TrainError::Erased)
    }
}

fn learn(
    material: Material,
    options: Options,
    now: Moment,
    stop: Stop,
    progress: &(dyn Fn() + Sync),
) -> Result<Made, TrainError> {
    let interactions = &material.interactions;
    if interactions.histories.len() < USERS_MIN {
        return Err(LearnError::TooFew("it takes 20 users with two movies").into());
    }
    if interactions.events() < INTERACTIONS_MIN {
        return Err(LearnError::TooFew("it takes a hundred").into());
    }
    let learning = parameters::Options {
        memory_bytes: options.memory_bytes,
        neighbours: NEIGHBOURS,
        // What is beside the links has the rest.
        links_max: options.model_bytes_max / 4 * 3 / size_of::<Link>(),
        threads: options.threads,
        stop,
    };
    let content = material.content();
    let (model, validation) = train_validated(interactions, Some(&content), &learning, progress)?;
    if let Some(figures) = validation.filter(Validation::is_worse_than_popularity) {
        return Err(TrainError::Worse(figures));
    }
    let bytes = file::to_bytes(&model)?;
    if bytes.len() > options.model_bytes_max {
        return Err(TrainError::TooLarge(bytes.len()));
    }
    let made_from = MadeFrom {
        users: interactions.histories.len() as u64,
        interactions: interactions.events() as u64,
        items: model.items.len() as u64,
    };
    let checksum = Checksum::new(Sha256::digest(&bytes).into());
    let model = NewModel { checksum, made_from, validation, made_at: now };
    Ok(Made { model, bytes, of: material.of })
}
