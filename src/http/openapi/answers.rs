//! What operations answer: the shapes of documents, problems and headers.

use std::collections::BTreeMap;

use hyper::StatusCode;
use utoipa::openapi::{
    Content, Header, Ref, RefOr, Response, ResponseBuilder, header::HeaderBuilder,
};

use crate::{
    domain::{
        change::ChangeKind,
        list::{LIMIT_MAX, TOTAL_COUNTED_MAX},
    },
    http::{
        error::Kind,
        handlers::{batch, changes, compat},
    },
};

use super::{
    fields::{new_movie, whole_movie},
    schema::{
        Node, Null, any_of, closed, constant, integer, list, list_up_to, named, number, object,
        one_of, text,
    },
};

/// As they are written; in HTTP/1.1 and HTTP/2 case does not matter.
const RATE_LIMIT: &str = "RateLimit";
const RATE_LIMIT_POLICY: &str = "RateLimit-Policy";

/// The schemas of answers by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    let schemas: [(&str, Node); 12] = [
        ("MovieList", movie_list()),
        ("GenreList", genre_list()),
        ("ChangeList", change_list()),
        ("Batch", batch()),
        ("BatchAnswer", batch_answer()),
        ("Problem", problem()),
        ("Fault", fault()),
        ("CompatList", compat_list()),
        ("CompatAdded", message(&[compat::ADDED])),
        ("CompatNotAdded", compat_not_added()),
        ("CompatDeleted", message(&[compat::DELETED])),
        ("CompatNotFound", message(&[compat::NOT_FOUND])),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// A catalogue's revision.
pub(super) fn revision() -> Node {
    let about = "It includes every write up to this revision.";
    integer((0, i64::MAX), Null::No).description(Some(about)).into()
}

fn movie_list() -> Node {
    let total_is = format!(
        "Where it is there, the list has `total` movies or more: beyond {TOTAL_COUNTED_MAX} they are \
         not counted."
    );
    let cursor = |about| Node::from(text(Null::Yes).description(Some(about)));
    let page = object::<Node>([
        ("limit", integer((1, i64::from(LIMIT_MAX)), Null::No).into()),
        ("total", integer((0, i64::MAX), Null::No).into()),
        ("total_is?", one_of(["at_least".to_owned()]).description(Some(total_is)).into()),
        ("next", cursor("The cursor of the next page; null on the last.")),
        ("prev", cursor("The cursor of the page before; null on the first.")),
    ]);
    let rows = list_up_to(LIMIT_MAX.into(), named("MovieRow"), Null::No);
    object::<Node>([("data", rows.into()), ("page", page.into()), ("revision", revision())]).into()
}

fn genre_list() -> Node {
    let row = object([("name", text(Null::No)), ("movies", integer((1, i64::MAX), Null::No))]);
    object::<Node>([("data", list(row).into()), ("revision", revision())]).into()
}

fn change_list() -> Node {
    use ChangeKind::{Bumped, Created, Deleted, Updated};
    let kinds = [Created, Updated, Deleted, Bumped].map(|kind| kind.as_str().to_owned());
    let id = integer((1, i64::MAX), Null::Yes);
    let row = object::<Node>([
        ("revision", integer((1, i64::MAX), Null::No).into()),
        ("id", id.description(Some("The movie; null where any may have changed.")).into()),
        ("kind", one_of(kinds).into()),
    ]);
    let next = integer((0, i64::MAX), Null::Yes);
    let page = object::<Node>([
        ("limit", integer((1, i64::from(changes::LIMIT_MAX)), Null::No).into()),
        ("next", next.description(Some("The `since` of the next page; null at the end.")).into()),
    ]);
    object::<Node>([("data", list(row).into()), ("page", page.into()), ("revision", revision())])
        .into()
}

fn batch() -> Node {
    let id = || Node::from(integer((1, i64::MAX), Null::No));
    let version = || {
        let about = "The version that the movie must have.";
        Node::from(integer((1, i64::MAX), Null::No).description(Some(about)))
    };
    let op = |name: &str| Node::from(one_of([name.to_owned()]));
    let [create, replace, update, delete] = batch::OPERATIONS;
    let operations = [
        object([("op", op(create)), ("movie", new_movie())]),
        object([
            ("op", op(replace)),
            ("id", id()),
            ("movie", whole_movie()),
            ("version?", version()),
        ]),
        object([
            ("op", op(update)),
            ("id", id()),
            ("movie", named("MoviePatch")),
            ("version?", version()),
        ]),
        object([("op", op(delete)), ("id", id()), ("version?", version())]),
    ];
    let operation = any_of(operations.map(|operation| closed(operation).into()));
    let operations = list_up_to(batch::OPERATIONS_MAX, operation, Null::No).min_items(Some(1));
    closed(object([("operations", operations)])).into()
}

fn batch_answer() -> Node {
    let status = |codes: &[u16]| {
        let values = codes.iter().map(|code| serde_json::Value::from(*code));
        let status = utoipa::openapi::schema::Type::Integer;
        Node::from(
            utoipa::openapi::ObjectBuilder::new().schema_type(status).enum_values(Some(values)),
        )
    };
    let item = any_of([
        object([("status", status(&[200, 201])), ("movie", named("Movie"))]).into(),
        object([("status", status(&[204])), ("id", integer((1, i64::MAX), Null::No).into())])
            .into(),
        object([
            ("status", status(&[404, 409, 412, 422, 424, 500])),
            ("problem", named("Problem")),
        ])
        .into(),
    ]);
    let about = "One for each operation, in their order.";
    let data = list(item).description(Some(about));
    object::<Node>([("data", data.into()), ("revision", revision())]).into()
}

fn problem() -> Node {
    let uri = || text(Null::No).format(Some(custom("uri-reference")));
    let kinds = Kind::ALL.iter().map(|kind| kind.uri().to_owned());
    object::<Node>([
        (
            "type",
            one_of(kinds).description(Some("What kind of problem it is; stays the same.")).into(),
        ),
        ("title", text(Null::No).description(Some("The kind in words.")).into()),
        ("status", integer((400, 599), Null::No).into()),
        ("detail", text(Null::No).description(Some("What is wrong with this request.")).into()),
        ("instance?", uri().description(Some("The request's id, as in `X-Request-Id`.")).into()),
        ("errors?", list(named("Fault")).into()),
    ])
    .description(Some("A problem document (RFC 9457)."))
    .into()
}

fn custom(format: &str) -> utoipa::openapi::SchemaFormat {
    utoipa::openapi::SchemaFormat::Custom(format.to_owned())
}

fn fault() -> Node {
    let place = |about| Node::from(text(Null::No).description(Some(about)));
    object([
        ("parameter?", place("The query parameter that is wrong.")),
        ("pointer?", place("The value that is wrong, as a JSON pointer (RFC 6901).")),
        ("header?", place("The request header that is wrong.")),
        ("detail", place("What it must be.")),
    ])
    .into()
}

fn compat_list() -> Node {
    let row = object::<Node>([
        ("id", integer((1, i64::MAX), Null::No).into()),
        ("name", text(Null::No).into()),
        ("director_name", text(Null::Yes).into()),
        ("year", integer(crate::domain::movie::rule::YEARS, Null::Yes).into()),
        ("rank", number(crate::domain::movie::rule::RATING_MAX, Null::Yes).into()),
    ]);
    object([("data", list(row))]).into()
}

fn compat_not_added() -> Node {
    object::<Node>([
        ("msg", constant(compat::NOT_ADDED).into()),
        ("errors", list(named("Fault")).into()),
    ])
    .into()
}

fn message(texts: &[&str]) -> Node {
    object([("msg", one_of(texts.iter().map(|text| (*text).to_owned())))]).into()
}

/// Headers by name.
pub(super) fn headers() -> BTreeMap<String, RefOr<Header>> {
    let header = |name: &str, schema: Node, about: &str| {
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build();
        (name.to_owned(), RefOr::T(header))
    };
    let string = || Node::from(text(Null::No));
    BTreeMap::from([
        header("ETag", string(), "Strong: the same for the same bytes."),
        header("Cache-Control", string(), "How long the answer may be kept."),
        header("Catalog-Revision", revision(), "The answer includes every write up to it."),
        header("Link", string(), "The pages around this one (RFC 8288)."),
        header("Location", string(), "The path of what is new."),
        header("X-Request-Id", string(), "The request's id, the caller's where it sent one."),
        header(
            "Retry-After",
            integer((1, i64::MAX), Null::No).into(),
            "When to try again, in seconds.",
        ),
        header(RATE_LIMIT, string(), "What is left: on every answer where a limit is in force."),
        header(RATE_LIMIT_POLICY, string(), "The limits in force: on every such answer."),
        header(
            "WWW-Authenticate",
            string(),
            "`Bearer`, and what is wrong with what the caller showed (RFC 6750).",
        ),
        header("Accept-Post", string(), "The media types that are taken."),
        header("Accept-Patch", string(), "The media types that are taken."),
    ])
}

/// An answer of one of these media types, with these headers beside `X-Request-Id`.
pub(super) fn response(about: &str, bodies: Vec<(&str, Node)>, headers: &[&str]) -> Response {
    let mut response = ResponseBuilder::new().description(about);
    for (media_type, schema) in bodies {
        response = response.content(media_type, Content::new(Some(schema)));
    }
    for name in headers.iter().chain(&["X-Request-Id"]) {
        response = response.header_ref(*name, Ref::new(format!("#/components/headers/{name}")));
    }
    response.build()
}

/// The name of the answer with a problem of this status.
pub(super) fn problem_name(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or("Problem").split([' ', '-']).collect()
}

/// The answers with problems by name, each with the kinds that have its status.
pub(super) fn problems() -> BTreeMap<String, RefOr<Response>> {
    let mut titles: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for kind in Kind::ALL {
        titles.entry(kind.status().as_u16()).or_default().push(kind.title());
    }
    let answer = |(status, titles): (u16, Vec<&str>)| {
        let headers: &[&str] = match status {
            401 | 403 => &["Cache-Control", "WWW-Authenticate"],
            404 => &["Cache-Control", "Catalog-Revision"],
            415 => &["Cache-Control", "Accept-Post", "Accept-Patch"],
            429 => &["Cache-Control", "Retry-After", RATE_LIMIT, RATE_LIMIT_POLICY],
            503 => &["Cache-Control", "Retry-After"],
            _ => &["Cache-Control"],
        };
        let body = vec![("application/problem+json", named("Problem"))];
        let about = titles.join(". ") + ".";
        let response = response(&about, body, headers);
        (problem_name(status), RefOr::T(response))
    };
    titles.into_iter().map(answer).collect()
}
