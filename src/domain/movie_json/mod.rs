//! Movies as JSON: the one place where their text form is read and written.

mod read;
mod value;
mod write;

use super::{
    clock::Moment,
    field::Field,
    movie::{MovieData, MovieId},
};

pub use {read::read, write::MovieView};

/// How forgiving the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Clients of the API: a value of another type is a fault, names are kept byte-exact.
    Strict,
    /// Files and the original service's clients: numbers may be strings and the other way round,
    /// a single name may stand for a list, empty text is null, names are trimmed.
    Lenient,
}

/// What a JSON object says of a movie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MovieInput {
    /// The values that writers set.
    pub data: MovieData,
    /// `id`, where given. Writers cannot choose it, but may send back what they read.
    pub id: Option<MovieId>,
    /// `created_at`, where given, likewise.
    pub created_at: Option<Moment>,
}

/// Other spellings of field names that are in circulation for the same data.
const ALIASES: &[(&str, Field)] = &[
    ("name", Field::Title),
    ("director", Field::Directors),
    ("director_name", Field::Directors),
    ("genre", Field::Genres),
    ("imdb_score", Field::Rating),
    ("rank", Field::Rating),
    ("99popularity", Field::Popularity),
];

/// The field that a member of a movie's object means, if any.
#[must_use]
pub fn field_of(name: &str) -> Option<Field> {
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field);
    name.parse().ok().or_else(alias)
}

/// The JSON pointer of a member (RFC 6901).
#[must_use]
pub fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}
