//! What is like a movie, and what somebody may want to see: what is taken and what is answered.

use utoipa::openapi::path::Parameter;

use crate::domain::recommend::{LIMIT_DEFAULT, LIMIT_MAX, Source};

use super::{
    answers::revision,
    parameters::{fields, filters, id, limit, query},
    schema::{Node, Null, all_of, integer, list_up_to, named, object, one_of, text},
};

/// The schemas of answers by name.
pub(super) fn schemas() -> Vec<(String, Node)> {
    let schemas: [(&str, Node); 4] = [
        ("SimilarMovies", page("SimilarMovie")),
        ("SimilarMovie", all_of([named("MovieRow"), object([("source", source())]).into()])),
        ("Recommendations", page("Recommendation")),
        ("Recommendation", all_of([named("MovieRow"), reason()])),
    ];
    schemas.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// The parameters of `GET /v1/movies/{id}/similar`.
pub(super) fn of_similar() -> Vec<Parameter> {
    let mut all = vec![id()];
    all.extend(of_recommendations());
    all
}

/// The parameters of `GET /v1/recommendations`.
pub(super) fn of_recommendations() -> Vec<Parameter> {
    let mut all = filters();
    all.push(query("limit", limit(LIMIT_MAX.into(), LIMIT_DEFAULT.into()), "Rows at most."));
    all.push(fields());
    all
}

fn page(row: &str) -> Node {
    let rows = list_up_to(LIMIT_MAX.into(), named(row), Null::No);
    let about = "The model that was asked; null before there is one.";
    object::<Node>([
        ("data", rows.description(Some("The best first.")).into()),
        ("model", integer((1, i64::MAX), Null::Yes).description(Some(about)).into()),
        ("revision", revision()),
    ])
    .into()
}

fn source() -> Node {
    let about = "Why it is there: what people did (`model`), what is written about it (`content`), that many \
                 look at it these days (`trending`), or that it is popular (`popular`).";
    one_of(Source::ALL.map(|source| source.name().to_owned())).description(Some(about)).into()
}

fn reason() -> Node {
    let because = object::<Node>([
        ("id", integer((1, i64::MAX), Null::No).into()),
        ("title", text(Null::No).into()),
    ]);
    let about = "The movie of the user's that says most for it; null where none does.";
    let because =
        because.description(Some(about)).schema_type(utoipa::openapi::schema::SchemaType::Array(
            vec![utoipa::openapi::schema::Type::Object, utoipa::openapi::schema::Type::Null],
        ));
    object::<Node>([("source", source()), ("because", because.into())]).into()
}
