//! `GET /v1/genres`: every genre with its number of movies.

use serde::Serialize;

use crate::domain::{
    genre::Genre,
    revision::{AsOf, Revision},
};

use super::super::{
    call::Call, class::Class, error::Problem, finished::Finished, query::Query, response::Answer,
};

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
    revision: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    movies: i64,
}

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    Ok(Answer::Kept(Query::Genres))
}

/// The answer that the genres are.
pub(crate) fn render(genres: &AsOf<Vec<Genre>>) -> Finished {
    let data = genres.value.iter().map(|Genre { name, movies }| Row { name, movies: *movies });
    let list = List { data: data.collect(), revision: genres.revision };
    Finished::json(Class::List, &list)
}
