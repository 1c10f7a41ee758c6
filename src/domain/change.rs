//! The change feed's rows.

use std::str::FromStr;

use super::{movie::MovieId, revision::Revision};

/// What happened to a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Some of its values changed.
    Updated,
    /// It is gone.
    Deleted,
    /// Something outside this service changed the catalogue: any movie may be different
    /// (`marquee bump`). Comes without a movie.
    Bumped,
}

impl ChangeKind {
    /// The word used in the store and over HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Bumped => "bumped",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Created, Self::Updated, Self::Deleted, Self::Bumped]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// One row of the change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The write that made the change.
    pub revision: Revision,
    /// The movie; `None` for [`ChangeKind::Bumped`].
    pub id: Option<MovieId>,
    /// What happened.
    pub kind: ChangeKind,
}
