//! Collections read from JSON, with all of their faults.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::domain::{
    invalid::{Faults, Invalid},
    movie::MovieId,
    movie_json::pointer,
    season,
};

use super::{Definition, MovieRef, Slug, query, rule};

/// What says how a collection is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming<'a> {
    /// The document, which is of a new collection: what the service sets must not be in it.
    New,
    /// The document, which may have been read from here before.
    Document,
    /// Something else; a name in the document must be the same.
    Known(&'a Slug),
}

/// Members that writers set.
const MEMBERS: [&str; 7] =
    ["slug", "title", "description", "movies", "query", "exclude", "seasons"];
/// Members that the service sets.
const SET_BY_SERVICE: [&str; 3] = ["version", "created_at", "updated_at"];

/// Reads a collection's name and definition from a JSON object.
///
/// # Errors
/// Every fault, each with the JSON pointer of its value.
pub fn read(
    object: &Map<String, Value>,
    naming: Naming<'_>,
) -> Result<(Slug, Definition), Invalid> {
    let mut faults = Faults::default();
    for name in object.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        if !SET_BY_SERVICE.contains(&name.as_str()) {
            faults.pointer(
                pointer(name),
                format!("is no member of a collection; it has {}", MEMBERS.join(", ")),
            );
        } else if naming == Naming::New {
            faults.pointer(pointer(name), "is set by the service; leave it out");
        }
    }
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    let slug = slug(given("slug"), naming, &mut faults);
    let title = title(given("title"), &mut faults);
    let description = description(given("description"), &mut faults);
    let movies = movies("movies", given("movies"), &mut faults);
    let exclude = self::movies("exclude", given("exclude"), &mut faults);
    for (n, both) in exclude.iter().enumerate().filter(|(_, movie)| movies.contains(movie)) {
        faults.pointer(format!("/exclude/{n}"), format!("{both} is one of movies, too"));
    }
    let query = given("query").map(|value| query::read("/query", value, &mut faults));
    let seasons = given("seasons").map(|value| season::read("/seasons", value, &mut faults));
    if given("movies").is_none() && query.is_none() {
        faults.pointer("", "must have movies, or a query, or both");
    } else if given("query").is_none() && !exclude.is_empty() {
        faults.pointer("/exclude", "goes with a query: without one, leave those movies out");
    } else if movies.is_empty() && query.is_none() && given("movies") == Some(&Value::Array(vec![]))
    {
        faults.pointer("/movies", "must have a movie where there is no query");
    }
    let definition = Definition {
        title,
        description,
        movies,
        query: query.flatten(),
        exclude,
        seasons: seasons.flatten(),
    };
    let slug = faults.or(slug)?;
    // Without a fault there is a name.
    slug.map(|slug| (slug, definition))
        .ok_or_else(|| Invalid::one(crate::domain::invalid::Fault::pointer("/slug", "is required")))
}

fn slug(value: Option<&Value>, naming: Naming<'_>, faults: &mut Faults) -> Option<Slug> {
    let read = |value: &Value| value.as_str().and_then(|text| text.parse::<Slug>().ok());
    let most = rule::SLUG_MAX;
    let words = format!(
        "must be words of a to z and 0 to 9, joined by -, of at most {most} characters: it is the \
         collection's name in addresses"
    );
    match (value, naming) {
        (None, Naming::Known(slug)) => Some(slug.clone()),
        (None, Naming::New | Naming::Document) => {
            faults.pointer("/slug", "is required: the collection's name in addresses");
            None
        }
        (Some(value), _) => {
            let slug = read(value);
            match (&slug, naming) {
                (None, _) => faults.pointer("/slug", words),
                (Some(slug), Naming::Known(known)) if slug != known => {
                    faults.pointer("/slug", "cannot be changed");
                }
                _ => {}
            }
            slug
        }
    }
}

fn title(value: Option<&Value>, faults: &mut Faults) -> String {
    let text = match value {
        None => {
            faults.pointer("/title", "is required");
            return String::new();
        }
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(_) => {
            faults.pointer("/title", "must be a string");
            return String::new();
        }
    };
    if text.is_empty() {
        faults.pointer("/title", "must not be blank");
    }
    fits("/title", &text, rule::TITLE_MAX, faults);
    text
}

fn description(value: Option<&Value>, faults: &mut Faults) -> Option<String> {
    let Value::String(text) = value? else {
        faults.pointer("/description", "must be a string");
        return None;
    };
    fits("/description", text, rule::DESCRIPTION_MAX, faults);
    Some(text.clone())
}

fn fits(at: &str, text: &str, most: usize, faults: &mut Faults) {
    let length = text.chars().count();
    if length > most {
        faults.pointer(at, format!("must have at most {most} characters, not {length}"));
    }
}

fn movies(name: &str, value: Option<&Value>, faults: &mut Faults) -> Vec<MovieRef> {
    let Some(value) = value else { return Vec::new() };
    let Value::Array(items) = value else {
        faults.pointer(format!("/{name}"), "must be a list of movies");
        return Vec::new();
    };
    if items.len() > rule::MOVIES_MAX {
        let (most, length) = (rule::MOVIES_MAX, items.len());
        faults
            .pointer(format!("/{name}"), format!("must have at most {most} movies, not {length}"));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut movies = Vec::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        let movie = match item {
            Value::Number(id) => id.as_i64().and_then(MovieId::new).map(MovieRef::Id),
            Value::String(id) => id.parse().ok().map(MovieRef::Imdb),
            _ => None,
        };
        match movie {
            None => faults.pointer(
                format!("/{name}/{n}"),
                "must be a movie's id, or its IMDb id as text: tt and 7 to 10 digits",
            ),
            Some(movie) if !seen.insert(movie.clone()) => {
                faults.pointer(format!("/{name}/{n}"), format!("{movie} is there twice"));
            }
            Some(movie) => movies.push(movie),
        }
    }
    movies
}
