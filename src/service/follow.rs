//! Following the truth: asking it what has changed, again and again, and telling what is known.
//!
//! **Invariant:** one poll at a time, and always of the truth itself.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::known::{Found, Known, Poll},
    store::{Seen, Store, error::StoreError},
};

use super::{activity::Activity, keys::KeyRing, models::Models};

/// The shortest time between two polls that somebody asked for.
const APART: Duration = Duration::from_millis(1);
/// The shortest time between a poll that failed and the next.
const APART_AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Asks the store what has changed.
#[derive(Debug, Clone)]
pub struct Follower {
    store: Arc<Store>,
    known: Arc<Known>,
    interval: Duration,
    /// Who is told of the API keys' version.
    keys: Option<Arc<KeyRing>>,
    /// Who is told of erasures.
    activity: Option<Activity>,
    /// Who is told of the model that is to be used.
    models: Option<Models>,
}

impl Follower {
    /// Polls `store` about every `interval` and tells `known`.
    #[must_use]
    pub const fn new(store: Arc<Store>, known: Arc<Known>, interval: Duration) -> Self {
        Self { store, known, interval, keys: None, activity: None, models: None }
    }

    /// Tells `keys` of their version, too.
    #[must_use]
    pub fn with_keys(self, keys: Arc<KeyRing>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Tells `activity` of erasures, too.
    #[must_use]
    pub fn with_activity(self, activity: Activity) -> Self {
        Self { activity: Some(activity), ..self }
    }

    /// Tells `models` which is to be used, too.
    #[must_use]
    pub fn with_models(self, models: Models) -> Self {
        Self { models: Some(models), ..self }
    }

    /// Polls once.
    ///
    /// # Errors
    /// The store's; then nothing is known that was not known before.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let sent = self.known.clock().tick();
        if self.known.epoch() == 0 {
            self.known.forget(); // the first poll reads the whole, as after a restore, and once is enough
        }
        let poll = self.known.begin_poll();
        let seen = self.store.watch(poll.since).await?;
        let (version, model) = (seen.keys, seen.model);
        if let Some(activity) = &self.activity {
            activity.heard(seen.erasures);
        }
        let applied = self.apply(poll, seen).await;
        if let Some(models) = &self.models {
            models.heard(model);
        }
        // Last, since what is known of the catalogue must not wait for keys to be read.
        if let Some(keys) = &self.keys {
            keys.heard(version, sent).await;
        }
        applied
    }

    async fn apply(&self, poll: Poll, seen: Seen) -> Result<(), StoreError> {
        let Seen { epoch, revision, scopes, .. } = seen;
        if self.known.epoch() == 0 {
            self.known.begin_life(poll, epoch, revision, &scopes);
            return Ok(());
        }
        if self.known.polled(poll, epoch, revision, &scopes) == Found::Applied {
            return Ok(());
        }
        self.begin_again(epoch, revision.get() < poll.since.get()).await
    }

    /// Reads everything anew when the truth is another one.
    async fn begin_again(&self, epoch: u64, backwards: bool) -> Result<(), StoreError> {
        self.known.forget();
        tracing::error!(
            backwards,
            "the database was restored: everything that was kept is dropped"
        );
        self.known.count_restore();
        if epoch == self.known.epoch() {
            // An earlier state of the same life. What was made of its lost future must not be taken
            // for its new one, here or elsewhere.
            self.store.replace_epoch(epoch).await?;
        }
        let poll = self.known.begin_poll();
        let Seen { epoch, revision, scopes, .. } = self.store.watch(poll.since).await?;
        self.known.begin_life(poll, epoch, revision, &scopes);
        Ok(())
    }

    /// Polls until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let began = Instant::now();
            let apart = match self.poll().await {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("the database answers again what has changed");
                    }
                    APART
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let cause = std::error::Error::source(&error);
                        let cause = cause.map(ToString::to_string).unwrap_or_default();
                        tracing::warn!(%error, cause, "the database does not say what has changed");
                    }
                    APART_AFTER_FAILURE
                }
            };
            let next = began + self.interval.mul_f64(0.8 + 0.4 * random_part());
            let wanted = async {
                sleep(apart).await;
                self.known.wanted().await;
            };
            tokio::select! {
                () = sleep_until(next) => {}
                () = wanted => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// A random number from 0 to 1.
fn random_part() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
