//! The route table: every operation of the public listener on one screen.
//!
//! **Invariant:** what is not in the table is not served, and [`openapi`](super::openapi) describes
//! all of it.

use std::borrow::Cow;

use hyper::{Method, header::HeaderValue};
use percent_encoding::percent_decode_str;

use super::class::Class;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    /// A page of movies.
    ListMovies,
    /// A movie by id.
    GetMovie,
    /// A movie by `IMDb` id.
    GetMovieByImdbId,
    /// A new movie.
    CreateMovie,
    /// Other values for a movie.
    ReplaceMovie,
    /// Some other values for a movie.
    UpdateMovie,
    /// The end of a movie.
    DeleteMovie,
    /// Many writes.
    BatchMovies,
    /// Every genre.
    ListGenres,
    /// A page of what a text finds.
    SearchMovies,
    /// What a text may become.
    Suggest,
    /// What is like a movie.
    ListSimilar,
    /// What somebody may want to see.
    ListRecommendations,
    /// The change feed.
    ListChanges,
    /// The whole catalogue.
    ExportMovies,
    /// Which collections there are.
    ListCollections,
    /// A collection with its movies.
    GetCollection,
    /// What a collection's editor said of it.
    GetCollectionDefinition,
    /// A new collection.
    CreateCollection,
    /// Another definition for a collection.
    ReplaceCollection,
    /// The end of a collection.
    DeleteCollection,
    /// What people did with movies, as callers say.
    SendInteractions,
    /// What is trending.
    ListTrending,
    /// What is looked for most.
    ListPopularSearches,
    /// What is looked for and not found.
    ListEmptySearches,
    /// What is held of a person.
    GetUserData,
    /// The end of what is held of a person.
    EraseUser,
    /// The API's description.
    GetOpenApi,
    /// The explorer page.
    GetDocs,
    /// What the explorer page loads.
    GetDocsFile,
    /// All movies, as the original service had it.
    CompatList,
    /// A new movie, as the original service had it.
    CompatCreate,
    /// The end of a movie, as the original service had it.
    CompatDelete,
}

/// What the table says of an operation.
#[derive(Debug, Clone)]
pub(super) struct RouteSpec {
    /// Its method. HEAD comes with GET.
    pub(super) method: Method,
    /// Its path template.
    pub(super) path: &'static str,
    /// Its name in the log, in metrics and in the API's description.
    pub(super) operation: &'static str,
    /// Its class.
    pub(super) class: Class,
    /// The status of its success.
    pub(super) success: u16,
}

const fn spec(
    method: Method,
    path: &'static str,
    operation: &'static str,
    class: Class,
    success: u16,
) -> RouteSpec {
    RouteSpec { method, path, operation, class, success }
}

const fn get(path: &'static str, operation: &'static str, class: Class) -> RouteSpec {
    spec(Method::GET, path, operation, class, 200)
}

const fn write(
    method: Method,
    path: &'static str,
    operation: &'static str,
    success: u16,
) -> RouteSpec {
    spec(method, path, operation, Class::Write, success)
}

impl Route {
    /// Every operation.
    pub(super) const ALL: [Self; 33] = [
        Self::ListMovies,
        Self::GetMovie,
        Self::GetMovieByImdbId,
        Self::CreateMovie,
        Self::ReplaceMovie,
        Self::UpdateMovie,
        Self::DeleteMovie,
        Self::BatchMovies,
        Self::ListGenres,
        Self::SearchMovies,
        Self::Suggest,
        Self::ListSimilar,
        Self::ListRecommendations,
        Self::ListChanges,
        Self::ExportMovies,
        Self::ListCollections,
        Self::GetCollection,
        Self::GetCollectionDefinition,
        Self::CreateCollection,
        Self::ReplaceCollection,
        Self::DeleteCollection,
        Self::SendInteractions,
        Self::ListTrending,
        Self::ListPopularSearches,
        Self::ListEmptySearches,
        Self::GetUserData,
        Self::EraseUser,
        Self::GetOpenApi,
        Self::GetDocs,
        Self::GetDocsFile,
        Self::CompatList,
        Self::CompatCreate,
        Self::CompatDelete,
    ];

    /// Its row of the table.
    #[must_use]
    pub(super) const fn spec(self) -> RouteSpec {
        match self {
            Self::ListMovies => get("/v1/movies", "list_movies", Class::List),
            Self::GetMovie => get("/v1/movies/{id}", "get_movie", Class::Item),
            Self::GetMovieByImdbId => {
                get("/v1/movies/imdb/{imdb_id}", "get_movie_by_imdb_id", Class::Item)
            }
            Self::CreateMovie => write(Method::POST, "/v1/movies", "create_movie", 201),
            Self::ReplaceMovie => write(Method::PUT, "/v1/movies/{id}", "replace_movie", 200),
            Self::UpdateMovie => write(Method::PATCH, "/v1/movies/{id}", "update_movie", 200),
            Self::DeleteMovie => write(Method::DELETE, "/v1/movies/{id}", "delete_movie", 204),
            Self::BatchMovies => write(Method::POST, "/v1/movies/batch", "batch_movies", 207),
            Self::ListGenres => get("/v1/genres", "list_genres", Class::List),
            Self::SearchMovies => get("/v1/search", "search_movies", Class::Search),
            Self::Suggest => get("/v1/suggest", "suggest", Class::Search),
            Self::ListSimilar => get("/v1/movies/{id}/similar", "list_similar_movies", Class::List),
            Self::ListRecommendations => {
                get("/v1/recommendations", "list_recommendations", Class::Recommendation)
            }
            Self::ListChanges => get("/v1/changes", "list_changes", Class::Feed),
            Self::ExportMovies => get("/v1/export", "export_movies", Class::Export),
            Self::ListCollections => get("/v1/collections", "list_collections", Class::Collection),
            Self::GetCollection => {
                get("/v1/collections/{slug}", "get_collection", Class::Collection)
            }
            Self::GetCollectionDefinition => {
                let path = "/v1/collections/{slug}/definition";
                get(path, "get_collection_definition", Class::Feed)
            }
            Self::CreateCollection => {
                write(Method::POST, "/v1/collections", "create_collection", 201)
            }
            Self::ReplaceCollection => {
                write(Method::PUT, "/v1/collections/{slug}", "replace_collection", 200)
            }
            Self::DeleteCollection => {
                write(Method::DELETE, "/v1/collections/{slug}", "delete_collection", 204)
            }
            Self::SendInteractions => {
                spec(Method::POST, "/v1/interactions", "send_interactions", Class::Signal, 202)
            }
            Self::ListTrending => get("/v1/trending", "list_trending", Class::List),
            Self::ListPopularSearches => {
                get("/v1/searches/popular", "list_popular_searches", Class::Study)
            }
            Self::ListEmptySearches => {
                get("/v1/searches/empty", "list_empty_searches", Class::Study)
            }
            Self::GetUserData => get("/v1/users/{id}/data", "get_user_data", Class::Personal),
            Self::EraseUser => {
                spec(Method::DELETE, "/v1/users/{id}/data", "erase_user", Class::Personal, 204)
            }
            Self::GetOpenApi => get("/v1/openapi.json", "get_openapi", Class::Static),
            Self::GetDocs => get("/docs", "get_docs", Class::Static),
            Self::GetDocsFile => get("/docs/{file}", "get_docs_file", Class::Static),
            Self::CompatList => get("/search", "compat_list", Class::List),
            Self::CompatCreate => write(Method::POST, "/movie", "compat_create", 201),
            Self::CompatDelete => write(Method::DELETE, "/movie/{id}", "compat_delete", 200),
        }
    }
}

/// Where a method and a path lead.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// To an operation, with the value of the path's parameter (empty where it has none).
    Route(Route, Cow<'p, str>),
    /// To a path that other methods have: the value of `Allow`.
    WrongMethod(HeaderValue),
    /// To the path's `Allow`, which is what OPTIONS asks for.
    Options(HeaderValue),
    /// Nowhere.
    Nowhere,
}

/// Finds operations.
#[derive(Debug, Clone)]
pub(super) struct Router {
    paths: matchit::Router<Methods>,
}

/// The operations of one path.
#[derive(Debug, Clone)]
struct Methods {
    routes: Vec<(Method, Route)>,
    allow: HeaderValue,
}

impl Router {
    /// A router for the whole table.
    ///
    /// # Panics
    /// Where two path templates contradict each other.
    #[must_use]
    pub(super) fn new() -> Self {
        let mut paths = matchit::Router::new();
        for first in Route::ALL {
            let path = first.spec().path;
            let routes: Vec<(Method, Route)> = Route::ALL
                .into_iter()
                .filter(|route| route.spec().path == path)
                .map(|route| (route.spec().method, route))
                .collect();
            if routes[0].1 != first {
                continue; // the path is there already
            }
            let mut allowed: Vec<&str> = routes.iter().map(|(method, _)| method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            allowed.push("OPTIONS");
            let allow =
                HeaderValue::from_str(&allowed.join(", ")).expect("methods are visible ASCII");
            paths.insert(path, Methods { routes, allow }).expect("the table's paths agree");
        }
        Self { paths }
    }

    /// Where a method and an encoded path lead.
    #[must_use]
    pub(super) fn find<'p>(&self, method: &Method, path: &'p str) -> Found<'p> {
        let Ok(found) = self.paths.at(path) else { return Found::Nowhere };
        let methods = found.value;
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let Some((_, route)) = methods.routes.iter().find(|(method, _)| method == wanted) else {
            let allow = methods.allow.clone();
            return if method == Method::OPTIONS {
                Found::Options(allow)
            } else {
                Found::WrongMethod(allow)
            };
        };
        let raw = found.params.iter().next().map_or("", |(_, value)| value);
        match percent_decode_str(raw).decode_utf8() {
            Ok(value) => Found::Route(*route, value),
            Err(_) => Found::Nowhere,
        }
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> String {
        match Router::new().find(method, path) {
            Found::Route(route, value) => format!("{} {value}", route.spec().operation),
            Found::WrongMethod(allow) => format!("405 {}", allow.to_str().unwrap()),
            Found::Options(allow) => format!("204 {}", allow.to_str().unwrap()),
            Found::Nowhere => "404".to_owned(),
        }
    }

    #[test]
    fn every_route_is_found_under_its_own_template() {
        for route in Route::ALL {
            let spec = route.spec();
            let path = spec.path.replace("{id}", "42").replace("{imdb_id}", "tt0032138");
            let path = path.replace("{slug}", "halloween");
            assert!(found(&spec.method, &path).starts_with(spec.operation), "{path}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> =
            Route::ALL.iter().map(|route| route.spec().operation).collect();
        assert_eq!(names.len(), Route::ALL.len());
    }

    #[test]
    fn head_goes_wherever_get_goes() {
        assert_eq!(found(&Method::HEAD, "/v1/movies/42"), "get_movie 42");
        assert_eq!(found(&Method::HEAD, "/movie"), "405 POST, OPTIONS");
    }

    #[test]
    fn wrong_methods_are_told_the_right_ones() {
        assert_eq!(found(&Method::PUT, "/v1/movies"), "405 GET, POST, HEAD, OPTIONS");
        assert_eq!(found(&Method::GET, "/v1/movies/batch"), "405 POST, OPTIONS");
        assert_eq!(found(&Method::OPTIONS, "/movie/1"), "204 DELETE, OPTIONS");
        assert_eq!(found(&Method::TRACE, "/v1/genres"), "405 GET, HEAD, OPTIONS");
    }

    #[test]
    fn a_parameter_is_decoded_once() {
        assert_eq!(found(&Method::GET, "/v1/movies/%34%32"), "get_movie 42");
        assert_eq!(found(&Method::GET, "/v1/movies/%2534"), "get_movie %34");
        assert_eq!(found(&Method::GET, "/v1/movies/%ff"), "404");
    }

    #[test]
    fn other_paths_lead_nowhere() {
        let paths = [
            "/",
            "",
            "*",
            "/v1/movies/",
            "/v1/movies/1/",
            "/v1",
            "/docs/",
            "/docs/a/b",
            "/V1/movies",
        ];
        for path in paths {
            assert_eq!(found(&Method::GET, path), "404", "{path}");
        }
    }
}
