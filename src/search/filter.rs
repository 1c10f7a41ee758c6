//! A list's filter in the terms of the index: names by their keys, ranges by columns.

use tantivy::{Term, schema::Field};

use crate::domain::list::Filter;

use super::{
    columns::Columns,
    document::from_number,
    matching::{Query, Wanted, Within},
    schema::Fields,
};

/// Adds to a query what its movies must have or lack.
pub(super) fn add(query: &mut Query, fields: &Fields, filter: &Filter) {
    let name = |field, name: &str| Wanted { field, term: name.as_bytes().to_vec(), code: 0 };
    for group in &filter.genres {
        query.conditions.push(group.iter().map(|genre| name(fields.genre, genre)).collect());
    }
    query.excluded.extend(filter.genres_not.iter().map(|genre| name(fields.genre, genre)));
    let names = [
        (fields.director, &filter.director),
        (fields.country, &filter.country),
        (fields.language, &filter.language),
    ];
    for (field, wanted) in names {
        query.conditions.extend(wanted.as_ref().map(|wanted| vec![name(field, wanted)]));
    }
    if let Some(ids) = &filter.ids {
        let ids = ids.iter().map(|id| number(fields.id, id.get().unsigned_abs()));
        query.conditions.push(ids.collect());
    }
    if let (Some(min), Some(max)) = (filter.years.min, filter.years.max)
        && min == max
    {
        query.conditions.push(vec![number(fields.year, u64::from(min.unsigned_abs()))]);
    }
}

/// The term of a number.
pub(super) fn number(field: Field, number: u64) -> Wanted {
    let term = Term::from_field_u64(field, number).serialized_value_bytes().to_vec();
    Wanted { field, term, code: 0 }
}

/// The filter's ranges.
pub(super) fn ranges<'c>(filter: &Filter, columns: &'c Columns) -> Vec<Within<'c>> {
    let mut ranges = Vec::new();
    // 0 is none.
    if !filter.years.is_open() {
        let year =
            |year: Option<i16>, open| year.map_or(open, |year| u64::from(year.unsigned_abs()));
        let range = year(filter.years.min, 1).max(1)..=year(filter.years.max, u64::MAX);
        ranges.push(Within { column: &columns.year, range });
    }
    if !filter.ratings.is_open() {
        let rating = |rating: Option<f64>, open| rating.map_or(open, |_| from_number(rating));
        let range = rating(filter.ratings.min, 1)..=rating(filter.ratings.max, u64::MAX);
        ranges.push(Within { column: &columns.rating, range });
    }
    ranges
}
