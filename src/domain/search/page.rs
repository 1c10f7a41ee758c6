//! A page of a search.

use crate::domain::{cursor::Position, movie::Movie};

use super::facet::Facets;

/// Most rows of a page.
pub const LIMIT_MAX: u16 = 100;
/// Rows of a page unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 20;
/// Most values of a facet that are told: the most frequent ones.
pub const FACET_VALUES_MAX: usize = 1_000;

/// The rows of a page and what comes with them, all of one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchPage {
    /// The movies found, in the search's order.
    pub rows: Vec<SearchRow>,
    /// How many movies are found in all; exact.
    pub total: u64,
    /// The counts that were asked for, over all movies found.
    pub facets: Facets,
    /// Where the next page is, if there is one.
    pub next: Option<Position>,
    /// Where the page before is, if there is one.
    pub prev: Option<Position>,
    /// What to look for instead, where nothing is found: a text that finds something.
    pub did_you_mean: Option<String>,
}

/// A movie that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRow {
    /// The movie, without what rows of lists leave out.
    pub movie: Movie,
    /// What matched in it, where that was asked for.
    pub highlights: Option<Highlights>,
}

/// What matched in a movie, as HTML: escaped, with the words that matched in `<em>`. Fields in which
/// nothing matched are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Highlights {
    /// The title.
    pub title: Option<String>,
    /// The directors whose names matched.
    pub directors: Vec<String>,
    /// The members of the cast whose names matched.
    pub cast: Vec<String>,
    /// A part of the synopsis.
    pub synopsis: Option<String>,
}
