//! The truth: movies, genres, revisions and the change feed in a relational database.
//!
//! **Invariant:** nothing above this module knows of SQL, and nothing in it knows of HTTP or JSON
//! bodies.
//! **Invariant:** each read is one statement (or one snapshot), so what it answers is one state of the
//! catalogue, with its revision.

pub mod error;
pub mod mutation;
