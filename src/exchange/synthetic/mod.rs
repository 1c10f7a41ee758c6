//! A made-up catalogue of any size, for measurements: the same seed gives the same bytes on every
//! machine, and each movie follows from the seed and its number alone.
//!
//! Its spreads are those of real catalogues as far as indexes and caches notice: genres that differ a
//! hundredfold in size and come together, years that grow, ratings around 6.2, votes over six
//! orders of magnitude, a few directors with very many movies, titles in many scripts.
//!
//! **Invariant:** no clock, no global random numbers, and no floating-point function whose last bit
//! differs between machines: only `+ - * /` and square roots.

mod genres;
mod people;
mod places;
mod random;
mod titles;

use jiff::civil::Date;

use crate::domain::movie::{ImdbId, MovieData};

use self::{genres::Genres, random::Random};

/// First and last year.
const YEARS: (i16, i16) = (1890, 2026);

/// Most votes; popularity is 100 there.
const MOST_VOTES: u32 = 3_000_000;

/// Where the numbers of `imdb_id`s begin: far above those that `IMDb` has given.
const FIRST_IMDB_ID: u64 = 900_000_000;

/// A made-up catalogue.
#[derive(Debug)]
pub struct Synthetic {
    seed: u64,
    movies: u64,
    genres: Genres,
}

impl Synthetic {
    /// A catalogue of so many movies.
    #[must_use]
    pub fn new(movies: u64, seed: u64) -> Self {
        Self { seed, movies, genres: Genres::new() }
    }

    /// The movie of this number, from 0.
    #[must_use]
    pub fn movie(&self, number: u64) -> MovieData {
        let random = &mut Random::new(self.seed, number);
        let imdb_id = imdb_id(number, random);
        let year = year(random);
        let country = places::first_country(random);
        let title = titles::title(random, country);
        let (rating, votes, popularity) = reception(random);
        MovieData {
            // Without an IMDb id, a title that no other movie has: all of the movies are to stay
            // different ones when they are imported.
            title: if imdb_id.is_some() { title } else { format!("{title} #{number}") },
            year: Some(year),
            released: released(year, random),
            runtime_minutes: random.chance(90).then(|| runtime(random)),
            directors: people::directors(random, self.movies),
            genres: self.genres.some(random),
            cast: people::cast(random, self.movies),
            countries: places::countries(random, country),
            languages: places::languages(random, country),
            synopsis: random.chance(30).then(|| titles::synopsis(random)),
            rating,
            votes,
            popularity,
            imdb_id,
        }
    }

    /// All movies, in order.
    pub fn iter(&self) -> impl Iterator<Item = MovieData> {
        (0..self.movies).map(|number| self.movie(number))
    }
}

/// Two in a hundred have none.
fn imdb_id(number: u64, random: &mut Random) -> Option<ImdbId> {
    let id = format!("tt{}", FIRST_IMDB_ID + number).parse().ok();
    id.filter(|_| random.chance(98))
}

/// Half of all movies are of the last 22 years.
fn year(random: &mut Random) -> i16 {
    let span = f64::from(YEARS.1 - YEARS.0 + 1);
    let share = random.unit().sqrt().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "0 to 136")]
    let since = (span * share) as i16;
    YEARS.0 + since
}

fn released(year: i16, random: &mut Random) -> Option<Date> {
    let (month, day) = (random.below(12) + 1, random.below(28) + 1);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    date.filter(|_| random.chance(80))
}

fn runtime(random: &mut Random) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "40 to 240")]
    let minutes = (97.0 + 20.0 * random.normal()).clamp(40.0, 240.0) as i32;
    minutes
}

/// Rating, votes and popularity.
fn reception(random: &mut Random) -> (Option<f64>, Option<i64>, Option<f64>) {
    let rating = ((6.2 + 1.2 * random.normal()).clamp(1.0, 10.0) * 10.0).round() / 10.0;
    // Half of all movies have fewer than 60 votes, one in two thousand more than 100,000.
    let votes = power_of_two(5.9 + 3.3 * random.normal()).clamp(1.0, f64::from(MOST_VOTES));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let votes = votes as u32;
    let popularity = 100.0 * logarithm(votes + 1) / logarithm(MOST_VOTES + 1);
    let popularity = (popularity * 100.0).round() / 100.0;
    let is_rated = random.chance(95);
    let popularity = random.chance(99).then_some(popularity.min(100.0));
    (is_rated.then_some(rating), is_rated.then_some(i64::from(votes)), popularity)
}

/// About 2 to the power of this: exact at whole numbers, straight lines between them.
fn power_of_two(exponent: f64) -> f64 {
    let exponent = exponent.clamp(0.0, 31.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 31")]
    let whole = exponent as u32;
    f64::from(1_u32 << whole) * (1.0 + exponent - f64::from(whole))
}

/// About the logarithm to base 2: the inverse of [`power_of_two`].
fn logarithm(number: u32) -> f64 {
    let whole = number.max(1).ilog2();
    f64::from(whole) + f64::from(number.max(1)) / f64::from(1_u32 << whole) - 1.0
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use sha2::{Digest, Sha256};

    use super::*;

    const SAMPLE: u64 = 20_000;

    fn sample() -> Vec<MovieData> {
        Synthetic::new(SAMPLE, 7).iter().collect()
    }

    fn share(of: usize) -> f64 {
        f64::from(u32::try_from(of).unwrap()) / f64::from(u32::try_from(SAMPLE).unwrap())
    }

    fn hash(movies: &[MovieData]) -> String {
        let mut hasher = Sha256::new();
        for movie in movies {
            hasher.update(serde_json::to_vec(movie).unwrap());
        }
        let hash = hasher.finalize();
        format!("{:016x}", u64::from_be_bytes(hash[..8].try_into().unwrap()))
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let movies = sample();
        assert_eq!(hash(&movies), "0d4c4abacdee8143");
        assert_eq!(movies[1234], Synthetic::new(SAMPLE, 7).movie(1234));
        assert_ne!(hash(&movies), hash(&Synthetic::new(SAMPLE, 8).iter().collect::<Vec<_>>()));
    }

    #[test]
    fn every_movie_keeps_the_rules_and_is_another_one() {
        use crate::domain::movie_json::{Reading, read};
        let (mut ids, mut identities) = (HashSet::new(), HashSet::new());
        for movie in sample() {
            let object = serde_json::to_value(&movie).unwrap();
            let input = read(object.as_object().unwrap(), Reading::Strict).unwrap();
            assert_eq!(input.data, movie);
            assert!(movie.imdb_id.as_ref().is_none_or(|id| ids.insert(id.clone())));
            identities.insert(movie.identity());
        }
        assert!(share(identities.len()) > 0.999, "{}", identities.len());
    }

    #[test]
    fn genres_differ_in_size_and_come_together() {
        let movies = sample();
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        for genre in movies.iter().flat_map(|movie| &movie.genres) {
            *sizes.entry(genre.as_str()).or_default() += 1;
        }
        let drama = share(sizes["Drama"]);
        assert!((0.42..0.48).contains(&drama), "{drama}");
        assert_eq!(sizes.len(), 27);
        let rarest = sizes.values().min().copied().unwrap();
        assert!(share(rarest) < 0.01 && rarest > 10, "{rarest}");
        assert!(movies.iter().all(|movie| movie.genres.len() <= 4));
        let both = |a: &str, b: &str| {
            let has = |movie: &&MovieData, genre: &str| movie.genres.iter().any(|g| g == genre);
            share(movies.iter().filter(|movie| has(movie, a) && has(movie, b)).count())
        };
        let lift = both("Sci-Fi", "Action") / (share(sizes["Sci-Fi"]) * share(sizes["Action"]));
        assert!(lift > 1.5, "{lift}");
    }

    #[test]
    fn years_grow_ratings_are_normal_and_votes_have_a_long_tail() {
        let movies = sample();
        let recent = movies.iter().filter(|movie| movie.year.is_some_and(|y| y > 2004)).count();
        assert!((0.45..0.55).contains(&share(recent)), "{}", share(recent));
        assert!(movies.iter().all(|movie| movie.year.is_some_and(|y| (1890..=2026).contains(&y))));

        let ratings: Vec<f64> = movies.iter().filter_map(|movie| movie.rating).collect();
        assert!((0.94..0.96).contains(&share(ratings.len())));
        let mean = ratings.iter().sum::<f64>() / f64::from(u32::try_from(ratings.len()).unwrap());
        assert!((6.1..6.3).contains(&mean), "{mean}");
        assert!(ratings.iter().all(|r| ((r * 10.0).round() / 10.0).to_bits() == r.to_bits()));

        let mut votes: Vec<i64> = movies.iter().filter_map(|movie| movie.votes).collect();
        votes.sort_unstable();
        let median = votes[votes.len() / 2];
        assert!((30..120).contains(&median), "{median}");
        assert!(votes[votes.len() - 1] > 1000 * median, "{}", votes[votes.len() - 1]);
    }

    #[test]
    fn few_directors_have_many_movies_and_most_have_few() {
        let movies = sample();
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        for director in movies.iter().flat_map(|movie| &movie.directors) {
            *sizes.entry(director.as_str()).or_default() += 1;
        }
        let most = sizes.values().max().copied().unwrap();
        assert!((50..2000).contains(&most), "{most}");
        assert!(sizes.len() > 1000, "{}", sizes.len());
    }

    #[test]
    fn titles_are_in_many_scripts_and_countries_lean_to_one() {
        let movies = sample();
        let with = |range: std::ops::RangeInclusive<char>| {
            let has = |movie: &&MovieData| movie.title.chars().any(|c| range.contains(&c));
            share(movies.iter().filter(has).count())
        };
        for (range, least) in [
            ('\u{3040}'..='\u{9fff}', 0.02),    // CJK
            ('\u{400}'..='\u{4ff}', 0.01),      // Cyrillic
            ('\u{e0}'..='\u{ff}', 0.02),        // accents
            ('\u{1f300}'..='\u{1faff}', 0.001), // emoji
        ] {
            let share = with(range.clone());
            assert!(share > least, "{range:?} {share}");
        }
        let mut countries: HashMap<&str, usize> = HashMap::new();
        for movie in &movies {
            *countries.entry(movie.countries[0].as_str()).or_default() += 1;
        }
        let most = share(countries["United States"]);
        assert!((0.25..0.4).contains(&most) && countries.len() > 100, "{most}");
    }
}
