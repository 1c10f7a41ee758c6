//! Values that are counted over all movies that a search finds.

use std::{fmt, str::FromStr};

use crate::domain::parameters::Parameters;

/// A property of movies whose values are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Genres.
    Genre,
    /// Decades of the first release, by their first year: `1990`.
    Decade,
    /// Countries of origin.
    Country,
    /// Languages.
    Language,
    /// Ratings, rounded down to whole numbers: `7` is 7 up to but not including 8.
    Rating,
}

impl Facet {
    /// Every facet.
    pub const ALL: [Self; 5] =
        [Self::Genre, Self::Decade, Self::Country, Self::Language, Self::Rating];

    /// Its name in `facets=` and in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Genre => "genre",
            Self::Decade => "decade",
            Self::Country => "country",
            Self::Language => "language",
            Self::Rating => "rating",
        }
    }
}

impl FromStr for Facet {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|facet| facet.name() == text).ok_or(())
    }
}

/// A set of facets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FacetSet(u8);

impl FacetSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// This set and one more facet.
    #[must_use]
    pub const fn with(self, facet: Facet) -> Self {
        Self(self.0 | 1 << facet as u8)
    }

    /// Whether the facet is in the set.
    #[must_use]
    pub const fn contains(self, facet: Facet) -> bool {
        self.0 & 1 << facet as u8 != 0
    }

    /// Its facets, in the order of [`Facet::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Facet> {
        Facet::ALL.into_iter().filter(move |facet| self.contains(*facet))
    }

    /// Takes `facets`.
    pub(super) fn take(p: &mut Parameters) -> Self {
        let Some(text) = p.one("facets") else { return Self::EMPTY };
        let mut set = Self::EMPTY;
        for name in text.split(',') {
            match name.parse::<Facet>() {
                Ok(facet) if set.contains(facet) => {
                    p.fault("facets", format!("{} is given twice", facet.name()));
                }
                Ok(facet) => set = set.with(facet),
                Err(()) => {
                    let names = Facet::ALL.map(Facet::name).join(", ");
                    p.fault("facets", format!("{name:?} is not one of {names}"));
                }
            }
        }
        set
    }
}

impl fmt::Display for FacetSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Facet::name).collect();
        f.write_str(&names.join(","))
    }
}

/// How many of the movies found have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount {
    /// The value: a name in the spelling that most of the movies found use, a decade's first year,
    /// or a whole number.
    pub value: String,
    /// Number of movies; exact.
    pub movies: u64,
}

/// The counts of each facet that was asked for, in the order of [`Facet::ALL`]. Names come most
/// frequent first, numbers in ascending order.
pub type Facets = Vec<(Facet, Vec<FacetCount>)>;
