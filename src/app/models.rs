//! Models, from settings: the one in force is loaded, and the next one trained.

use std::sync::Arc;

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{
        Settings,
        learning::{TimeOfDay, TrainingSettings},
    },
    domain::clock::Clock,
    service::{
        recommend::Recommender,
        training::{Options, Schedule, Times, Trainer},
    },
    store::Store,
    telemetry::in_one_line,
};

/// How long a start waits for the model to be loaded.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What a training may take, and what becomes of its model.
#[must_use]
pub fn training_options(settings: &TrainingSettings, threads: usize) -> Options {
    Options {
        memory_bytes: settings.train_memory.as_usize(),
        model_bytes_max: settings.model_memory.as_usize(),
        threads,
        keep: usize::try_from(settings.models_kept).unwrap_or(usize::MAX),
    }
}

/// Loads the model that is to be used, and has it followed; begins to train now and then.
pub(super) async fn begin(
    settings: &Settings,
    store: &Arc<Store>,
    clock: &Clock,
    recommender: &Recommender,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let models = recommender.models().clone();
    // What comes later is loaded while others are answered already.
    match timeout(PATIENCE, models.settle(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = in_one_line(&error), "the model could not be loaded");
        }
        Err(_) => tracing::warn!("the model is still being loaded"),
    }
    tasks.spawn(models.clone().run(Arc::clone(store), stop.clone()));
    let learning = &settings.learning;
    if learning.train_every.is_zero() {
        return;
    }
    let threads = usize::try_from(learning.training.train_threads).unwrap_or(1).max(1);
    let options = training_options(&learning.training, threads);
    let trainer = Trainer::new(Arc::clone(store), clock.clone(), options);
    let at_ms = learning.train_at.map(TimeOfDay::ms);
    let times = Times { every: learning.train_every, at_ms };
    let schedule = Schedule::new(Arc::clone(store), trainer, models, clock.clone(), times);
    tasks.spawn(schedule.run(stop.clone()));
}
