//! Movies read from JSON, field by field.

use serde_json::{Map, Value};

use crate::domain::{
    clock::Moment,
    field::Field,
    invalid::{Faults, Invalid},
    movie::{ImdbId, MovieId, rule},
    text::name_key,
};

use super::{MovieInput, Reading, field_of, pointer, value::Reader};

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

impl Reader {
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
        if text.is_empty() {
            self.faults.pointer(at, "is required and must not be blank");
        }
        self.fits(at, &text, rule::TITLE_MAX);
        text
    }

    fn synopsis(&mut self, at: &str, value: &Value) -> Option<String> {
        let text = self.text(at, value)?;
        self.fits(at, &text, rule::SYNOPSIS_MAX);
        Some(text)
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

    fn imdb_id(&mut self, at: &str, value: &Value) -> Option<ImdbId> {
        let text = self.text(at, value)?;
        let id = text.parse().ok();
        if id.is_none() {
            self.faults.pointer(at, "must be tt and 7 to 10 digits");
        }
        id
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
