//! `DELETE /v1/movies/{id}`: the end of a movie.

use hyper::header::HeaderValue;

use crate::{
    domain::revision::AsOf,
    store::mutation::{Mutation, Outcome},
};

use super::{
    super::{
        call::Call,
        error::Problem,
        response::{Answer, CATALOG_REVISION, no_content},
    },
    movie_id,
    update::Expected,
};

pub(crate) async fn delete(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = movie_id(call.parameter)?;
    let catalogue = &call.api.catalogue;
    let expected = Expected::of(&call.parts.headers, catalogue, id).await?;
    let mutation = Mutation::Delete { id, expect: expected.version() };
    let AsOf { revision, value } = catalogue.write(mutation).await?;
    if !matches!(value, Outcome::Deleted(_)) {
        return Err(expected.refusal(value));
    }
    let mut response = no_content();
    response.headers_mut().insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    Ok(Answer::Final(response))
}
