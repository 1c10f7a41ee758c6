//! How much two movies that are at hand are alike, by what rows of lists have: without a catalogue to tell what
//! is rare. For who has few movies to compare, and for rows that should not all be the same.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
};

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

/// Kinds of names, in the order in which a movie's are side by side.
const DIRECTOR: usize = 0;
const WORD: usize = 1;
const GENRE: usize = 2;
const LANGUAGE: usize = 3;
const COUNTRY: usize = 4;
const KINDS: usize = 5;

/// The bit of all names of a kind that have none of their own.
const OTHERS: u32 = 63;

/// A movie's names as they are compared, by their hashes, so that one is compared with many in no time.
#[derive(Debug, Clone)]
pub struct Traits {
    /// A bit for each name of a kind: where two movies have none in common, they have no name in common. Most
    /// comparisons end here, which spares them the names.
    marks: [u64; KINDS],
    year: Option<i16>,
    /// Where the names of each kind end.
    ends: [u16; KINDS],
    names: Box<[u64]>,
}

impl Traits {
    /// Those of a movie.
    #[must_use]
    pub fn of(movie: &MovieData) -> Self {
        let title = name_key(&movie.title);
        let words = title.split(|c: char| !c.is_alphanumeric());
        let words: Vec<u64> = words.filter(|word| word.chars().count() > 3).map(hash).collect();
        let keys = |names: &[String]| -> Vec<u64> {
            names.iter().map(|name| hash(&name_key(name))).collect()
        };
        let kinds: [Vec<u64>; KINDS] = [
            keys(&movie.directors),
            words,
            keys(&movie.genres),
            keys(&movie.languages),
            keys(&movie.countries),
        ];
        let (mut marks, mut ends, mut end) = ([0; KINDS], [0; KINDS], 0);
        for (kind, names) in kinds.iter().enumerate() {
            end += names.len();
            ends[kind] = u16::try_from(end).unwrap_or(u16::MAX);
            marks[kind] = names.iter().fold(0, |marks, name| marks | 1 << bit(kind, *name));
        }
        Self { marks, year: movie.year, ends, names: kinds.concat().into() }
    }

    /// Bytes that it points to.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of_val(&*self.names)
    }

    /// How much they are alike, from 0 to 1; the same from both sides.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f32 {
        let years = match (self.year, other.year) {
            (Some(one), Some(two)) => (1.0 - f32::from((one - two).unsigned_abs()) / AGE).max(0.0),
            _ => 0.0,
        };
        DIRECTORS * self.any(other, DIRECTOR)
            + GENRES * self.shared(other, GENRE)
            + YEARS * years
            + TITLE * self.shared(other, WORD)
            + LANGUAGES * self.any(other, LANGUAGE)
            + COUNTRIES * self.any(other, COUNTRY)
    }

    /// 1 if one name is in both.
    fn any(&self, other: &Self, kind: usize) -> f32 {
        if self.both(other, kind) > 0 { 1.0 } else { 0.0 }
    }

    /// How many of all names are in both.
    fn shared(&self, other: &Self, kind: usize) -> f32 {
        let both = self.both(other, kind);
        if both == 0 {
            return 0.0;
        }
        let all = self.count(kind) + other.count(kind) - both;
        f32::from(both) / f32::from(all)
    }

    /// How many names of a kind are in both.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are 64 bits, and 65,535 names at most"
    )]
    fn both(&self, other: &Self, kind: usize) -> u16 {
        let common = self.marks[kind] & other.marks[kind];
        if common == 0 {
            return 0;
        }
        if has_own_bits(kind) && common & (1 << OTHERS) == 0 {
            return common.count_ones() as u16;
        }
        let others = other.names(kind);
        self.names(kind).iter().filter(|name| others.contains(name)).count() as u16
    }

    fn count(&self, kind: usize) -> u16 {
        self.ends[kind] - self.begin(kind)
    }

    fn names(&self, kind: usize) -> &[u64] {
        &self.names[usize::from(self.begin(kind))..usize::from(self.ends[kind])]
    }

    const fn begin(&self, kind: usize) -> u16 {
        if kind == 0 { 0 } else { self.ends[kind - 1] }
    }
}

/// Whether names of a kind are few, so that most have a bit of their own.
const fn has_own_bits(kind: usize) -> bool {
    matches!(kind, GENRE | LANGUAGE | COUNTRY)
}

/// Which bit stands for a name. Of kinds with few names, the first 63 that this process meets have one each.
fn bit(kind: usize, name: u64) -> u32 {
    static MET: Mutex<[Vec<u64>; KINDS]> = Mutex::new([const { Vec::new() }; KINDS]);
    if !has_own_bits(kind) {
        return (name % 64) as u32;
    }
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    let met = &mut met[kind];
    let place = met.iter().position(|known| *known == name).unwrap_or_else(|| {
        if met.len() < OTHERS as usize {
            met.push(name);
        }
        met.len() - 1
    });
    if met.get(place) == Some(&name) { place as u32 } else { OTHERS }
}

/// The same for the same text in one process.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
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
    #[test]
    fn names_without_a_bit_of_their_own_are_compared_one_by_one() {
        let tongue = |n: usize| format!("tongue {n}");
        let speaking = |numbers: &[usize]| {
            let languages = numbers.iter().map(|n| tongue(*n)).collect();
            Traits::of(&MovieData { languages, ..MovieData::default() })
        };
        let all: Vec<Traits> = (0..200).map(|n| speaking(&[n])).collect();
        for (n, one) in all.iter().enumerate() {
            for (m, other) in all.iter().enumerate() {
                assert_eq!(one.any(other, LANGUAGE) > 0.0, n == m, "{n} {m}");
            }
        }
        assert_eq!(speaking(&[1, 150, 199]).both(&speaking(&[199, 2, 1]), LANGUAGE), 2);
    }
}
