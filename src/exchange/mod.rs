//! File formats: movies out of files, and into them.
//!
//! Everything in here reads in constant memory (`IMDb`'s side tables apart, see [`imdb`]), on the
//! thread that asks: callers give it a thread of its own. A row that is not a movie becomes a
//! [`Record`](record::Record) that says why; only a file that cannot be read on ends the reading.
//!
//! **Invariant:** nothing in here knows of the store; rules of movies are
//! [`movie_json`](crate::domain::movie_json)'s.

pub mod error;
pub mod format;
pub mod imdb;
pub mod plan;
pub mod record;
pub mod rejects;
pub mod sink;
pub mod source;
pub mod synthetic;
pub mod write;

mod cell;
mod csv_rows;
mod encoding;
mod json_array;
mod json_lines;
mod lines;
mod until_broken;
