//! What reading a list takes, as estimated: for choosing who reads it, never for what it answers.

use crate::domain::list::{ListQuery, Start};

use super::{Store, count, facet::Facet, plan::Plan};

/// How often a list's conditions are met, as known a while ago, and what the database would look at.
///
/// Conditions are taken to be independent of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Microseconds that the database takes.
    pub database: f64,
    /// Index entries that the database looks at for the page, weighed as in its plan.
    pub page_steps: f64,
    /// The same for the total; 0 where it is kept.
    pub count_steps: f64,
    /// Movies in all.
    pub all: f64,
    /// For each genre, or alternatives of genres, and each other name: how many movies each of its names
    /// has.
    pub names: Vec<Vec<f64>>,
    /// Movies that have a genre which must not be, those of two counted twice; 0 without such a genre.
    pub excluded: f64,
    /// Movies that are within the ranges of years and ratings; all of them without a range.
    pub within: f64,
    /// The list's movies.
    pub matches: f64,
}

impl Store {
    /// What reading a list takes, by statistics that are [refreshed](Store::refresh_statistics) now and
    /// then. Does not ask the database.
    #[must_use]
    pub fn estimate(&self, query: &ListQuery) -> Estimate {
        let statistics = self.statistics.load();
        let (filter, dialect) = (&query.filter, self.db.dialect());
        let skipped = match query.start {
            Start::Page(page) => (page - 1) * u32::from(query.limit),
            Start::First | Start::At(_) => 0,
        };
        let rows = u32::from(query.limit) + 1 + skipped;
        let matches = statistics.matches(filter).max(1.0);
        let plan = Plan::for_page(filter, query.sort.key, rows, &statistics);
        let genre = |key: &String| statistics.name(Facet::Genre, key);
        let groups = filter.genres.iter().map(|group| group.iter().map(genre).collect());
        let singles = filter.names().map(|(facet, key)| vec![statistics.name(facet, key)]);
        let page_steps = plan.cost(f64::from(rows), matches, &statistics);
        let count_steps = count::steps(filter, &statistics, dialect);
        let names: Vec<Vec<f64>> = groups.chain(singles).collect();
        let costs = dialect.costs();
        let looked_for = names.len().max(usize::from(!filter.genres_not.is_empty()));
        let step = costs.step(looked_for, names.iter().any(|names| names.len() > 1));
        Estimate {
            database: costs.row * f64::from(rows) + step * (page_steps + count_steps),
            page_steps,
            count_steps,
            all: statistics.all(),
            names,
            excluded: filter.genres_not.iter().map(genre).sum(),
            within: statistics.within(filter),
            matches,
        }
    }
}
