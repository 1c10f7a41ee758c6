//! The inverted index: full text, filters and counts over all movies, in a folder of its own.
//!
//! It is derived from the truth alone and may be lost at any time: whoever holds it rebuilds it. Every
//! answer is one snapshot of the index and carries the revision that the index has reached; nothing
//! comes from the database.
//!
//! All calls block: callers run them on threads that may.
//!
//! **Invariant:** nothing here knows of the store, of HTTP or of async.
//! **Invariant:** whatever becomes of the folder under a running process is an error, never a crash:
//! files are read by position and never mapped into memory.

mod alike;
mod answer;
mod beside;
mod bits;
mod builder;
mod collect;
mod columns;
mod document;
mod error;
mod expand;
mod facets;
mod files;
mod filter;
mod folder;
mod halves;
mod handle;
mod highlight;
mod index;
mod matching;
mod order;
mod phrases;
mod plan;
mod schema;
mod score;
mod segment;
mod spelling;
mod stage;
pub mod suggest;
#[cfg(test)]
mod tests;
mod together;
mod tokens;

pub use self::{
    builder::{BuildOptions, Builder},
    error::SearchError,
    folder::{Folder, Opened},
    index::{Change, Index, Size},
};
