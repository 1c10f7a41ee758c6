//! Revisions: the order of all writes, and the scopes that a write touches.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::collection::Slug;

/// Number of a committed write. Revisions have no gaps, and their order is the order of commits.
/// Zero is the state before the first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Revision(i64);

impl Revision {
    /// The state before the first write.
    pub const ZERO: Self = Self(0);

    /// Returns `None` for negative numbers.
    #[must_use]
    pub const fn new(raw: i64) -> Option<Self> {
        if raw >= 0 { Some(Self(raw)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Movies share an item scope with all movies of the same id modulo this number, so that the table
/// of scopes stays small. Replicas with other numbers do not understand each other
/// (docs/decisions/0095-item-buckets.md).
pub const ITEM_BUCKETS: i64 = 1 << 16;

/// A number that movies have, which changes often, and which only few lists are ordered or filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// `popularity`
    Popularity,
    /// `rating`
    Rating,
    /// `votes`
    Votes,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Popularity, Self::Rating, Self::Votes];

    /// How its scopes begin.
    const fn letter(self) -> char {
        match self {
            Self::Popularity => 'p',
            Self::Rating => 'r',
            Self::Votes => 'v',
        }
    }

    fn of_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| letter.chars().eq([measure.letter()]))
    }
}

/// A part of the catalogue whose last change is known by revision
/// (docs/decisions/0096-what-a-write-touches.md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything: raised by each write.
    All,
    /// Which movies there are, and what lists filter and order them by, but for measures.
    Movies,
    /// A measure of any movie.
    Measure(Measure),
    /// [`Scope::Movies`] of one genre, by its [`name_key`](super::text::name_key).
    Genre(String),
    /// A measure of the movies of one genre.
    MeasureOf(Measure, String),
    /// The movies whose id is this number modulo [`ITEM_BUCKETS`].
    Item(u16),
    /// One collection, by its slug: what its editor said of it, not its movies.
    Collection(String),
    /// Which collections there are, and what was said of any of them.
    Collections,
    /// Whatever was changed by other means than a write: raised by `marquee bump` alone. Everything
    /// depends on it.
    Bump,
    /// What the index of a replica shows: raised by that replica alone, and known to no other. It is in
    /// no table and in no message.
    Index,
    /// Which model this replica recommends by: nothing that was made by one is good once another is in
    /// force. In no table and in no message either.
    Model,
}

impl Scope {
    /// The item scope of a movie.
    #[must_use]
    pub fn of_movie(id: super::movie::MovieId) -> Self {
        Self::Item(u16::try_from(id.get() % ITEM_BUCKETS).unwrap_or_default())
    }
}

/// No slug has this in it.
const COLLECTIONS: &str = "c:*";

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Movies => f.write_str("g"),
            Self::Measure(measure) => write!(f, "{}", measure.letter()),
            Self::Genre(key) => write!(f, "g:{key}"),
            Self::MeasureOf(measure, key) => write!(f, "{}:{key}", measure.letter()),
            Self::Item(bucket) => write!(f, "i:{bucket}"),
            Self::Collection(slug) => write!(f, "c:{slug}"),
            Self::Collections => f.write_str(COLLECTIONS),
            Self::Bump => f.write_str("!"),
            Self::Index => f.write_str("x"),
            Self::Model => f.write_str("m"),
        }
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(key) = text.strip_prefix("g:") {
            return Ok(Self::Genre(key.to_owned()));
        }
        if let Some((letter, key)) = text.split_once(':')
            && let Some(measure) = Measure::of_letter(letter)
        {
            return Ok(Self::MeasureOf(measure, key.to_owned()));
        }
        if let Some(bucket) = text.strip_prefix("i:") {
            return bucket.parse().map(Self::Item).map_err(|_| ());
        }
        if let Some(slug) = text.strip_prefix("c:").filter(|_| text != COLLECTIONS) {
            return slug.parse::<Slug>().map(|slug| Self::Collection(slug.to_string()));
        }
        match text {
            "*" => Ok(Self::All),
            "g" => Ok(Self::Movies),
            COLLECTIONS => Ok(Self::Collections),
            "!" => Ok(Self::Bump),
            "x" => Ok(Self::Index),
            "m" => Ok(Self::Model),
            letter => Measure::of_letter(letter).map(Self::Measure).ok_or(()),
        }
    }
}

/// Something as it was at a revision: it includes every write up to that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf<T> {
    /// The last write that it includes.
    pub revision: Revision,
    /// What was there.
    pub value: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_they_are_written() {
        let scopes = [
            Scope::All,
            Scope::Bump,
            Scope::Index,
            Scope::Model,
            Scope::Item(u16::MAX),
            Scope::Movies,
            Scope::Measure(Measure::Votes),
            Scope::Genre("g:é *".into()),
            Scope::Genre(String::new()),
            Scope::MeasureOf(Measure::Rating, "p:é *".into()),
            Scope::Collection("halloween-2".into()),
            Scope::Collections,
        ];
        for scope in scopes {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for bad in ["", "i:65536", "i:-1", "i:x", "**", "x:x", "m:", "pr", "q", "c:", "c:A", "c:-"]
        {
            assert_eq!(bad.parse::<Scope>(), Err(()), "{bad}");
        }
    }
}
