//! What the catalogue was at each revision, and what each question's answer was then.
//!
//! **Invariant:** it learns from the database itself, past every proxy, cache and replica.

mod digest;
mod evaluate;
mod history;
mod row;
mod shape;

pub(crate) use digest::{Digest, digest};
pub(crate) use history::History;
pub(crate) use row::Row;
pub(crate) use shape::{Asked, Question, Shape, ShapeId};
