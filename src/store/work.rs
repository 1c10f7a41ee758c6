//! What reading by a plan comes to, for estimating how long it takes.

use std::collections::BTreeSet;

use crate::domain::list::SortKey;

use super::{
    facet::Facet,
    plan::{Plan, Range, Table},
    statistics::Statistics,
};

/// What reading by a plan comes to, or, as a cost, what each of it takes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Index entries that are looked at, of all movies.
    pub movies: f64,
    /// The same, of those that have a name.
    pub links: f64,
    /// Movies of several names that are told apart, since each counts once.
    pub distinct: f64,
    /// Rows that are looked for in another table, for entries that are within the ranges.
    pub lookups: f64,
}

impl Work {
    /// What some work takes, where this is what each of its parts takes.
    pub(crate) fn of(&self, work: &Self) -> f64 {
        self.movies * work.movies
            + self.links * work.links
            + self.distinct * work.distinct
            + self.lookups * work.lookups
    }
}

impl Plan<'_> {
    /// What it comes to until `rows` rows are found: in the order of `sort`, or in any, and then as one
    /// range.
    ///
    /// Years and ratings are beside each index entry, so they are compared first; what is left is looked
    /// for among the alternatives, the genres that must not be, and the other names, one after the other
    /// ([`Plan::join`], [`Plan::restrict`]).
    pub(super) fn work(
        &self,
        sort: Option<SortKey>,
        rows: f64,
        matches: f64,
        statistics: &Statistics,
    ) -> Work {
        let (filter, first) = (self.filter, self.ranges.first());
        let share = |movies: f64| (movies / statistics.all().max(1.0)).min(1.0);
        let years = share(statistics.years(filter.years));
        let ratings = share(statistics.ratings(filter.ratings));
        let genre = |key: &String| statistics.name(Facet::Genre, key);
        // What an order or a range bounds is not even read.
        let mut left = 1.0;
        let mut size = self.size(statistics);
        if self.bounds(SortKey::Year) && !matches!(first, Some(Range::Year(_))) {
            *(if sort == Some(SortKey::Year) { &mut size } else { &mut left }) *= years;
        }
        if self.bounds(SortKey::Rating) && !matches!(first, Some(Range::Tenth(_))) {
            *(if sort == Some(SortKey::Rating) { &mut size } else { &mut left }) *= ratings;
        }
        // Each range of a page is read until it has given all its rows.
        let ranges = if sort.is_some() { self.ranges.len() } else { 1 };
        let entries = (count(ranges) * rows * size / matches).min(size);
        left *= entries;
        let is_met = |group: &BTreeSet<String>| self.ranges.iter().any(|range| range.meets(group));
        let mut lookups = 0.0;
        for group in filter.genres.iter().filter(|group| group.len() > 1 && !is_met(group)) {
            lookups += left * count(group.len());
            left *= share(group.iter().map(genre).sum());
        }
        lookups += left * count(filter.genres_not.len());
        left *= filter.genres_not.iter().map(|key| 1.0 - share(genre(key))).product::<f64>();
        let others = filter.names().filter(|(facet, key)| first != Some(&Range::Name(*facet, key)));
        let others = others.map(|(facet, key)| statistics.name(facet, key));
        let singles = filter.genres.iter().filter(|group| group.len() == 1 && !is_met(group));
        for movies in others.chain(singles.flatten().map(genre)) {
            lookups += left;
            left *= share(movies);
        }
        let distinct = if self.overlapping { rows.min(matches) } else { 0.0 };
        let none = Work { distinct, lookups, ..Work::default() };
        match self.table {
            Table::Movies => Work { movies: entries, ..none },
            Table::Links(_) => Work { links: entries, ..none },
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a few dozen")]
const fn count(few: usize) -> f64 {
    few as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::{Filter, ListQuery};

    /// A thousand movies: a hundred of each year from 1990, of genres one in ten, one in five and one in two.
    fn statistics() -> Statistics {
        let years = (1990..2000).map(|year| (year, 100.0));
        let genres = [("war", 100.0), ("crime", 200.0), ("drama", 500.0)];
        Statistics::known(1_000.0, &genres, years)
    }

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQuery::from_pairs(pairs.iter().map(owned).collect()).unwrap().filter
    }

    /// The work of a page of ten rows in an order, and of a count of ten.
    fn works(pairs: &[(&str, &str)], sort: SortKey) -> (Work, Work) {
        let (statistics, filter) = (statistics(), filter(pairs));
        let matches = statistics.matches(&filter);
        let page = Plan::for_page(&filter, sort, 10, &statistics);
        let counted = Plan::for_count(&filter, &statistics);
        (
            page.work(Some(sort), 10.0, matches, &statistics),
            counted.work(None, 10.0, matches, &statistics),
        )
    }

    fn close(work: Work, movies: f64, links: f64, distinct: f64, lookups: f64) {
        let expected = Work { movies, links, distinct, lookups };
        let off = [
            work.movies - movies,
            work.links - links,
            work.distinct - distinct,
            work.lookups - lookups,
        ];
        assert!(off.iter().all(|off| off.abs() < 1e-6), "{work:?} and not {expected:?}");
    }

    #[test]
    fn a_range_beside_a_name_is_compared_in_the_names_index() {
        let filter = [("genre", "Drama"), ("year_min", "1990"), ("year_max", "1994")];
        let (page, _) = works(&filter, SortKey::Title);
        // Every other one of the genre is of these years.
        close(page, 0.0, 20.0, 0.0, 0.0);
    }

    #[test]
    fn an_order_by_what_is_bounded_reads_the_range_alone() {
        let filter = [("genre", "Drama"), ("year_min", "1990"), ("year_max", "1994")];
        let (page, _) = works(&filter, SortKey::Year);
        close(page, 0.0, 10.0, 0.0, 0.0);
    }

    #[test]
    fn only_what_is_within_the_ranges_is_looked_for() {
        let filter = [("genre", "War,Drama"), ("year_min", "1990"), ("year_max", "1994")];
        let (_, counted) = works(&filter, SortKey::Title);
        // Of the rarer genre one in four is of the other and of these years; half of it is looked for.
        close(counted, 0.0, 40.0, 0.0, 20.0);
    }

    #[test]
    fn each_alternative_is_read_for_all_rows_and_counted_as_one() {
        let (page, counted) = works(&[("genre", "War|Crime")], SortKey::Title);
        close(page, 0.0, 20.0, 10.0, 0.0);
        close(counted, 0.0, 10.0, 10.0, 0.0);
    }

    #[test]
    fn only_what_meets_all_conditions_is_told_apart() {
        let filter = [("genre", "War|Crime"), ("year_min", "1990"), ("year_max", "1994")];
        let (_, counted) = works(&filter, SortKey::Title);
        close(counted, 0.0, 20.0, 10.0, 0.0);
    }

    #[test]
    fn a_genre_that_must_not_be_is_looked_for() {
        let (page, _) = works(&[("genre_not", "Drama")], SortKey::Title);
        close(page, 20.0, 0.0, 0.0, 20.0);
    }

    #[test]
    fn what_is_few_is_read_once() {
        let (_, counted) = works(&[("genre", "War"), ("year", "1990")], SortKey::Title);
        assert!(counted.movies + counted.links <= 100.0, "{counted:?}");
    }
}
