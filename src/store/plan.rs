//! How a list is read: by which index ranges, and which conditions are checked on the way.
//!
//! The choice is made here rather than by each database's optimiser, so that it is the same on every
//! backend and in every version, and none of them sorts or scans a large set.

use std::collections::BTreeSet;

use crate::domain::{
    list::{Between, Filter, SortKey},
    movie::{MovieId, rule},
};

use super::{dialect::Dialect, facet::Facet, row::tenths, sql::Sql, statistics::Statistics};

/// Most ranges that are merged; a filter that spans more is checked on the way through a longer range.
const RANGES_MAX: usize = 48;

/// The table whose index is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Movies,
    Links(Facet),
}

impl Table {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Movies => "movies",
            Self::Links(facet) => facet.links(),
        }
    }

    /// The column with the movie's id.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Movies => "id",
            Self::Links(_) => "movie_id",
        }
    }
}

/// The equal beginning of an index range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Range<'q> {
    /// The whole index.
    All,
    /// The movies that have a name.
    Name(Facet, &'q str),
    /// The movies that have one of some names, in any order: for counting only.
    Names(Facet, &'q BTreeSet<String>),
    /// The movies of a year.
    Year(i16),
    /// The movies whose rating is in a tenth.
    Tenth(i16),
    /// These movies, which are few.
    Ids(&'q BTreeSet<MovieId>),
}

impl Range<'_> {
    /// Whether its movies have a genre of this group.
    pub(super) fn meets(&self, group: &BTreeSet<String>) -> bool {
        match self {
            Range::Name(Facet::Genre, key) => group.contains(*key),
            Range::Names(Facet::Genre, keys) => group == *keys,
            _ => false,
        }
    }
}

/// How a list is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan<'q> {
    pub(crate) filter: &'q Filter,
    pub(crate) table: Table,
    pub(crate) ranges: Vec<Range<'q>>,
    /// Whether a movie can be in more than one range.
    pub(crate) overlapping: bool,
}

impl<'q> Plan<'q> {
    /// The cheapest way to the first `rows` rows of a filter in the order of `sort`.
    pub(crate) fn for_page(
        filter: &'q Filter,
        sort: SortKey,
        rows: u32,
        statistics: &Statistics,
    ) -> Self {
        let matches = statistics.matches(filter).max(1.0);
        let cost = |plan: &Plan<'_>| plan.cost(f64::from(rows), matches, statistics);
        let plans = Self::possible(filter, Some(sort));
        plans
            .into_iter()
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))
            .unwrap_or_else(|| Self::all(filter))
    }

    /// The smallest set of rows that has all rows of a filter, in any order.
    pub(crate) fn for_count(filter: &'q Filter, statistics: &Statistics) -> Self {
        let size = |plan: &Plan<'_>| plan.size(statistics);
        let plans = Self::possible(filter, None);
        plans
            .into_iter()
            .min_by(|a, b| size(a).total_cmp(&size(b)))
            .unwrap_or_else(|| Self::all(filter))
    }

    fn all(filter: &'q Filter) -> Self {
        Self { filter, table: Table::Movies, ranges: vec![Range::All], overlapping: false }
    }

    /// Every way that reads a list in its order. The most selective kinds come first: between plans of
    /// the same cost the first one wins.
    fn possible(filter: &'q Filter, sort: Option<SortKey>) -> Vec<Self> {
        if let Some(ids) = &filter.ids {
            return vec![Self { ranges: vec![Range::Ids(ids)], ..Self::all(filter) }];
        }
        let mut plans = Vec::new();
        for (facet, key) in filter.names() {
            let ranges = vec![Range::Name(facet, key)];
            plans.push(Self { filter, table: Table::Links(facet), ranges, overlapping: false });
        }
        for group in &filter.genres {
            let ranges: Vec<_> = group.iter().map(|key| Range::Name(Facet::Genre, key)).collect();
            let overlapping = ranges.len() > 1;
            plans.push(Self { filter, table: Table::Links(Facet::Genre), ranges, overlapping });
        }
        if !filter.years.is_open() && sort != Some(SortKey::Year) {
            let (first, last) = rule::YEARS;
            let year = |bound: Option<i16>, open| bound.map_or(open, i64::from);
            let years = year(filter.years.min, first)..=year(filter.years.max, last);
            let ranges: Vec<_> =
                years.filter_map(|year| i16::try_from(year).ok()).map(Range::Year).collect();
            if ranges.len() <= RANGES_MAX {
                plans.push(Self { ranges, ..Self::all(filter) });
            }
        }
        if !filter.ratings.is_open() && sort != Some(SortKey::Rating) {
            let tenth = |bound: Option<f64>, open| tenths(bound.unwrap_or(open));
            let ratings =
                tenth(filter.ratings.min, 0.0)..=tenth(filter.ratings.max, rule::RATING_MAX);
            let ranges: Vec<_> = ratings.map(Range::Tenth).collect();
            if ranges.len() <= RANGES_MAX {
                plans.push(Self { ranges, ..Self::all(filter) });
            }
        }
        plans.push(Self::all(filter));
        plans
    }

    /// The ranges of a plan that merges the genres of one group, as one.
    pub(crate) fn alternatives(&self) -> Option<Range<'q>> {
        let merged = |group: &&BTreeSet<String>| {
            let has =
                |range: &Range<'_>| matches!(range, Range::Name(_, key) if group.contains(*key));
            group.len() == self.ranges.len() && self.ranges.iter().all(has)
        };
        self.filter.genres.iter().find(merged).map(|group| Range::Names(Facet::Genre, group))
    }

    /// Rows of the plan's ranges.
    pub(super) fn size(&self, statistics: &Statistics) -> f64 {
        let size = |range: &Range<'_>| match range {
            Range::All => statistics.all(),
            Range::Name(facet, key) => statistics.name(*facet, key),
            Range::Names(facet, keys) => keys.iter().map(|key| statistics.name(*facet, key)).sum(),
            Range::Year(year) => statistics.years(Between { min: Some(*year), max: Some(*year) }),
            Range::Tenth(tenth) => {
                let rating = Some(f64::from(*tenth) / 10.0);
                statistics.ratings(Between { min: rating, max: rating })
            }
            #[expect(clippy::cast_precision_loss, reason = "at most 200")]
            Range::Ids(ids) => ids.len() as f64,
        };
        self.ranges.iter().map(size).sum()
    }

    /// Index entries that are looked at for `rows` rows, weighed: a check in another table costs more
    /// than one in the index, and each range has to be found first.
    pub(crate) fn cost(&self, rows: f64, matches: f64, statistics: &Statistics) -> f64 {
        let size = self.size(statistics);
        #[expect(clippy::cast_precision_loss, reason = "at most a few dozen")]
        let (ranges, checks) = (self.ranges.len() as f64, self.checks() as f64);
        let merged = if ranges > 1.0 { ranges * rows } else { 0.0 };
        let looked_at = (rows * size / matches).max(merged).min(size.max(rows));
        looked_at * (1.0 + 3.0 * checks) + 20.0 * ranges
    }

    /// Conditions that are checked in another table.
    fn checks(&self) -> usize {
        let filter = self.filter;
        let names = filter.names().count() + filter.genres.len();
        let own = usize::from(matches!(self.table, Table::Links(_)));
        names.saturating_sub(own) + usize::from(!filter.genres_not.is_empty())
    }

    /// Whether the filter asks that there be a value to sort by.
    pub(crate) const fn bounds(&self, key: SortKey) -> bool {
        match key {
            SortKey::Year => !self.filter.years.is_open(),
            SortKey::Rating => !self.filter.ratings.is_open(),
            _ => false,
        }
    }

    /// Names the index that gives the ranges in the order of `key`.
    pub(crate) fn read_by(&self, key: SortKey, dialect: Dialect) -> String {
        let within = match self.ranges.first() {
            Some(Range::Ids(_)) => return dialect.by_primary_key().to_owned(),
            Some(Range::Year(_)) => "_year",
            Some(Range::Tenth(_)) => "_tenths",
            _ => "",
        };
        dialect.by_index(&format!("{}{within}_{}", self.table.name(), key.name()))
    }

    /// Appends the tables of the names that a movie must have beside those of its range. Each has at
    /// most one row for a movie, and is looked into in the order of the range.
    pub(crate) fn join(&self, sql: &mut Sql, range: &Range<'_>, dialect: Dialect) {
        let singles =
            self.filter.genres.iter().filter(|group| group.len() == 1 && !range.meets(group));
        let genres = singles.flatten().map(|key| (Facet::Genre, key.as_str()));
        let others = self.filter.names().filter(|(facet, key)| *range != Range::Name(*facet, key));
        for (n, (facet, key)) in others.chain(genres).enumerate() {
            sql.push(&format!(" {} {} x{n} ", dialect.join_in_order(), facet.links()));
            sql.push(dialect.by_primary_key())
                .push(&format!(" ON x{n}.movie_id = t.{}", self.table.id()));
            sql.push(&format!(" AND x{n}.{} = ", facet.column()));
            name_id(sql, facet, key);
        }
    }

    /// Appends the conditions of one range, and those of the filter that neither it nor
    /// [`Plan::join`] meets.
    pub(crate) fn restrict(&self, sql: &mut Sql, range: &Range<'_>, dialect: Dialect) {
        let filter = self.filter;
        match range {
            Range::All => _ = sql.push("1 = 1"),
            Range::Name(facet, key) => {
                sql.push("t.")
                    .push(facet.column())
                    .push(" = (SELECT n.id FROM ")
                    .push(facet.names());
                sql.push(" n WHERE n.name_key = ").bind(key.as_bytes()).push(")");
            }
            Range::Names(facet, keys) => {
                sql.push("t.")
                    .push(facet.column())
                    .push(" IN (SELECT n.id FROM ")
                    .push(facet.names());
                sql.push(" n WHERE n.name_key IN ")
                    .bind_list(keys.iter().map(String::as_bytes))
                    .push(")");
            }
            Range::Year(year) => _ = sql.push("t.year = ").bind(*year),
            Range::Tenth(tenth) => _ = sql.push("t.rating_tenths = ").bind(*tenth),
            Range::Ids(ids) => _ = sql.push("t.id IN ").bind_list(ids.iter().map(|id| id.get())),
        }
        if !matches!(range, Range::Year(_)) {
            between(sql, "year", filter.years.min, filter.years.max);
        }
        between(sql, "rating", filter.ratings.min, filter.ratings.max);
        for group in filter.genres.iter().filter(|group| group.len() > 1 && !range.meets(group)) {
            self.check(sql, dialect, Facet::Genre, group.iter().map(String::as_str), "> 0");
        }
        if !filter.genres_not.is_empty() {
            self.check(
                sql,
                dialect,
                Facet::Genre,
                filter.genres_not.iter().map(String::as_str),
                "= 0",
            );
        }
    }

    /// Appends a condition on how many of some names a movie has. A scalar subquery, since optimisers
    /// turn EXISTS into a join and then choose another order.
    fn check<'k>(
        &self,
        sql: &mut Sql,
        dialect: Dialect,
        facet: Facet,
        keys: impl IntoIterator<Item = &'k str>,
        holds: &str,
    ) {
        sql.push(" AND (SELECT COUNT(*) FROM ").push(facet.links()).push(" x ");
        sql.push(dialect.by_primary_key()).push(" WHERE x.movie_id = t.");
        sql.push(self.table.id()).push(" AND x.").push(facet.column()).push(" IN (");
        for (n, key) in keys.into_iter().enumerate() {
            sql.push(if n > 0 { ", " } else { "" });
            name_id(sql, facet, key);
        }
        sql.push(")) ").push(holds);
    }
}

/// Appends the id of a name; null if there is no such name.
pub(crate) fn name_id(sql: &mut Sql, facet: Facet, key: &str) {
    sql.push("(SELECT n.id FROM ").push(facet.names()).push(" n WHERE n.name_key = ");
    sql.bind(key.as_bytes()).push(")");
}

fn between<T: Into<super::sql::Value>>(
    sql: &mut Sql,
    column: &str,
    min: Option<T>,
    max: Option<T>,
) {
    if let Some(min) = min {
        sql.push(" AND t.").push(column).push(" >= ").bind(min);
    }
    if let Some(max) = max {
        sql.push(" AND t.").push(column).push(" <= ").bind(max);
    }
}
