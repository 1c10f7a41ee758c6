//! `GET /v1/collections`, `GET /v1/collections/{slug}` and its `/definition`.

use std::{fmt::Write as _, sync::Arc};

use hyper::header::HeaderValue;
use serde::{Serialize, Serializer};

use crate::{
    domain::{
        clock::Moment,
        collection::{DefinitionView, Slug},
        field::FieldSet,
        invalid::Invalid,
        movie_json::MovieView,
        parameters::{Parameters, integer},
        revision::{AsOf, Revision},
        season::{Span, Standing, YEARS},
    },
    service::collections::{Document, Held, Listing},
};

use super::super::{
    call::Call,
    class::Class,
    error::{Kind, PROBLEM_JSON, Problem},
    finished::Finished,
    params,
    query::Query,
    response::{Answer, CATALOG_REVISION},
};

/// The path of all collections.
pub(crate) const PATH: &str = "/v1/collections";
/// Most collections of a page.
pub(crate) const LIMIT_MAX: u16 = 200;
/// Collections of a page unless asked otherwise.
pub(crate) const LIMIT_DEFAULT: u16 = 50;

/// A page of collections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListQuery {
    /// Only those that are on, or only those that are not.
    pub(crate) active: Option<bool>,
    /// How many at most.
    pub(crate) limit: u16,
    /// The last one of the page before.
    pub(crate) after: Option<Slug>,
}

impl ListQuery {
    /// The first page as most ask for it.
    pub(crate) const FIRST: Self = Self { active: None, limit: LIMIT_DEFAULT, after: None };

    /// Reads the query, and the moment that it is about, if that is not now.
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<(Self, Option<Moment>), Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let active = p.parsed("active", "true or false", |text| text.parse().ok());
        let limit = p
            .parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
                integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
            })
            .unwrap_or(LIMIT_DEFAULT);
        let cursor = "the page.next of another page";
        let after = p.parsed("cursor", cursor, |text| text.parse().ok());
        let (first, last) = YEARS;
        let must = format!("a time as in 2026-12-24T18:00:00Z, from {first} to {last}");
        let at = p.parsed("at", &must, moment);
        parameters.finish((Self { active, limit, after }, at))
    }

    /// The same for all queries that mean the same.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        let mut pair = |name: &str, value: &dyn std::fmt::Display| {
            let mark = if text.is_empty() { "?" } else { "&" };
            let _ = write!(text, "{mark}{name}={value}"); // cannot fail
        };
        if let Some(active) = self.active {
            pair("active", &active);
        }
        if self.limit != LIMIT_DEFAULT {
            pair("limit", &self.limit);
        }
        if let Some(after) = &self.after {
            pair("cursor", after);
        }
        text
    }
}

/// A moment in the years of seasons, with its offset.
fn moment(text: &str) -> Option<Moment> {
    // A plus sign that was sent as it is has become a blank.
    let text = match text.rsplit_once(' ') {
        Some((time, offset)) if offset.len() == "01:00".len() => &format!("{time}+{offset}"),
        _ => text,
    };
    // What the calendar's reader takes beside RFC 3339: zones in brackets, leap seconds, blanks for T.
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"TZ:.+-".contains(&b));
    let leap = text.get(17..19) == Some("60");
    let shape = plain && text.as_bytes().get(10) == Some(&b'T') && !leap;
    let moment = Moment::parse(text).filter(|_| shape)?;
    let year = text.get(..4)?.parse::<i16>().ok()?;
    (YEARS.0..=YEARS.1).contains(&year).then_some(moment)
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
    page: Page<'a>,
    revision: Revision,
}

#[derive(Serialize)]
struct Page<'a> {
    limit: u16,
    total: usize,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    slug: &'a str,
    title: &'a str,
    description: Option<&'a str>,
    active: bool,
    season: Option<Season>,
    next: Option<Season>,
    version: i64,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    data: Vec<MovieView<'a>>,
    total: usize,
    revision: Revision,
}

/// A time for which a collection is on.
struct Season(Span);

impl Serialize for Season {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Span { since, until } = self.0;
        serializer.collect_map([("since", since.to_string()), ("until", until.to_string())])
    }
}

/// The season that is on; none where it is off, and where it is always on.
fn season(standing: &Standing) -> Option<Season> {
    match (standing.since, standing.until) {
        (Some(since), Some(until)) if standing.active => Some(Season(Span { since, until })),
        _ => None,
    }
}

fn row<'a>(collection: &'a crate::domain::collection::Collection, standing: &Standing) -> Row<'a> {
    let definition = &collection.definition;
    Row {
        slug: collection.slug.as_str(),
        title: &definition.title,
        description: definition.description.as_deref(),
        active: standing.active,
        season: season(standing),
        next: standing.next.map(Season),
        version: collection.version,
    }
}

pub(crate) async fn list(call: Call<'_>) -> Result<Answer, Problem> {
    let (query, at) = read_list(call.query())?;
    let collections = &call.api.collections;
    let Some(at) = at else {
        return Ok(Answer::Kept(collections_now(collections, query).await?));
    };
    // Any moment may be asked for: what is answered is worked out in memory, and kept by nobody.
    call.caught_up().await?;
    let verified = call.api.catalogue.known().verified(); // before the register is judged
    let held = collections.held_and_known().await?;
    let revision = held.revision().max(verified);
    let found = render_list(&query, &held, at, revision, Class::Feed);
    let revision = HeaderValue::from(revision.get());
    Ok(Answer::Read(Arc::new(found.with(CATALOG_REVISION, revision))))
}

/// Reads which collections are asked for, and for which moment, if that is not now.
pub(crate) fn read_list(query: Option<&str>) -> Result<(ListQuery, Option<Moment>), Problem> {
    params::read(query, ListQuery::from_pairs)
}

/// A page of collections as they stand now.
pub(crate) async fn collections_now(
    collections: &crate::service::collections::Collections,
    query: ListQuery,
) -> Result<Query, Problem> {
    let held = collections.held().await?;
    let at = collections.now();
    Ok(Query::Collections { query, standing: held.standing_now(at), at })
}

pub(crate) async fn one(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    one_now(&call.api.collections, call.parameter).await.map(Answer::Kept)
}

/// A collection as it stands now.
pub(crate) async fn one_now(
    collections: &crate::service::collections::Collections,
    name: &str,
) -> Result<Query, Problem> {
    Ok(Query::Collection(Box::new(collections.plan(slug(name)?).await?)))
}

pub(crate) async fn definition(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let slug = slug(call.parameter)?;
    call.caught_up().await?;
    let AsOf { revision, value } = call.api.collections.definition(slug).await?;
    let collection = value.ok_or_else(|| no_such_collection(call.parameter))?;
    let found = Finished::json(Class::Feed, &DefinitionView(&collection));
    let revision = HeaderValue::from(revision.get());
    Ok(Answer::Read(Arc::new(found.with(CATALOG_REVISION, revision))))
}

/// The slug in a path. A text that is none is the name of no collection.
pub(super) fn slug(text: &str) -> Result<Slug, Problem> {
    text.parse().map_err(|()| no_such_collection(text))
}

/// No collection of that name.
pub(super) fn no_such_collection(slug: impl std::fmt::Display) -> Problem {
    Problem::new(Kind::NoSuchCollection, format!("there is no collection {slug}"))
}

/// The answer that a page of collections is.
pub(crate) fn render_list(
    query: &ListQuery,
    held: &Held,
    at: Moment,
    revision: Revision,
    class: Class,
) -> Finished {
    let asked =
        |listing: &Listing| query.active.is_none_or(|active| listing.standing.active == active);
    let all: Vec<Listing> = held.at(at).filter(asked).collect();
    let rest = all
        .iter()
        .filter(|one| query.after.as_ref().is_none_or(|after| one.collection.slug > *after));
    let rest: Vec<&Listing> = rest.collect();
    let limit = usize::from(query.limit);
    let page = &rest[..limit.min(rest.len())];
    let next = page.last().filter(|_| rest.len() > limit);
    let list = List {
        data: page.iter().map(|one| row(&one.collection, &one.standing)).collect(),
        page: Page {
            limit: query.limit,
            total: all.len(),
            next: next.map(|last| last.collection.slug.as_str()),
        },
        revision,
    };
    Finished::json(class, &list)
}

/// The answer that a collection is, or that there is none.
pub(crate) fn render(slug: &Slug, document: Option<&Document>, revision: Revision) -> Finished {
    let Some(Document { assembled, standing, .. }) = document else {
        let document = no_such_collection(slug).to_json(None);
        let status = Kind::NoSuchCollection.status();
        return Finished::new(status, Class::Collection, PROBLEM_JSON, document);
    };
    let fields = FieldSet::of_lists();
    let data: Vec<_> = assembled.movies.iter().map(|movie| MovieView::new(movie, fields)).collect();
    let total = data.len();
    let whole = Whole { row: row(&assembled.collection, standing), data, total, revision };
    let in_season = standing.active && standing.until.is_some();
    Finished::json(if in_season { Class::Season } else { Class::Collection }, &whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(ListQuery, Option<Moment>), Invalid> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQuery::from_pairs(pairs.iter().map(owned).collect())
    }

    #[test]
    fn queries_that_mean_the_same_are_written_alike() {
        let (query, at) =
            read(&[("cursor", "halloween"), ("limit", "50"), ("active", "true")]).unwrap();
        assert_eq!((query.canonical().as_str(), at), ("?active=true&cursor=halloween", None));
        assert_eq!(ListQuery::FIRST.canonical(), "");
        let bad = [("active", "yes"), ("limit", "201"), ("cursor", "A"), ("at", "now"), ("x", "")];
        assert_eq!(read(&bad).unwrap_err().faults().len(), bad.len());
    }

    #[test]
    fn moments_have_an_offset_and_are_within_the_years_of_seasons() {
        for good in ["2026-12-24T18:00:00Z", "2026-12-24T18:00:00.5+01:00", "1970-01-01T00:00:00Z"]
        {
            assert!(moment(good).is_some(), "{good}");
            // As it arrives where the plus sign was not escaped.
            assert_eq!(moment(&good.replace('+', " ")), moment(good));
        }
        for bad in [
            "2026-12-24",
            "2026-12-24T18:00:00",
            "2026-12-24 18:00:00Z",
            "2026-12-24T23:59:60Z",
            "2026-12-24T18:00:00+01:00[Europe/Berlin]",
            "1969-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "-009999-01-01T00:00:00Z",
        ] {
            assert!(moment(bad).is_none(), "{bad}");
        }
    }
}
