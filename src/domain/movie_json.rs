//! Movies as JSON: the one place where their text form is read and written.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::{
    clock::Moment,
    field::{Field, FieldSet},
    invalid::{Faults, Invalid},
    movie::{Movie, MovieData, MovieId, rule},
    text::name_key,
};

/// How forgiving the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Clients of the API: a value of another type is a fault, names are kept byte-exact.
    Strict,
    /// Files and the original service's clients: numbers may be strings and the other way round,
    /// a single name may stand for a list, empty text is null, names are trimmed.
    Lenient,
}

/// What a JSON object says of a movie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MovieInput {
    /// The values that writers set.
    pub data: MovieData,
    /// `id`, where given. Writers cannot choose it, but may send back what they read.
    pub id: Option<MovieId>,
    /// `created_at`, where given, likewise.
    pub created_at: Option<Moment>,
}

/// Other spellings of field names that are in circulation for the same data.
const ALIASES: &[(&str, Field)] = &[
    ("name", Field::Title),
    ("director", Field::Directors),
    ("director_name", Field::Directors),
    ("genre", Field::Genres),
    ("imdb_score", Field::Rating),
    ("rank", Field::Rating),
    ("99popularity", Field::Popularity),
];

/// The field that a member of a movie's object means, if any.
#[must_use]
pub fn field_of(name: &str) -> Option<Field> {
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| *field);
    name.parse().ok().or_else(alias)
}

/// Reads a movie from a JSON object.
///
/// # Errors
/// Every fault, each with the JSON pointer of its value.
pub fn read(object: &Map<String, Value>, reading: Reading) -> Result<MovieInput, Invalid> {
    let mut reader = Reader { reading, faults: Faults::default() };
    let mut input = MovieInput::default();
    let mut seen: Vec<(Field, &str)> = Vec::with_capacity(object.len());
    for (name, value) in object {
        let Some(field) = field_of(name) else {
            reader.faults.pointer(pointer(name), "is not a field of a movie");
            continue;
        };
        if let Some((_, other)) = seen.iter().find(|(seen, _)| *seen == field) {
            reader
                .faults
                .pointer(pointer(name), format!("says the same as {other}: give one of them"));
            continue;
        }
        seen.push((field, name));
        reader.field(field, &pointer(name), value, &mut input);
    }
    if !seen.iter().any(|(field, _)| *field == Field::Title) {
        reader.faults.pointer("/title", "is required");
    }
    reader.faults.or(input)
}

/// The JSON pointer of a member (RFC 6901).
#[must_use]
pub fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

struct Reader {
    reading: Reading,
    faults: Faults,
}

impl Reader {
    fn lenient(&self) -> bool {
        self.reading == Reading::Lenient
    }

    fn field(&mut self, field: Field, at: &str, value: &Value, input: &mut MovieInput) {
        let data = &mut input.data;
        match field {
            Field::Title => data.title = self.title(at, value),
            Field::Year => data.year = self.year(at, value),
            Field::Released => data.released = self.released(at, value),
            Field::RuntimeMinutes => {
                let minutes = self.integer(at, value, (0, rule::RUNTIME_MAX_MINUTES));
                data.runtime_minutes = minutes.and_then(|minutes| i32::try_from(minutes).ok());
            }
            Field::Directors => data.directors = self.names(at, value, rule::DIRECTORS_MAX),
            Field::Genres => data.genres = self.genres(at, value),
            Field::Cast => data.cast = self.names(at, value, rule::CAST_MAX),
            Field::Countries => data.countries = self.names(at, value, rule::PLACES_MAX),
            Field::Languages => data.languages = self.names(at, value, rule::PLACES_MAX),
            Field::Synopsis => data.synopsis = self.synopsis(at, value),
            Field::Rating => data.rating = self.number(at, value, rule::RATING_MAX),
            Field::Votes => data.votes = self.integer(at, value, (0, rule::VOTES_MAX)),
            Field::Popularity => data.popularity = self.number(at, value, rule::POPULARITY_MAX),
            Field::ImdbId => data.imdb_id = self.imdb_id(at, value),
            Field::Id => {
                input.id = self.integer(at, value, (1, i64::MAX)).and_then(MovieId::new);
            }
            Field::CreatedAt => input.created_at = self.moment(at, value),
            Field::UpdatedAt => _ = self.moment(at, value),
            Field::Version => _ = self.integer(at, value, (1, i64::MAX)),
        }
    }

    /// The text of a value; `None` for null (and for blank text, when lenient).
    fn text(&mut self, at: &str, value: &Value) -> Option<String> {
        match value {
            Value::Null => None,
            Value::String(text) if self.lenient() => {
                let text = text.trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if self.lenient() => Some(number.to_string()),
            _ => {
                self.faults.pointer(at, "must be a string");
                None
            }
        }
    }

    fn title(&mut self, at: &str, value: &Value) -> String {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if self.lenient() => number.to_string(),
            _ => {
                self.faults.pointer(at, "must be a string");
                return String::new();
            }
        };
        let length = text.chars().count();
        if length == 0 {
            self.faults.pointer(at, "is required and must not be blank");
        } else if length > rule::TITLE_MAX {
            let most = rule::TITLE_MAX;
            self.faults.pointer(at, format!("must have at most {most} characters, not {length}"));
        }
        text
    }

    fn synopsis(&mut self, at: &str, value: &Value) -> Option<String> {
        let text = self.text(at, value)?;
        let length = text.chars().count();
        if length > rule::SYNOPSIS_MAX {
            let most = rule::SYNOPSIS_MAX;
            self.faults.pointer(at, format!("must have at most {most} characters, not {length}"));
        }
        Some(text)
    }

    /// A number, from text too when lenient.
    fn any_number(&mut self, at: &str, value: &Value, must: &str) -> Option<f64> {
        let number = match value {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) if self.lenient() => {
                let text = text.trim();
                if text.is_empty() || text == "\\N" {
                    return None;
                }
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        };
        if number.is_none() {
            self.faults.pointer(at, must);
        }
        number
    }

    fn number(&mut self, at: &str, value: &Value, most: f64) -> Option<f64> {
        let number = self.any_number(at, value, "must be a number")?;
        if !(0.0..=most).contains(&number) {
            self.faults.pointer(at, format!("must be from 0 to {most}, not {number}"));
            return None;
        }
        Some(number + 0.0) // -0.0 becomes 0.0
    }

    fn integer(&mut self, at: &str, value: &Value, (least, most): (i64, i64)) -> Option<i64> {
        let whole = match value {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            Value::Number(number) if number.is_u64() => Some(i64::MAX), // above every bound but i64's
            _ => {
                let number = self.any_number(at, value, "must be an integer")?;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "whole and within 2^53 is exact"
                )]
                let whole =
                    (number.fract() == 0.0 && number.abs() <= 9.0e15).then_some(number as i64);
                whole
            }
        };
        let Some(whole) = whole else {
            self.faults.pointer(at, "must be an integer");
            return None;
        };
        if !(least..=most).contains(&whole)
            || matches!(value, Value::Number(n) if n.is_u64() && !n.is_i64())
        {
            self.faults.pointer(at, format!("must be from {least} to {most}, not {value}"));
            return None;
        }
        Some(whole)
    }

    fn year(&mut self, at: &str, value: &Value) -> Option<i16> {
        self.integer(at, value, rule::YEARS).and_then(|year| i16::try_from(year).ok())
    }

    fn released(&mut self, at: &str, value: &Value) -> Option<jiff::civil::Date> {
        let text = self.text(at, value)?;
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date = plain.then(|| text.parse().ok()).flatten();
        if date.is_none() {
            self.faults.pointer(at, "must be a day as YYYY-MM-DD");
        }
        date
    }

    fn moment(&mut self, at: &str, value: &Value) -> Option<Moment> {
        let text = self.text(at, value)?;
        let moment = Moment::parse(&text);
        if moment.is_none() {
            self.faults.pointer(at, "must be a time as in 2026-11-24T10:00:00Z");
        }
        moment
    }

    fn imdb_id(&mut self, at: &str, value: &Value) -> Option<super::movie::ImdbId> {
        let text = self.text(at, value)?;
        let id = text.parse().ok();
        if id.is_none() {
            self.faults.pointer(at, "must be tt and 7 to 10 digits");
        }
        id
    }

    fn list<'v>(&mut self, at: &str, value: &'v Value, most: usize) -> &'v [Value] {
        let items = match value {
            Value::Null => return &[],
            Value::Array(items) => items.as_slice(),
            // `"director":"Victor Fleming"` is the usual spelling of one director.
            Value::String(_) if self.lenient() || at == "/director" => std::slice::from_ref(value),
            _ => {
                self.faults.pointer(at, "must be a list of strings");
                return &[];
            }
        };
        if items.len() > most {
            self.faults.pointer(at, format!("must have at most {most} items, not {}", items.len()));
            return &[];
        }
        items
    }

    fn names(&mut self, at: &str, value: &Value, most: usize) -> Vec<String> {
        let mut names = Vec::new();
        for (n, item) in self.list(at, value, most).iter().enumerate() {
            names.extend(self.name(&format!("{at}/{n}"), item, rule::NAME_MAX));
        }
        names
    }

    fn name(&mut self, at: &str, value: &Value, most: usize) -> Option<String> {
        let text = match value {
            Value::String(text) if self.lenient() => text.trim(),
            Value::String(text) => text.as_str(),
            _ => {
                self.faults.pointer(at, "must be a string");
                return None;
            }
        };
        let length = text.chars().count();
        if text.trim().is_empty() {
            if !self.lenient() {
                self.faults.pointer(at, "must not be blank");
            }
            return None;
        }
        if length > most {
            self.faults.pointer(at, format!("must have at most {most} characters, not {length}"));
            return None;
        }
        Some(text.to_owned())
    }

    fn genres(&mut self, at: &str, value: &Value) -> Vec<String> {
        let mut genres: Vec<String> = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        for (n, item) in self.list(at, value, rule::GENRES_MAX).iter().enumerate() {
            let trimmed = match item {
                Value::String(text) => Value::String(text.trim().to_owned()),
                other => other.clone(),
            };
            let Some(genre) = self.name(&format!("{at}/{n}"), &trimmed, rule::GENRE_MAX) else {
                continue;
            };
            let key = name_key(&genre);
            if !keys.contains(&key) {
                keys.push(key);
                genres.push(genre);
            }
        }
        genres
    }
}

/// A movie with some of its fields, ready to be written as JSON.
#[derive(Debug)]
pub struct MovieView<'a> {
    movie: &'a Movie,
    fields: FieldSet,
}

impl<'a> MovieView<'a> {
    /// The fields of `movie` that are in `fields`.
    #[must_use]
    pub const fn new(movie: &'a Movie, fields: FieldSet) -> Self {
        Self { movie, fields }
    }
}

impl Serialize for MovieView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Movie { id, data, version, created_at, updated_at } = self.movie;
        let mut map = serializer.serialize_map(None)?;
        for field in self.fields.iter() {
            let name = field.name();
            match field {
                Field::Id => map.serialize_entry(name, id)?,
                Field::Version => map.serialize_entry(name, version)?,
                Field::CreatedAt => map.serialize_entry(name, &Text(created_at))?,
                Field::UpdatedAt => map.serialize_entry(name, &Text(updated_at))?,
                _ => entry(&mut map, field, data)?,
            }
        }
        map.end()
    }
}

fn entry<M: SerializeMap>(map: &mut M, field: Field, data: &MovieData) -> Result<(), M::Error> {
    let name = field.name();
    match field {
        Field::Title => map.serialize_entry(name, &data.title),
        Field::Year => map.serialize_entry(name, &data.year),
        Field::Released => map.serialize_entry(name, &data.released.as_ref().map(Text)),
        Field::RuntimeMinutes => map.serialize_entry(name, &data.runtime_minutes),
        Field::Directors => map.serialize_entry(name, &data.directors),
        Field::Genres => map.serialize_entry(name, &data.genres),
        Field::Cast => map.serialize_entry(name, &data.cast),
        Field::Countries => map.serialize_entry(name, &data.countries),
        Field::Languages => map.serialize_entry(name, &data.languages),
        Field::Synopsis => map.serialize_entry(name, &data.synopsis),
        Field::Rating => map.serialize_entry(name, &data.rating),
        Field::Votes => map.serialize_entry(name, &data.votes),
        Field::Popularity => map.serialize_entry(name, &data.popularity),
        Field::ImdbId => map.serialize_entry(name, &data.imdb_id),
        Field::Id | Field::Version | Field::CreatedAt | Field::UpdatedAt => Ok(()),
    }
}

/// A value written as the string that it displays as.
struct Text<'a, T>(&'a T);

impl<T: std::fmt::Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

impl Serialize for MovieData {
    /// The fields that writers set.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in Field::ALL.iter().filter(|field| !field.read_only()) {
            entry(&mut map, *field, self)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn strict(value: &Value) -> Result<MovieInput, Invalid> {
        read(value.as_object().expect("an object"), Reading::Strict)
    }

    fn lenient(value: &Value) -> Result<MovieInput, Invalid> {
        read(value.as_object().expect("an object"), Reading::Lenient)
    }

    fn places(outcome: Result<MovieInput, Invalid>) -> Vec<String> {
        let faults = outcome.expect_err("a fault").faults().to_vec();
        faults
            .iter()
            .map(|fault| fault.to_string().split(':').next().unwrap_or("").to_owned())
            .collect()
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let bad = json!({
            "title": " ", "year": 1869, "rating": 10.1, "votes": -1, "popularity": "x",
            "genres": ["Drama", 7, ""], "imdb_id": "32138", "released": "1939-02-30", "sequel": 1,
            "runtime_minutes": 1.5, "directors": "Victor Fleming"
        });
        let mut places = places(strict(&bad));
        places.sort();
        let expected = [
            "/directors",
            "/genres/1",
            "/genres/2",
            "/imdb_id",
            "/popularity",
            "/rating",
            "/released",
            "/runtime_minutes",
            "/sequel",
            "/title",
            "/votes",
            "/year",
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn the_title_is_required_and_its_length_is_counted_in_characters() {
        assert_eq!(places(strict(&json!({}))), ["/title"]);
        assert!(strict(&json!({"title": "🎬".repeat(500)})).is_ok());
        assert_eq!(places(strict(&json!({"title": "🎬".repeat(501)}))), ["/title"]);
    }

    #[test]
    fn genres_are_trimmed_and_distinct_ignoring_case() {
        let input =
            strict(&json!({"title": "x", "genres": [" Sci-Fi", "sci-fi ", "Drama"]})).unwrap();
        assert_eq!(input.data.genres, ["Sci-Fi", "Drama"]);
    }

    #[test]
    fn the_other_spelling_is_read() {
        let input = strict(&json!({
            "99popularity": 83.0, "director": "Victor Fleming", "genre": ["Adventure", " Family"],
            "imdb_score": 8.3, "name": "The Wizard of Oz"
        }))
        .unwrap();
        assert_eq!(input.data.title, "The Wizard of Oz");
        assert_eq!(input.data.directors, ["Victor Fleming"]);
        assert_eq!(input.data.genres, ["Adventure", "Family"]);
        assert_eq!((input.data.rating, input.data.popularity), (Some(8.3), Some(83.0)));
        assert_eq!(places(strict(&json!({"title": "a", "name": "b"}))).len(), 1);
    }

    #[test]
    fn whole_floats_are_integers_and_large_ones_are_out_of_range() {
        assert_eq!(strict(&json!({"title": "x", "year": 1939.0})).unwrap().data.year, Some(1939));
        assert_eq!(places(strict(&json!({"title": "x", "votes": u64::MAX}))), ["/votes"]);
        assert_eq!(places(strict(&json!({"title": "x", "votes": 1e300}))), ["/votes"]);
        assert!(strict(&json!({"title": "x", "votes": rule::VOTES_MAX})).is_ok());
    }

    #[test]
    fn lenient_reading_forgives_types_but_not_rules() {
        let input = lenient(&json!({
            "title": 1984, "year": "1984", "rating": "", "directors": " Michael Radford ", "genres": "Drama",
            "synopsis": ""
        }))
        .unwrap();
        assert_eq!(input.data.title, "1984");
        assert_eq!(input.data.year, Some(1984));
        assert_eq!((input.data.rating, input.data.synopsis), (None, None));
        assert_eq!(input.data.directors, ["Michael Radford"]);
        assert_eq!(places(lenient(&json!({"title": "  ", "rating": "11"}))), ["/rating", "/title"]);
    }
}
