//! `GET /v1/movies`: a page of a list.

use hyper::header::{self, HeaderValue};
use serde::Serialize;

use crate::domain::{
    list::{ListPage, ListQuery, Start, Total},
    movie_json::MovieView,
    revision::{AsOf, Revision},
};

use super::super::{
    call::Call, class::Class, error::Problem, finished::Finished, params, query::Query,
    response::Answer,
};

/// The path of lists.
pub(crate) const PATH: &str = "/v1/movies";

#[derive(Serialize)]
struct List<'a> {
    data: Vec<MovieView<'a>>,
    page: Page,
    revision: Revision,
}

#[derive(Serialize)]
struct Page {
    limit: u16,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is: Option<&'static str>,
    next: Option<String>,
    prev: Option<String>,
}

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    read(call.query()).map(Answer::Kept)
}

/// Reads what is asked for.
pub(crate) fn read(query: Option<&str>) -> Result<Query, Problem> {
    Ok(Query::List(Box::new(params::read(query, ListQuery::from_pairs)?)))
}

/// The answer to `query` that a page is.
pub(crate) fn render(query: &ListQuery, page: &AsOf<ListPage>) -> Finished {
    let ListPage { movies, total, next, prev } = &page.value;
    let (total, total_is) = match *total {
        Total::Exact(total) => (total, None),
        Total::AtLeast(total) => (total, Some("at_least")),
    };
    let cursor = |position| query.cursor(position).to_string();
    let list = List {
        data: movies.iter().map(|movie| MovieView::new(movie, query.fields)).collect(),
        page: Page {
            limit: query.limit,
            total,
            total_is,
            next: next.as_ref().map(cursor),
            prev: prev.as_ref().map(cursor),
        },
        revision: page.revision,
    };
    Finished::json(Class::List, &list).with(header::LINK, links(query, &page.value))
}

/// `Link` (RFC 8288) to the pages around this one, each with the query in its canonical form.
fn links(query: &ListQuery, page: &ListPage) -> HeaderValue {
    let start = |position: &_| Start::At(Clone::clone(position));
    let targets = [
        ("next", page.next.as_ref().map(start)),
        ("prev", page.prev.as_ref().map(start)),
        ("first", Some(Start::First)),
    ];
    let mut text = String::new();
    for (relation, start) in targets {
        let Some(start) = start else { continue };
        let target = ListQuery { start, ..query.clone() }.canonical();
        if !text.is_empty() {
            text.push_str(", ");
        }
        let mark = if target.is_empty() { "" } else { "?" };
        text.extend(["<", PATH, mark, target.as_str(), ">; rel=\"", relation, "\""]);
    }
    HeaderValue::from_str(&text).expect("a canonical query is percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Moment,
        cursor::{Position, Side, SortValue},
        movie::{Movie, MovieData, MovieId},
    };

    fn page() -> AsOf<ListPage> {
        let at = |side| Position {
            value: SortValue::Missing,
            id: MovieId::new(1).unwrap(),
            side,
            stage: 0,
        };
        let movie = Movie {
            id: MovieId::new(1).unwrap(),
            data: MovieData { title: "Сталкер".to_owned(), ..MovieData::default() },
            version: 1,
            created_at: Moment::from_unix_ms(0),
            updated_at: Moment::from_unix_ms(0),
        };
        let value = ListPage {
            movies: vec![movie],
            total: Total::AtLeast(10_000),
            next: Some(at(Side::After)),
            prev: None,
        };
        AsOf { revision: Revision::new(7).unwrap(), value }
    }

    fn query(pairs: &[(&str, &str)]) -> ListQuery {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQuery::from_pairs(pairs.iter().map(owned).collect()).unwrap()
    }

    #[test]
    fn rows_have_the_fields_asked_for_and_the_page_says_where_the_next_is() {
        let query = query(&[("fields", "title,id"), ("genre", "Sci-Fi")]);
        let found = render(&query, &page());
        let text = String::from_utf8(found.body.to_vec()).unwrap();
        let (start, rest) = text.split_once(r#","next":""#).unwrap();
        assert_eq!(
            start,
            r#"{"data":[{"id":1,"title":"Сталкер"}],"page":{"limit":50,"total":10000,"total_is":"at_least""#
        );
        assert!(rest.ends_with(r#"","prev":null},"revision":7}"#), "{rest}");
    }

    #[test]
    fn links_keep_the_query() {
        let query = query(&[("genre", "Sci-Fi"), ("limit", "5")]);
        let links = links(&query, &page().value).to_str().unwrap().to_owned();
        assert!(links.starts_with("</v1/movies?genre=sci-fi&limit=5&cursor="), "{links}");
        assert!(links.ends_with(r#"</v1/movies?genre=sci-fi&limit=5>; rel="first""#), "{links}");
        assert!(!links.contains("prev"));
    }
}
