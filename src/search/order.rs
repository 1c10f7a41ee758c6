//! The order of rows as keys, the first row the largest, and positions as bounds of keys.

use crate::domain::{
    cursor::{Position, Side, SortValue},
    list::{Sort, SortKey},
    movie::{Movie, MovieId},
    search::SearchSort,
    text::sort_key,
};

use super::{columns::Columns, document::from_number, error::SearchError, score};

/// Present values come before absent ones, whatever the direction.
const PRESENT: u128 = 1 << 127;

/// The key of a value, encoded so that larger values are larger, and an id.
fn key(sort: Sort, value: Option<u64>, id: u64) -> u128 {
    let id = u128::from(if sort.descending { id } else { i64::MAX.unsigned_abs() - id });
    value.map_or(id, |value| {
        PRESENT | u128::from(if sort.descending { value } else { !value }) << 63 | id
    })
}

/// The key of a movie in a list's order. Those of titles are comparable within a segment alone.
pub(super) fn of_movie(columns: &Columns, sort: Sort, document: u32) -> u128 {
    let optional = |value: u64| (value > 0).then_some(value);
    let value = match sort.key {
        SortKey::Popularity => optional(columns.popularity.get(document)),
        SortKey::Rating => optional(columns.rating.get(document)),
        SortKey::Votes => optional(columns.votes.get(document)),
        SortKey::Year => optional(columns.year.get(document)),
        SortKey::Created => Some(columns.created.get(document)),
        SortKey::Title => Some(2 * columns.title.get(document) + 1),
    };
    key(sort, value, columns.id.get(document))
}

/// The key of a position in a list's order, in one segment.
pub(super) fn of_position(
    columns: &Columns,
    sort: SearchSort,
    position: &Position,
) -> Result<u128, SearchError> {
    let SearchSort::By(sort) = sort else {
        return Ok(match position.value {
            SortValue::Integer(rank) => score::key(rank, position.id),
            _ => 0,
        });
    };
    let value = match &position.value {
        SortValue::Missing => None,
        SortValue::Integer(value) => Some(match sort.key {
            SortKey::Created => tantivy::i64_to_u64(*value),
            SortKey::Votes => value.unsigned_abs() + 1,
            _ => value.unsigned_abs(),
        }),
        SortValue::Number(value) => Some(from_number(Some(*value))),
        SortValue::Text(key) => Some(columns.title_rank(key)?),
    };
    Ok(key(sort, value, position.id.get().unsigned_abs()))
}

/// The sort value of a movie.
pub(super) fn value_of(movie: &Movie, key: SortKey) -> SortValue {
    let number = |value: Option<f64>| value.map_or(SortValue::Missing, SortValue::Number);
    let integer = |value: Option<i64>| value.map_or(SortValue::Missing, SortValue::Integer);
    match key {
        SortKey::Popularity => number(movie.data.popularity),
        SortKey::Rating => number(movie.data.rating),
        SortKey::Votes => integer(movie.data.votes),
        SortKey::Year => integer(movie.data.year.map(i64::from)),
        SortKey::Title => SortValue::Text(sort_key(&movie.data.title)),
        SortKey::Created => SortValue::Integer(movie.created_at.unix_ms()),
    }
}

/// The place just across the row that a position names, so that the row itself is on the other page.
pub(super) fn across(position: &Position, sort: SearchSort) -> Option<(SortValue, MovieId)> {
    let descending = matches!(sort, SearchSort::By(Sort { descending: true, .. }));
    let up = (position.side == Side::After) != descending;
    let id = MovieId::new(position.id.get().checked_add(if up { 1 } else { -1 })?)?;
    Some((position.value.clone(), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_values_come_last_and_ties_go_by_id_in_the_same_direction() {
        let down = Sort { key: SortKey::Votes, descending: true };
        let up = Sort { descending: false, ..down };
        assert!(key(down, Some(2), 1) > key(down, Some(1), 9));
        assert!(key(down, Some(1), 9) > key(down, Some(1), 8));
        assert!(key(down, Some(0), 1) > key(down, None, 9));
        assert!(key(up, Some(1), 9) > key(up, Some(2), 1));
        assert!(key(up, Some(1), 8) > key(up, Some(1), 9));
        assert!(key(up, Some(u64::MAX), 9) > key(up, None, 1));
    }
}
