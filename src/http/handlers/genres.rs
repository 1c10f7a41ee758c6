//! `GET /v1/genres`: every genre with its number of movies.

use serde::Serialize;

use crate::{
    domain::{genre::Genre, revision::Revision},
    service::catalogue::Catalogue,
};

use super::super::{
    api::Call,
    class::Class,
    error::Problem,
    response::{Answer, Cacheable},
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

pub(crate) async fn list(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    Ok(Answer::Read(load(&call.api.catalogue).await?))
}

async fn load(catalogue: &Catalogue) -> Result<Cacheable, Problem> {
    let genres = catalogue.genres().await?;
    let data = genres.value.iter().map(|Genre { name, movies }| Row { name, movies: *movies });
    let list = List { data: data.collect(), revision: genres.revision };
    Ok(Cacheable::json(Class::List, genres.revision, &list))
}
