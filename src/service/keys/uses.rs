//! When keys were last used: noted by each request, stored now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{api_key::KeyId, clock::Moment},
    store::error::StoreError,
};

use super::KeyRing;

/// How often uses are stored.
const STORE_EVERY: Duration = Duration::from_mins(1);
/// Uses that are closer than this are one.
const APART_MS: i64 = 1_000;
/// Before any use.
const NEVER: i64 = i64::MIN;

/// When a key was last used, and what of that is stored.
#[derive(Debug)]
pub(super) struct LastUse {
    at_ms: AtomicI64,
    stored_ms: AtomicI64,
}

impl Default for LastUse {
    fn default() -> Self {
        Self { at_ms: AtomicI64::new(NEVER), stored_ms: AtomicI64::new(NEVER) }
    }
}

impl LastUse {
    /// Notes a use. Most change nothing: threads that use one key must not write to one place.
    pub(super) fn note(&self, now: Moment) {
        let now = now.unix_ms();
        if now >= self.at_ms.load(Ordering::Relaxed).saturating_add(APART_MS) {
            self.at_ms.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Notes what is stored.
    pub(super) fn stored(&self, at: Option<Moment>) {
        let at = at.map_or(NEVER, Moment::unix_ms);
        self.stored_ms.fetch_max(at, Ordering::Relaxed);
    }

    /// The last use, if it is later than what is stored.
    pub(super) fn unstored(&self) -> Option<Moment> {
        let at = self.at_ms.load(Ordering::Relaxed);
        (at > self.stored_ms.load(Ordering::Relaxed)).then(|| Moment::from_unix_ms(at))
    }
}

impl KeyRing {
    /// Stores when keys were last used.
    ///
    /// # Errors
    /// The store's; the next call tries again.
    pub async fn store_uses(&self) -> Result<(), StoreError> {
        let held = Arc::clone(&self.held.load());
        let unstored = |key: &Arc<super::Key>| Some((key.id, key.last_use.unstored()?));
        let uses: Vec<(KeyId, Moment)> = held.keys().filter_map(unstored).collect();
        if uses.is_empty() {
            return Ok(());
        }
        self.store.note_key_uses(&uses).await?;
        for (id, at) in uses {
            if let Some(key) = held.get(id) {
                key.last_use.stored(Some(at));
            }
        }
        Ok(())
    }

    /// Stores uses every minute until told to stop, and then once more.
    pub async fn keep_uses(self: Arc<Self>, stop: CancellationToken) {
        let mut times = interval(STORE_EVERY);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        times.tick().await; // the first is at once
        loop {
            let stopped = tokio::select! {
                _ = times.tick() => false,
                () = stop.cancelled() => true,
            };
            if let Err(error) = self.store_uses().await {
                tracing::warn!(%error, "it could not be stored when API keys were last used");
            }
            if stopped {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_stored_once() {
        let at = Moment::from_unix_ms;
        let uses = LastUse::default();
        assert_eq!(uses.unstored(), None);
        uses.note(at(5_000));
        uses.note(at(5_900)); // close enough to be the same
        assert_eq!(uses.unstored(), Some(at(5_000)));
        uses.stored(Some(at(5_000)));
        assert_eq!(uses.unstored(), None);
        uses.note(at(6_000));
        assert_eq!(uses.unstored(), Some(at(6_000)));
    }
}
