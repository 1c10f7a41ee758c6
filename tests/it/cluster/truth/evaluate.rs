//! Answers as they are defined, computed in memory by the shortest way.

use std::{cmp::Ordering, sync::Arc};

use marquee::domain::{
    cursor::{Position, Side, SortValue},
    field::FieldSet,
    list::{Filter, ListQuery, Sort, SortKey, Start},
    movie::MovieId,
    movie_json::MovieView,
};
use serde_json::json;

use super::row::{Row, mask, write};
use crate::cluster::load::movies::GENRES;

/// A list's filter, ready for [`Row`]s.
#[derive(Debug)]
pub(super) struct Matcher {
    filter: Filter,
    /// A movie has one genre of each group.
    groups: Vec<u32>,
    not: u32,
}

impl Matcher {
    pub(super) fn new(filter: &Filter) -> Self {
        let keys =
            |keys: &std::collections::BTreeSet<String>| mask(keys.iter().map(String::as_str));
        let groups = filter.genres.iter().map(keys).collect();
        Self { filter: filter.clone(), groups, not: keys(&filter.genres_not) }
    }

    pub(super) fn lets_through(&self, row: &Row) -> bool {
        let Filter { director, country, language, years, ratings, ids, .. } = &self.filter;
        let data = &row.movie.data;
        self.groups.iter().all(|group| row.genres & group != 0)
            && row.genres & self.not == 0
            && director.iter().all(|key| row.directors.contains(key))
            && country.iter().all(|key| row.countries.contains(key))
            && language.iter().all(|key| row.languages.contains(key))
            && within(data.year, years.min, years.max)
            && within(data.rating, ratings.min, ratings.max)
            && ids.as_ref().is_none_or(|ids| ids.contains(&row.movie.id))
    }
}

fn within<T: PartialOrd>(value: Option<T>, min: Option<T>, max: Option<T>) -> bool {
    match value {
        Some(value) => min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max),
        None => min.is_none() && max.is_none(),
    }
}

/// What a row is sorted by. Missing values come last, whichever way the list goes.
fn value(row: &Row, key: SortKey) -> SortValue {
    let data = &row.movie.data;
    let number = |value: Option<f64>| value.map_or(SortValue::Missing, SortValue::Number);
    let integer = |value: Option<i64>| value.map_or(SortValue::Missing, SortValue::Integer);
    match key {
        SortKey::Popularity => number(data.popularity),
        SortKey::Rating => number(data.rating),
        SortKey::Votes => integer(data.votes),
        SortKey::Year => integer(data.year.map(i64::from)),
        SortKey::Title => SortValue::Text(row.title_key.clone()),
        SortKey::Created => SortValue::Integer(row.movie.created_at.unix_ms()),
    }
}

fn compare(a: (&SortValue, i64), b: (&SortValue, i64), sort: Sort) -> Ordering {
    let direct = |order: Ordering| if sort.descending { order.reverse() } else { order };
    let order = match (a.0, b.0) {
        (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
        (SortValue::Missing, _) => Ordering::Greater,
        (_, SortValue::Missing) => Ordering::Less,
        (SortValue::Integer(a), SortValue::Integer(b)) => direct(a.cmp(b)),
        (SortValue::Number(a), SortValue::Number(b)) => direct(a.total_cmp(b)),
        (SortValue::Text(a), SortValue::Text(b)) => direct(a.cmp(b)),
        _ => unreachable!("values of one list are of one kind"),
    };
    order.then_with(|| direct(a.1.cmp(&b.1)))
}

/// The body of a page, without the revision that follows it.
pub(super) fn page<'a>(
    query: &ListQuery,
    matcher: &Matcher,
    movies: impl Iterator<Item = &'a Arc<Row>>,
) -> Vec<u8> {
    let sort = query.sort;
    let mut rows: Vec<(SortValue, &Row)> = movies
        .filter(|row| matcher.lets_through(row))
        .map(|row| (value(row, sort.key), &**row))
        .collect();
    rows.sort_by(|a, b| compare((&a.0, a.1.movie.id.get()), (&b.0, b.1.movie.id.get()), sort));
    let (total, limit) = (rows.len(), usize::from(query.limit));
    let (first, last) = window(query, &rows, limit);
    let shown = &rows[first..last];
    let (next, prev) = around(query, shown, first > 0, last < total);

    let mut body = b"{\"data\":[".to_vec();
    for (n, (_, row)) in shown.iter().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        if query.fields == FieldSet::of_lists() {
            body.extend(&row.listed);
        } else {
            body.extend(write(&MovieView::new(&row.movie, query.fields)));
        }
    }
    let cursor = |position: Option<Position>| position.map(|at| query.cursor(&at).to_string());
    let (next, prev) = (json!(cursor(next)), json!(cursor(prev)));
    let page = format!(
        r#"],"page":{{"limit":{limit},"total":{total},"next":{next},"prev":{prev}}},"revision":"#
    );
    body.extend(page.into_bytes());
    body
}

/// Which rows the page shows.
fn window(query: &ListQuery, rows: &[(SortValue, &Row)], limit: usize) -> (usize, usize) {
    let first = match &query.start {
        Start::First => 0,
        Start::Page(page) => (usize::try_from(*page).expect("few") - 1) * limit,
        Start::At(position) => {
            let order = |(value, row): &(SortValue, &Row)| {
                compare(
                    (value, row.movie.id.get()),
                    (&position.value, position.id.get()),
                    query.sort,
                )
            };
            match position.side {
                Side::After => rows.partition_point(|row| order(row) != Ordering::Greater),
                Side::Before => {
                    let end = rows.partition_point(|row| order(row) == Ordering::Less);
                    return (end.saturating_sub(limit), end);
                }
            }
        }
    };
    let first = first.min(rows.len());
    (first, (first + limit).min(rows.len()))
}

/// Where the pages beside this one are. Beside an empty page is the row that its cursor names.
fn around(
    query: &ListQuery,
    shown: &[(SortValue, &Row)],
    before: bool,
    after: bool,
) -> (Option<Position>, Option<Position>) {
    let across = || {
        let Start::At(position) = &query.start else { return None };
        let up = (position.side == Side::After) != query.sort.descending;
        let id = MovieId::new(position.id.get() + if up { 1 } else { -1 })?;
        Some((position.value.clone(), id))
    };
    let beside = |row: Option<&(SortValue, &Row)>, side| {
        let known = row.map(|(value, row)| (value.clone(), row.movie.id)).or_else(across);
        known.map(|(value, id)| Position { value, id, side, stage: 0 })
    };
    let next = || beside(shown.last(), Side::After);
    let prev = || beside(shown.first(), Side::Before);
    match &query.start {
        Start::First => (after.then(next).flatten(), None),
        Start::Page(_) if shown.is_empty() => (None, None),
        Start::At(position) if position.side == Side::Before => {
            (next(), before.then(prev).flatten())
        }
        Start::Page(_) | Start::At(_) => (after.then(next).flatten(), prev()),
    }
}

/// The body of `/v1/genres`, without the revision that follows it.
pub(super) fn genres<'a>(movies: impl Iterator<Item = &'a Arc<Row>>) -> Vec<u8> {
    let mut counts = [0; GENRES.len()];
    for row in movies {
        for (n, count) in counts.iter_mut().enumerate() {
            *count += row.genres >> n & 1;
        }
    }
    // GENRES are in the order of their keys.
    let rows: Vec<String> = GENRES
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!(r#"{{"name":"{name}","movies":{count}}}"#))
        .collect();
    format!(r#"{{"data":[{}],"revision":"#, rows.join(",")).into()
}

/// The body of `/search`.
pub(super) fn compat<'a>(movies: impl Iterator<Item = &'a Arc<Row>>) -> Vec<u8> {
    let rows: Vec<&[u8]> = movies.map(|row| &row.compat[..]).collect();
    [&b"{\"data\":["[..], &rows.join(&b','), b"]}"].concat()
}
