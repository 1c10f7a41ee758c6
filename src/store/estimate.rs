//! What reading a list takes, as estimated: for choosing who reads it, never for what it answers.

use crate::domain::list::{ListQuery, Start};

use super::{Store, count, facet::Facet, plan::Plan, work::Work};

/// How often a list's conditions are met, as known a while ago, and what the database would look at.
///
/// Conditions are taken to be independent of each other, unless the list's total is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Microseconds that the database takes.
    pub database: f64,
    /// What the page comes to there.
    pub page: Work,
    /// And the total; nothing where it is kept.
    pub count: Work,
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
    /// then, and by its total where the caller knows it. Does not ask the database.
    #[must_use]
    pub fn estimate(&self, query: &ListQuery, total: Option<u64>) -> Estimate {
        let statistics = self.statistics.load();
        let (filter, dialect) = (&query.filter, self.db.dialect());
        let skipped = match query.start {
            Start::Page(page) => (page - 1) * u32::from(query.limit),
            Start::First | Start::At(_) => 0,
        };
        let rows = u32::from(query.limit) + 1 + skipped;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let matches =
            total.map_or_else(|| statistics.matches(filter), |total| total as f64).max(1.0);
        let plan = Plan::for_page(filter, query.sort.key, rows, &statistics);
        let genre = |key: &String| statistics.name(Facet::Genre, key);
        let groups = filter.genres.iter().map(|group| group.iter().map(genre).collect());
        let singles = filter.names().map(|(facet, key)| vec![statistics.name(facet, key)]);
        let page = plan.work(Some(query.sort.key), f64::from(rows), matches, &statistics);
        let count = count::work(filter, matches, &statistics, dialect);
        let costs = dialect.costs();
        let answered = f64::from(rows).min(matches);
        let rows_read = costs.any + costs.row * answered;
        let database = rows_read + costs.page.of(&page) + costs.count.of(&count);
        Estimate {
            database,
            page,
            count,
            all: statistics.all(),
            names: groups.chain(singles).collect(),
            excluded: filter.genres_not.iter().map(genre).sum(),
            within: statistics.within(filter),
            matches,
        }
    }
}
