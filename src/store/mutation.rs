//! What writers ask of the store, and what came of it.

use crate::domain::{
    clock::Moment,
    invalid::Invalid,
    movie::{Movie, MovieData, MovieId},
    patch::Change,
    revision::{Revision, Scope},
};

/// One wish of a writer.
#[derive(Debug, Clone, PartialEq)]
pub enum Mutation {
    /// A new movie.
    Create {
        /// Its values.
        data: Box<MovieData>,
    },
    /// Another state of an existing movie.
    Change {
        /// The movie.
        id: MovieId,
        /// What becomes of it.
        change: Change,
        /// The version it must have, if any.
        expect: Option<i64>,
    },
    /// The end of an existing movie.
    Delete {
        /// The movie.
        id: MovieId,
        /// The version it must have, if any.
        expect: Option<i64>,
    },
    /// A movie from a file: updates the movie that it is, or else creates it.
    Import {
        /// Its values.
        data: Box<MovieData>,
        /// How an existing movie is recognised.
        recognise: Recognise,
        /// When it was created, where the file says so.
        created_at: Option<Moment>,
    },
}

/// How the store recognises that an imported movie is one that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognise {
    /// By its `IMDb` id, or by [`MovieData::identity`] where either has none.
    ByContent,
    /// By this id alone, which a new movie is given too.
    ById(MovieId),
}

/// What came of a mutation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The movie is new.
    Created(Box<Movie>),
    /// The movie changed.
    Updated(Box<Movie>),
    /// The movie already was as asked; nothing was written.
    Unchanged(Box<Movie>),
    /// The movie is gone.
    Deleted(MovieId),
    /// There is no such movie.
    NotFound(MovieId),
    /// The movie has another version than expected.
    Stale {
        /// The movie.
        id: MovieId,
        /// The version that it has.
        version: i64,
    },
    /// Another movie has this `IMDb` id.
    ImdbIdTaken {
        /// The movie that has it; `None` for another new one of the same transaction.
        by: Option<MovieId>,
    },
    /// The changed movie would break rules.
    Invalid(Invalid),
    /// Good in itself, but not done since another mutation of its transaction failed.
    NotDone,
}

impl Outcome {
    /// Whether the store is as the writer asked.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Created(_) | Self::Updated(_) | Self::Unchanged(_) | Self::Deleted(_))
    }
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The revision that it made; `None` if it changed nothing.
    pub revision: Option<Revision>,
    /// What it touched.
    pub scopes: Vec<Scope>,
    /// What the writes touched that came between the revision that the caller knew and this one, if
    /// it named one.
    pub between: Option<Vec<(Scope, Revision)>>,
    /// One outcome for each mutation, in their order.
    pub outcomes: Vec<Outcome>,
}

impl Written {
    /// A transaction that changed nothing.
    pub(super) const fn nothing(outcomes: Vec<Outcome>) -> Self {
        Self { revision: None, scopes: Vec::new(), between: None, outcomes }
    }
}
