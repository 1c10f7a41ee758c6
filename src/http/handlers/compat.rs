//! The original service's three operations, for its clients: same paths, same bodies, same statuses.
//!
//! Only what the original did not have, such as a catalogue that cannot be reached, is answered with a
//! problem document.

use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::{
        field::Field,
        invalid::{Fault, Faults, Invalid, Place},
        movie::{Movie, MovieData, MovieId},
        movie_json::{self, Reading, field_of},
        parameters::Parameters,
        revision::Revision,
    },
    store::mutation::{Mutation, Outcome},
};

use super::{
    super::{
        audit::Touched,
        body::{self, Accepts},
        call::Call,
        class::Class,
        error::{FaultList, Kind, Problem},
        finished::Finished,
        params,
        query::Query,
        response::{Answer, Body, CATALOG_REVISION, written},
    },
    refusal,
};

/// Movies of one answer.
pub(crate) const ROWS_MAX: u32 = 10_000;

pub(crate) const ADDED: &str = "Record added successfully";
pub(crate) const NOT_ADDED: &str = "Failed to add data";
pub(crate) const DELETED: &str = "Record deleted successfully";
pub(crate) const NOT_FOUND: &str = "Record Not found";

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: MovieId,
    name: &'a str,
    director_name: Option<String>,
    year: Option<i16>,
    rank: Option<f64>,
}

#[derive(Serialize)]
struct Message<'a> {
    msg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<FaultList<'a>>,
}

/// `GET /search`: all movies in the order of their ids.
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    read_list(call.query()).map(Answer::Kept)
}

/// Reads what is asked for.
pub(crate) fn read_list(query: Option<&str>) -> Result<Query, Problem> {
    let after = params::read(query, |pairs| {
        let mut parameters = Parameters::new(pairs);
        let must = "the number in the Link of the page before";
        let after = parameters.parsed("cursor", must, |text| text.parse().ok());
        parameters.finish(after)
    })?;
    Ok(Query::Compat(after))
}

/// The answer that some movies are, and whether there are more.
pub(crate) fn render((movies, more): &(Vec<Movie>, bool)) -> Finished {
    let list = List { data: movies.iter().map(row).collect() };
    let found = Finished::json(Class::List, &list);
    match movies.last() {
        Some(end) if *more => {
            let link = format!("</search?cursor={}>; rel=\"next\"", end.id);
            found.with(header::LINK, HeaderValue::try_from(link).expect("digits and ASCII"))
        }
        _ => found,
    }
}

fn row(movie: &Movie) -> Row<'_> {
    let Movie { id, data, .. } = movie;
    Row {
        id: *id,
        name: &data.title,
        director_name: (!data.directors.is_empty()).then(|| data.directors.join(", ")),
        year: data.year,
        rank: data.rating,
    }
}

/// `POST /movie`: a new movie.
pub(crate) async fn create(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let bytes = call.bytes(Accepts::JsonUnderAnyName).await?;
    let data = match body::object(bytes).await.map(|object| read(&object)) {
        Ok(Ok(data)) => data,
        Ok(Err(invalid)) => return Ok(not_added(invalid.faults())),
        Err(problem) => return bad_json(problem),
    };
    let outcome = call.api.catalogue.write(Mutation::Create { data: Box::new(data) }).await?;
    match outcome.value {
        Outcome::Created(movie) | Outcome::Updated(movie) | Outcome::Unchanged(movie) => {
            let mut response = message(StatusCode::CREATED, ADDED, outcome.revision);
            response.extensions_mut().insert(Touched(vec![movie.id]));
            Ok(Answer::Final(response))
        }
        other => match refusal(other) {
            Ok(problem) if problem.faults().is_empty() => {
                Ok(not_added(&[Fault::pointer("", problem.detail())]))
            }
            Ok(problem) => Ok(not_added(problem.faults())),
            Err(_) => {
                Err(Problem::new(Kind::Internal, "the movie was not created, and nothing says why"))
            }
        },
    }
}

/// `DELETE /movie/{id}`: the end of a movie.
pub(crate) async fn delete(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let none = || Message { msg: NOT_FOUND, errors: None };
    let Ok(id) = call.parameter.parse() else {
        return Ok(Answer::Final(written(StatusCode::NOT_FOUND, &none())));
    };
    let outcome = call.api.catalogue.write(Mutation::Delete { id, expect: None }).await?;
    let (status, text) = match outcome.value {
        Outcome::Deleted(_) => (StatusCode::OK, DELETED),
        _ => (StatusCode::NOT_FOUND, NOT_FOUND),
    };
    Ok(Answer::Final(message(status, text, outcome.revision)))
}

fn message(status: StatusCode, msg: &'static str, revision: Revision) -> Response<Body> {
    let mut response = written(status, &Message { msg, errors: None });
    response.headers_mut().insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    response
}

fn not_added(faults: &[Fault]) -> Answer {
    let message = Message { msg: NOT_ADDED, errors: Some(FaultList(faults)) };
    Answer::Final(written(StatusCode::NOT_ACCEPTABLE, &message))
}

fn bad_json(problem: Problem) -> Result<Answer, Problem> {
    match problem.kind() {
        Kind::MalformedJson => Ok(not_added(&[Fault::pointer("", problem.detail())])),
        Kind::InvalidDocument => Ok(not_added(problem.faults())),
        _ => Err(problem),
    }
}

/// Reads a movie in either spelling that was in circulation. Each has five members, and asks for all
/// of them; the original did not look at others, so neither does this.
fn read(object: &Map<String, Value>) -> Result<MovieData, Invalid> {
    let known: Map<String, Value> = object
        .iter()
        .filter(|(name, _)| field_of(name).is_some())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut faults = Faults::default();
    let read = movie_json::read(&known, Reading::Lenient);
    let all_read = read.is_ok();
    let data = match read {
        Ok(input) => input.data,
        Err(invalid) => {
            // That the title is missing is said below, in the words of the original.
            let missing = |fault: &&Fault| fault.place == Place::Pointer("/title".to_owned());
            let others = invalid
                .faults()
                .iter()
                .filter(|fault| !missing(fault) || known.contains_key("title"));
            others.cloned().for_each(|fault| faults.push(fault));
            MovieData::default()
        }
    };
    let other_spelling = known.contains_key("99popularity") || known.contains_key("imdb_score");
    let (rating, last) = if other_spelling {
        ("/imdb_score", (Field::Popularity, "/99popularity", data.popularity.is_none()))
    } else {
        ("/rank", (Field::Year, "/year", data.year.is_none()))
    };
    let asked_for = [
        (Field::Title, "/name", data.title.is_empty()),
        (Field::Directors, "/director", data.directors.is_empty()),
        (Field::Rating, rating, data.rating.is_none()),
        (Field::Genres, "/genre", data.genres.is_empty()),
        last,
    ];
    for (field, pointer, empty) in asked_for {
        // Where something is wrong, nothing was read, and only what was not given is known to be missing.
        let given =
            known.iter().any(|(name, value)| field_of(name) == Some(field) && !value.is_null());
        if !given || (empty && all_read) {
            faults.pointer(pointer, "is required");
        }
    }
    faults.or(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn movie(value: Value) -> Result<MovieData, String> {
        let Value::Object(object) = value else { unreachable!() };
        read(&object).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn both_spellings_are_read() {
        let original = json!({"name": "Stalker", "director": "Andrei Tarkovsky", "year": 1979, "rank": "8.1",
            "genre": [" Drama", "Sci-Fi "]});
        let data = movie(original).unwrap();
        assert_eq!((data.year, data.rating), (Some(1979), Some(8.1)));
        assert_eq!(
            (data.directors, data.genres),
            (vec!["Andrei Tarkovsky".to_owned()], vec!["Drama".to_owned(), "Sci-Fi".to_owned()])
        );
        let other = json!({"99popularity": 83.0, "director": "Victor Fleming", "genre": ["Adventure"],
            "imdb_score": 8.3, "name": "The Wizard of Oz"});
        assert_eq!(movie(other).unwrap().popularity, Some(83.0));
    }

    #[test]
    fn members_that_the_original_did_not_know_are_not_looked_at() {
        let more = json!({"name": "x", "director": "y", "year": 1979, "rank": 8, "genre": ["z"], "colour": 1});
        assert!(movie(more).is_ok());
    }

    #[test]
    fn all_five_are_asked_for() {
        let text = movie(json!({})).unwrap_err();
        for name in ["/name", "/director", "/rank", "/genre", "/year"] {
            assert!(text.contains(name), "{name} in {text}");
        }
        let blank = json!({"name": " ", "director": "", "year": "", "rank": null, "genre": [" "]});
        for name in ["/name", "/rank"] {
            assert!(movie(blank.clone()).unwrap_err().contains(name), "{name}");
        }
        let empty = json!({"name": "x", "director": "", "year": "", "rank": 1, "genre": []});
        let text = movie(empty).unwrap_err();
        for name in ["/director", "/genre", "/year"] {
            assert!(text.contains(name), "{name} in {text}");
        }
        let half = json!({"99popularity": 83.0, "director": "y", "genre": ["z"], "name": "x"});
        assert_eq!(movie(half).unwrap_err(), "/imdb_score: is required");
    }

    #[test]
    fn bad_values_are_named() {
        let bad = json!({"name": "x", "director": "y", "year": 12, "rank": 8, "genre": ["z"]});
        assert!(movie(bad).unwrap_err().starts_with("/year: must be from"));
    }
}
