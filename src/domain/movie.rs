//! Movies and the rules that each of their values keeps.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::Serialize;

use super::{clock::Moment, text::name_key};

/// Database id of a movie. Always positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MovieId(i64);

impl MovieId {
    /// Returns `None` for zero and negative numbers.
    #[must_use]
    pub const fn new(raw: i64) -> Option<Self> {
        if raw > 0 { Some(Self(raw)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for MovieId {
    type Err = ();

    /// Reads plain digits: no sign, no space, no leading zero, so that an id has one spelling.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(());
        }
        text.parse().ok().and_then(Self::new).ok_or(())
    }
}

impl fmt::Display for MovieId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `IMDb`'s title id: `tt` and 7 to 10 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ImdbId(String);

impl ImdbId {
    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImdbId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("tt").ok_or(())?;
        let good = (7..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for ImdbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bounds of a movie's values: DESIGN 3.1, and sizes where that is silent.
pub mod rule {
    /// Characters of a title after trimming.
    pub const TITLE_MAX: usize = 500;
    /// First and last year.
    pub const YEARS: (i64, i64) = (1870, 2100);
    /// Longest running time in minutes; the longest film known runs 51,420.
    pub const RUNTIME_MAX_MINUTES: i64 = 100_000;
    /// Directors of one movie.
    pub const DIRECTORS_MAX: usize = 50;
    /// Cast members of one movie.
    pub const CAST_MAX: usize = 200;
    /// Genres of one movie.
    pub const GENRES_MAX: usize = 20;
    /// Countries, and languages, of one movie.
    pub const PLACES_MAX: usize = 50;
    /// Characters of a person's, country's or language's name.
    pub const NAME_MAX: usize = 200;
    /// Characters of a genre after trimming.
    pub const GENRE_MAX: usize = 50;
    /// Characters of a synopsis.
    pub const SYNOPSIS_MAX: usize = 10_000;
    /// Highest rating; the lowest is 0.
    pub const RATING_MAX: f64 = 10.0;
    /// Highest popularity; the lowest is 0.
    pub const POPULARITY_MAX: f64 = 100.0;
    /// Most votes: the largest integer that every JSON reader keeps exact (RFC 8259, section 6).
    pub const VOTES_MAX: i64 = 9_007_199_254_740_991;
}

/// What writers say about a movie. Made by [`movie_json`](super::movie_json), which checks the rules.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MovieData {
    /// Trimmed, never empty.
    pub title: String,
    /// Year of the first release.
    pub year: Option<i16>,
    /// Day of the first release.
    pub released: Option<Date>,
    /// Running time in minutes.
    pub runtime_minutes: Option<i32>,
    /// Names, as given and in the given order.
    pub directors: Vec<String>,
    /// Trimmed, distinct by [`name_key`], in the given order.
    pub genres: Vec<String>,
    /// Names, as given and in the given order.
    pub cast: Vec<String>,
    /// Names, as given and in the given order.
    pub countries: Vec<String>,
    /// Names, as given and in the given order.
    pub languages: Vec<String>,
    /// A few sentences.
    pub synopsis: Option<String>,
    /// 0 to 10.
    pub rating: Option<f64>,
    /// How many votes the rating comes from.
    pub votes: Option<i64>,
    /// 0 to 100.
    pub popularity: Option<f64>,
    /// Unique in the catalogue.
    pub imdb_id: Option<ImdbId>,
}

impl MovieData {
    /// What a movie without an `IMDb` id is recognised by when it is imported again: title, year and
    /// directors (in any order), compared by [`name_key`].
    #[must_use]
    pub fn identity(&self) -> String {
        let mut directors: Vec<_> = self.directors.iter().map(|name| name_key(name)).collect();
        directors.sort_unstable();
        let year = self.year.map(|year| year.to_string()).unwrap_or_default();
        format!("{}\u{1f}{year}\u{1f}{}", name_key(&self.title), directors.join("\u{1f}"))
    }
}

/// A stored movie.
#[derive(Debug, Clone, PartialEq)]
pub struct Movie {
    /// The catalogue's number for it.
    pub id: MovieId,
    /// What writers said about it; genres are spelled as first stored.
    pub data: MovieData,
    /// 1 when it was created, and one more for each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!("42".parse(), Ok(MovieId(42)));
        for text in ["", "0", "042", "+42", "-1", " 42", "4_2", "9223372036854775808", "4.0"] {
            assert_eq!(text.parse::<MovieId>(), Err(()), "{text:?}");
        }
    }

    #[test]
    fn imdb_ids_are_tt_and_7_to_10_digits() {
        assert!("tt0032138".parse::<ImdbId>().is_ok());
        for text in
            ["", "tt", "tt003213", "tt00321380000", "TT0032138", "tt003213x", "tt００３２１３８"]
        {
            assert!(text.parse::<ImdbId>().is_err(), "{text:?}");
        }
    }
}
