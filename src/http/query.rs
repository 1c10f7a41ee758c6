//! What can be asked of the cache, each in one canonical form: requests that mean the same are equal, and
//! nothing that is not part of it can reach an answer that others are given.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    cache::{
        entry::{Lasting, Made, Within},
        key::Key,
        rule::{Rule, Rules},
        tiers::Ask,
    },
    domain::{
        activity::TrendingAsk,
        clock::Moment,
        list::ListQuery,
        movie::{ImdbId, MovieId},
        recommend::SimilarQuery,
        revision::{AsOf, Revision, Scope},
        search::SearchQuery,
        season::Standing,
        suggest::SuggestQuery,
    },
    service::{
        catalogue::{Catalogue, Origin},
        collections::{Plan, Read},
        overload::Kind,
    },
};

use super::{
    class::Class,
    error::Problem,
    finished::Finished,
    handlers::{collections, compat, genres, list, search, similar, suggest, trending},
    representation,
    route::Route,
    services::Services,
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
    /// A page of what a text finds.
    Search(Box<SearchQuery>),
    /// What a text may become.
    Suggest(SuggestQuery),
    /// What is like a movie.
    Similar {
        /// Which.
        query: Box<SimilarQuery>,
        /// The name of the model that is in force; `None` before there is one.
        model: Option<String>,
    },
    /// A collection with its movies.
    Collection(Box<Plan>),
    /// A page of collections.
    Collections {
        /// Which.
        query: collections::ListQuery,
        /// For how long all of them stand as they do.
        standing: Standing,
        /// The moment that it is read for.
        at: Moment,
    },
    /// What is trending, in a minute.
    Trending {
        /// What is asked for.
        ask: TrendingAsk,
        /// The first moment of the minute.
        at: Moment,
    },
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
            Self::Search(_) => Route::SearchMovies,
            Self::Suggest(_) => Route::Suggest,
            Self::Similar { .. } => Route::ListSimilar,
            Self::Collection(_) => Route::GetCollection,
            Self::Collections { .. } => Route::ListCollections,
            Self::Trending { .. } => Route::ListTrending,
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
            Self::Search(query) => format!("{}?{}", search::PATH, query.canonical()),
            Self::Suggest(query) => format!("{}?{}", suggest::PATH, query.canonical()),
            Self::Similar { query, model } => similar::key(query, model.as_deref()),
            // What follows from the calendar has a name of its own for each time in which it holds.
            Self::Collection(plan) => {
                let time = plan.standing.map(name_of_time).unwrap_or_default();
                format!("{}/{}{time}", collections::PATH, plan.slug)
            }
            Self::Collections { query, standing, .. } => {
                let time = name_of_time(*standing);
                format!("{}{}{time}", collections::PATH, query.canonical())
            }
            Self::Trending { ask, at } => {
                format!("{}?{}#{}", trending::PATH, ask.canonical(), at.unix_ms())
            }
        })
    }

    /// What its answer depends on, whatever it is; on the movies that it shows beside.
    fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::List(query) => query.scopes(),
            Self::Movie(id) => vec![Scope::of_movie(*id)],
            // Any movie may get this id; the movie that has it is touched when it loses it.
            Self::MovieByImdbId(_) | Self::Genres | Self::Compat(_) => vec![Scope::Movies],
            Self::Trending { .. } => vec![Scope::All],
            Self::Search(_) | Self::Suggest(_) => vec![Scope::Index],
            Self::Similar { query, .. } => vec![Scope::of_movie(query.movie), Scope::Model],
            Self::Collection(plan) => plan.scopes.clone(),
            Self::Collections { .. } => vec![Scope::Collections],
        }
    }

    /// Whether the index makes its answer, and so must have what is known.
    pub(super) fn needs_index(&self) -> bool {
        match self {
            Self::Search(_) | Self::Suggest(_) => true,
            Self::Collection(plan) => plan.has_search(),
            _ => false,
        }
    }

    /// When its answer holds by the calendar, and for how long that is kept.
    fn lifetime(&self) -> (Within, Lasting) {
        let within = |standing: Standing| Within { from: standing.since, until: standing.until };
        match self {
            Self::List(_)
            | Self::Movie(_)
            | Self::MovieByImdbId(_)
            | Self::Genres
            | Self::Compat(_)
            | Self::Search(_)
            | Self::Suggest(_)
            | Self::Similar { .. } => (Within::ALWAYS, Lasting::Usual),
            Self::Collection(plan) => {
                let lasting = if plan.is_in_season() { Lasting::Season } else { Lasting::Usual };
                (plan.standing.map(within).unwrap_or_default(), lasting)
            }
            Self::Collections { standing, .. } => (within(*standing), Lasting::Usual),
            Self::Trending { at, .. } => (trending::minute(*at), Lasting::Usual),
        }
    }

    /// The question to the cache.
    pub(super) fn ask(&self, at_least: Revision) -> Ask {
        let route = self.route() as usize;
        let (within, lasting) = self.lifetime();
        let (key, scopes) = (self.key(), self.scopes());
        let is_shared = !matches!(self, Self::Suggest(_));
        Ask { key, scopes, route, at_least, is_shared, within, lasting }
    }

    /// Whether an answer would be begun to be made now.
    ///
    /// # Errors
    /// Why it would not.
    pub(super) fn look(&self, catalogue: &Catalogue) -> Result<(), Problem> {
        let looked = match self {
            Self::Search(_) => catalogue.look_at_index(),
            Self::Suggest(_) => Ok(()),
            Self::List(query) => catalogue.look_for_list(query),
            Self::Trending { .. } | Self::Collection(_) => catalogue.look(Kind::List),
            _ => catalogue.look(Kind::Read),
        };
        Ok(looked?)
    }

    /// The answer, from one snapshot of the truth or of the index, of `at_least` or later.
    ///
    /// # Errors
    /// Why there is none now.
    pub(super) async fn load(
        self,
        services: Services,
        rules: Rules,
        at_least: Revision,
    ) -> Result<Made<Finished>, Problem> {
        let Services { catalogue, collections, recommender, .. } = services;
        let mut groups = self.groups();
        let mut keep = true;
        let mut is_read = !matches!(
            self,
            Self::Search(_) | Self::Suggest(_) | Self::Similar { .. } | Self::Collections { .. }
        );
        let (tag, scopes, answer) = match self {
            Self::List(query) => {
                let need = catalogue.known().watch(&query.scopes()).need().max(at_least);
                let (page, origin) = catalogue.list_from(*query.clone(), need).await?;
                is_read = origin == Origin::Truth;
                let shown = page.value.scopes();
                (page.revision, Some(beside(query.scopes(), shown)), list::render(&query, &page))
            }
            Self::Movie(id) => {
                let movie = catalogue.movie(id).await?;
                (movie.revision, None, representation::found(&movie, id))
            }
            Self::MovieByImdbId(id) => {
                let movie = catalogue.movie_by_imdb_id(id.clone()).await?;
                let scope = movie.value.as_ref().map(|movie| vec![Scope::of_movie(movie.id)]);
                // As the movie's own address has it, so that who purges that group reaches both.
                groups.extend(movie.value.as_ref().map(|movie| format!("movie-{}", movie.id)));
                (movie.revision, scope, representation::found(&movie, &id))
            }
            Self::Genres => {
                let genres = catalogue.genres().await?;
                (genres.revision, None, genres::render(&genres))
            }
            Self::Compat(after) => {
                let page = catalogue.by_id(after, compat::ROWS_MAX).await?;
                let shown = page.value.0.iter().map(|movie| Scope::of_movie(movie.id));
                let scopes = beside(vec![Scope::Movies], shown);
                (page.revision, Some(scopes), compat::render(&page.value))
            }
            Self::Search(query) => {
                let page = catalogue.search(*query.clone()).await?;
                (page.revision, None, search::render(&query, &page))
            }
            Self::Suggest(query) => {
                let found = catalogue.suggest(&query)?;
                (found.revision, None, suggest::render(&found))
            }
            Self::Similar { query, .. } => {
                let AsOf { revision, value } = recommender.similar(&query, at_least).await?;
                let answer = similar::render(&query, value.as_ref(), revision);
                (revision, value.map(|similar| similar.scopes), answer)
            }
            Self::Collection(plan) => {
                let AsOf { revision, value } = collections.read(&plan, at_least).await?;
                let Read { document, is_as_planned } = value;
                keep = is_as_planned;
                let answer = collections::render(&plan.slug, document.as_ref(), revision);
                (revision, document.map(|document| document.scopes), answer)
            }
            Self::Collections { query, standing, at } => {
                let held = collections.held().await?;
                keep = held.standing_then(at) == standing;
                let revision = held.revision();
                let answer =
                    collections::render_list(&query, &held, at, revision, Class::Collection);
                (revision, None, answer)
            }
            Self::Trending { ask, at } => {
                let found = catalogue.trending(ask.clone(), at).await?;
                // A movie that it shows may be changed or deleted; others wait for the next minute.
                let shown = found.value.iter().map(|(movie, _)| Scope::of_movie(movie.id));
                let scopes = Some(beside(Vec::new(), shown)).filter(|scopes| !scopes.is_empty());
                (found.revision, scopes, trending::render(&ask, at, &found))
            }
        };
        let tag = if rules.hold(Rule::TagAfterData) {
            tag
        } else {
            tokio::time::sleep(Duration::from_millis(30)).await;
            catalogue.ready().await?
        };
        let answer = match header_of(&groups) {
            Some(groups) => answer.with(CACHE_GROUPS, groups),
            None => answer,
        };
        Ok(Made { tag, scopes, keep, is_read, payload: answer })
    }

    /// The groups of its answer (RFC 9875), as far as they are known before.
    fn groups(&self) -> Vec<String> {
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
            Self::Search(_) => names.extend(["movies".to_owned(), "search".to_owned()]),
            Self::Suggest(_) => names.extend(["movies".to_owned(), "suggest".to_owned()]),
            Self::Similar { query, .. } => {
                names.extend(["movies".to_owned(), format!("movie-{}", query.movie)]);
            }
            Self::Collection(plan) => {
                names.extend(["collections".to_owned(), format!("collection-{}", plan.slug)]);
            }
            Self::Collections { .. } => names.push("collections".to_owned()),
            Self::Trending { .. } => names.extend(["movies".to_owned(), "trending".to_owned()]),
        }
        names
    }
}

fn header_of(groups: &[String]) -> Option<HeaderValue> {
    let quoted: Vec<String> = groups.iter().map(|name| format!("\"{name}\"")).collect();
    HeaderValue::try_from(quoted.join(", ")).ok()
}

/// What an answer depends on, each once.
fn beside(mut scopes: Vec<Scope>, shown: impl Iterator<Item = Scope>) -> Vec<Scope> {
    scopes.extend(shown);
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// The part of a name that tells one time of the calendar from another.
fn name_of_time(standing: Standing) -> String {
    match (standing.active, standing.until) {
        (_, None) if standing == Standing::ALWAYS => String::new(),
        (active, until) => {
            let until = until.map(|until| until.unix_ms().to_string()).unwrap_or_default();
            format!("#{}{until}", if active { "on" } else { "off" })
        }
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
        let header = |query: Query| header_of(&query.groups()).unwrap();
        let groups = header(list("genre=Film+Noir,Drama&genre_not=War"));
        assert_eq!(groups, "\"movies\", \"genre-drama\", \"genre-film%20noir\"");
        assert_eq!(header(Query::Movie(MovieId::new(42).unwrap())), "\"movie-42\"");
    }
}
