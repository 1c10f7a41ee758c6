//! A list's filter in the terms of the index: names by their keys, ranges by columns.

use tantivy::{DocId, Term, schema::Field};

use crate::domain::list::Filter;

use super::{
    columns::Columns,
    document::to_number,
    matching::{Query, Wanted},
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

/// Whether a movie is within the filter's ranges.
pub(super) fn in_ranges(filter: &Filter, columns: &Columns, document: DocId) -> bool {
    if !filter.years.is_open() {
        let year = columns.year.get(document);
        let from = |year: i16| u64::from(year.unsigned_abs());
        let within = year > 0
            && filter.years.min.is_none_or(|min| from(min) <= year)
            && filter.years.max.is_none_or(|max| year <= from(max));
        if !within {
            return false;
        }
    }
    if filter.ratings.is_open() {
        return true;
    }
    to_number(columns.rating.get(document)).is_some_and(|rating| {
        filter.ratings.min.is_none_or(|min| min <= rating)
            && filter.ratings.max.is_none_or(|max| rating <= max)
    })
}
