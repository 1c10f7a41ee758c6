//! `GET /v1/movies/{id}/similar`: what is like a movie.

use serde::Serialize;

use crate::{
    domain::{
        model::ModelVersion,
        movie_json::MovieView,
        recommend::{Choice, SimilarQuery},
        revision::Revision,
    },
    service::recommend::Similar,
};

use super::{
    super::{
        call::Call,
        class::Class,
        error::{Kind, PROBLEM_JSON, Problem},
        finished::Finished,
        params,
        query::Query,
        response::Answer,
    },
    movie_id,
};

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
    model: Option<ModelVersion>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    movie: MovieView<'a>,
    source: &'static str,
}

pub(crate) fn similar(call: &Call<'_>) -> Result<Answer, Problem> {
    let choice = params::read(call.query(), Choice::from_pairs)?;
    let query = Box::new(SimilarQuery { movie: movie_id(call.parameter)?, choice });
    let model = call.api.recommender.models().in_force();
    let model = model.map(|model| model.name().to_owned());
    Ok(Answer::Kept(Query::Similar { query, model }))
}

/// The name of an answer: another one for each model, since replicas do not change it at the same instant.
pub(crate) fn key(query: &SimilarQuery, model: Option<&str>) -> String {
    let mut key = format!("/v1/movies/{}/similar", query.movie);
    let choice = query.choice.canonical();
    if !choice.is_empty() {
        key.extend(["?", choice.as_str()]);
    }
    if let Some(model) = model {
        key.extend(["#", model]);
    }
    key
}

/// The answer that what is like a movie is, or that there is no such movie.
pub(crate) fn render(
    query: &SimilarQuery,
    similar: Option<&Similar>,
    revision: Revision,
) -> Finished {
    let Some(Similar { rows, model, .. }) = similar else {
        let document = Problem::no_such_movie(query.movie).to_json(None);
        let status = Kind::NoSuchMovie.status();
        return Finished::new(status, Class::Item, PROBLEM_JSON, document);
    };
    let fields = query.choice.fields;
    let data = rows
        .iter()
        .map(|row| Row { movie: MovieView::new(&row.movie, fields), source: row.source.name() });
    Finished::json(Class::List, &List { data: data.collect(), model: *model, revision })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::movie::MovieId;

    #[test]
    fn an_answer_is_named_by_what_is_asked_and_by_the_model() {
        let pairs = |text| params::pairs(Some(text)).unwrap();
        let choice = |text| Choice::from_pairs(pairs(text)).unwrap();
        let movie = MovieId::new(7).unwrap();
        let query = |text| SimilarQuery { movie, choice: choice(text) };
        assert_eq!(key(&query("limit=20"), None), "/v1/movies/7/similar");
        assert_eq!(
            key(&query("genre=Drama&limit=3"), Some("00ff")),
            "/v1/movies/7/similar?genre=drama&limit=3#00ff"
        );
    }
}
