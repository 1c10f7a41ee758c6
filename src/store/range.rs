//! Lists as unions of index ranges, each read in the list's order and no further than needed.
//!
//! A page is the first rows of up to three *segments*, one after the other: the rows that tie with the
//! position, the rows beyond it, and the rows that have no sort value. Within a segment each *range* of
//! the plan gives its first rows. Every such piece is one contiguous part of one index.

use std::cmp::Ordering;

use crate::domain::{
    cursor::{Position, Side, SortValue},
    list::{Sort, SortKey},
    movie::MovieId,
};

use super::{
    dialect::Dialect,
    plan::{Plan, Range},
    sql::{Sql, Value},
};

/// The column that a list is sorted by.
pub(crate) const fn column(key: SortKey) -> &'static str {
    match key {
        SortKey::Popularity => "popularity",
        SortKey::Rating => "rating",
        SortKey::Votes => "votes",
        SortKey::Year => "year",
        SortKey::Title => "title_key",
        SortKey::Created => "created_at",
    }
}

/// The direction in which a page is read: the list's own, or against it for the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) key: SortKey,
    pub(crate) descending: bool,
    /// Whether rows without a sort value come first, as they do when a list is read backwards.
    missing_first: bool,
}

impl Walk {
    pub(crate) fn new(sort: Sort, position: Option<&Position>) -> Self {
        let backwards = position.is_some_and(|position| position.side == Side::Before);
        Self { key: sort.key, descending: sort.descending != backwards, missing_first: backwards }
    }

    const fn order(self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    const fn beyond(self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }

    /// Which of two rows comes first.
    pub(crate) fn compare(
        self,
        one: &SortValue,
        other: &SortValue,
        first: MovieId,
        second: MovieId,
    ) -> Ordering {
        let is_missing = |value: &SortValue| *value == SortValue::Missing;
        let missing = is_missing(one).cmp(&is_missing(other));
        let missing = if self.missing_first { missing.reverse() } else { missing };
        let values = match (one, other) {
            (SortValue::Integer(one), SortValue::Integer(other)) => one.cmp(other),
            (SortValue::Number(one), SortValue::Number(other)) => {
                one.partial_cmp(other).unwrap_or(Ordering::Equal)
            }
            (SortValue::Text(one), SortValue::Text(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        let within = values.then(first.cmp(&second));
        missing.then(if self.descending { within.reverse() } else { within })
    }
}

/// A part of a list in its order.
#[derive(Debug, Clone, PartialEq)]
enum Segment {
    /// Rows with this sort value, beyond this id.
    Tie(Value, MovieId),
    /// Rows with a sort value, beyond this one.
    Values(Option<Value>),
    /// Rows without a sort value, beyond this id.
    Missing(Option<MovieId>),
}

fn segments(walk: Walk, position: Option<&Position>, with_missing: bool) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(3);
    let value = position.map(|position| match &position.value {
        SortValue::Missing => None,
        SortValue::Integer(value) => Some(Value::from(*value)),
        SortValue::Number(value) => Some(Value::from(*value)),
        SortValue::Text(value) => Some(Value::from(value.as_slice())),
    });
    match (position, value) {
        (Some(position), Some(Some(value))) => {
            segments.push(Segment::Tie(value.clone(), position.id));
            segments.push(Segment::Values(Some(value)));
        }
        (Some(position), _) => {
            segments.push(Segment::Missing(Some(position.id)));
            if walk.missing_first {
                segments.push(Segment::Values(None));
            }
            return segments;
        }
        (None, _) => segments.push(Segment::Values(None)),
    }
    if with_missing && !walk.missing_first {
        segments.push(Segment::Missing(None));
    }
    segments
}

/// Whether the rows without a sort value are read along with the others, which they follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Included,
    /// The page is full without them, as far as is known: looking for those that pass a filter may
    /// take longer than all the rest.
    LeftOut,
}

/// Whether a page can do without the rows that have no sort value.
pub(crate) fn has_missing_at_its_end(
    plan: &Plan<'_>,
    walk: Walk,
    position: Option<&Position>,
) -> bool {
    let among_them = position.is_some_and(|position| position.value == SortValue::Missing);
    walk.key.optional() && !plan.bounds(walk.key) && !walk.missing_first && !among_them
}

/// The ids of a page, in its order.
pub(crate) fn page(
    plan: &Plan<'_>,
    walk: Walk,
    position: Option<&Position>,
    missing: Missing,
    rows: u32,
    skip: u32,
    dialect: Dialect,
) -> Sql {
    let with_missing = missing == Missing::Included && has_missing_at_its_end(plan, walk, position);
    let segments = segments(walk, position, with_missing);
    if let ([segment], [range]) = (&segments[..], &plan.ranges[..]) {
        let mut page = piece(plan, range, walk, 0, segment, rows, dialect);
        if skip > 0 {
            page.push(" OFFSET ").bind(skip);
        }
        return page;
    }
    let mut union = Sql::default();
    let mut pieces = 0;
    for (n, segment) in segments.iter().enumerate() {
        for range in &plan.ranges {
            if pieces > 0 {
                union.push(" UNION ALL ");
            }
            union.push("SELECT * FROM (");
            union.append(piece(plan, range, walk, n, segment, rows + skip, dialect));
            union.push(&format!(") p{pieces}"));
            pieces += 1;
        }
    }
    // A movie with two of the genres that are asked for is in two ranges.
    let mut page = Sql::new(if plan.overlapping { "SELECT DISTINCT " } else { "SELECT " });
    page.push("u.seg, u.id, u.s FROM (").append(union);
    let order = walk.order();
    page.push(&format!(") u ORDER BY u.seg, u.s {order}, u.id {order} LIMIT ")).bind(rows);
    if skip > 0 {
        page.push(" OFFSET ").bind(skip);
    }
    page
}

fn piece(
    plan: &Plan<'_>,
    range: &Range<'_>,
    walk: Walk,
    n: usize,
    segment: &Segment,
    rows: u32,
    dialect: Dialect,
) -> Sql {
    let (s, id) = (column(walk.key), plan.table.id());
    let (order, beyond) = (walk.order(), walk.beyond());
    let mut sql = Sql::new(format!("SELECT {n} AS seg, t.{id} AS id, t.{s} AS s FROM "));
    sql.push(plan.table.name()).push(" t ").push(&plan.read_by(walk.key, dialect));
    plan.join(&mut sql, range, dialect);
    sql.push(" WHERE ");
    plan.restrict(&mut sql, range, dialect);
    let order = match segment {
        Segment::Tie(value, after) => {
            sql.push(&format!(" AND t.{s} = "));
            bind(&mut sql, value);
            sql.push(&format!(" AND t.{id} {beyond} ")).bind(after.get());
            format!("t.{id} {order}")
        }
        Segment::Values(from) => {
            if let Some(value) = from {
                sql.push(&format!(" AND t.{s} {beyond} "));
                bind(&mut sql, value);
            }
            // No such value is negative; this keeps a walk from the low end from passing the rows
            // that have none, which stand before it in the index.
            if walk.key.optional() {
                sql.push(&format!(" AND t.{s} >= 0"));
            }
            format!("t.{s} {order}, t.{id} {order}")
        }
        Segment::Missing(after) => {
            sql.push(&format!(" AND t.{s} IS NULL"));
            if let Some(after) = after {
                sql.push(&format!(" AND t.{id} {beyond} ")).bind(after.get());
            }
            format!("t.{id} {order}")
        }
    };
    sql.push(" ORDER BY ").push(&order).push(" LIMIT ").bind(rows);
    sql
}

fn bind(sql: &mut Sql, value: &Value) {
    sql.bind(value.clone());
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(value: SortValue, side: Side) -> Position {
        Position { value, id: MovieId::new(9).expect("positive"), side, stage: 0 }
    }

    fn parts(descending: bool, position: Option<&Position>) -> Vec<&'static str> {
        let walk = Walk::new(Sort { key: SortKey::Rating, descending }, position);
        let name = |segment: &Segment| match segment {
            Segment::Tie(..) => "tie",
            Segment::Values(None) => "values",
            Segment::Values(Some(_)) => "beyond",
            Segment::Missing(None) => "missing",
            Segment::Missing(Some(_)) => "missing beyond",
        };
        segments(walk, position, true).iter().map(name).collect()
    }

    #[test]
    fn rows_without_a_sort_value_come_last_both_ways() {
        for descending in [false, true] {
            assert_eq!(parts(descending, None), ["values", "missing"]);
            let after = at(SortValue::Number(5.0), Side::After);
            assert_eq!(parts(descending, Some(&after)), ["tie", "beyond", "missing"]);
            let after = at(SortValue::Missing, Side::After);
            assert_eq!(parts(descending, Some(&after)), ["missing beyond"]);
        }
    }

    #[test]
    fn rows_are_compared_as_they_are_read() {
        use SortValue::{Missing, Number};
        let before = at(Number(5.0), Side::Before);
        let rows =
            [(Number(1.0), 1), (Number(2.0), 2), (Number(2.0), 3), (Missing, 4), (Missing, 5)];
        for (descending, position, expected) in [
            (false, None, [1, 2, 3, 4, 5]),
            (true, None, [3, 2, 1, 5, 4]),
            (false, Some(&before), [5, 4, 3, 2, 1]),
            (true, Some(&before), [4, 5, 1, 2, 3]),
        ] {
            let walk = Walk::new(Sort { key: SortKey::Rating, descending }, position);
            let id = |n| MovieId::new(n).expect("positive");
            let mut sorted = rows.clone();
            sorted.sort_by(|(one, first), (other, second)| {
                walk.compare(one, other, id(*first), id(*second))
            });
            assert_eq!(sorted.map(|(_, n)| n), expected, "{walk:?}");
        }
    }

    #[test]
    fn backwards_they_come_first() {
        for descending in [false, true] {
            let before = at(SortValue::Number(5.0), Side::Before);
            assert_eq!(parts(descending, Some(&before)), ["tie", "beyond"]);
            let before = at(SortValue::Missing, Side::Before);
            assert_eq!(parts(descending, Some(&before)), ["missing beyond", "values"]);
        }
    }
}
