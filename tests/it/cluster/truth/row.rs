//! One state of a movie, ready to be filtered, sorted and written.

use marquee::domain::{
    field::FieldSet,
    movie::Movie,
    movie_json::MovieView,
    text::{name_key, sort_key},
};
use serde_json::json;

use crate::cluster::load::movies::GENRES;

/// A movie as it was from one revision on.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) movie: Movie,
    /// A bit for each of [`GENRES`].
    pub(super) genres: u32,
    pub(super) directors: Vec<String>,
    pub(super) countries: Vec<String>,
    pub(super) languages: Vec<String>,
    pub(super) title_key: Vec<u8>,
    /// As in lists.
    pub(super) listed: Vec<u8>,
    /// As the single movie.
    pub(crate) whole: Vec<u8>,
    /// As in `/search`.
    pub(super) compat: Vec<u8>,
}

impl Row {
    pub(crate) fn new(movie: Movie) -> Self {
        let keys = |names: &[String]| names.iter().map(|name| name_key(name)).collect::<Vec<_>>();
        let genres = keys(&movie.data.genres);
        let written = |fields| write(&MovieView::new(&movie, fields));
        let directors = &movie.data.directors;
        let compat = Compat {
            id: movie.id.get(),
            name: &movie.data.title,
            director_name: (!directors.is_empty()).then(|| directors.join(", ")),
            year: movie.data.year,
            rank: movie.data.rating,
        };
        Self {
            genres: mask(genres.iter().map(String::as_str)),
            directors: keys(&movie.data.directors),
            countries: keys(&movie.data.countries),
            languages: keys(&movie.data.languages),
            title_key: sort_key(&movie.data.title),
            listed: written(FieldSet::of_lists()),
            whole: written(FieldSet::all()),
            compat: write(&compat),
            movie,
        }
    }
}

#[derive(serde::Serialize)]
struct Compat<'a> {
    id: i64,
    name: &'a str,
    director_name: Option<String>,
    year: Option<i16>,
    rank: Option<f64>,
}

pub(super) fn write(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it has a JSON form")
}

/// The bits of these genres, by their keys. One that nobody writes has none.
pub(super) fn mask<'a>(keys: impl Iterator<Item = &'a str>) -> u32 {
    keys.filter_map(|key| GENRES.iter().position(|genre| genre.eq_ignore_ascii_case(key)))
        .fold(0, |mask, n| mask | 1 << n)
}

/// The body that a movie that is not there is answered with.
pub(super) fn missing(name: &str) -> Vec<u8> {
    // In the order of the members of a problem document.
    let [kind, title, status, detail] = [
        json!("/problems/no-such-movie"),
        json!("There is no such movie"),
        json!(404),
        json!(format!("there is no movie {name}")),
    ];
    format!(r#"{{"type":{kind},"title":{title},"status":{status},"detail":{detail}}}"#).into()
}
