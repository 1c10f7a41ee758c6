//! The order of a search.

use std::fmt;

use crate::domain::{
    cursor::{Position, SortValue},
    list::{Sort, SortKey},
    parameters::Parameters,
};

/// The order of a search's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SearchSort {
    /// Best match first; ties by popularity, then the older id.
    Relevance,
    /// As a list is sorted.
    By(Sort),
}

impl SearchSort {
    /// Its name in `sort=`.
    const RELEVANCE: &str = "relevance";

    /// Takes `sort`.
    pub(super) fn take(p: &mut Parameters) -> Self {
        let names = SortKey::ALL.map(SortKey::name).join(", ");
        let must = format!("relevance, or one of {names}, with - before it for descending");
        let read = |text: &str| match text {
            Self::RELEVANCE => Some(Self::Relevance),
            text => text.parse().ok().map(Self::By),
        };
        p.parsed("sort", &must, read).unwrap_or(Self::Relevance)
    }

    /// Whether a position can be one of this order.
    pub(super) const fn has(self, position: &Position) -> bool {
        match self {
            Self::Relevance => matches!(position.value, SortValue::Integer(_)),
            Self::By(sort) => position.fits(sort.key),
        }
    }
}

impl fmt::Display for SearchSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relevance => f.write_str(Self::RELEVANCE),
            Self::By(sort) => sort.fmt(f),
        }
    }
}
