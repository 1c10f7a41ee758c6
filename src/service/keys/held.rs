//! The keys of one version, found by their ids.

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use foldhash::fast::RandomState;

use crate::domain::{
    api_key::{ApiKey, KeyId, KeyState, Previous, Role, SecretHash},
    clock::Moment,
};

use super::uses::LastUse;

/// A key as requests meet it.
#[derive(Debug)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Limits of its own, in the words of the setting of limits.
    pub rate_limit: Option<String>,
    pub(super) secret: SecretHash,
    pub(super) previous: Option<Previous>,
    expires_at: Option<Moment>,
    revoked_at: Option<Moment>,
    pub(super) last_use: Arc<LastUse>,
    limits: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Key {
    fn new(key: ApiKey, last_use: Arc<LastUse>) -> Self {
        last_use.stored(key.last_used_at);
        Self {
            id: key.id,
            name: key.name,
            role: key.role,
            rate_limit: key.rate_limit,
            secret: key.secret,
            previous: key.previous,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_use,
            limits: OnceLock::new(),
        }
    }

    /// The key's own limits, read by `parse` when they are first asked for. `None` where it has none,
    /// and where another type was asked for before.
    pub fn limits<T: Any + Send + Sync>(&self, parse: impl FnOnce(&str) -> T) -> Option<&T> {
        let text = self.rate_limit.as_deref()?;
        self.limits.get_or_init(|| Box::new(parse(text))).downcast_ref()
    }

    pub(super) fn state(&self, now: Moment) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    pub(super) fn used(&self, now: Moment) {
        self.last_use.note(now);
    }
}

/// Keys by id.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// `None` before the first load.
    pub(super) version: Option<u64>,
    keys: HashMap<KeyId, Arc<Key>, RandomState>,
}

impl Held {
    /// The keys of a version. What is known of their uses comes from the version before.
    pub(super) fn new(version: u64, keys: Vec<ApiKey>, before: &Self) -> Self {
        let keys = keys.into_iter().map(|key| {
            let last_use = before.get(key.id).map(|known| Arc::clone(&known.last_use));
            (key.id, Arc::new(Key::new(key, last_use.unwrap_or_default())))
        });
        Self { version: Some(version), keys: keys.collect() }
    }

    pub(super) fn get(&self, id: KeyId) -> Option<&Arc<Key>> {
        self.keys.get(&id)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(rate_limit: Option<&str>) -> ApiKey {
        ApiKey {
            id: "aaaaaaaa".parse().unwrap(),
            name: "n".into(),
            role: Role::Reader,
            secret: SecretHash::of(b"x"),
            previous: None,
            rate_limit: rate_limit.map(str::to_owned),
            created_at: Moment::from_unix_ms(0),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    #[test]
    fn a_keys_limits_are_read_once() {
        let held = Held::new(1, vec![key(Some("read=5/1s"))], &Held::default());
        let key = held.keys().next().unwrap();
        assert_eq!(key.limits(str::len), Some(&9));
        assert_eq!(key.limits(|_| 0_usize), Some(&9));
        assert_eq!(key.limits(|_| "another type"), None);
    }

    #[test]
    fn a_key_without_limits_has_none() {
        let held = Held::new(1, vec![key(None)], &Held::default());
        assert_eq!(held.keys().next().unwrap().limits(str::len), None);
    }

    #[test]
    fn another_version_knows_of_uses_that_are_not_stored_yet() {
        let one = Held::new(1, vec![key(None)], &Held::default());
        one.keys().next().unwrap().used(Moment::from_unix_ms(5));
        let two = Held::new(2, vec![key(None)], &one);
        assert_eq!(two.keys().next().unwrap().last_use.unstored(), Some(Moment::from_unix_ms(5)));
    }
}
