//! What is to be done in the database, and what the gate before it makes of how that ended.

use crate::store::error::StoreError;

use super::overload::{End, Kind};

/// A request's work in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Reading what is not kept by its key: a movie, changes, a collection as it is defined.
    Read,
    /// Reading what a condition finds: a list, what a collection has, what is trending.
    List,
    /// Writing once, or reading for the sake of a write.
    Write,
    /// As many writes as a request may bring: how long they take says nothing of others.
    Batch,
}

impl Work {
    /// The kind of leave that it needs.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Read => Kind::Read,
            Self::List => Kind::List,
            Self::Write | Self::Batch => Kind::Write,
        }
    }

    /// What the gate learns of how it ended.
    pub(super) const fn end<T>(self, outcome: &Result<T, StoreError>) -> End {
        match (outcome, self) {
            (Ok(_), Self::Read | Self::List | Self::Write) => End::Done,
            (
                Err(
                    StoreError::Unavailable(_)
                    | StoreError::TimedOut(_)
                    | StoreError::Unanswered(_)
                    | StoreError::Contended { .. },
                ),
                _,
            ) => End::Failed,
            (Ok(_), Self::Batch)
            | (
                Err(
                    StoreError::Loading(_)
                    | StoreError::Refused(_)
                    | StoreError::BadRow { .. }
                    | StoreError::Migrate(_)
                    | StoreError::ChangesGone { .. },
                ),
                _,
            ) => End::Unmeasured,
        }
    }
}
