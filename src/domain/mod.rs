//! The catalogue's plain types and rules.
//!
//! **Invariant:** no I/O, no async, no HTTP and no SQL in here; everything is a value.

pub mod activity;
pub mod api_key;
pub mod change;
pub mod clock;
pub mod collection;
pub mod cursor;
pub mod field;
pub mod genre;
pub mod invalid;
pub mod json;
pub mod list;
pub mod model;
pub mod movie;
pub mod movie_json;
pub mod parameters;
pub mod patch;
pub mod rate;
pub mod recommend;
pub mod revision;
pub mod search;
pub mod season;
pub mod suggest;
pub mod text;
