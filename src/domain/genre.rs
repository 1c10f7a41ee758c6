//! Genres.

/// A genre and how many movies have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genre {
    /// The name, spelled as first stored.
    pub name: String,
    /// Number of movies that have it.
    pub movies: i64,
}
