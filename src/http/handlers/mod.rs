//! One operation or a few on one subject in each file: request → value → service → answer.
//!
//! Reads are in two steps: the request is read into a value that is the same for all requests that
//! mean the same, and `load` makes a finished answer of that value alone.

pub(super) mod batch;
pub(super) mod changes;
pub(super) mod collection_writes;
pub(super) mod collections;
pub(super) mod compat;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod docs;
pub(super) mod export;
pub(super) mod genres;
pub(super) mod interactions;
pub(super) mod item;
pub(super) mod list;
mod personal_search;
pub(super) mod recommendations;
pub(super) mod search;
pub(super) mod similar;
pub(super) mod studied;
pub(super) mod suggest;
pub(super) mod trending;
pub(super) mod update;
pub(super) mod user_data;

use crate::{domain::movie::MovieId, store::mutation::Outcome};

use super::error::{Kind, Problem};

/// The id in a path. A text that is no id is the id of no movie.
fn movie_id(text: &str) -> Result<MovieId, Problem> {
    text.parse().map_err(|()| Problem::no_such_movie(text))
}

/// The problem that an outcome is to its writer.
///
/// # Errors
/// Gives the outcome back where it is none: the mutation was done.
fn refusal(outcome: Outcome) -> Result<Problem, Outcome> {
    match outcome {
        Outcome::NotFound(id) => Ok(Problem::no_such_movie(id)),
        Outcome::Stale { id, version } => {
            let detail = format!("movie {id} has version {version}: read it again");
            Ok(Problem::new(Kind::PreconditionFailed, detail))
        }
        Outcome::ImdbIdTaken { by } => {
            let other =
                by.map_or("a movie of the same request".to_owned(), |id| format!("movie {id}"));
            let detail = format!("{other} has this imdb_id");
            Ok(Problem::new(Kind::ImdbIdTaken, detail))
        }
        Outcome::Invalid(invalid) => Ok(Problem::document(&invalid)),
        Outcome::NotDone => Ok(Problem::new(
            Kind::NotDone,
            "good in itself, but another operation of the batch failed",
        )),
        done @ (Outcome::Created(_)
        | Outcome::Updated(_)
        | Outcome::Unchanged(_)
        | Outcome::Deleted(_)) => Err(done),
    }
}
