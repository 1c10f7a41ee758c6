//! Answers to queries, each from one snapshot.

use std::ops::ControlFlow;

use tantivy::DocId;

use crate::domain::{
    cursor::{Position, Side, SortValue},
    list::{ListPage, ListQuery, Start, Total},
    movie::{Movie, MovieId},
    search::{FacetSet, SearchPage, SearchQuery, SearchRow, SearchSort, SearchStart},
};

use super::{
    beside::{BESIDE_MAX, Beside},
    collect::{Page, Row, stored},
    document::{movie, rest},
    error::SearchError,
    facets::Counter,
    filter,
    highlight::Marker,
    index::Snapshot,
    matching::{self, Found, Query, Window, Within},
    order,
    phrases::Places,
    plan::Plan,
    schema::Fields,
    score,
    segment::Part,
    spelling,
    stage::choose,
};

/// A page of a list.
pub(super) fn list(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &ListQuery,
) -> Result<ListPage, SearchError> {
    let mut wanted = Query::default();
    filter::add(&mut wanted, fields, &query.filter);
    let limit = usize::from(query.limit);
    let (position, skip) = match &query.start {
        Start::First => (None, 0),
        Start::Page(page) => (None, (usize::try_from(*page).unwrap_or(usize::MAX) - 1) * limit),
        Start::At(position) => (Some(position.clone()), 0),
    };
    let sort = SearchSort::By(query.sort);
    let mut page = Page::new(limit + 1, skip, sort, position.clone());
    let mut total = 0;
    for (n, part) in snapshot.parts.iter().enumerate() {
        let columns = &part.base.columns;
        page.begin(n, columns)?;
        let ranges = filter::ranges(&query.filter, columns);
        matching::run(part, &wanted, &ranges, |window| {
            total += window.documents.len() as u64;
            for document in window.documents {
                page.take(order::of_movie(columns, query.sort, *document), *document);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        page.end(columns)?;
    }
    let first = matches!(query.start, Start::First);
    let paged = matches!(query.start, Start::Page(_));
    let turned = turn(page.rows(), limit, position.as_ref());
    let mut movies = Vec::with_capacity(turned.rows.len());
    for row in &turned.rows {
        movies.push(read(snapshot, fields, *row)?.0);
    }
    let place = |movie: &Movie| (order::value_of(movie, query.sort.key), movie.id);
    let ends = (movies.first().map(place), movies.last().map(place));
    let (next, prev) = if movies.is_empty() && paged {
        (None, None)
    } else {
        turned.beside(ends, position.as_ref(), sort, first)
    };
    Ok(ListPage { movies, total: Total::Exact(total), next, prev })
}

/// A page of a search.
pub(super) fn search(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &SearchQuery,
) -> Result<SearchPage, SearchError> {
    let position = match &query.start {
        SearchStart::First => None,
        SearchStart::At(position) => Some(position),
    };
    let Some((plan, stage)) = choose(snapshot, fields, query, position)? else {
        let did_you_mean = spelling::suggest(snapshot, fields, query)?;
        let facets = Counter::new(query.facets).facets();
        return Ok(SearchPage { facets, did_you_mean, ..SearchPage::default() });
    };
    let limit = usize::from(query.limit);
    let mut page = Page::new(limit + 1, 0, query.sort, position.cloned());
    let mut counter = Counter::new(query.facets);
    let with_facets = query.facets != FacetSet::EMPTY;
    let beside_max = if plan.query.words.len() > 1 { BESIDE_MAX } else { 0 };
    let mut wanted = plan.query.clone();
    filter::add(&mut wanted, fields, &query.filter);
    let mut scale = score::Scale::new(&wanted);
    let (mut codes, mut standings) = (vec![0; wanted.words.len()], Vec::new());
    let mut total = 0;
    for (n, part) in snapshot.parts.iter().enumerate() {
        let columns = &part.base.columns;
        page.begin(n, columns)?;
        counter.begin(columns);
        let mut places = Places::new(part, fields, &wanted.words);
        let ranges = filter::ranges(&query.filter, columns);
        each(part, fields, &plan, &wanted, &ranges, |window| {
            total += window.documents.len() as u64;
            if with_facets {
                counter.count(columns, window.documents);
            }
            if let SearchSort::By(sort) = query.sort {
                for document in window.documents {
                    page.take(order::of_movie(columns, sort, *document), *document);
                }
                return Ok(ControlFlow::Continue(()));
            }
            standings.clear();
            standings.extend(window.documents.iter().map(|document| columns.standing(*document)));
            for (document, standing) in window.documents.iter().zip(&standings) {
                window.codes(*document, &mut codes);
                let points = scale.points(*standing, &codes);
                let rank = |points| score::rank(points, standing.fame);
                if !page.may_take(rank(points + beside_max)) {
                    continue;
                }
                let at_most = match beside_max {
                    0 => 0,
                    _ => Beside::at_most(&codes, &wanted.required).points(),
                };
                if !page.may_take(rank(points + at_most)) {
                    continue;
                }
                let beside = match at_most {
                    0 => 0,
                    _ => places.beside(*document, &codes, &wanted.required)?.points(),
                };
                let id = MovieId::new(id(part, *document)).ok_or_else(no_id)?;
                page.take(score::key(rank(points + beside), id), *document);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        page.end(columns)?;
        counter.end(columns);
    }
    let turned = turn(page.rows(), limit, position);
    let marker = query.highlight.then(|| Marker::new(&wanted, fields));
    let mut rows = Vec::with_capacity(turned.rows.len());
    for row in &turned.rows {
        let (movie, document) = read(snapshot, fields, *row)?;
        let highlights = match &marker {
            Some(marker) => {
                let rest = rest(fields, &document).ok_or_else(unreadable)?;
                Some(marker.mark(&movie, &rest))
            }
            None => None,
        };
        rows.push(SearchRow { movie, highlights });
    }
    let ranks = match query.sort {
        SearchSort::Relevance => turned.ranks(),
        SearchSort::By(_) => (None, None),
    };
    let place = |row: Option<&SearchRow>, rank: Option<i64>| {
        let movie = &row?.movie;
        let value = match query.sort {
            SearchSort::Relevance => SortValue::Integer(rank?),
            SearchSort::By(sort) => order::value_of(movie, sort.key),
        };
        Some((value, movie.id))
    };
    let ends = (place(rows.first(), ranks.0), place(rows.last(), ranks.1));
    let first = position.is_none();
    let (next, prev) = turned.beside(ends, position, query.sort, first);
    let [next, prev] = [next, prev]
        .map(|position| position.map(|position| Position { stage: stage.number(), ..position }));
    // Where the filter alone leaves nothing, other words would not help.
    Ok(SearchPage { rows, total, facets: counter.facets(), next, prev, did_you_mean: None })
}

/// Whether a plan finds so many movies.
pub(super) fn finds(
    snapshot: &Snapshot,
    fields: &Fields,
    plan: &Plan,
    enough: usize,
) -> Result<bool, SearchError> {
    let mut left = enough;
    for part in &snapshot.parts {
        each(part, fields, plan, &plan.query, &[], |window| {
            left = left.saturating_sub(window.documents.len());
            Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if left == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids of the most popular movies that a plan finds.
pub(super) fn most_famous(
    snapshot: &Snapshot,
    fields: &Fields,
    plan: &Plan,
    most: usize,
) -> Result<Vec<u64>, SearchError> {
    let mut movies = Vec::new();
    for part in &snapshot.parts {
        let columns = &part.base.columns;
        each(part, fields, plan, &plan.query, &[], |window| {
            movies.extend(window.documents.iter().map(|document| {
                let fame = columns.standing(*document).fame;
                (std::cmp::Reverse(fame), columns.id.get(*document))
            }));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    movies.sort_unstable();
    movies.truncate(most);
    Ok(movies.into_iter().map(|(_, id)| id).collect())
}

/// The movies of a part that a plan finds, with its phrases and without those that must not be there.
pub(super) fn each(
    part: &Part,
    fields: &Fields,
    plan: &Plan,
    query: &Query,
    ranges: &[Within<'_>],
    mut found: impl FnMut(&Window<'_>) -> Found,
) -> Result<(), SearchError> {
    let mut phrases: Vec<(Places<'_>, bool)> = plan
        .phrases
        .iter()
        .map(|phrase| (Places::new(part, fields, &phrase.words), phrase.negative))
        .collect();
    if phrases.is_empty() {
        return matching::run(part, query, ranges, found);
    }
    let mut documents = Vec::new();
    matching::run(part, query, ranges, |window| {
        documents.clear();
        'movies: for document in window.documents {
            for (places, negative) in &mut phrases {
                if places.in_sequence(*document)? == *negative {
                    continue 'movies;
                }
            }
            documents.push(*document);
        }
        found(&window.with(&documents))
    })
}

fn id(part: &Part, document: DocId) -> i64 {
    i64::try_from(part.base.columns.id.get(document)).unwrap_or_default()
}

fn no_id() -> SearchError {
    SearchError::Damaged("a movie has no id".to_owned())
}

fn unreadable() -> SearchError {
    SearchError::Damaged("a stored movie cannot be read".to_owned())
}

fn read(
    snapshot: &Snapshot,
    fields: &Fields,
    row: Row,
) -> Result<(Movie, tantivy::TantivyDocument), SearchError> {
    let document = stored(snapshot, row)?;
    let movie = movie(fields, &document).ok_or_else(unreadable)?;
    Ok((movie, document))
}

/// The rows of a page in their order, and whether there are more in the direction it was read.
struct Turned {
    rows: Vec<Row>,
    more: bool,
    backwards: bool,
}

/// Puts the rows in the page's order and leaves out the one that only shows that there are more.
fn turn(mut rows: Vec<Row>, limit: usize, position: Option<&Position>) -> Turned {
    let backwards = position.is_some_and(|position| position.side == Side::Before);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if backwards {
        rows.reverse();
    }
    Turned { rows, more, backwards }
}

type Place = (SortValue, MovieId);

impl Turned {
    /// What is after the page and before it.
    fn beside(
        &self,
        (first, last): (Option<Place>, Option<Place>),
        position: Option<&Position>,
        sort: SearchSort,
        from_start: bool,
    ) -> (Option<Position>, Option<Position>) {
        let place = |known: Option<Place>, side| {
            // An empty page lies between the row that its cursor names and nothing.
            let (value, id) = known.or_else(|| order::across(position?, sort))?;
            Some(Position { value, id, side, stage: 0 })
        };
        let next = place(last, Side::After);
        let prev = place(first, Side::Before);
        if from_start {
            (next.filter(|_| self.more), None)
        } else if self.backwards {
            (next, prev.filter(|_| self.more))
        } else {
            (next.filter(|_| self.more), prev)
        }
    }

    /// The ranks of the first and the last row, in the order of relevance.
    fn ranks(&self) -> (Option<i64>, Option<i64>) {
        let rank = |row: Option<&Row>| row.map(|row| score::rank_of_key(row.key(self.backwards)));
        (rank(self.rows.first()), rank(self.rows.last()))
    }
}
