//! Changes to a stored movie.

use serde_json::{Map, Value};

use super::{
    invalid::{Fault, Invalid},
    movie::{Movie, MovieData},
    movie_json::{self, MovieInput, Reading},
};

/// What a writer wants an existing movie to become.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// These values and no others.
    Replace(Box<MovieData>),
    /// The stored values with these members merged in (RFC 7396).
    Merge(Map<String, Value>),
}

impl Change {
    /// The values that `movie` has after the change.
    ///
    /// # Errors
    /// The rules that the merged movie would break.
    pub fn apply(&self, movie: &Movie) -> Result<MovieData, Invalid> {
        match self {
            Self::Replace(data) => Ok((**data).clone()),
            Self::Merge(members) => merge(movie, members),
        }
    }

    /// The `IMDb` id that the movie may get, for looking up whether another one has it.
    #[must_use]
    pub fn imdb_id(&self) -> Option<String> {
        match self {
            Self::Replace(data) => data.imdb_id.as_ref().map(ToString::to_string),
            Self::Merge(members) => members.get("imdb_id")?.as_str().map(ToOwned::to_owned),
        }
    }
}

fn merge(movie: &Movie, members: &Map<String, Value>) -> Result<MovieData, Invalid> {
    let Ok(Value::Object(mut merged)) = serde_json::to_value(&movie.data) else {
        return Err(Invalid::one(Fault::pointer("", "the stored movie has no JSON form")));
    };
    for (name, value) in members {
        // A member under its other spelling replaces the stored one under its own name; faults then
        // point at what the caller wrote.
        if let Some(field) = movie_json::field_of(name) {
            merged.remove(field.name());
            if value.is_null() {
                continue;
            }
        }
        // What is no field is a fault, null or not.
        merged.insert(name.clone(), value.clone());
    }
    let MovieInput { data, id, .. } = movie_json::read(&merged, Reading::Strict)?;
    if id.is_some_and(|id| id != movie.id) {
        return Err(Invalid::one(Fault::pointer("/id", "cannot be changed")));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::Moment, movie::MovieId};
    use serde_json::json;

    fn movie() -> Movie {
        let fields = json!({"title": "Stalker", "year": 1979, "genres": ["Drama"], "rating": 8.0});
        let object = fields.as_object().expect("an object");
        let data = movie_json::read(object, Reading::Strict).expect("a movie").data;
        let id = MovieId::new(7).expect("positive");
        let then = Moment::from_unix_ms(0);
        Movie { id, data, version: 1, created_at: then, updated_at: then }
    }

    fn merged(patch: &Value) -> Result<MovieData, Invalid> {
        Change::Merge(patch.as_object().expect("an object").clone()).apply(&movie())
    }

    #[test]
    fn null_removes_a_list_replaces_and_the_rest_stays() {
        let data = merged(&json!({"rating": null, "genres": ["Sci-Fi"]})).unwrap();
        assert_eq!((data.title.as_str(), data.year, data.rating), ("Stalker", Some(1979), None));
        assert_eq!(data.genres, ["Sci-Fi"]);
    }

    #[test]
    fn the_title_and_the_id_cannot_go() {
        assert!(merged(&json!({"title": null})).is_err());
        assert!(merged(&json!({"id": 8})).is_err());
        assert!(merged(&json!({"id": 7, "name": "Сталкер"})).is_ok());
    }
}
