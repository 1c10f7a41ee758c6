//! Counting the values of all movies that are found.

use std::collections::BTreeMap;

use tantivy::DocId;

use crate::domain::{
    movie::rule,
    search::{FACET_VALUES_MAX, Facet, FacetCount, FacetSet, Facets},
    text::name_key,
};

use super::{
    columns::{Columns, Set},
    document::to_number,
};

/// Years from 0 on are counted.
const YEARS: usize = 2_101;
/// Whole ratings.
const RATINGS: usize = 11;

/// How many of the movies found have each value of some facets.
pub(super) struct Counter {
    facets: FacetSet,
    /// For each facet of names, how many movies of this part have a combination.
    sets: [Vec<u32>; 3],
    years: Vec<u64>,
    ratings: [u64; RATINGS],
    /// For each facet of names, how many movies have a name, by key and spelling.
    names: [BTreeMap<String, BTreeMap<String, u64>>; 3],
}

const NAMED: [Facet; 3] = [Facet::Genre, Facet::Country, Facet::Language];

impl Counter {
    pub(super) fn new(facets: FacetSet) -> Self {
        let years = if facets.contains(Facet::Decade) { YEARS } else { 0 };
        Self {
            facets,
            sets: Default::default(),
            years: vec![0; years],
            ratings: [0; RATINGS],
            names: Default::default(),
        }
    }

    /// Goes on with another part.
    pub(super) fn begin(&mut self, columns: &Columns) {
        for (facet, counts) in NAMED.into_iter().zip(&mut self.sets) {
            if self.facets.contains(facet) {
                let sets = columns.set(facet).map_or(0, Set::combinations);
                counts.clear();
                counts.resize(sets, 0);
            }
        }
    }

    /// Counts movies, one facet after the other.
    pub(super) fn count(&mut self, columns: &Columns, documents: &[DocId]) {
        for (facet, counts) in NAMED.into_iter().zip(&mut self.sets) {
            let Some(set) = columns.set(facet).filter(|_| !counts.is_empty()) else { continue };
            for document in documents {
                if let Some(count) = counts.get_mut(set.combination(*document)) {
                    *count += 1;
                }
            }
        }
        if !self.years.is_empty() {
            for document in documents {
                if let Some(count) = self.years.get_mut(index(columns.year.get(*document))) {
                    *count += 1;
                }
            }
        }
        if self.facets.contains(Facet::Rating) {
            let ratings = documents.iter().map(|document| columns.rating.get(*document));
            for rating in ratings.filter_map(to_number) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rating is 0 to 10"
                )]
                let whole = rating as usize;
                self.ratings[whole.min(RATINGS - 1)] += 1;
            }
        }
    }

    /// Is done with a part.
    pub(super) fn end(&mut self, columns: &Columns) {
        let of_facets = NAMED.into_iter().zip(&mut self.sets).zip(&mut self.names);
        for ((facet, counts), names) in of_facets {
            let Some(set) = columns.set(facet) else { continue };
            let mut movies = vec![0; set.names().len()];
            for (combination, count) in counts.drain(..).enumerate().filter(|(_, count)| *count > 0)
            {
                for member in set.members(combination) {
                    movies[*member as usize] += u64::from(count);
                }
            }
            for (name, movies) in set.names().iter().zip(movies).filter(|(_, movies)| *movies > 0) {
                let spellings = names.entry(name_key(name)).or_default();
                *spellings.entry(name.clone()).or_default() += movies;
            }
        }
    }

    /// The counts of each facet.
    pub(super) fn facets(self) -> Facets {
        let counts = |facet| match facet {
            Facet::Genre => by_count(&self.names[0]),
            Facet::Country => by_count(&self.names[1]),
            Facet::Language => by_count(&self.names[2]),
            Facet::Decade => decades(&self.years),
            Facet::Rating => some(self.ratings.iter().copied().enumerate()),
        };
        self.facets.iter().map(|facet| (facet, counts(facet))).collect()
    }
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn by_count(names: &BTreeMap<String, BTreeMap<String, u64>>) -> Vec<FacetCount> {
    let mut counts: Vec<FacetCount> = names
        .values()
        .filter_map(|spellings| {
            let movies = spellings.values().sum();
            // The first of those that most movies use.
            let most = spellings.iter().rev().max_by_key(|(_, count)| **count);
            most.map(|(spelling, _)| FacetCount { value: spelling.clone(), movies })
        })
        .collect();
    counts.sort_by(|a, b| b.movies.cmp(&a.movies).then_with(|| a.value.cmp(&b.value)));
    counts.truncate(FACET_VALUES_MAX);
    counts
}

fn decades(years: &[u64]) -> Vec<FacetCount> {
    let decades = years.chunks(10).map(|years| years.iter().sum()).enumerate();
    // Movies without a year are counted under 0.
    let first = usize::try_from(rule::YEARS.0).unwrap_or_default() / 10;
    some(decades.skip(first).map(|(decade, movies)| (decade * 10, movies)))
}

fn some(counts: impl Iterator<Item = (usize, u64)>) -> Vec<FacetCount> {
    let some = counts.filter(|(_, movies)| *movies > 0);
    some.map(|(value, movies)| FacetCount { value: value.to_string(), movies }).collect()
}
