//! Searches and suggestions: what they take and what they answer.

use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::domain::{
    movie::rule,
    search::{FACET_VALUES_MAX, Facet, LIMIT_DEFAULT, LIMIT_MAX, TEXT_MAX},
    suggest::{self, Kind},
};

use super::{
    answers::revision,
    parameters::{builder, fields, filters, limit, query, required, separated, sort_names},
    schema::{
        Node, Null, all_of, any_of, integer, list, list_up_to, name, named, number, object, one_of,
        text,
    },
};

/// The schemas of answers by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    let schemas: [(&str, Node); 4] = [
        ("Suggestions", suggestions()),
        ("SearchPage", page()),
        ("SearchRow", all_of([named("MovieRow"), highlighted()])),
        ("Facet", facet()),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// The parameters of `GET /v1/search`.
pub(super) fn of_searches() -> Vec<Parameter> {
    let about = "What to look for in titles, people, genres and synopses. Case and accents do not \
                 count, typos are forgiven by the length of a word, and the last word may be unfinished. \
                 `\"in quotes\"`: these words in this order; `-word`: movies without it; a year counts as \
                 one.";
    let facets = Facet::ALL.map(|facet| facet.name().to_owned());
    let facets = list_up_to(facets.len(), one_of(facets), Null::No).min_items(Some(1));
    let sorts = one_of(std::iter::once("relevance".to_owned()).chain(sort_names()));
    let mut all = vec![required(builder("q", ParameterIn::Query, name(TEXT_MAX, Null::No), about))];
    all.extend(filters());
    all.extend([
        query(
            "sort",
            sorts.default(Some("relevance".into())),
            "What to sort by: how well a movie matches, or as lists are sorted.",
        ),
        query("limit", limit(LIMIT_MAX.into(), LIMIT_DEFAULT.into()), "Rows of a page at most."),
        query(
            "cursor",
            text(Null::No),
            "Where the page starts: `page.next` or `page.prev` of another page of this search.",
        ),
        fields(),
        query(
            "highlight",
            one_of(["true", "false"].map(str::to_owned)).default(Some("false".into())),
            "Whether rows come with what matched in them.",
        ),
        query(
            "personalize",
            one_of(["true", "false"].map(str::to_owned)).default(Some("false".into())),
            "Whether the page is ranked anew for the user in `X-User-Id`. Goes with `sort=relevance`.",
        ),
        separated("facets", facets, "What to count over all movies that are found."),
    ]);
    all
}

fn page() -> Node {
    let cursor = |about| Node::from(text(Null::Yes).description(Some(about)));
    let page = object::<Node>([
        ("limit", integer((1, LIMIT_MAX.into()), Null::No).into()),
        ("total", integer((0, i64::MAX), Null::No).description(Some("Exact.")).into()),
        ("next", cursor("The cursor of the next page; null on the last.")),
        ("prev", cursor("The cursor of the page before; null on the first.")),
    ]);
    let facets = Facet::ALL.map(|facet| {
        let name: &'static str = match facet {
            Facet::Genre => "genre?",
            Facet::Decade => "decade?",
            Facet::Country => "country?",
            Facet::Language => "language?",
            Facet::Rating => "rating?",
        };
        (name, list_up_to(FACET_VALUES_MAX, named("Facet"), Null::No))
    });
    let about =
        "What to look for instead where nothing was found; null where there is no such text.";
    object::<Node>([
        ("data", list_up_to(LIMIT_MAX.into(), named("SearchRow"), Null::No).into()),
        ("page", page.into()),
        ("facets?", object(facets).into()),
        ("did_you_mean", text(Null::Yes).description(Some(about)).into()),
        ("revision", revision()),
    ])
    .into()
}

/// What a row has beside the movie.
fn highlighted() -> Node {
    let html = |about| Node::from(text(Null::No).description(Some(about)));
    let names = || Node::from(list(text(Null::No)));
    let highlights = object::<Node>([
        ("title?", html("The title.")),
        ("directors?", names()),
        ("cast?", names()),
        ("synopsis?", html("A part of the synopsis.")),
    ]);
    let about = "With `highlight=true`: what matched, as HTML that is escaped but for `<em>`.";
    object([("highlights?", highlights.description(Some(about)))]).into()
}

fn facet() -> Node {
    let about =
        "A name as it is spelled most, a decade's first year, or a rating without its fraction.";
    let value = any_of([text(Null::No).into(), number(f64::from(i32::MAX), Null::No).into()]);
    let count = integer((1, i64::MAX), Null::No).description(Some("Movies that have it; exact."));
    object::<Node>([("value", value), ("count", count.into())]).description(Some(about)).into()
}

/// The parameters of `GET /v1/suggest`.
pub(super) fn of_suggestions() -> Vec<Parameter> {
    let about =
        "What was typed so far. Case, accents and punctuation do not count; typos are forgiven.";
    let kinds = [Kind::Movie, Kind::Person].map(|kind| kind.name().to_owned());
    let kinds = list_up_to(kinds.len(), one_of(kinds), Null::No).min_items(Some(1));
    vec![
        required(builder("q", ParameterIn::Query, name(suggest::TEXT_MAX, Null::No), about)),
        query(
            "limit",
            limit(suggest::LIMIT_MAX.into(), suggest::LIMIT_MAX.into()),
            "Rows at most.",
        ),
        separated("kinds", kinds, "Which kinds of rows; both unless given."),
    ]
}

fn suggestions() -> Node {
    let kinds = [Kind::Movie, Kind::Person].map(|kind| kind.name().to_owned());
    let row = object::<Node>([
        ("kind", one_of(kinds).into()),
        ("text", text(Null::No).description(Some("The title, or the name.")).into()),
        ("id?", integer((1, i64::MAX), Null::No).description(Some("The movie's id.")).into()),
        ("year?", integer(rule::YEARS, Null::No).description(Some("The movie's year.")).into()),
    ]);
    let rows = list_up_to(suggest::LIMIT_MAX.into(), row, Null::No);
    let rows = rows.description(Some("Best known first."));
    object::<Node>([("data", rows.into()), ("revision", revision())]).into()
}
