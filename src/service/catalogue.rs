//! The catalogue's reads and writes.

use std::sync::Arc;

use crate::{
    domain::{
        change::Change,
        genre::Genre,
        list::{ListPage, ListQuery},
        movie::{ImdbId, Movie, MovieData, MovieId},
        revision::{AsOf, Revision},
    },
    store::{
        Store,
        mutation::{Mutation, Outcome},
    },
};

use super::error::ServiceError;

/// Whether mutations stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// One transaction for each.
    Each,
    /// One transaction for all.
    All,
}

/// A caller's key for a request that must be done once, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key (`Idempotency-Key`), 1 to 255 characters.
    pub key: String,
    /// SHA-256 of what was asked, so that another request under the same key is noticed.
    pub request: [u8; 32],
}

/// The catalogue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalogue {
    store: Arc<Store>,
}

impl Catalogue {
    /// The catalogue that is kept in `store`.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// A page of movies.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn list(&self, query: ListQuery) -> Result<AsOf<ListPage>, ServiceError> {
        unimplemented!("{query:?} {:?}", self.store)
    }

    /// One movie.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn movie(&self, id: MovieId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        unimplemented!("{id}")
    }

    /// The movie with this `IMDb` id.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn movie_by_imdb_id(&self, id: ImdbId) -> Result<AsOf<Option<Movie>>, ServiceError> {
        unimplemented!("{id}")
    }

    /// Every genre that has movies, by name.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn genres(&self) -> Result<AsOf<Vec<Genre>>, ServiceError> {
        unimplemented!()
    }

    /// The changes after `since`, oldest first, at most about `limit`: whole revisions only, and at
    /// least one of them.
    ///
    /// # Errors
    /// [`ServiceError::Store`], with `ChangesGone` for changes that are no longer kept.
    pub async fn changes(&self, since: Revision, limit: u32) -> Result<AsOf<Vec<Change>>, ServiceError> {
        unimplemented!("{since} {limit}")
    }

    /// The movies after `after` in the order of their ids, and whether there are more than `limit`.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn by_id(
        &self,
        after: Option<MovieId>,
        limit: u32,
    ) -> Result<AsOf<(Vec<Movie>, bool)>, ServiceError> {
        unimplemented!("{after:?} {limit}")
    }

    /// The whole catalogue as it is now, in the order of ids.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub async fn export(&self) -> Result<Export, ServiceError> {
        unimplemented!()
    }

    /// Does one write in its own transaction. The revision is the one that the write made, or the
    /// catalogue's current one if it changed nothing.
    ///
    /// Dropping the future does not cancel the write.
    ///
    /// # Errors
    /// [`ServiceError::Store`]; then nothing was written, or (time-out of a commit) it is unknown.
    pub async fn write(&self, mutation: Mutation) -> Result<AsOf<Outcome>, ServiceError> {
        unimplemented!("{mutation:?}")
    }

    /// Creates a movie, or gives the answer that the first request under the same key was given
    /// within the last 24 hours.
    ///
    /// Dropping the future does not cancel the write.
    ///
    /// # Errors
    /// [`ServiceError::KeyReused`], [`ServiceError::Store`].
    pub async fn create_once(
        &self,
        data: MovieData,
        idempotency: Idempotency,
    ) -> Result<AsOf<Outcome>, ServiceError> {
        unimplemented!("{data:?} {idempotency:?}")
    }

    /// Does many writes. Outcomes are in the order of the mutations; the revision is the last that
    /// they made.
    ///
    /// Dropping the future does not cancel the writes.
    ///
    /// # Errors
    /// [`ServiceError::Store`]. With [`Atomicity::All`] nothing was written then; with
    /// [`Atomicity::Each`] the first writes may stand.
    pub async fn batch(
        &self,
        mutations: Vec<Mutation>,
        atomicity: Atomicity,
    ) -> Result<AsOf<Vec<Outcome>>, ServiceError> {
        unimplemented!("{mutations:?} {atomicity:?}")
    }

    /// Whether the truth can be read.
    ///
    /// # Errors
    /// [`ServiceError::Store`] where it cannot.
    pub async fn ready(&self) -> Result<Revision, ServiceError> {
        unimplemented!()
    }
}

/// The whole catalogue of one revision, chunk by chunk in constant memory.
#[derive(Debug)]
pub struct Export {
    /// The revision that all chunks are of.
    pub revision: Revision,
}

impl Export {
    /// The next movies; empty at the end.
    ///
    /// # Errors
    /// [`ServiceError::Store`]; the export is over then, and not whole.
    pub async fn next(&mut self) -> Result<Vec<Movie>, ServiceError> {
        unimplemented!()
    }
}
