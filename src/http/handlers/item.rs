//! `GET /v1/movies/{id}` and `GET /v1/movies/imdb/{imdb_id}`: one movie.

use super::{
    super::{call::Call, error::Problem, query::Query, response::Answer},
    movie_id,
};

pub(crate) fn by_id(call: &Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    read(call.parameter).map(Answer::Kept)
}

pub(crate) fn by_imdb_id(call: &Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    read_imdb_id(call.parameter).map(Answer::Kept)
}

/// Reads which movie is asked for.
pub(crate) fn read(id: &str) -> Result<Query, Problem> {
    Ok(Query::Movie(movie_id(id)?))
}

/// Reads which movie is asked for, by its `IMDb` id.
pub(crate) fn read_imdb_id(id: &str) -> Result<Query, Problem> {
    Ok(Query::MovieByImdbId(id.parse().map_err(|()| Problem::no_such_movie(id))?))
}
