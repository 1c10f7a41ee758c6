//! How much two movies that are at hand are alike, by what rows of lists have: without a catalogue to tell what
//! is rare. For who has few movies to compare, and for rows that should not all be the same.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::domain::{movie::MovieData, text::name_key};

/// What each part of it weighs; they add up to 1.
const DIRECTORS: f32 = 0.35;
const GENRES: f32 = 0.3;
const YEARS: f32 = 0.15;
const TITLE: f32 = 0.1;
const LANGUAGES: f32 = 0.05;
const COUNTRIES: f32 = 0.05;

/// Years between two films that have nothing to do with each other any more.
const AGE: f32 = 25.0;

/// A movie's names as they are compared, by their hashes, so that one is compared with many in no time.
#[derive(Debug, Clone)]
pub struct Traits {
    directors: Box<[u64]>,
    genres: Box<[u64]>,
    languages: Box<[u64]>,
    countries: Box<[u64]>,
    title: Box<[u64]>,
    year: Option<i16>,
}

impl Traits {
    /// Those of a movie.
    #[must_use]
    pub fn of(movie: &MovieData) -> Self {
        let keys = |names: &[String]| names.iter().map(|name| hash(&name_key(name))).collect();
        let title = name_key(&movie.title);
        let words = title.split(|c: char| !c.is_alphanumeric());
        Self {
            directors: keys(&movie.directors),
            genres: keys(&movie.genres),
            languages: keys(&movie.languages),
            countries: keys(&movie.countries),
            title: words.filter(|word| word.chars().count() > 3).map(hash).collect(),
            year: movie.year,
        }
    }

    /// Bytes that it points to.
    #[must_use]
    pub fn weight(&self) -> usize {
        let Self { directors, genres, languages, countries, title, .. } = self;
        let lists = [directors, genres, languages, countries, title];
        lists.iter().map(|list| size_of_val(&***list)).sum()
    }

    /// How much they are alike, from 0 to 1; the same from both sides.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f32 {
        let years = match (self.year, other.year) {
            (Some(one), Some(two)) => (1.0 - f32::from((one - two).unsigned_abs()) / AGE).max(0.0),
            _ => 0.0,
        };
        DIRECTORS * any(&self.directors, &other.directors)
            + GENRES * shared(&self.genres, &other.genres)
            + YEARS * years
            + TITLE * shared(&self.title, &other.title)
            + LANGUAGES * any(&self.languages, &other.languages)
            + COUNTRIES * any(&self.countries, &other.countries)
    }
}

/// The same for the same text in one process.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// 1 if one name is in both.
fn any(one: &[u64], two: &[u64]) -> f32 {
    if one.iter().any(|name| two.contains(name)) { 1.0 } else { 0.0 }
}

/// How many of all names are in both.
fn shared(one: &[u64], two: &[u64]) -> f32 {
    let both = one.iter().filter(|name| two.contains(name)).count();
    let all = one.len() + two.len() - both;
    if all == 0 { 0.0 } else { both as f32 / all as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movie(title: &str, year: i16, director: &str, genres: &[&str]) -> Traits {
        Traits::of(&MovieData {
            title: title.into(),
            year: Some(year),
            directors: vec![director.into()],
            genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
            ..MovieData::default()
        })
    }

    #[test]
    fn a_sequel_is_more_alike_than_another_film_of_its_genre() {
        let godfather = movie("The Godfather", 1972, "Francis Ford Coppola", &["Crime", "Drama"]);
        let second =
            movie("The Godfather: Part II", 1974, "FRANCIS FORD COPPOLA", &["Crime", "Drama"]);
        let scarface = movie("Scarface", 1983, "Brian De Palma", &["Crime", "Drama"]);
        let amelie = movie("Amélie", 2001, "Jean-Pierre Jeunet", &["Comedy"]);
        let like = |other: &Traits| godfather.likeness(other);
        assert!(like(&second) > like(&scarface) && like(&scarface) > like(&amelie));
        assert!((like(&second) - second.likeness(&godfather)).abs() < f32::EPSILON);
        assert!(like(&amelie).abs() < f32::EPSILON);
    }
}
