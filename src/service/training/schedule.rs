//! When models are trained, and by whom: whichever replica finds that it is time and is elected by the truth.
//!
//! **Invariant:** one replica trains at a time, as far as their clocks agree. Two that do anyway, since one was
//! cut off from the truth, make two models, of which the later one is used.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        clock::{Clock, Moment},
        model::{TrainingOutcome, TrainingRun},
    },
    learn::parameters::Stop,
    service::models::Models,
    store::{Elected, Store, error::StoreError},
};

use super::{Priority, TrainError, Trainer};

/// For how long nobody else trains, unless it is prolonged: a replica that dies is replaced after that.
const LEASE: Duration = Duration::from_mins(5);
/// How often it is prolonged.
const PROLONGED: Duration = Duration::from_mins(1);
/// After a training that failed, or found too little, the next follows after this part of the usual time.
const SOONER: u32 = 24;
/// How often a model is made of which somebody was erased meanwhile.
const TRIES: usize = 5;
/// The longest time until it is looked again whether it is time.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// The shortest.
const LOOK_MIN: Duration = Duration::from_millis(250);

/// When models are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How often.
    pub every: Duration,
    /// At which time of the day, in UTC, as milliseconds since midnight; `None` for whenever it is time.
    pub at_ms: Option<i64>,
}

impl Times {
    fn every_ms(self) -> i64 {
        i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Whether it is time for the next training.
    fn is_time(self, last: Option<&TrainingRun>, now: Moment) -> bool {
        let Some(last) = last else { return true };
        if last.goes_on(now) {
            return false;
        }
        let since = now.unix_ms() - last.began_ms;
        match (last.outcome, self.at_ms) {
            (Some(TrainingOutcome::Made | TrainingOutcome::Worse), None) => {
                since >= self.every_ms()
            }
            (Some(TrainingOutcome::Made | TrainingOutcome::Worse), Some(at_ms)) => {
                // The last instant of the grid that begins at that time of the first day of 1970.
                let every = self.every_ms();
                let instant = (now.unix_ms() - at_ms).div_euclid(every) * every + at_ms;
                last.began_ms < instant
            }
            (
                Some(TrainingOutcome::TooFew | TrainingOutcome::Failed | TrainingOutcome::Stopped)
                | None,
                _,
            ) => since >= self.every_ms() / i64::from(SOONER),
        }
    }

    /// How often it is looked whether it is time.
    fn look(self) -> Duration {
        (self.every / 100).clamp(LOOK_MIN, LOOK_MAX)
    }
}

/// Trains now and then. One for each replica.
#[derive(Debug)]
pub struct Schedule {
    store: Arc<Store>,
    trainer: Trainer,
    models: Models,
    clock: Clock,
    times: Times,
    /// Tells this replica from others.
    replica: u64,
}

impl Schedule {
    /// Trains by `trainer`, at these times; `models` counts it.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        trainer: Trainer,
        models: Models,
        clock: Clock,
        times: Times,
    ) -> Self {
        let replica = getrandom::u64().unwrap_or_default();
        Self { store, trainer, models, clock, times, replica }
    }

    /// Looks whether it is time, and trains, until told to stop. A training that goes on then is told to stop,
    /// and not waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = sleep(self.times.look()) => {}
                () = stop.cancelled() => return,
            }
            let turn = tokio::select! {
                turn = self.turn(&stop) => turn,
                () = stop.cancelled() => return,
            };
            match turn {
                Ok(()) => failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        let cause = cause.unwrap_or_default();
                        tracing::warn!(%error, cause, "it cannot be told who trains the next model");
                    }
                }
            }
        }
    }

    async fn turn(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let last = self.store.training().await?;
        let now = self.clock.now();
        if !self.times.is_time(last.as_ref(), now) {
            return Ok(());
        }
        let run = TrainingRun {
            replica: self.replica,
            began_ms: now.unix_ms(),
            until_ms: later(now, LEASE),
            outcome: None,
        };
        if self.store.begin_training(last.as_ref(), &run).await? == Elected::No {
            return Ok(());
        }
        tracing::info!("this replica trains the next model");
        self.models.metrics().training_began();
        let began = self.clock.tick();
        let (outcome, interactions) = self.train(&run, stop).await;
        let seconds = self.clock.tick().since(began).as_secs_f64();
        self.models.metrics().training_ended(outcome, seconds, interactions);
        self.store.end_training(&run, outcome).await?;
        Ok(())
    }

    /// Trains, and says that it goes on.
    async fn train(&self, run: &TrainingRun, stop: &CancellationToken) -> (TrainingOutcome, u64) {
        let stopping = Stop::default();
        // Whatever ends this future ends the thread, too, at its next step.
        let _ending = StopOnDrop(stopping.clone());
        let training = self.make(stopping.clone());
        tokio::pin!(training);
        loop {
            tokio::select! {
                made = &mut training => return told(made),
                () = sleep(PROLONGED) => {
                    let until = Moment::from_unix_ms(later(self.clock.now(), LEASE));
                    match self.store.prolong_training(run, until).await {
                        Ok(Elected::Yes) => {}
                        Ok(Elected::No) => {
                            tracing::warn!("another replica trains meanwhile; this one stops");
                            return (TrainingOutcome::Stopped, 0);
                        }
                        Err(error) => tracing::warn!(%error, "a training could not be prolonged"),
                    }
                }
                () = stop.cancelled() => return (TrainingOutcome::Stopped, 0),
            }
        }
    }

    /// Makes a model, and another one where somebody of whom it was made was erased meanwhile.
    async fn make(&self, stop: Stop) -> Result<(i64, u64, String), TrainError> {
        for _ in 1..TRIES {
            match self.make_once(stop.clone()).await {
                Err(error @ TrainError::Erased) => tracing::info!(%error, "it is made again"),
                other => return other,
            }
        }
        self.make_once(stop).await
    }

    async fn make_once(&self, stop: Stop) -> Result<(i64, u64, String), TrainError> {
        let material = self.trainer.material().await?;
        if material.left_out > 0 {
            let left_out = material.left_out;
            tracing::warn!(
                left_out,
                "users are left out of a training for want of memory (--train-memory)"
            );
        }
        let made = self.trainer.learn(material, Priority::Lowest, stop, || {}).await?;
        let version = self.trainer.publish(&made).await?;
        let figures = made
            .model
            .validation
            .map(|figures| format!("HR@10 {:.3}, NDCG@10 {:.3}", figures.hit_rate, figures.gain));
        let figures = figures.unwrap_or_else(|| "too few users to tell".to_owned());
        Ok((version.get(), made.model.made_from.interactions, figures))
    }
}

/// Tells a training to stop when it is dropped.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn told(made: Result<(i64, u64, String), TrainError>) -> (TrainingOutcome, u64) {
    match made {
        Ok((version, interactions, figures)) => {
            tracing::info!(version, interactions, figures, "a model was made");
            (TrainingOutcome::Made, interactions)
        }
        Err(error) => {
            let outcome = error.outcome();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_default();
            match outcome {
                TrainingOutcome::TooFew => tracing::info!(%error, "no model was made"),
                TrainingOutcome::Made
                | TrainingOutcome::Worse
                | TrainingOutcome::Failed
                | TrainingOutcome::Stopped => tracing::warn!(%error, cause, "no model was made"),
            }
            (outcome, 0)
        }
    }
}

fn later(now: Moment, by: Duration) -> i64 {
    now.unix_ms().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn ended(began_ms: i64, outcome: TrainingOutcome) -> TrainingRun {
        TrainingRun { replica: 1, began_ms, until_ms: began_ms, outcome: Some(outcome) }
    }

    fn at(ms: i64) -> Moment {
        Moment::from_unix_ms(ms)
    }

    #[test]
    fn the_next_training_comes_after_its_time_and_sooner_after_a_failure() {
        let times = Times { every: Duration::from_hours(24), at_ms: None };
        assert!(times.is_time(None, at(0)));
        let made = ended(0, TrainingOutcome::Made);
        assert!(!times.is_time(Some(&made), at(24 * HOUR - 1)));
        assert!(times.is_time(Some(&made), at(24 * HOUR)));
        let failed = ended(0, TrainingOutcome::Failed);
        assert!(!times.is_time(Some(&failed), at(HOUR - 1)));
        assert!(times.is_time(Some(&failed), at(HOUR)));
    }

    #[test]
    fn a_time_of_the_day_is_kept_whenever_the_last_training_was() {
        let at_ms = Some(3 * HOUR + HOUR / 2);
        let times = Times { every: Duration::from_hours(24), at_ms };
        let half_past_three = 10 * 24 * HOUR + 3 * HOUR + HOUR / 2;
        let late = ended(half_past_three - 5 * HOUR, TrainingOutcome::Made);
        assert!(!times.is_time(Some(&late), at(half_past_three - 1)));
        assert!(times.is_time(Some(&late), at(half_past_three)));
        let just = ended(half_past_three, TrainingOutcome::Made);
        assert!(!times.is_time(Some(&just), at(half_past_three + 23 * HOUR)));
    }

    #[test]
    fn a_training_that_goes_on_is_not_begun_again_until_its_replica_is_given_up() {
        let times = Times { every: Duration::from_mins(1), at_ms: None };
        let run = TrainingRun { replica: 1, began_ms: 0, until_ms: 300_000, outcome: None };
        assert!(!times.is_time(Some(&run), at(299_999)));
        assert!(times.is_time(Some(&run), at(300_000)));
    }
}
