//! An answer that is kept.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    clock::{Clock, Moment, Tick},
    revision::{Revision, Scope},
};

use super::known::Watched;

/// What an answer was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The truth. That its scopes were not touched since shows that it includes everything that is known.
    Truth,
    /// The index of this replica, which follows the truth at a distance: it includes what that shows.
    Index,
}

impl Basis {
    /// What an answer that depends on these is made from.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        if scopes.contains(&Scope::Index) { Self::Index } else { Self::Truth }
    }
}

/// A finished answer, as whoever makes it sees it.
pub trait Payload: Send + Sync + Sized + 'static {
    /// Changes whenever answers of this program look otherwise: entries of another schema are not
    /// taken from the shared tier.
    const SCHEMA: u64;

    /// Bytes in memory, all that it points to included.
    fn weight(&self) -> usize;

    /// Its bytes for the shared tier.
    fn write(&self, into: &mut Vec<u8>);

    /// Reads what [`Payload::write`] wrote. It keeps nothing of `bytes`: they are part of a whole that has to be freed.
    fn read(bytes: Bytes) -> Option<Self>;
}

/// The part of the calendar in which an answer holds, whatever is written: what it says follows from the
/// day. Ends that are absent do not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Within {
    /// The first moment.
    pub from: Option<Moment>,
    /// The first moment after it.
    pub until: Option<Moment>,
}

impl Within {
    /// At any time.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// Whether it is at any time.
    #[must_use]
    #[inline]
    pub const fn is_always(self) -> bool {
        self.from.is_none() && self.until.is_none()
    }

    /// Whether a moment is within.
    #[must_use]
    pub fn has(self, at: Moment) -> bool {
        self.from.is_none_or(|from| from <= at) && !self.is_over(at)
    }

    /// Whether it has ended by a moment.
    #[must_use]
    pub fn is_over(self, at: Moment) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// For how long an answer is kept that nothing supersedes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lasting {
    /// As long as most.
    #[default]
    Usual,
    /// As long as those that everybody asks for while a season lasts.
    Season,
}

/// An answer that was just made.
#[derive(Debug)]
pub struct Made<P> {
    /// The revision of the snapshot that it was made from.
    pub tag: Revision,
    /// What it depends on; `None` for what its query depends on.
    pub scopes: Option<Vec<Scope>>,
    /// Whether it is an answer to whoever asks for the same: not where what its name was made of is out of
    /// date.
    pub keep: bool,
    /// Whether it was read from the truth, and so after it was asked for; not from an index or from memory.
    pub is_read: bool,
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
    /// What it was made from.
    pub basis: Basis,
    /// When it is to be made anew, whatever happened.
    pub expires: Tick,
    /// When it holds by the calendar.
    pub within: Within,
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
        self.watched.is_met_by(self.tag)
    }

    /// The revision up to which it includes every write, where it is good and everything up to `verified`
    /// was known before it was judged.
    #[must_use]
    #[inline]
    pub fn includes(&self, verified: Revision) -> Revision {
        match self.basis {
            Basis::Truth => self.tag.max(verified),
            Basis::Index => self.tag,
        }
    }

    /// Whether it may be given now: it has not lived for too long, and the calendar is not past it.
    #[must_use]
    #[inline]
    pub fn is_current(&self, now: Tick, clock: &Clock) -> bool {
        // Most answers hold on any day, and need no look at the calendar.
        self.expires > now && (self.within.is_always() || self.within.has(clock.now()))
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
