//! What can be asked of the cache, each in one canonical form: requests that mean the same are equal, and
//! nothing that is not part of it can reach an answer that others are given.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    cache::{
        entry::Made,
        key::Key,
        rule::{Rule, Rules},
        tiers::Ask,
    },
    domain::{
        list::ListQuery,
        movie::{ImdbId, MovieId},
        revision::{Revision, Scope},
    },
    service::catalogue::Catalogue,
};

use super::{
    error::Problem,
    finished::Finished,
    handlers::{compat, genres, list},
    representation,
    route::Route,
};

/// `Cache-Groups` (RFC 9875): what a cache downstream can purge an answer by.
pub(super) const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
/// Groups of one answer; RFC 9875 asks caches to keep 32.
const GROUPS_MAX: usize = 32;
/// Bytes of a genre's key that stand for themselves in a group's name.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A read that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Query {
    /// A page of movies.
    List(Box<ListQuery>),
    /// A movie by id.
    Movie(MovieId),
    /// A movie by `IMDb` id.
    MovieByImdbId(ImdbId),
    /// Every genre.
    Genres,
    /// The original service's list, from after a movie on.
    Compat(Option<MovieId>),
}

impl Query {
    /// The operation.
    pub(super) const fn route(&self) -> Route {
        match self {
            Self::List(_) => Route::ListMovies,
            Self::Movie(_) => Route::GetMovie,
            Self::MovieByImdbId(_) => Route::GetMovieByImdbId,
            Self::Genres => Route::ListGenres,
            Self::Compat(_) => Route::CompatList,
        }
    }

    /// Its name: the canonical target.
    fn key(&self) -> Key {
        Key::new(match self {
            Self::List(query) => {
                let text = query.canonical();
                if text.is_empty() {
                    list::PATH.to_owned()
                } else {
                    format!("{}?{text}", list::PATH)
                }
            }
            Self::Movie(id) => format!("/v1/movies/{id}"),
            Self::MovieByImdbId(id) => format!("/v1/movies/imdb/{id}"),
            Self::Genres => "/v1/genres".to_owned(),
            Self::Compat(None) => "/search".to_owned(),
            Self::Compat(Some(after)) => format!("/search?cursor={after}"),
        })
    }

    /// What its answer depends on, whatever it is.
    fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::List(query) => query.filter.scopes(),
            Self::Movie(id) => vec![Scope::of_movie(*id)],
            // Any write may give a movie this id; the movie that has it is touched when it loses it.
            Self::MovieByImdbId(_) | Self::Genres | Self::Compat(_) => vec![Scope::All],
        }
    }

    /// The question to the cache.
    pub(super) fn ask(&self, at_least: Revision) -> Ask {
        let route = self.route() as usize;
        Ask { key: self.key(), scopes: self.scopes(), route, at_least }
    }

    /// The answer, from one snapshot of the truth.
    ///
    /// # Errors
    /// Why there is none now.
    pub(super) async fn load(
        self,
        catalogue: Catalogue,
        rules: Rules,
    ) -> Result<Made<Finished>, Problem> {
        let groups = self.groups();
        let (tag, scopes, answer) = match self {
            Self::List(query) => {
                let page = catalogue.list(*query.clone()).await?;
                (page.revision, None, list::render(&query, &page))
            }
            Self::Movie(id) => {
                let movie = catalogue.movie(id).await?;
                (movie.revision, None, representation::found(&movie, id))
            }
            Self::MovieByImdbId(id) => {
                let movie = catalogue.movie_by_imdb_id(id.clone()).await?;
                let scope = movie.value.as_ref().map(|movie| vec![Scope::of_movie(movie.id)]);
                (movie.revision, scope, representation::found(&movie, &id))
            }
            Self::Genres => {
                let genres = catalogue.genres().await?;
                (genres.revision, None, genres::render(&genres))
            }
            Self::Compat(after) => {
                let page = catalogue.by_id(after, compat::ROWS_MAX).await?;
                (page.revision, None, compat::render(&page.value))
            }
        };
        let tag = if rules.hold(Rule::TagAfterData) {
            tag
        } else {
            tokio::time::sleep(Duration::from_millis(30)).await;
            catalogue.ready().await?
        };
        let answer = match groups {
            Some(groups) => answer.with(CACHE_GROUPS, groups),
            None => answer,
        };
        Ok(Made { tag, scopes, payload: answer })
    }

    fn groups(&self) -> Option<HeaderValue> {
        let mut names = Vec::new();
        match self {
            Self::List(query) => {
                names.push("movies".to_owned());
                let genres = query.filter.genres.iter().flatten();
                names.extend(
                    genres.map(|key| format!("genre-{}", utf8_percent_encode(key, ESCAPED))),
                );
                names.truncate(GROUPS_MAX);
            }
            Self::Movie(id) => names.push(format!("movie-{id}")),
            Self::MovieByImdbId(id) => names.push(format!("movie-{id}")),
            Self::Genres => names.extend(["movies".to_owned(), "genres".to_owned()]),
            Self::Compat(_) => names.push("movies".to_owned()),
        }
        let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
        HeaderValue::try_from(quoted.join(", ")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Query {
        let pairs = super::super::params::pairs(Some(text)).unwrap();
        Query::List(Box::new(ListQuery::from_pairs(pairs).unwrap()))
    }

    #[test]
    fn keys_are_canonical_targets() {
        assert_eq!(*list("limit=50&sort=-popularity").key(), *"/v1/movies");
        assert_eq!(*list("genre=DRAMA&").key(), *"/v1/movies?genre=drama");
        assert_eq!(*Query::Compat(MovieId::new(7)).key(), *"/search?cursor=7");
    }

    #[test]
    fn groups_name_the_genres_that_a_list_asks_for() {
        let groups = list("genre=Film+Noir,Drama&genre_not=War").groups().unwrap();
        assert_eq!(groups, "\"movies\", \"genre-drama\", \"genre-film%20noir\"");
        assert_eq!(Query::Movie(MovieId::new(42).unwrap()).groups().unwrap(), "\"movie-42\"");
    }
}
