//! What people do: its schemas and the parameters of its operations.

use utoipa::openapi::{SchemaFormat, path::Parameter};

use crate::domain::{
    activity::{
        BATCH_MAX, EVENT_ID_MAX, LIMIT_DEFAULT, LIMIT_MAX, SearchesAsk, USER_ID_MAX, Window,
    },
    movie::rule,
};

use super::{
    answers::revision,
    parameters,
    schema::{
        Node, Null, all_of, any_of, closed, integer, list, list_up_to, name, named, number, object,
        one_of, text,
    },
};

/// What a pseudonym looks like.
const USER: &str = "^[A-Za-z0-9._~:@-]+$";

/// The schemas by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    let schemas = [
        ("Interaction", interaction()),
        ("InteractionOutcome", outcome()),
        ("TrendingList", trending()),
        ("SearchList", searches()),
        ("UserData", user_data()),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// The body of `POST /v1/interactions`.
pub(super) fn interactions() -> Node {
    let many = list_up_to(BATCH_MAX, named("Interaction"), Null::No).min_items(Some(1));
    any_of([named("Interaction"), many.into()])
}

/// The parameters of `GET /v1/trending`.
pub(super) fn of_trending() -> Vec<Parameter> {
    let windows = one_of(Window::ALL.map(|window| window.as_str().to_owned()));
    vec![
        parameters::query(
            "window",
            windows.default(Some(Window::default().as_str().into())),
            "Over about how long a time.",
        ),
        parameters::query("genre", name(rule::GENRE_MAX, Null::No), "Only movies of this genre."),
        parameters::query(
            "limit",
            parameters::limit(i64::from(LIMIT_MAX), i64::from(LIMIT_DEFAULT)),
            "Movies at most.",
        ),
    ]
}

/// The parameters of what editors study of searches.
pub(super) fn of_searches() -> Vec<Parameter> {
    let count = |most: u16, default: u16| parameters::limit(i64::from(most), i64::from(default));
    vec![
        parameters::query(
            "days",
            count(SearchesAsk::DAYS_MAX, SearchesAsk::DAYS_DEFAULT),
            "Of so many days, today included.",
        ),
        parameters::query(
            "limit",
            count(SearchesAsk::LIMIT_MAX, SearchesAsk::LIMIT_DEFAULT),
            "Searches at most.",
        ),
    ]
}

/// `{id}` of a person.
pub(super) fn user() -> Parameter {
    parameters::in_path("id", pseudonym(), "The pseudonym.")
}

/// `X-User-Id`
pub(super) fn user_id() -> Parameter {
    let about = "The pseudonym of whoever the request is made for; from callers with a key only.";
    let place = utoipa::openapi::path::ParameterIn::Header;
    parameters::builder("X-User-Id", place, pseudonym(), about).build()
}

fn pseudonym() -> utoipa::openapi::ObjectBuilder {
    text(Null::No).min_length(Some(1)).max_length(Some(USER_ID_MAX)).pattern(Some(USER))
}

fn time(null: Null) -> utoipa::openapi::ObjectBuilder {
    let format = utoipa::openapi::KnownFormat::DateTime;
    text(null).format(Some(SchemaFormat::KnownFormat(format)))
}

fn movie() -> Node {
    integer((1, i64::MAX), Null::No).description(Some("The movie's id.")).into()
}

fn interaction() -> Node {
    let id: Node = text(Null::Yes)
        .min_length(Some(1))
        .max_length(Some(EVENT_ID_MAX))
        .pattern(Some("^[!-~]+$"))
        .description(Some("Your own name for it: sent again for the same person, it counts once."))
        .into();
    let user: Node = text(Null::Yes)
        .min_length(Some(1))
        .max_length(Some(USER_ID_MAX))
        .pattern(Some(USER))
        .description(Some("Whose it is, instead of `X-User-Id`; from callers with a key only."))
        .into();
    let members = |signal: Node| {
        vec![
            ("id?", id.clone()),
            ("signal", signal),
            ("movie", movie()),
            ("user?", user.clone()),
            ("time?", time(Null::Yes).description(Some("When it was; now unless given.")).into()),
        ]
    };
    let plain = ["view", "like", "dislike", "watched"].map(str::to_owned);
    let plain = closed(object::<Node>(members(one_of(plain).into())));
    let mut rating = members(one_of(["rating".to_owned()]).into());
    rating.push(("value", number(rule::RATING_MAX, Null::No).into()));
    any_of([plain.into(), closed(object::<Node>(rating)).into()])
}

fn outcome() -> Node {
    let count = |about| Node::from(integer((0, i64::MAX), Null::No).description(Some(about)));
    let item = object::<Node>([
        ("status", integer((202, 503), Null::No).into()),
        ("problem?", named("Problem")),
    ]);
    object::<Node>([
        ("accepted", count("So many are noted, and stored within a second.")),
        ("ignored", count("So many are good, and not to be recorded.")),
        ("refused", count("So many are not.")),
        ("data", list(item).description(Some("One for each, in their order.")).into()),
    ])
    .into()
}

fn trending() -> Node {
    let score = number(1.0, Null::No).description(Some("How much, compared with the first."));
    let row = all_of([named("MovieRow"), object([("score", score)]).into()]);
    object::<Node>([
        ("window", one_of(Window::ALL.map(|window| window.as_str().to_owned())).into()),
        ("at", time(Null::No).description(Some("As of this minute.")).into()),
        ("data", list_up_to(LIMIT_MAX.into(), row, Null::No).into()),
        ("revision", revision()),
    ])
    .into()
}

fn searches() -> Node {
    let count = |about| Node::from(integer((0, i64::MAX), Null::No).description(Some(about)));
    let position = number(500.0, Null::Yes).description(Some(
        "At which place of the first page what was opened first stood, on average; 1 is the first.",
    ));
    let row = object::<Node>([
        ("q", text(Null::No).description(Some("The text, folded.")).into()),
        ("query", text(Null::No).description(Some("What stands after `/v1/search?`.")).into()),
        ("searches", count("How often it was made.")),
        ("clients", count("By about how many clients on the day with most.")),
        ("hits", count("How many movies it found the last time.")),
        ("opened", count("From how many of them something was opened.")),
        ("position", position.into()),
    ]);
    object::<Node>([
        ("days", integer((1, i64::from(SearchesAsk::DAYS_MAX)), Null::No).into()),
        ("clients_min", count("Searches of fewer clients on each day are left out.")),
        ("data", list_up_to(SearchesAsk::LIMIT_MAX.into(), row, Null::No).into()),
    ])
    .into()
}

fn user_data() -> Node {
    let names = ["view", "like", "dislike", "rating", "watched", "opened"].map(str::to_owned);
    let row = object::<Node>([
        ("signal", one_of(names).into()),
        ("movie", movie()),
        ("value?", number(rule::RATING_MAX, Null::No).into()),
        ("time", time(Null::No).into()),
    ]);
    object::<Node>([("user", pseudonym().into()), ("interactions", list(row).into())]).into()
}
