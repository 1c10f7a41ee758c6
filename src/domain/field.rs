//! The fields of a movie, in the order in which they are written.

use std::str::FromStr;

macro_rules! fields {
    ($($variant:ident $name:literal $doc:literal,)+) => {
        /// A field of a movie.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = $doc] $variant,)+ }

        impl Field {
            /// Every field, in the order in which they are written.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

fields! {
    Id "id" "The catalogue's number.",
    Title "title" "The title.",
    Year "year" "Year of the first release.",
    Released "released" "Day of the first release.",
    RuntimeMinutes "runtime_minutes" "Running time.",
    Directors "directors" "Directors.",
    Genres "genres" "Genres.",
    Cast "cast" "Cast.",
    Countries "countries" "Countries of origin.",
    Languages "languages" "Languages.",
    Synopsis "synopsis" "A few sentences.",
    Rating "rating" "0 to 10.",
    Votes "votes" "How many votes the rating comes from.",
    Popularity "popularity" "0 to 100.",
    ImdbId "imdb_id" "`IMDb`'s id.",
    Version "version" "Number of changes.",
    CreatedAt "created_at" "When it was created.",
    UpdatedAt "updated_at" "When it last changed.",
}

impl Field {
    /// Whether rows of lists have it: `cast` and `synopsis` come with the single movie only.
    #[must_use]
    pub const fn in_lists(self) -> bool {
        !matches!(self, Self::Cast | Self::Synopsis)
    }

    /// Whether the service sets it, rather than the writer.
    #[must_use]
    pub const fn read_only(self) -> bool {
        matches!(self, Self::Id | Self::Version | Self::CreatedAt | Self::UpdatedAt)
    }
}

impl FromStr for Field {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|field| field.name() == text).ok_or(())
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldSet(u32);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// Every field: the single movie.
    #[must_use]
    pub fn all() -> Self {
        Field::ALL.iter().fold(Self::EMPTY, |set, field| set.with(*field))
    }

    /// The fields of a list's rows.
    #[must_use]
    pub fn of_lists() -> Self {
        Field::ALL.iter().filter(|f| f.in_lists()).fold(Self::EMPTY, |set, field| set.with(*field))
    }

    /// This set and one more field.
    #[must_use]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field as u32)
    }

    /// Whether the field is in the set.
    #[must_use]
    pub const fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u32 != 0
    }

    /// Its fields, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.contains(*field))
    }
}
