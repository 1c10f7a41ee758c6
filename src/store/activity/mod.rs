//! What people do: counted by the hour and the day, and what users did one by one.
//!
//! **Invariant:** nothing in here raises a revision: what is kept of the catalogue does not depend on it.
//! **Invariant:** a batch is stored once, however often it is sent (`batch`), and has nothing of users who
//! were erased after it was noted (`erasure`).
//! **Invariant:** each statement that deletes has a bound; what is old goes in steps.

mod batch;
mod counted;
mod erasure;
mod interactions;
mod retention;
mod salts;
mod searches;
mod trending;

pub use {
    batch::{
        ActivityBatch, CollectionViews, EventKey, Interest, MovieViews, OpenedFromSearch, Recorded,
        Searches, Stored, WriterId,
    },
    erasure::Contributors,
    interactions::{InteractionCursor, InteractionPage},
    salts::Salt,
    searches::{SearchKey, SearchOpened, SearchOpenedCursor, SearchOpenedPage},
};

pub(super) use erasure::number_of as erasures;
