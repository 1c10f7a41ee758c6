//! `GET /v1/movies/{id}` and `GET /v1/movies/imdb/{imdb_id}`: one movie.

use crate::{
    domain::movie::{ImdbId, MovieId},
    service::catalogue::Catalogue,
};

use super::{
    super::{
        api::Call,
        error::Problem,
        representation,
        response::{Answer, Cacheable},
    },
    movie_id,
};

/// Which movie.
enum Name {
    Id(MovieId),
    ImdbId(ImdbId),
}

pub(crate) async fn by_id(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = movie_id(call.parameter)?;
    Ok(Answer::Read(load(&call.api.catalogue, Name::Id(id)).await?))
}

pub(crate) async fn by_imdb_id(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = call.parameter.parse().map_err(|()| Problem::no_such_movie(call.parameter))?;
    Ok(Answer::Read(load(&call.api.catalogue, Name::ImdbId(id)).await?))
}

async fn load(catalogue: &Catalogue, name: Name) -> Result<Cacheable, Problem> {
    match name {
        Name::Id(id) => Ok(representation::found(&catalogue.movie(id).await?, id)),
        Name::ImdbId(id) => {
            Ok(representation::found(&catalogue.movie_by_imdb_id(id.clone()).await?, &id))
        }
    }
}
