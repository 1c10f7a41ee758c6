//! API keys in memory: whoever calls with one is told from others without asking the database.
//!
//! **Invariant:** a key is good here only as long as it is known that the truth says so: polls tell of
//! each change, and where they fail for longer than the cap no key is good any more.
//! **Invariant:** what the truth could not be asked for changes nothing: a failed reload leaves what is
//! held, and is tried again by each poll.

mod held;
mod uses;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::{
    domain::{
        api_key::{self, KeyId, KeyState, Role, SecretHash},
        clock::{Clock, Tick},
    },
    store::{Store, StoredKeys, error::StoreError},
};

pub use held::Key;

use held::Held;

/// Why a secret is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no whole secret.
    Malformed,
    /// No key has it. The id is what it says it is of.
    Unknown(Option<KeyId>),
    /// The key's time is over, or this secret's after a rotation.
    Expired(KeyId),
    /// Somebody ended the key.
    Revoked(KeyId),
    /// The truth was not reached for so long that the key may have been ended.
    Unverified(KeyId),
}

/// The keys that there are.
#[derive(Debug)]
pub struct KeyRing {
    store: Arc<Store>,
    clock: Clock,
    /// How long keys are good that the truth was not asked about.
    cap: Duration,
    held: ArcSwap<Held>,
    /// Nanoseconds of the tick as of which `held` is what the truth has.
    as_of: AtomicU64,
    /// One reload at a time, so that an older one never replaces a newer.
    reloading: Mutex<Reloads>,
}

#[derive(Debug, Default)]
struct Reloads {
    failing: bool,
}

impl KeyRing {
    /// A ring without keys; [`KeyRing::load`] fills it.
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Clock, cap: Duration) -> Self {
        Self {
            store,
            clock,
            cap,
            held: ArcSwap::from(Arc::default()),
            as_of: AtomicU64::new(0),
            reloading: Mutex::default(),
        }
    }

    /// Reads all keys.
    ///
    /// # Errors
    /// The store's; what is held stays then.
    pub async fn load(&self) -> Result<(), StoreError> {
        let _one = self.reloading.lock().await;
        let as_of = self.clock.tick();
        self.reload().await?;
        self.renew(as_of);
        Ok(())
    }

    /// Hears from a poll, which was sent at `as_of`, which version the keys have.
    pub(super) async fn heard(&self, version: u64, as_of: Tick) {
        if self.held.load().version == Some(version) {
            return self.renew(as_of);
        }
        let mut reloads = self.reloading.lock().await;
        match self.reload().await {
            Ok(()) => {
                if std::mem::take(&mut reloads.failing) {
                    tracing::info!("the database answers again which API keys there are");
                }
                self.renew(as_of);
            }
            Err(error) => {
                if !std::mem::replace(&mut reloads.failing, true) {
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%error, cause, "API keys were changed and cannot be read");
                }
            }
        }
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let StoredKeys { version, keys, bad } = self.store.keys().await?;
        for error in bad {
            tracing::error!(%error, "an API key makes no sense, and is good for nothing");
        }
        let held = Held::new(version, keys, &self.held.load());
        let now = self.clock.now();
        let active = held.keys().filter(|key| key.state(now) == KeyState::Active).count();
        tracing::info!(keys = held.len(), active, "API keys are loaded");
        self.held.store(Arc::new(held));
        Ok(())
    }

    fn renew(&self, as_of: Tick) {
        self.as_of.fetch_max(as_of.as_nanos(), Ordering::AcqRel);
    }

    /// Whether the truth was reached lately enough to rely on the keys.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let as_of = Tick::from_nanos(self.as_of.load(Ordering::Acquire));
        self.clock.tick().since(as_of) <= self.cap
    }

    /// The key that has this secret.
    ///
    /// # Errors
    /// Why there is none that is good.
    pub fn verify(&self, secret: &[u8]) -> Result<Arc<Key>, Refused> {
        let claimed = api_key::id_of(secret);
        let held = self.held.load();
        let Some(key) = claimed.and_then(|id| held.get(id)) else {
            return Err(unknown(secret, claimed));
        };
        let hash = SecretHash::of(secret);
        let now = self.clock.now();
        let is_previous = if key.secret == hash {
            false
        } else if key.previous.is_some_and(|previous| previous.secret == hash) {
            true
        } else {
            return Err(unknown(secret, claimed));
        };
        match key.state(now) {
            KeyState::Revoked => return Err(Refused::Revoked(key.id)),
            KeyState::Expired => return Err(Refused::Expired(key.id)),
            KeyState::Active => {}
        }
        if is_previous && key.previous.is_none_or(|previous| previous.until <= now) {
            return Err(Refused::Expired(key.id));
        }
        if !self.is_verified() {
            return Err(Refused::Unverified(key.id));
        }
        key.used(now);
        Ok(Arc::clone(key))
    }

    /// Whether there is any key, good or not: who made one wants writers to have one.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.held.load().is_empty()
    }

    /// Whether a key is good that may do what `role` may.
    #[must_use]
    pub fn has_active(&self, role: Role) -> bool {
        let now = self.clock.now();
        let good = |key: &Arc<Key>| key.state(now) == KeyState::Active && key.role >= role;
        self.held.load().keys().any(good)
    }

    /// How many keys are good.
    #[must_use]
    pub fn active(&self) -> usize {
        let now = self.clock.now();
        self.held.load().keys().filter(|key| key.state(now) == KeyState::Active).count()
    }
}

fn unknown(secret: &[u8], claimed: Option<KeyId>) -> Refused {
    match api_key::check(secret) {
        Ok(()) => Refused::Unknown(claimed),
        Err(api_key::Malformed) => Refused::Malformed,
    }
}
