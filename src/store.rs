//! The truth: movies, genres, revisions and the change feed in a relational database.
//!
//! **Invariant:** nothing above this module knows of SQL, and nothing in it knows of HTTP or JSON
//! bodies.
//! **Invariant:** each read is one statement (or one snapshot), so what it answers is one state of the
//! catalogue, with its revision.

pub mod error;
pub mod mutation;

/// The store.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Does mutations in one transaction: all of them, or none when one of them is not done.
    ///
    /// # Errors
    /// [`error::StoreError`].
    pub async fn write(&self, mutations: &[mutation::Mutation]) -> Result<mutation::Written, error::StoreError> {
        unimplemented!("{mutations:?}")
    }
}
