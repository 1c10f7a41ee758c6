//! `GET /v1/movies/{id}` and `GET /v1/movies/imdb/{imdb_id}`: one movie.

use super::{
    super::{call::Call, error::Problem, query::Query, response::Answer},
    movie_id,
};

pub(crate) fn by_id(call: &Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    Ok(Answer::Kept(Query::Movie(movie_id(call.parameter)?)))
}

pub(crate) fn by_imdb_id(call: &Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = call.parameter.parse().map_err(|()| Problem::no_such_movie(call.parameter))?;
    Ok(Answer::Kept(Query::MovieByImdbId(id)))
}
