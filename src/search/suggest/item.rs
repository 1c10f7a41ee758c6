//! What suggestions need of a movie.

use std::collections::BTreeMap;

use crate::domain::movie::{Movie, MovieData, MovieId};

use super::score::{self, Role};

/// A movie as suggestions know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: MovieId,
    pub(super) title: String,
    pub(super) year: Option<i16>,
    pub(super) score: u16,
    /// Each person once, with the greater role, by name.
    pub(super) people: Vec<(String, Role)>,
}

impl Item {
    /// What is needed of this movie.
    pub(super) fn of(movie: &Movie) -> Self {
        Self::from_data(movie.id, &movie.data)
    }

    /// What is needed of a movie with this id.
    pub(super) fn from_data(id: MovieId, data: &MovieData) -> Self {
        let mut people: BTreeMap<&str, Role> = BTreeMap::new();
        let all = data.cast.iter().map(|name| (name, Role::Cast));
        for (name, role) in all.chain(data.directors.iter().map(|name| (name, Role::Director))) {
            let name = name.trim();
            if is_person(name) {
                let known = people.entry(name).or_insert(role);
                *known = role.max(*known);
            }
        }
        Self {
            id,
            title: data.title.clone(),
            year: data.year,
            score: score::of_movie(data),
            people: people.into_iter().map(|(name, role)| (name.to_owned(), role)).collect(),
        }
    }
}

/// Not the rest of a name that a source has cut in two at its comma.
fn is_person(name: &str) -> bool {
    !matches!(name, "" | "Jr." | "Jr" | "Sr." | "Sr" | "II" | "III" | "IV" | "M.D." | "Ph.D.")
}
