//! Whether a movie that somebody has at hand is one that a filter asks for: the same as the store's and the
//! index's answer, for who chooses among few movies in memory.

use std::collections::BTreeSet;

use crate::domain::{movie::Movie, text::name_key};

use super::Filter;

impl Filter {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a movie is one of those that it asks for.
    #[must_use]
    pub fn accepts(&self, movie: &Movie) -> bool {
        if self.is_open() {
            return true;
        }
        let Self { genres, genres_not, director, country, language, years, ratings, ids } = self;
        let data = &movie.data;
        ids.as_ref().is_none_or(|ids| ids.contains(&movie.id))
            && (years.is_open()
                || data.year.is_some_and(|year| {
                    years.min.is_none_or(|min| min <= year)
                        && years.max.is_none_or(|max| year <= max)
                }))
            && (ratings.is_open()
                || data.rating.is_some_and(|rating| {
                    ratings.min.is_none_or(|min| min <= rating)
                        && ratings.max.is_none_or(|max| rating <= max)
                }))
            && has(&data.directors, director.as_deref())
            && has(&data.countries, country.as_deref())
            && has(&data.languages, language.as_deref())
            && has_genres(&data.genres, genres, genres_not)
    }
}

/// Whether a name is among others, if one is asked for.
fn has(names: &[String], wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| names.iter().any(|name| name_key(name) == wanted))
}

fn has_genres(
    names: &[String],
    groups: &BTreeSet<BTreeSet<String>>,
    without: &BTreeSet<String>,
) -> bool {
    if groups.is_empty() && without.is_empty() {
        return true;
    }
    let keys: Vec<String> = names.iter().map(|name| name_key(name)).collect();
    groups.iter().all(|group| keys.iter().any(|key| group.contains(key)))
        && !keys.iter().any(|key| without.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Moment,
        list::{ListQuery, query_text::pairs},
        movie::{MovieData, MovieId},
    };

    fn accepts(filter: &str) -> bool {
        let movie = Movie {
            id: MovieId::new(7).unwrap(),
            data: MovieData {
                title: "Alien".to_owned(),
                year: Some(1979),
                directors: vec!["Ridley Scott".to_owned()],
                genres: vec!["Horror".to_owned(), "Sci-Fi".to_owned()],
                languages: vec!["English".to_owned()],
                rating: Some(8.5),
                ..MovieData::default()
            },
            version: 1,
            created_at: Moment::from_unix_ms(0),
            updated_at: Moment::from_unix_ms(0),
        };
        ListQuery::from_pairs(pairs(filter)).unwrap().filter.accepts(&movie)
    }

    #[test]
    fn a_movie_is_accepted_where_a_list_would_have_it() {
        for good in [
            "",
            "genre=horror,SCI-FI",
            "genre=drama|horror&genre_not=war",
            "director=ridley%20scott",
            "year=1979",
            "year_min=1970&rating_min=8.5",
            "ids=3,7&language=english",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "genre=drama",
            "genre=horror,drama",
            "genre_not=sci-fi",
            "director=scott",
            "country=france",
            "year_max=1978",
            "rating_max=8.4",
            "ids=3",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
