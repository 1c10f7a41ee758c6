//! One row of a file, and what it says.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::{
    json,
    movie_json::{self, MovieInput, Reading},
};

/// How much of a row's text is kept for the rejects file.
pub const RAW_MAX_BYTES: usize = 64 * 1024;

/// One row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The line on which the row starts, from 1; the row's id where the source is a database.
    pub line: u64,
    /// The row as it was read, cut at [`RAW_MAX_BYTES`]; bytes that are not UTF-8 are replaced.
    pub raw: String,
    /// What it says.
    pub verdict: Verdict,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A movie that keeps the rules.
    Movie(Box<MovieInput>),
    /// No movie, and why.
    Rejected(String),
    /// A row that was not asked for, such as an episode of a series.
    Skipped,
}

impl Verdict {
    /// A rejection.
    pub(super) fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected(reason.into())
    }

    /// Reads a movie from the members of an object. With [`Reading::Strict`], names are kept
    /// byte-exact where the object needs no forgiving.
    #[must_use]
    pub fn of_object(object: &Map<String, Value>, reading: Reading) -> Self {
        if reading == Reading::Strict
            && let Ok(input) = movie_json::read(object, Reading::Strict)
        {
            return Self::Movie(Box::new(input));
        }
        match movie_json::read(object, Reading::Lenient) {
            Ok(input) => Self::Movie(Box::new(input)),
            Err(invalid) => Self::Rejected(invalid.to_string()),
        }
    }

    /// Reads a movie from the text of an object.
    pub(super) fn of_json(text: &[u8], options: JsonOptions) -> Self {
        if let Err(reason) = utf8(text) {
            return Self::Rejected(reason);
        }
        match json::parse(text) {
            Ok(Value::Object(mut object)) => {
                if options.unknown == Unknown::Ignored {
                    object.retain(|name, _| movie_json::field_of(name).is_some());
                }
                Self::of_object(&object, options.reading)
            }
            Ok(_) => Self::rejected("is not a JSON object"),
            Err(malformed) => Self::Rejected(malformed.to_string()),
        }
    }
}

/// What becomes of members and columns that are no field of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are a fault.
    Refused,
    /// They are left out.
    Ignored,
}

/// How JSON objects are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonOptions {
    pub(super) reading: Reading,
    pub(super) unknown: Unknown,
}

/// The text of a row, where it is text.
///
/// # Errors
/// The place of the first byte that is not UTF-8. The encoding is not guessed: a guess that is
/// wrong once in a thousand rows spoils names that nobody looks at.
pub(super) fn utf8(row: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(row).map_err(|error| {
        let at = error.valid_up_to() + 1;
        format!("byte {at} of the row is not UTF-8 (for files in Latin-1: --encoding latin1)")
    })
}

/// A row's text for the rejects file.
pub(super) fn raw(row: &[u8]) -> String {
    String::from_utf8_lossy(&row[..row.len().min(RAW_MAX_BYTES)]).into_owned()
}
