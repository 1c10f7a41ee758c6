//! `PUT` and `PATCH /v1/movies/{id}`: another state of a movie.

use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::{
    domain::{
        invalid::{Fault, Invalid},
        movie::{Movie, MovieData, MovieId},
        movie_json::{self, Reading},
        patch::Change,
        revision::AsOf,
    },
    service::catalogue::Catalogue,
    store::mutation::{Mutation, Outcome},
};

use super::{
    super::{
        body::{self, Accepts},
        call::Call,
        conditional::Condition,
        error::{Kind, Problem},
        representation::{etag, saved},
        response::Answer,
    },
    movie_id, refusal,
};

pub(crate) async fn replace(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = movie_id(call.parameter)?;
    let object = body::object(call.bytes(Accepts::Json).await?).await?;
    let data = whole_movie(Some(id), &object).map_err(|invalid| Problem::document(&invalid))?;
    change(&call, id, Change::Replace(Box::new(data))).await
}

pub(crate) async fn merge(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let id = movie_id(call.parameter)?;
    let members = body::object(call.bytes(Accepts::MergePatch).await?).await?;
    change(&call, id, Change::Merge(members)).await
}

/// Reads what a movie is to become. Writers may send back what the service sets, as they read it.
pub(super) fn whole_movie(
    id: Option<MovieId>,
    object: &Map<String, Value>,
) -> Result<MovieData, Invalid> {
    let input = movie_json::read(object, Reading::Strict)?;
    if id.is_some() && input.id.is_some() && input.id != id {
        return Err(Invalid::one(Fault::pointer("/id", "cannot be changed")));
    }
    Ok(input.data)
}

async fn change(call: &Call<'_>, id: MovieId, change: Change) -> Result<Answer, Problem> {
    let catalogue = &call.api.catalogue;
    let expected = Expected::of(&call.parts.headers, catalogue, id).await?;
    let mutation = Mutation::Change { id, change, expect: expected.version() };
    let AsOf { revision, value } = catalogue.write(mutation).await?;
    match value {
        Outcome::Updated(movie) | Outcome::Unchanged(movie) | Outcome::Created(movie) => {
            Ok(Answer::Final(saved(StatusCode::OK, &movie, revision)))
        }
        other => Err(expected.refusal(other)),
    }
}

/// What a write requires the movie to be.
pub(super) enum Expected {
    /// Anything that exists.
    Nothing,
    /// Anything that exists, said so in `If-Match`.
    Existing,
    /// This version, whose tag `If-Match` named.
    Version(i64),
}

impl Expected {
    /// Reads `If-Match`, and compares its tags with the movie as it is now.
    ///
    /// # Errors
    /// 400 where it is malformed, 412 where the movie has another tag or there is none.
    pub(super) async fn of(
        headers: &HeaderMap,
        catalogue: &Catalogue,
        id: MovieId,
    ) -> Result<Self, Problem> {
        match Condition::if_match(headers)? {
            None => Ok(Self::Nothing),
            Some(Condition::Any) => Ok(Self::Existing),
            Some(tags) => Self::named(&tags, catalogue.movie_to_write(id).await?.value.as_ref()),
        }
    }

    fn named(tags: &Condition, movie: Option<&Movie>) -> Result<Self, Problem> {
        match movie {
            Some(movie) if tags.names_strongly(&etag(movie)) => Ok(Self::Version(movie.version)),
            Some(_) => Err(failed("the movie's ETag is not in If-Match: read it again")),
            None => Err(failed("there is no such movie to match")),
        }
    }

    pub(super) const fn version(&self) -> Option<i64> {
        match self {
            Self::Nothing | Self::Existing => None,
            Self::Version(version) => Some(*version),
        }
    }

    /// The answer to a write that was not done.
    pub(super) fn refusal(&self, outcome: Outcome) -> Problem {
        match (self, outcome) {
            (Self::Existing | Self::Version(_), Outcome::NotFound(_)) => {
                failed("there is no such movie to match")
            }
            (_, outcome) => refusal(outcome).unwrap_or_else(|_| {
                Problem::new(Kind::Internal, "the movie was not changed, and nothing says why")
            }),
        }
    }
}

fn failed(detail: &'static str) -> Problem {
    Problem::new(Kind::PreconditionFailed, detail)
}
