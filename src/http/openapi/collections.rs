//! Collections: their schemas and the parameters of their operations.

use utoipa::openapi::path::Parameter;

use crate::{
    domain::{
        collection::rule,
        list::LIMIT_MAX as ROWS_MAX,
        season::{DAYS_MAX, SEASONS_MAX},
    },
    http::handlers::collections::{LIMIT_DEFAULT, LIMIT_MAX},
};

use super::{
    parameters::{self, IMDB_ID},
    schema::{
        Node, Null, any_of, closed, integer, list, list_up_to, name, named, object, one_of, text,
    },
};

/// What a slug looks like.
const SLUG: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
/// The name of a time zone.
const ZONE: &str = "^[A-Za-z][A-Za-z0-9_+/-]*$";
const DAY_OF_YEAR: &str = "^--[0-9]{2}-[0-9]{2}$";
const LOCAL: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$";
const DURATION: &str =
    "^P([0-9]{1,9}W|([0-9]{1,9}D)?(T([0-9]{1,9}H)?([0-9]{1,9}M)?([0-9]{1,9}S)?)?)$";

/// The schemas by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    let schemas = [
        ("Collection", collection()),
        ("CollectionList", collection_list()),
        ("CollectionDefinition", definition(Of::Answers)),
        ("CollectionInput", definition(Of::Writers)),
        ("CollectionReplacement", definition(Of::Replacers)),
        ("SeasonDefinition", season_definition()),
        ("Season", season()),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// The parameters of `GET /v1/collections`.
pub(super) fn of_lists() -> Vec<Parameter> {
    let limit = integer((1, i64::from(LIMIT_MAX)), Null::No);
    let active = one_of(["true", "false"].map(str::to_owned));
    vec![
        parameters::query("active", active, "Only those that are on, or only those that are not."),
        parameters::query(
            "at",
            time(Null::No),
            "How they stand at this time instead of now; with an offset, from 1970 to 2099.",
        ),
        parameters::query(
            "limit",
            limit.default(Some(i64::from(LIMIT_DEFAULT).into())),
            "Collections of a page at most.",
        ),
        parameters::query("cursor", slug_text(), "`page.next` of the page before."),
    ]
}

/// `{slug}`
pub(super) fn slug() -> Parameter {
    parameters::in_path("slug", slug_text(), "The collection's name in addresses.")
}

fn slug_text() -> utoipa::openapi::ObjectBuilder {
    text(Null::No).max_length(Some(rule::SLUG_MAX)).pattern(Some(SLUG))
}

fn time(null: Null) -> utoipa::openapi::ObjectBuilder {
    let format = utoipa::openapi::KnownFormat::DateTime;
    text(null).format(Some(utoipa::openapi::SchemaFormat::KnownFormat(format)))
}

fn about(schema: impl Into<Node>, text: &str) -> Node {
    match schema.into() {
        utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object(mut object)) => {
            object.description = Some(text.to_owned());
            Node::T(utoipa::openapi::Schema::Object(object))
        }
        other => other,
    }
}

fn season() -> Node {
    object([("since", time(Null::No)), ("until", time(Null::No))])
        .description(Some("A time for which a collection is on: from one instant up to another."))
        .into()
}

fn season_or_null() -> Node {
    any_of([
        named("Season"),
        Node::from(utoipa::openapi::ObjectBuilder::new().schema_type(
            utoipa::openapi::schema::SchemaType::Type(utoipa::openapi::schema::Type::Null),
        )),
    ])
}

/// What pages of collections and a collection have in common.
fn row() -> Vec<(&'static str, Node)> {
    let active = utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::Type(
            utoipa::openapi::schema::Type::Boolean,
        ))
        .description(Some("Whether it is on."));
    vec![
        ("slug", slug_text().into()),
        ("title", name(rule::TITLE_MAX, Null::No).into()),
        ("description", text(Null::Yes).max_length(Some(rule::DESCRIPTION_MAX)).into()),
        ("active", active.into()),
        ("season", season_or_null()),
        ("next", season_or_null()),
        ("version", integer((1, i64::MAX), Null::No).into()),
    ]
}

fn revision() -> Node {
    about(integer((0, i64::MAX), Null::No), "It includes every write up to this revision.")
}

fn collection() -> Node {
    let most = rule::MOVIES_MAX + usize::from(ROWS_MAX);
    let rows = list_up_to(most, named("MovieRow"), Null::No);
    let mut members = row();
    members.extend([
        ("data", rows.into()),
        ("total", about(integer((0, i64::MAX), Null::No), "How many movies it has.")),
        ("revision", revision()),
    ]);
    object(members).into()
}

fn collection_list() -> Node {
    let page = object::<Node>([
        ("limit", integer((1, i64::from(LIMIT_MAX)), Null::No).into()),
        ("total", integer((0, i64::MAX), Null::No).into()),
        ("next", about(text(Null::Yes), "The cursor of the next page; null on the last.")),
    ]);
    let rows = list(object(row()));
    object::<Node>([("data", rows.into()), ("page", page.into()), ("revision", revision())]).into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Answers,
    Writers,
    Replacers,
}

fn definition(of: Of) -> Node {
    let reference = || {
        any_of([
            integer((1, i64::MAX), Null::No).into(),
            text(Null::No).pattern(Some(IMDB_ID)).into(),
        ])
    };
    let null = if of == Of::Answers { Null::No } else { Null::Yes };
    let movies = |text: &str| {
        Node::from(list_up_to(rule::MOVIES_MAX, reference(), null).description(Some(text)))
    };
    let query = {
        let text = text(Null::Yes).max_length(Some(4_000)).description(Some(
            "What gives the movies that follow: what stands after `/v1/movies?`, or with `q` after `/v1/search?`.",
        ));
        if of == Of::Answers {
            text.into()
        } else {
            let parameters = utoipa::openapi::ObjectBuilder::new().description(Some(
                "The parameters of a list or a search; one that is repeated is a list here.",
            ));
            any_of([text.into(), parameters.into()])
        }
    };
    let seasons = list_up_to(SEASONS_MAX, named("SeasonDefinition"), Null::Yes)
        .min_items(Some(1))
        .description(Some("When it is on; null for always."));
    let required = |name: &'static str, optional: &'static str| {
        if of == Of::Answers { name } else { optional }
    };
    let slug = if of == Of::Replacers { "slug?" } else { "slug" };
    let mut members = vec![
        (slug, slug_text().into()),
        ("title", name(rule::TITLE_MAX, Null::No).into()),
        (
            required("description", "description?"),
            text(Null::Yes).max_length(Some(rule::DESCRIPTION_MAX)).into(),
        ),
        (
            required("movies", "movies?"),
            movies("Movies that come first, in this order: ids, or IMDb ids as text."),
        ),
        (required("query", "query?"), query),
        (required("exclude", "exclude?"), movies("Movies that the query must not bring in.")),
        (required("seasons", "seasons?"), seasons.into()),
    ];
    if of != Of::Writers {
        let read_only = |name: &'static str, optional: &'static str| {
            if of == Of::Answers { name } else { optional }
        };
        members.extend([
            (read_only("version", "version?"), integer((1, i64::MAX), Null::No).into()),
            (read_only("created_at", "created_at?"), time(Null::No).into()),
            (read_only("updated_at", "updated_at?"), time(Null::No).into()),
        ]);
    }
    closed(object::<Node>(members)).into()
}

fn season_definition() -> Node {
    let zone = || {
        let text = text(Null::No).pattern(Some(ZONE));
        Node::from(text.description(Some("An IANA name, as in `Europe/Berlin`.")))
    };
    let day = || Node::from(text(Null::No).pattern(Some(DAY_OF_YEAR)));
    let local = || Node::from(text(Null::No).pattern(Some(LOCAL)));
    let yearly = object([("from", day()), ("to", day()), ("timezone", zone())])
        .description(Some("Days of each year, both included; the last may be in the next year."));
    let once = object([("from", local()), ("to", local()), ("timezone", zone())]).description(
        Some("Days, both included, or local times, the last one excluded, that come once."),
    );
    let duration = any_of([
        integer((1, DAYS_MAX), Null::No).into(),
        text(Null::Yes).pattern(Some(DURATION)).into(),
    ]);
    let rule = object([
        ("rrule", text(Null::No).max_length(Some(500)).into()),
        ("dtstart", local()),
        ("duration?", duration),
        ("timezone", zone()),
    ])
    .description(Some(
        "The days of an iCalendar rule (RFC 5545) from `dtstart` on; each time for `duration`: days, or \
         as in `P10D` and `PT36H`; a day unless given.",
    ));
    any_of([closed(yearly).into(), closed(once).into(), closed(rule).into()])
}
