//! Answers that are kept in the process whether or not anybody asks for them: those of seasons, so that
//! the first request of one is a hit.
//!
//! The tier in the process ([`local`](super::local)) admits by how often an answer is asked for, and so
//! would turn away what nobody has asked for yet.
//!
//! **Invariant:** an answer from here is judged as any other.
//! **Invariant:** the bytes of what is here have a bound; what would go beyond it is not kept here.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    entry::{Payload, Shared},
    key::Key,
};

/// Answers by their names.
#[derive(Debug)]
pub(super) struct Ahead<P: Payload> {
    entries: RwLock<HashMap<Key, Shared<P>>>,
    /// Whether there is any, which is looked at by requests that miss.
    any: AtomicBool,
    bytes_max: u64,
}

impl<P: Payload> Ahead<P> {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { entries: RwLock::default(), any: AtomicBool::new(false), bytes_max }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Shared<P>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps an answer, if there is room for it. Whether there was.
    pub(super) fn put(&self, key: Key, entry: Shared<P>) -> bool {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&key);
        let fits = bytes(&entries) + u64::from(entry.weight(&key)) <= self.bytes_max;
        if fits {
            entries.insert(key, entry);
        }
        self.any.store(!entries.is_empty(), Ordering::Release);
        fits
    }

    /// Lets all go but these; tells the bytes of what stays.
    pub(super) fn retain(&self, but: &HashSet<Key>) -> u64 {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|key, _| but.contains(key));
        self.any.store(!entries.is_empty(), Ordering::Release);
        bytes(&entries)
    }
}

fn bytes<P: Payload>(entries: &HashMap<Key, Shared<P>>) -> u64 {
    entries.iter().map(|(key, entry)| u64::from(entry.weight(key))).sum()
}
