//! Parameters of operations: in the path, in the query and in headers.

use utoipa::openapi::{
    Required,
    path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
};

use crate::{
    domain::{
        field::FieldSet,
        list::{GENRES_MAX, IDS_MAX, LIMIT_DEFAULT, LIMIT_MAX, PAGED_ROWS_MAX, Sort, SortKey},
        movie::rule,
    },
    http::handlers::{changes, create},
};

use super::schema::{Node, Null, any_of, integer, list_up_to, name, number, one_of, text};

/// What an `IMDb` id looks like.
pub(super) const IMDB_ID: &str = "^tt[0-9]{7,10}$";

/// A genre in a filter; `\` makes the next character literal.
const GENRE: &str =
    r"^[^\s,|\\]([^,|\\]{0,48}[^\s,|\\])?([,|][^\s,|\\]([^,|\\]{0,48}[^\s,|\\])?)*$";

/// A list of entity tags (RFC 9110, 8.8.3).
const ENTITY_TAGS: &str = r#"^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$"#;

/// The parameters of `GET /v1/movies`.
pub(super) fn of_lists() -> Vec<Parameter> {
    let sorts = sorts().default(Some(Sort::DEFAULT.to_string().into()));
    let mut all = filters();
    all.extend([
        query("sort", sorts, "What to sort by; `-` is descending. Movies without such a value come last."),
        query(
            "limit",
            limit(i64::from(LIMIT_MAX), i64::from(LIMIT_DEFAULT)),
            "Rows of a page at most.",
        ),
        query(
            "cursor",
            text(Null::No),
            "Where the page starts: `page.next` or `page.prev` of another page of this list. Opaque, \
             of any depth, and right while movies come and go.",
        ),
        query(
            "page",
            integer((1, i64::from(PAGED_ROWS_MAX)), Null::No),
            "The page by number. Reaches 10,000 rows deep; beyond, use `cursor`. Goes without it.",
        ),
        fields(),
    ]);
    all
}

/// What lists and searches are sorted by.
pub(super) fn sorts() -> utoipa::openapi::ObjectBuilder {
    one_of(sort_names())
}

/// The names of what lists are sorted by.
pub(super) fn sort_names() -> impl Iterator<Item = String> {
    SortKey::ALL
        .into_iter()
        .flat_map(|key| [false, true].map(|descending| Sort { key, descending }.to_string()))
}

/// `fields`
pub(super) fn fields() -> Parameter {
    let names: Vec<_> = FieldSet::of_lists().iter().map(|field| field.name().to_owned()).collect();
    let fields = list_up_to(names.len(), one_of(names), Null::No).min_items(Some(1));
    separated("fields", fields, "Which fields the rows have.")
}

/// The parameters that choose movies.
pub(super) fn filters() -> Vec<Parameter> {
    let genres =
        |about| (list_up_to(GENRES_MAX, text(Null::No).pattern(Some(GENRE)), Null::No), about);
    let (genre, about_genre) = genres(
        "Movies with this genre. Give it more than once, or separate genres by `,`, for movies that \
         have all of them; separate genres by `|` for movies that have any of them.",
    );
    let (genre_not, about_genre_not) = genres("Movies with none of these genres.");
    let a_name = || name(rule::NAME_MAX, Null::No);
    let year = || integer(rule::YEARS, Null::No);
    let rating = || number(rule::RATING_MAX, Null::No);
    let ids = list_up_to(IDS_MAX, integer((1, i64::MAX), Null::No), Null::No).min_items(Some(1));
    vec![
        repeated("genre", genre, about_genre),
        repeated("genre_not", genre_not, about_genre_not),
        query("director", a_name(), "Movies by this director, ignoring case."),
        query("country", a_name(), "Movies from this country, ignoring case."),
        query("language", a_name(), "Movies in this language, ignoring case."),
        query("year", year(), "Movies of this year. Goes without `year_min` and `year_max`."),
        query("year_min", year(), "Movies of this year or later."),
        query("year_max", year(), "Movies of this year or earlier."),
        query("rating_min", rating(), "Movies rated this or higher."),
        query("rating_max", rating(), "Movies rated this or lower."),
        separated("ids", ids, "These movies."),
    ]
}

pub(super) fn limit(most: i64, default: i64) -> utoipa::openapi::ObjectBuilder {
    integer((1, most), Null::No).default(Some(default.into()))
}

/// The parameters of `GET /v1/changes`.
pub(super) fn of_changes() -> Vec<Parameter> {
    let since = integer((0, i64::MAX), Null::No);
    let about = "The last revision that you know; 0 is the beginning.";
    let most = limit(changes::LIMIT_MAX.into(), changes::LIMIT_DEFAULT.into());
    vec![
        required(builder("since", ParameterIn::Query, since, about)),
        query("limit", most, "Changes of a page at most; a revision is never cut in two."),
    ]
}

/// The parameters of `GET /search`.
pub(super) fn of_compat_list() -> Vec<Parameter> {
    let about = "The last id of the page before, as its `Link` has it.";
    vec![query("cursor", integer((1, i64::MAX), Null::No), about)]
}

/// The parameters of `POST /v1/movies/batch`.
pub(super) fn of_batches() -> Vec<Parameter> {
    let values = one_of(["true", "false"].map(str::to_owned)).default(Some("false".into()));
    let about = "Whether the operations stand or fall together, in one transaction.";
    vec![query("atomic", values, about)]
}

/// `{id}`
pub(super) fn id() -> Parameter {
    let about = "The catalogue's number for the movie.";
    required(builder("id", ParameterIn::Path, integer((1, i64::MAX), Null::No), about))
}

/// `{imdb_id}`
pub(super) fn imdb_id() -> Parameter {
    let schema = text(Null::No).pattern(Some(IMDB_ID));
    required(builder("imdb_id", ParameterIn::Path, schema, "IMDb's id of the movie."))
}

/// `{file}`
pub(super) fn file(names: &[&str]) -> Parameter {
    let schema = one_of(names.iter().map(|name| (*name).to_owned()));
    required(builder("file", ParameterIn::Path, schema, "The file's name."))
}

/// A parameter in the path.
pub(super) fn in_path(name: &str, schema: impl Into<Node>, about: &str) -> Parameter {
    required(builder(name, ParameterIn::Path, schema, about))
}

/// `If-None-Match`
pub(super) fn if_none_match() -> Parameter {
    header("If-None-Match", "ETags that you have: 304 if the answer has one of them.")
}

/// `If-Match`
pub(super) fn if_match() -> Parameter {
    header("If-Match", "The ETag as you know it: 412 if there is another by now.")
}

fn header(name: &str, about: &str) -> Parameter {
    let tags = text(Null::No).pattern(Some(ENTITY_TAGS));
    let schema = any_of([one_of(["*".to_owned()]).into(), tags.into()]);
    builder(name, ParameterIn::Header, schema, about).build()
}

/// `Idempotency-Key`
pub(super) fn idempotency_key() -> Parameter {
    let schema = text(Null::No)
        .min_length(Some(1))
        .max_length(Some(create::KEY_MAX))
        .pattern(Some("^[!-~]+$"));
    let about = "Sent again within 24 hours, the same request is answered with the same movie.";
    builder("Idempotency-Key", ParameterIn::Header, schema, about).build()
}

/// A parameter in the query.
pub(super) fn query(name: &str, schema: impl Into<Node>, about: &str) -> Parameter {
    builder(name, ParameterIn::Query, schema, about).build()
}

/// A parameter that may be given more than once.
fn repeated(name: &str, schema: impl Into<Node>, about: &str) -> Parameter {
    let parameter = builder(name, ParameterIn::Query, schema, about);
    parameter.style(Some(ParameterStyle::Form)).explode(Some(true)).build()
}

/// A parameter whose values are separated by commas.
pub(super) fn separated(name: &str, schema: impl Into<Node>, about: &str) -> Parameter {
    let parameter = builder(name, ParameterIn::Query, schema, about);
    parameter.style(Some(ParameterStyle::Form)).explode(Some(false)).build()
}

pub(super) fn required(parameter: ParameterBuilder) -> Parameter {
    parameter.required(Required::True).build()
}

pub(super) fn builder(
    name: &str,
    place: ParameterIn,
    schema: impl Into<Node>,
    about: &str,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
}
