//! How many movies have what, as known a while ago: for choosing how a list is read, never for what it
//! answers.

use std::{collections::HashMap, sync::Arc};

use crate::domain::list::{Between, Filter};

use super::{
    Store,
    error::StoreError,
    facet::{Count, Facet},
    row::tenths,
    sql::Sql,
};

/// Most names that are remembered; rarer ones count as [`RARE`].
const NAMES_MAX: u32 = 5_000;
/// What a name that is not remembered, or a director, is taken to have.
const RARE: f64 = 30.0;

/// Movies by value.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    all: f64,
    names: HashMap<(Count, String), f64>,
    years: HashMap<i64, f64>,
    tenths: HashMap<i64, f64>,
}

impl Statistics {
    /// So many movies in all, of genres, and of years.
    #[cfg(test)]
    pub(super) fn known(
        all: f64,
        genres: &[(&str, f64)],
        years: impl IntoIterator<Item = (i64, f64)>,
    ) -> Self {
        let genres =
            genres.iter().map(|(key, movies)| ((Count::Genre, (*key).to_owned()), *movies));
        let years = years.into_iter().collect();
        Self { all, names: genres.collect(), years, tenths: HashMap::new() }
    }

    /// All movies.
    pub(crate) const fn all(&self) -> f64 {
        self.all
    }

    /// The movies that have a name.
    pub(crate) fn name(&self, facet: Facet, key: &str) -> f64 {
        let known = facet.count().and_then(|count| self.names.get(&(count, key.to_owned())));
        known.copied().unwrap_or(RARE).min(self.all)
    }

    /// The movies of a range of years.
    pub(crate) fn years(&self, years: Between<i16>) -> f64 {
        within(&self.years, years.min.map(i64::from), years.max.map(i64::from))
    }

    /// The movies of a range of ratings.
    pub(crate) fn ratings(&self, ratings: Between<f64>) -> f64 {
        let tenth = |rating: f64| i64::from(tenths(rating));
        within(&self.tenths, ratings.min.map(tenth), ratings.max.map(tenth))
    }

    /// How many movies a filter lets through, if its parts were independent of each other.
    pub(crate) fn matches(&self, filter: &Filter) -> f64 {
        if self.all < 1.0 {
            return 0.0;
        }
        let mut share = 1.0;
        for group in &filter.genres {
            let any: f64 = group.iter().map(|key| self.name(Facet::Genre, key)).sum();
            share *= (any / self.all).min(1.0);
        }
        for key in &filter.genres_not {
            share *= 1.0 - self.name(Facet::Genre, key) / self.all;
        }
        for (facet, key) in filter.names() {
            share *= self.name(facet, key) / self.all;
        }
        share * self.within(filter)
    }

    /// How many movies are within a filter's ranges, likewise.
    pub(crate) fn within(&self, filter: &Filter) -> f64 {
        let share = |movies: f64| (movies / self.all.max(1.0)).min(1.0);
        let years = if filter.years.is_open() { 1.0 } else { share(self.years(filter.years)) };
        let ratings =
            if filter.ratings.is_open() { 1.0 } else { share(self.ratings(filter.ratings)) };
        years * ratings * self.all
    }
}

impl Filter {
    /// The names that a movie must have, other than genres.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Facet, &str)> {
        let names = [
            (Facet::Director, &self.director),
            (Facet::Country, &self.country),
            (Facet::Language, &self.language),
        ];
        names.into_iter().filter_map(|(facet, key)| Some((facet, key.as_deref()?)))
    }
}

fn within(counts: &HashMap<i64, f64>, min: Option<i64>, max: Option<i64>) -> f64 {
    let range = min.unwrap_or(i64::MIN)..=max.unwrap_or(i64::MAX);
    counts.iter().filter(|(value, _)| range.contains(value)).map(|(_, movies)| movies).sum()
}

impl Store {
    /// Looks again at how many movies have what.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refresh_statistics(&self) -> Result<(), StoreError> {
        let mut sql = Sql::new(
            "SELECT c.facet, c.value, c.movies, COALESCE(g.name_key, n.name_key, l.name_key)",
        );
        sql.push(" FROM facet_counts c");
        for (alias, facet) in [("g", Facet::Genre), ("n", Facet::Country), ("l", Facet::Language)] {
            let Some(count) = facet.count() else { continue };
            sql.push(" LEFT JOIN ").push(facet.names()).push(" ").push(alias);
            sql.push(" ON ").push(alias).push(".id = c.value AND c.facet = ").bind(count.code());
        }
        sql.push(" WHERE c.movies > 0 ORDER BY c.movies DESC LIMIT ").bind(NAMES_MAX);
        let mut statistics = Statistics::default();
        for row in self.read(sql).await? {
            let (code, value) = (row.integer(0)?, row.integer(1)?);
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let movies = row.integer(2)? as f64;
            let is = |count: Count| code == i64::from(count.code());
            if is(Count::All) {
                statistics.all = movies;
            } else if is(Count::Year) {
                statistics.years.insert(value, movies);
            } else if is(Count::Tenths) {
                statistics.tenths.insert(value, movies);
            } else {
                let key = String::from_utf8(row.bytes(3)?).unwrap_or_default();
                let counts = [Count::Genre, Count::Country, Count::Language];
                if let Some(count) = counts.into_iter().find(|count| is(*count)) {
                    statistics.names.insert((count, key), movies);
                }
            }
        }
        self.statistics.store(Arc::new(statistics));
        Ok(())
    }
}
