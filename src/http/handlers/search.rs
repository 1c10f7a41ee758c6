//! `GET /v1/search`: a page of the movies that a text finds.

use hyper::header::{self, HeaderValue};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    domain::{
        movie_json::MovieView,
        revision::{AsOf, Revision},
        search::{Facet, FacetCount, Facets, Highlights, SearchPage, SearchQuery, SearchStart},
    },
    service::activity::Shown,
    store::SearchKey,
};

use super::{
    super::{
        call::Call, class::Class, error::Problem, finished::Finished, params, query::Query,
        response::Answer, user,
    },
    personal_search,
};

/// The path of searches.
pub(crate) const PATH: &str = "/v1/search";

#[derive(Serialize)]
struct Search<'a> {
    data: Vec<Row<'a>>,
    page: Page,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<FacetsView<'a>>,
    did_you_mean: Option<&'a str>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    movie: MovieView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    highlights: Option<HighlightsView<'a>>,
}

#[derive(Serialize)]
struct HighlightsView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    directors: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cast: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    synopsis: Option<&'a str>,
}

#[derive(Serialize)]
struct Page {
    limit: u16,
    total: u64,
    next: Option<String>,
    prev: Option<String>,
}

/// Facets as an object: a list of values and counts for each.
struct FacetsView<'a>(&'a Facets);

/// A value of a facet: years and ratings are numbers.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Name(&'a str),
    Number(i64),
}

#[derive(Serialize)]
struct Count<'a> {
    value: Value<'a>,
    count: u64,
}

pub(crate) async fn search(call: &Call<'_>) -> Result<Answer, Problem> {
    let (query, personalize) = params::read(call.query(), SearchQuery::with_personalize)?;
    call.api.catalogue.may_search()?;
    if personalize {
        // Also where nobody is known who asks: what is under that name is for one person.
        return personal_search::answer(call, query, user::of(call)?.as_ref()).await;
    }
    Ok(Answer::Kept(Query::Search(Box::new(query))))
}

/// Reads what is asked for.
pub(crate) fn read(query: Option<&str>) -> Result<Query, Problem> {
    Ok(Query::Search(Box::new(params::read(query, SearchQuery::from_pairs)?)))
}

/// The answer to `query` that a page is.
pub(crate) fn render(query: &SearchQuery, page: &AsOf<SearchPage>) -> Finished {
    let SearchPage { rows, total, facets, next, prev, did_you_mean } = &page.value;
    let cursor = |position| query.cursor(position).to_string();
    let search = Search {
        data: rows
            .iter()
            .map(|row| Row {
                movie: MovieView::new(&row.movie, query.fields),
                highlights: row.highlights.as_ref().map(HighlightsView::of),
            })
            .collect(),
        page: Page {
            limit: query.limit,
            total: *total,
            next: next.as_ref().map(cursor),
            prev: prev.as_ref().map(cursor),
        },
        facets: (!facets.is_empty()).then_some(FacetsView(facets)),
        did_you_mean: did_you_mean.as_deref(),
        revision: page.revision,
    };
    let sought = query.sought();
    let shown = Shown {
        key: SearchKey::of(&sought),
        query: sought,
        hits: *total,
        movies: rows.iter().map(|row| row.movie.id).collect(),
        is_first: query.start == SearchStart::First,
    };
    Finished::json(Class::Search, &search)
        .with(header::LINK, links(query, &page.value))
        .showing(shown)
}

impl<'a> HighlightsView<'a> {
    fn of(highlights: &'a Highlights) -> Self {
        let Highlights { title, directors, cast, synopsis } = highlights;
        Self { title: title.as_deref(), directors, cast, synopsis: synopsis.as_deref() }
    }
}

impl Serialize for FacetsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (facet, counts) in self.0 {
            let counts: Vec<Count<'_>> =
                counts.iter().map(|count| Count::of(*facet, count)).collect();
            map.serialize_entry(facet.name(), &counts)?;
        }
        map.end()
    }
}

impl<'a> Count<'a> {
    fn of(facet: Facet, count: &'a FacetCount) -> Self {
        let name = Value::Name(&count.value);
        let value = match facet {
            Facet::Decade | Facet::Rating => count.value.parse().map_or(name, Value::Number),
            Facet::Genre | Facet::Country | Facet::Language => name,
        };
        Self { value, count: count.movies }
    }
}

/// `Link` (RFC 8288) to the pages around this one, each with the query in its canonical form.
fn links(query: &SearchQuery, page: &SearchPage) -> HeaderValue {
    let start = |position: &_| SearchStart::At(Clone::clone(position));
    let targets = [
        ("next", page.next.as_ref().map(start)),
        ("prev", page.prev.as_ref().map(start)),
        ("first", Some(SearchStart::First)),
    ];
    let mut text = String::new();
    for (relation, start) in targets {
        let Some(start) = start else { continue };
        let target = SearchQuery { start, ..query.clone() }.canonical();
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.extend(["<", PATH, "?", target.as_str(), ">; rel=\"", relation, "\""]);
    }
    HeaderValue::try_from(text).expect("a canonical query is percent-encoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Moment,
        cursor::{Position, Side, SortValue},
        movie::{Movie, MovieData, MovieId},
        search::SearchRow,
    };

    fn query(pairs: &[(&str, &str)]) -> SearchQuery {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        SearchQuery::from_pairs(pairs.iter().map(owned).collect()).unwrap()
    }

    fn page() -> AsOf<SearchPage> {
        let id = MovieId::new(1).unwrap();
        let movie = Movie {
            id,
            data: MovieData { title: "Сталкер".to_owned(), ..MovieData::default() },
            version: 1,
            created_at: Moment::from_unix_ms(0),
            updated_at: Moment::from_unix_ms(0),
        };
        let highlights = Highlights {
            title: Some("<em>Сталкер</em>".to_owned()),
            ..Highlights::default()
        };
        let count = |value: &str, movies| FacetCount { value: value.to_owned(), movies };
        let value = SearchPage {
            rows: vec![SearchRow { movie, highlights: Some(highlights) }],
            total: 3,
            facets: vec![
                (Facet::Genre, vec![count("Drama", 2)]),
                (Facet::Decade, vec![count("1970", 3)]),
            ],
            next: Some(Position { value: SortValue::Integer(5), id, side: Side::After, stage: 5 }),
            ..SearchPage::default()
        };
        AsOf { revision: Revision::new(7).unwrap(), value }
    }

    #[test]
    fn rows_are_those_of_lists_with_what_matched_beside_them() {
        let query = query(&[
            ("q", "сталкер"),
            ("fields", "id,title"),
            ("highlight", "true"),
            ("facets", "genre,decade"),
        ]);
        let found = render(&query, &page());
        let text = String::from_utf8(found.body.to_vec()).unwrap();
        let (start, rest) = text.split_once(r#","next":""#).unwrap();
        assert_eq!(
            start,
            r#"{"data":[{"id":1,"title":"Сталкер","highlights":{"title":"<em>Сталкер</em>"}}],"page":{"limit":20,"total":3"#
        );
        let (_, rest) = rest.split_once(r#"","prev":null},"#).unwrap();
        assert_eq!(
            rest,
            r#""facets":{"genre":[{"value":"Drama","count":2}],"decade":[{"value":1970,"count":3}]},"did_you_mean":null,"revision":7}"#
        );
    }

    #[test]
    fn links_keep_the_query() {
        let links = links(&query(&[("q", "b&w"), ("limit", "5")]), &page().value);
        let links = links.to_str().unwrap().to_owned();
        assert!(links.starts_with("</v1/search?q="), "{links}");
        assert!(links.contains("&limit=5&cursor="), "{links}");
        assert!(links.ends_with(r#"&limit=5>; rel="first""#), "{links}");
    }
}
