//! Movies as documents of the index.

use serde::{Deserialize, Serialize};
use tantivy::{
    TantivyDocument,
    schema::{Field, Value},
};

use crate::domain::{
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
    text::{name_key, sort_key},
};

use super::{
    schema::{Fields, TextField},
    tokens::title_length,
};

/// The document of a movie.
pub(super) fn document(
    fields: &Fields,
    movie: &Movie,
) -> Result<TantivyDocument, serde_json::Error> {
    let mut document = TantivyDocument::default();
    let data = &movie.data;
    document.add_u64(fields.id, movie.id.get().unsigned_abs());
    document.add_text(fields.text(TextField::Title), &data.title);
    document.add_text(fields.title_starts, &data.title);
    for (field, names) in [(TextField::Directors, &data.directors), (TextField::Cast, &data.cast)] {
        for name in names {
            document.add_text(fields.text(field), name);
            document.add_text(fields.name_starts, name);
        }
    }
    for genre in &data.genres {
        document.add_text(fields.text(TextField::Genres), genre);
        for other in other_names(&name_key(genre)) {
            document.add_text(fields.text(TextField::Genres), other);
        }
    }
    if let Some(synopsis) = &data.synopsis {
        document.add_text(fields.text(TextField::Synopsis), synopsis);
    }
    for (field, names) in [
        (fields.genre, &data.genres),
        (fields.director, &data.directors),
        (fields.country, &data.countries),
        (fields.language, &data.languages),
    ] {
        keys(&mut document, field, names);
    }
    document.add_u64(fields.year, data.year.map_or(0, |year| u64::from(year.unsigned_abs())));
    document.add_u64(fields.rating, from_number(data.rating));
    document.add_u64(fields.popularity, from_number(data.popularity));
    document.add_u64(fields.votes, data.votes.map_or(0, |votes| votes.unsigned_abs() + 1));
    document.add_u64(fields.created, from_moment(movie.created_at));
    document.add_u64(fields.title_length, title_length(&data.title));
    document.add_bytes(fields.title_key, &sort_key(&data.title));
    for (field, names) in [
        (fields.genre_set, &data.genres),
        (fields.country_set, &data.countries),
        (fields.language_set, &data.languages),
    ] {
        document.add_text(field, set(names)?);
    }
    document.add_bytes(fields.row, &serde_json::to_vec(&Row::of(movie))?);
    if !data.cast.is_empty() || data.synopsis.is_some() {
        let rest = Rest { cast: data.cast.clone(), synopsis: data.synopsis.clone() };
        document.add_bytes(fields.rest, &serde_json::to_vec(&rest)?);
    }
    Ok(document)
}

/// Other words that people use for a genre.
fn other_names(genre: &str) -> &'static [&'static str] {
    match genre {
        "sci-fi" | "science fiction" => &["Science Fiction", "Sci-Fi"],
        "romance" => &["Romantic"],
        "animation" => &["Animated", "Cartoon"],
        "biography" => &["Biopic", "Biographical"],
        "documentary" => &["Documentaries"],
        "family" => &["Kids", "Children"],
        "comedy" => &["Comedies"],
        "history" => &["Historical"],
        "musical" => &["Musicals"],
        "sport" => &["Sports"],
        _ => &[],
    }
}

fn keys(document: &mut TantivyDocument, field: Field, names: &[String]) {
    let mut keys: Vec<String> = names.iter().map(|name| name_key(name)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in &keys {
        document.add_text(field, key);
    }
}

/// A movie's distinct names as one text, the same for all movies that have the same.
fn set(names: &[String]) -> Result<String, serde_json::Error> {
    let mut distinct: Vec<&String> = Vec::with_capacity(names.len());
    for name in names {
        if !distinct.iter().any(|other| name_key(other) == name_key(name)) {
            distinct.push(name);
        }
    }
    distinct.sort_unstable();
    serde_json::to_string(&distinct)
}

/// The names of a [`set`].
pub(super) fn names_of_set(text: &str) -> Result<Vec<String>, serde_json::Error> {
    serde_json::from_str(text)
}

/// A number that is not negative, as an integer that compares like it; 0 is none.
pub(super) fn from_number(number: Option<f64>) -> u64 {
    number.map_or(0, |number| (number + 0.0).to_bits() + 1)
}

/// The number that [`from_number`] wrote.
pub(super) fn to_number(value: u64) -> Option<f64> {
    value.checked_sub(1).map(f64::from_bits)
}

/// A moment, as an integer that compares like it.
fn from_moment(moment: Moment) -> u64 {
    tantivy::i64_to_u64(moment.unix_ms())
}

/// What rows of lists have.
#[derive(Serialize, Deserialize)]
struct Row {
    i: i64,
    v: i64,
    c: i64,
    u: i64,
    t: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<i16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<jiff::civil::Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    di: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ge: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    co: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    la: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vo: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    im: Option<String>,
}

/// What rows of lists leave out.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct Rest {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cast: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) synopsis: Option<String>,
}

impl Row {
    fn of(movie: &Movie) -> Self {
        let data = movie.data.clone();
        Self {
            i: movie.id.get(),
            v: movie.version,
            c: movie.created_at.unix_ms(),
            u: movie.updated_at.unix_ms(),
            t: data.title,
            y: data.year,
            d: data.released,
            m: data.runtime_minutes,
            di: data.directors,
            ge: data.genres,
            co: data.countries,
            la: data.languages,
            r: data.rating,
            vo: data.votes,
            p: data.popularity,
            im: data.imdb_id.map(|id| id.to_string()),
        }
    }

    fn movie(self) -> Option<Movie> {
        let imdb_id = self.im.map(|id| id.parse()).transpose().ok()?;
        let data = MovieData {
            title: self.t,
            year: self.y,
            released: self.d,
            runtime_minutes: self.m,
            directors: self.di,
            genres: self.ge,
            countries: self.co,
            languages: self.la,
            rating: self.r,
            votes: self.vo,
            popularity: self.p,
            imdb_id,
            ..MovieData::default()
        };
        Some(Movie {
            id: MovieId::new(self.i)?,
            data,
            version: self.v,
            created_at: Moment::from_unix_ms(self.c),
            updated_at: Moment::from_unix_ms(self.u),
        })
    }
}

/// The movie of a stored document, without what rows of lists leave out.
pub(super) fn movie(fields: &Fields, document: &TantivyDocument) -> Option<Movie> {
    let bytes = document.get_first(fields.row)?;
    serde_json::from_slice::<Row>(bytes.as_bytes()?).ok()?.movie()
}

/// What rows of lists leave out.
pub(super) fn rest(fields: &Fields, document: &TantivyDocument) -> Option<Rest> {
    match document.get_first(fields.rest) {
        Some(bytes) => serde_json::from_slice(bytes.as_bytes()?).ok(),
        None => Some(Rest::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_compare_as_their_integers(one in 0.0f64..100.0, two in 0.0f64..100.0) {
            let (a, b) = (from_number(Some(one)), from_number(Some(two)));
            prop_assert_eq!(one.total_cmp(&two), a.cmp(&b));
            prop_assert_eq!(to_number(a), Some(one));
            prop_assert_eq!(to_number(from_number(None)), None);
        }
    }
}
