//! Which movies are alike by what is written about them: genres, directors, cast, year and words.
//!
//! For movies that nobody had anything to do with yet. Each feature weighs the more the fewer movies have it,
//! and by its kind; likeness is the cosine.

use std::collections::{BTreeMap, HashMap};

use super::{model::Link, neighbours::keep_highest, parameters::Parameters};
use crate::domain::{movie::MovieData, text::name_key};

/// Cast members that count; the first ones are the leads.
const CAST: usize = 8;
/// Features that more movies than this share are not followed when looking for movies that are alike: they
/// would touch most of the catalogue and tell little. They count between movies that share something rarer.
const COMMON: usize = 20_000;
/// Movies with interactions that stand in for a new one.
const STAND_INS: usize = 8;
/// How much of a stand-in's weight goes to the new movie.
const TRUST: f32 = 0.5;

/// Kinds of features, with their weights.
const DIRECTOR: f32 = 1.0;
const ACTOR: f32 = 0.6;
const GENRE: f32 = 0.8;
const DECADE: f32 = 0.5;
const PLACE: f32 = 0.3;
const WORD: f32 = 0.4;

/// Movies by their features.
#[derive(Debug, Clone, Default)]
pub struct Content {
    keys: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Each movie's features and their weights, of length 1, in the order of features.
    movies: Vec<Vec<(u32, f32)>>,
    /// The movies that have each feature, with the weight it has in them.
    features: Vec<Vec<(u32, f32)>>,
}

impl Content {
    /// From movies and their keys.
    ///
    /// # Panics
    /// For more than 2^32 movies.
    pub fn new<'m>(movies: impl IntoIterator<Item = (String, &'m MovieData)>) -> Self {
        let mut names: HashMap<String, u32> = HashMap::new();
        let mut content = Self::default();
        for (key, movie) in movies {
            let number = u32::try_from(content.keys.len()).expect("fewer than 2^32 movies");
            if content.numbers.insert(key.clone(), number).is_some() {
                continue;
            }
            let mut features = BTreeMap::new();
            for (name, weight) in features_of(movie) {
                let next = names.len() as u32;
                let feature = *names.entry(name).or_insert(next);
                let known = features.entry(feature).or_insert(0.0_f32);
                *known = known.max(weight);
            }
            content.keys.push(key);
            content.movies.push(features.into_iter().collect());
        }
        content.weigh(names.len());
        content
    }

    fn weigh(&mut self, features: usize) {
        let mut counts = vec![0_u32; features];
        for (feature, _) in self.movies.iter().flatten() {
            counts[*feature as usize] += 1;
        }
        self.features = vec![Vec::new(); features];
        let all = self.movies.len() as f32;
        for (number, movie) in (0..).zip(&mut self.movies) {
            for (feature, weight) in movie.iter_mut() {
                *weight *= (1.0 + all / counts[*feature as usize] as f32).ln();
            }
            let length = movie.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            for (feature, weight) in movie.iter_mut() {
                *weight /= length.max(f32::MIN_POSITIVE);
                self.features[*feature as usize].push((number, *weight));
            }
        }
    }

    /// The movies that are most like one, with how much (0 to 1), the most alike first; without it itself.
    #[must_use]
    pub fn similar(
        &self,
        key: &str,
        count: usize,
        allowed: &dyn Fn(&str) -> bool,
    ) -> Vec<(&str, f32)> {
        let Some(own) = self.numbers.get(key) else { return Vec::new() };
        let mut scores: BTreeMap<u32, f32> = BTreeMap::new();
        let features = &self.movies[*own as usize];
        for (feature, weight) in features {
            let having = &self.features[*feature as usize];
            if having.len() <= COMMON {
                for (movie, other) in having {
                    *scores.entry(*movie).or_default() += weight * other;
                }
            }
        }
        let fits = |movie: u32| movie != *own && allowed(&self.keys[movie as usize]);
        let mut all: Vec<(u32, f32)> =
            scores.into_iter().filter(|(movie, _)| fits(*movie)).collect();
        keep_highest(&mut all, count, |(_, score)| *score);
        all.into_iter().map(|(movie, score)| (self.keys[movie as usize].as_str(), score)).collect()
    }

    /// Gives links to the movies that are not among a model's items: a new movie is spoken for by those that
    /// speak for its stand-ins, and speaks for what they speak for, each by its likeness. A new movie keeps so
    /// many links.
    pub(super) fn add_new(
        &self,
        items: &mut Vec<String>,
        rows: &mut Vec<Vec<Link>>,
        parameters: &Parameters,
        keep: usize,
    ) {
        let known: HashMap<String, u32> =
            (0..).zip(items.iter()).map(|(number, key)| (key.clone(), number)).collect();
        let known_items = rows.len();
        let mut keys: Vec<&String> =
            self.keys.iter().filter(|key| !known.contains_key(*key)).collect();
        keys.sort_unstable();
        let typical = typical(rows) * TRUST;
        for key in keys {
            let new = items.len() as u32;
            items.push(key.clone());
            let alike = self.similar(key, STAND_INS, &|other| known.contains_key(other));
            let mut own: BTreeMap<u32, Link> = BTreeMap::new();
            for (other, likeness) in &alike {
                let other = known[*other];
                let weight = likeness * typical;
                let by_next = if parameters.next.is_some() { weight * 0.5 } else { 0.0 };
                rows[other as usize].push(Link { to: new, together: weight, next: by_next });
                own.insert(other, Link { to: other, together: weight, next: by_next });
                for link in
                    rows[other as usize].iter().filter(|link| (link.to as usize) < known_items)
                {
                    let sum = own.entry(link.to).or_insert(Link {
                        to: link.to,
                        together: 0.0,
                        next: 0.0,
                    });
                    let share = likeness * TRUST / alike.len() as f32;
                    sum.together += share * link.together;
                    sum.next += share * link.next;
                }
            }
            let mut own: Vec<(u32, Link)> = own.into_iter().collect();
            keep_highest(&mut own, keep, |(_, link)| link.together.abs() + link.next.abs());
            rows.push(own.into_iter().map(|(_, link)| link).collect());
        }
    }
}

/// The mean of each row's fifth highest weight: what a close neighbour says.
fn typical(rows: &[Vec<Link>]) -> f32 {
    let fifth = |row: &Vec<Link>| {
        let mut weights: Vec<f32> = row.iter().map(|link| link.together).collect();
        weights.sort_unstable_by(|a, b| b.total_cmp(a));
        weights.get(4).copied()
    };
    let (sum, count) =
        rows.iter().filter_map(fifth).fold((0.0_f64, 0_u32), |(s, n), w| (s + f64::from(w), n + 1));
    if count == 0 { 0.0 } else { (sum / f64::from(count)) as f32 }
}

fn features_of(movie: &MovieData) -> Vec<(String, f32)> {
    let mut features = Vec::new();
    let mut add = |kind: &str, name: &str, weight: f32| {
        features.push((format!("{kind}\u{1f}{}", name_key(name)), weight));
    };
    movie.directors.iter().for_each(|name| add("d", name, DIRECTOR));
    movie.cast.iter().take(CAST).for_each(|name| add("a", name, ACTOR));
    movie.genres.iter().for_each(|name| add("g", name, GENRE));
    movie.countries.iter().for_each(|name| add("c", name, PLACE));
    movie.languages.iter().for_each(|name| add("l", name, PLACE));
    if let Some(year) = movie.year {
        // Two grids of ten years, so that 1999 and 2000 share one of them.
        add("y", &(year.div_euclid(10)).to_string(), DECADE);
        add("z", &((year + 5).div_euclid(10)).to_string(), DECADE);
    }
    let text = format!("{} {}", movie.title, movie.synopsis.as_deref().unwrap_or_default());
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.chars().count() > 3).for_each(|word| add("w", word, WORD));
    features
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::parameters::Together;

    fn movie(title: &str, year: i16, director: &str, genre: &str) -> MovieData {
        MovieData {
            title: title.into(),
            year: Some(year),
            directors: vec![director.into()],
            genres: vec![genre.into()],
            ..MovieData::default()
        }
    }

    fn content() -> Content {
        let movies = [
            movie("Alien", 1979, "Ridley Scott", "Horror"),
            movie("Blade Runner", 1982, "Ridley Scott", "Sci-Fi"),
            movie("Blade", 1998, "Stephen Norrington", "Horror"),
            movie("Amelie", 2001, "Jean-Pierre Jeunet", "Romance"),
        ];
        Content::new(movies.iter().enumerate().map(|(n, movie)| (n.to_string(), movie)))
    }

    #[test]
    fn a_director_says_more_than_a_genre_and_nothing_shared_says_nothing() {
        let content = content();
        let alike: Vec<_> =
            content.similar("0", 9, &|_| true).iter().map(|(key, _)| *key).collect();
        assert_eq!(alike, ["1", "2"]);
        assert!(content.similar("none", 9, &|_| true).is_empty());
        assert!(content.similar("0", 9, &|key| key != "1").iter().all(|(key, _)| *key == "2"));
    }

    #[test]
    fn a_new_movie_is_spoken_for_by_its_stand_ins() {
        let mut items: Vec<String> = ["0", "3"].map(String::from).into();
        let row = |to| (0..5).map(|_| Link { to, together: 1.0, next: 0.0 }).collect::<Vec<_>>();
        let mut rows = vec![row(1), row(0)];
        let together = Together { ridge: 1.0, denoise: 0.0, recency: 1.0, weight: 1.0 };
        let (liking, value_deviation) = (0.0, 0.0);
        let parameters = Parameters {
            ordered: false,
            together,
            next: None,
            liking,
            value_deviation,
            trend: None,
        };
        content().add_new(&mut items, &mut rows, &parameters, 128);
        assert_eq!(items, ["0", "3", "1", "2"]);
        assert!(rows[0].iter().any(|link| link.to == 2 && link.together > 0.0));
        assert!(rows[2].iter().any(|link| link.to == 0 && link.together > 0.0));
    }
}
