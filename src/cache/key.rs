//! The name of an answer.

use std::{fmt, ops::Deref, sync::Arc};

use sha2::{Digest as _, Sha256};

/// 128 bits of a key's SHA-256: its name in the tier that replicas share.
pub type Digest = [u8; 16];

/// What was asked for, in its one canonical spelling. Nothing else is part of it: no revision (dead
/// entries would keep their frequency and spoil the admission), no header, no client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of a canonical query.
    #[must_use]
    pub fn new(canonical: impl Into<Arc<str>>) -> Self {
        Self(canonical.into())
    }

    /// Its name in the shared tier.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hash = Sha256::digest(self.0.as_bytes());
        std::array::from_fn(|n| hash[n])
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
