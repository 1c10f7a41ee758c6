//! The order of a list.

use std::{fmt, str::FromStr};

use crate::domain::{parameters::Parameters, revision::Measure};

/// A value that lists are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// `popularity`
    Popularity,
    /// `rating`
    Rating,
    /// `votes`
    Votes,
    /// `year`
    Year,
    /// `title`, by [`sort_key`](crate::domain::text::sort_key)
    Title,
    /// `created`: when the movie was created
    Created,
}

impl SortKey {
    /// Every key.
    pub const ALL: [Self; 6] =
        [Self::Popularity, Self::Rating, Self::Votes, Self::Year, Self::Title, Self::Created];

    /// Its name in `sort=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Popularity => "popularity",
            Self::Rating => "rating",
            Self::Votes => "votes",
            Self::Year => "year",
            Self::Title => "title",
            Self::Created => "created",
        }
    }

    /// The measure that it is, if it is one.
    #[must_use]
    pub const fn measure(self) -> Option<Measure> {
        match self {
            Self::Popularity => Some(Measure::Popularity),
            Self::Rating => Some(Measure::Rating),
            Self::Votes => Some(Measure::Votes),
            Self::Year | Self::Title | Self::Created => None,
        }
    }

    /// Whether a movie may have no such value. Those come last, whatever the direction.
    #[must_use]
    pub const fn optional(self) -> bool {
        matches!(self, Self::Popularity | Self::Rating | Self::Votes | Self::Year)
    }
}

/// The order of a list. Ties are broken by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The value compared.
    pub key: SortKey,
    /// Highest first.
    pub descending: bool,
}

impl Sort {
    /// Most popular first.
    pub const DEFAULT: Self = Self { key: SortKey::Popularity, descending: true };

    /// Takes `sort`.
    pub(super) fn take(p: &mut Parameters) -> Self {
        let names = SortKey::ALL.map(SortKey::name).join(", ");
        let must = format!("one of {names}, with - before it for descending");
        p.parsed("sort", &must, |text| text.parse().ok()).unwrap_or(Self::DEFAULT)
    }
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let key = SortKey::ALL.into_iter().find(|key| key.name() == name).ok_or(())?;
        Ok(Self { key, descending })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.key.name())
    }
}
