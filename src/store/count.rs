//! How many movies a list has.

use crate::domain::list::{Filter, TOTAL_COUNTED_MAX, Total};

use super::{
    dialect::Dialect,
    error::StoreError,
    facet::{Count, Facet},
    plan::{Plan, Range, Table, name_id},
    row::{first_of_tenth, tenths},
    sql::Sql,
    statistics::Statistics,
    work::Work,
};

/// An expression for the total, and how it comes to it.
pub(crate) struct Counted {
    pub(crate) sql: Sql,
    way: Way,
}

/// How a total is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By sums that are kept: exact however large.
    Kept,
    /// By counting up to [`TOTAL_COUNTED_MAX`].
    Counted,
    /// Not at all.
    Unknown,
}

impl Counted {
    /// No total.
    pub(crate) fn nothing() -> Self {
        Self { sql: Sql::new("0"), way: Way::Unknown }
    }

    /// A total that an expression counts.
    #[cfg(test)]
    pub(super) const fn by(sql: Sql) -> Self {
        Self { sql, way: Way::Counted }
    }

    /// Whether the page may be had in less time without it.
    pub(crate) fn takes_time(&self) -> bool {
        self.way == Way::Counted
    }

    /// Reads what the expression gave; `shown` is what the page itself tells.
    pub(crate) fn total(&self, raw: i64, shown: Total) -> Result<Total, StoreError> {
        if self.way == Way::Unknown {
            return Ok(shown);
        }
        let total = u64::try_from(raw).map_err(|_| StoreError::BadRow {
            table: "facet_counts",
            column: "movies",
            key: String::new(),
            detail: format!("a list of {raw} movies"),
        })?;
        let capped = self.way == Way::Counted && total > TOTAL_COUNTED_MAX;
        Ok(if capped { Total::AtLeast(TOTAL_COUNTED_MAX) } else { Total::Exact(total) })
    }
}

/// The total of a filter: kept sums where they answer it, and else counting up to a bound.
pub(crate) fn total(filter: &Filter, statistics: &Statistics, dialect: Dialect) -> Counted {
    match free(filter, dialect) {
        Some(sql) => Counted { sql, way: Way::Kept },
        None => Counted {
            sql: counted(&Plan::for_count(filter, statistics), dialect),
            way: Way::Counted,
        },
    }
}

/// What counting so many movies comes to; nothing where sums are kept.
pub(super) fn work(
    filter: &Filter,
    matches: f64,
    statistics: &Statistics,
    dialect: Dialect,
) -> Work {
    if free(filter, dialect).is_some() {
        return Work::default();
    }
    #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
    let enough = (TOTAL_COUNTED_MAX + 1) as f64;
    Plan::for_count(filter, statistics).work(None, enough, matches, statistics)
}

fn free(filter: &Filter, dialect: Dialect) -> Option<Sql> {
    let singles: Vec<&str> = filter
        .genres
        .iter()
        .filter(|group| group.len() == 1)
        .flatten()
        .map(String::as_str)
        .collect();
    let mut names: Vec<(Facet, &str)> = filter.names().collect();
    names.extend(singles.iter().map(|key| (Facet::Genre, *key)));
    let groups = filter.genres.len() - singles.len();
    let (years, ratings) = (!filter.years.is_open(), !filter.ratings.is_open());
    let parts =
        names.len() + groups + filter.genres_not.len() + usize::from(years) + usize::from(ratings);
    if filter.ids.is_some() || parts > 1 {
        return None;
    }
    let mut sql = Sql::new("(");
    if let Some((facet, key)) = names.first() {
        sql.append(of_name(*facet, key)?);
    } else if let Some(key) = filter.genres_not.first() {
        sql.append(sum(Count::All, "= 0")).push(" - ").append(of_name(Facet::Genre, key)?);
    } else if years {
        let (min, max) =
            (filter.years.min.unwrap_or(i16::MIN), filter.years.max.unwrap_or(i16::MAX));
        sql.append(sum(Count::Year, &format!("BETWEEN {min} AND {max}")));
    } else if ratings {
        of_ratings(&mut sql, filter, dialect);
    } else if groups == 0 {
        sql.append(sum(Count::All, "= 0"));
    } else {
        return None;
    }
    sql.push(")");
    Some(sql)
}

/// The number of all movies.
pub(super) fn all() -> Sql {
    sum(Count::All, "= 0")
}

/// The sum of a kind of counts; `values` is a condition made of numbers.
fn sum(count: Count, values: &str) -> Sql {
    let mut sql = Sql::new(
        "(SELECT CAST(COALESCE(SUM(movies), 0) AS SIGNED) FROM facet_counts WHERE facet = ",
    );
    sql.bind(count.code()).push(" AND value ").push(values).push(")");
    sql
}

fn of_name(facet: Facet, key: &str) -> Option<Sql> {
    let count = facet.count()?;
    let mut sql = Sql::new("COALESCE((SELECT movies FROM facet_counts WHERE facet = ");
    sql.bind(count.code()).push(" AND value = ");
    name_id(&mut sql, facet, key);
    sql.push("), 0)");
    Some(sql)
}

/// The tenths that the range touches, less the rows of the outer two that are not in it: with ratings
/// of one decimal there are none, and nothing is read for them.
fn of_ratings(sql: &mut Sql, filter: &Filter, dialect: Dialect) {
    let (min, max) = (filter.ratings.min, filter.ratings.max);
    let (low, high) = (min.map_or(0, tenths), max.map_or(100, tenths));
    sql.append(sum(Count::Tenths, &format!("BETWEEN {low} AND {high}")));
    let mut outside = |lower: f64, upper: f64, op: &str| {
        sql.push(" - (SELECT COUNT(*) FROM movies t ").push(&dialect.by_index("movies_rating"));
        sql.push(" WHERE t.rating ").push(op).push(" ").bind(lower);
        sql.push(" AND t.rating < ").bind(upper).push(")");
    };
    if let Some(min) = min.filter(|min| first_of_tenth(low) < *min) {
        outside(first_of_tenth(low), min, ">=");
    }
    if let Some(max) = max {
        outside(max, first_of_tenth(high + 1), ">");
    }
}

/// Counts the rows of a plan up to one more than [`TOTAL_COUNTED_MAX`].
fn counted(plan: &Plan<'_>, dialect: Dialect) -> Sql {
    // Alternatives, years and tenths are counted as the one range that they are together.
    let range = match plan.ranges.as_slice() {
        [range @ (Range::Name(..) | Range::Ids(_))] => *range,
        [Range::Name(..), ..] => plan.alternatives().unwrap_or(Range::All),
        _ => Range::All,
    };
    let mut sql = Sql::new("(SELECT COUNT(*) FROM (SELECT ");
    if let Range::Names(..) = range {
        // A movie that has several of them counts once.
        sql.push("DISTINCT t.movie_id FROM ").push(plan.table.name()).push(" t ");
    } else {
        sql.push("1 AS one FROM ").push(plan.table.name()).push(" t ").push(&by(plan, dialect));
    }
    plan.join(&mut sql, &range, dialect);
    sql.push(" WHERE ");
    plan.restrict(&mut sql, &range, dialect);
    sql.push(" LIMIT ").bind(i64::try_from(TOTAL_COUNTED_MAX + 1).unwrap_or(i64::MAX));
    sql.push(") c)");
    sql
}

/// Names the index whose ranges are counted. Movies come in about the order of their ids from it, so
/// that checks in another table go through that one from front to back.
fn by(plan: &Plan<'_>, dialect: Dialect) -> String {
    match (plan.table, plan.ranges.first()) {
        (Table::Movies, Some(Range::Ids(_))) => dialect.by_primary_key().to_owned(),
        (Table::Movies, Some(Range::Year(_))) => dialect.by_index("movies_year"),
        (Table::Movies, Some(Range::Tenth(_))) => dialect.by_index("movies_rating"),
        (Table::Movies, _) => dialect.by_index("movies_created"),
        (Table::Links(facet), _) => dialect.by_index(&format!("{}_created", facet.links())),
    }
}
