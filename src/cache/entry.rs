//! An answer that is kept.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    clock::Tick,
    revision::{Revision, Scope},
};

use super::known::Watched;

/// A finished answer, as whoever makes it sees it.
pub trait Payload: Send + Sync + Sized + 'static {
    /// Changes whenever answers of this program look otherwise: entries of another schema are not
    /// taken from the shared tier.
    const SCHEMA: u64;

    /// Bytes in memory, all that it points to included.
    fn weight(&self) -> usize;

    /// Its bytes for the shared tier.
    fn write(&self, into: &mut Vec<u8>);

    /// Reads what [`Payload::write`] wrote; it may keep slices of `bytes`.
    fn read(bytes: Bytes) -> Option<Self>;
}

/// An answer that was just made.
#[derive(Debug)]
pub struct Made<P> {
    /// The revision of the snapshot that it was made from.
    pub tag: Revision,
    /// What it depends on; `None` for what its query depends on.
    pub scopes: Option<Vec<Scope>>,
    /// The answer.
    pub payload: P,
}

/// An answer that is kept, with all that is needed to judge it.
#[derive(Debug)]
pub struct Entry<P> {
    /// The revision of the snapshot that it was made from: it includes every write up to here.
    pub tag: Revision,
    /// What it depends on.
    pub watched: Watched,
    /// When it is to be made anew, whatever happened.
    pub expires: Tick,
    /// The answer.
    pub payload: P,
}

/// What an entry and its place cost beside what it points to: moka's nodes, counts, the key's head.
/// Measured with `make bench-memory`.
const OVERHEAD: usize = 560;

impl<P: Payload> Entry<P> {
    /// Whether it includes all that it must, by what is known now.
    #[must_use]
    #[inline]
    pub fn is_good(&self) -> bool {
        self.tag >= self.watched.need()
    }

    /// Bytes in memory, with its key.
    pub(super) fn weight(&self, key: &str) -> u32 {
        let bytes = size_of::<Self>()
            + OVERHEAD
            + key.len()
            + self.watched.weight()
            + self.payload.weight();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// An entry that several hold.
pub type Shared<P> = Arc<Entry<P>>;
