//! Operations: what each is for, what it takes and what it answers.

use utoipa::openapi::{
    Content, Ref, RefOr, Required, Response,
    path::{Operation, OperationBuilder, Parameter},
    request_body::{RequestBody, RequestBodyBuilder},
};

use crate::http::{
    class::Class,
    handlers::{docs, export},
    route::Route,
};

use super::{
    activity,
    answers::{problem_name, response},
    collections,
    fields::{new_movie, whole_movie},
    parameters, recommendations,
    schema::{Node, Null, any_of, named, text},
    search, security,
};

const JSON: &str = "application/json";
const READ: &[&str] = &["Cache-Control", "ETag", "Catalog-Revision"];
const STATIC: &[&str] = &["Cache-Control", "ETag"];
const PAGED: &[&str] = &["Cache-Control", "ETag", "Catalog-Revision", "Link"];
const SAVED: &[&str] = &["Cache-Control", "ETag", "Catalog-Revision"];
const CREATED: &[&str] = &["Cache-Control", "ETag", "Catalog-Revision", "Location"];
const NOT_KEPT: &[&str] = &["Cache-Control"];
const WRITTEN: &[&str] = &["Cache-Control", "Catalog-Revision"];

/// The description of a route's operation.
pub(super) fn operation(route: Route) -> Operation {
    let spec = route.spec();
    let (tag, summary) = text_of(route);
    let mut operation = OperationBuilder::new()
        .operation_id(Some(spec.operation))
        .tag(tag)
        .summary(Some(summary))
        .securities(Some(security::requirements(route)))
        .request_body(body(route))
        .response(spec.success.to_string(), success(route));
    let all = parameters_of(route);
    if !all.is_empty() {
        operation = operation.parameters(Some(all));
    }
    if has_etag(route) {
        let headers = if spec.class == Class::Static { STATIC } else { READ };
        operation = operation.response("304", response("You have the body.", Vec::new(), headers));
    }
    for status in refusals(route) {
        let problem = RefOr::<Response>::Ref(Ref::from_response_name(problem_name(status)));
        operation = operation.response(status.to_string(), problem);
    }
    match route {
        Route::SendInteractions => {
            let about = "What came of each, of which some were refused.";
            let answer = response(about, json("InteractionOutcome"), NOT_KEPT);
            operation = operation.response("207", answer);
        }
        Route::CompatCreate => {
            let answer = response(
                "Bad data; nothing was stored.",
                json("CompatNotAdded"),
                &["Cache-Control"],
            );
            operation = operation.response("406", answer);
        }
        Route::CompatDelete => {
            let answer =
                response("There is no such movie.", json("CompatNotFound"), &["Cache-Control"]);
            operation = operation.response("404", answer);
        }
        _ => {}
    }
    operation.build()
}

const fn text_of(route: Route) -> (&'static str, &'static str) {
    match route {
        Route::ListMovies => ("movies", "List movies"),
        Route::GetMovie => ("movies", "Get a movie"),
        Route::GetMovieByImdbId => ("movies", "Get a movie by its IMDb id"),
        Route::CreateMovie => ("movies", "Create a movie"),
        Route::ReplaceMovie => ("movies", "Replace a movie's values"),
        Route::UpdateMovie => ("movies", "Change some of a movie's values"),
        Route::DeleteMovie => ("movies", "Delete a movie"),
        Route::BatchMovies => ("movies", "Create, change and delete up to 1,000 movies"),
        Route::ListGenres => ("catalogue", "List every genre with its number of movies"),
        Route::SearchMovies => ("search", "Find movies by text"),
        Route::Suggest => ("search", "Complete a text that is being typed"),
        Route::ListSimilar => ("recommendations", "List what is like a movie"),
        Route::ListRecommendations => ("recommendations", "List what somebody may want to see"),
        Route::ListChanges => ("catalogue", "Follow the changes in the order of revisions"),
        Route::ExportMovies => {
            ("catalogue", "Get the whole catalogue as of one revision, a movie a line")
        }
        Route::ListCollections => ("collections", "List collections, without their movies"),
        Route::GetCollection => ("collections", "Get a collection with its movies"),
        Route::GetCollectionDefinition => {
            ("collections", "Get what a collection's editor said of it")
        }
        Route::CreateCollection => ("collections", "Create a collection"),
        Route::ReplaceCollection => ("collections", "Replace a collection's definition"),
        Route::DeleteCollection => ("collections", "Delete a collection"),
        Route::SendInteractions => ("activity", "Say what people did with movies"),
        Route::ListTrending => ("activity", "List what many people look at, of late"),
        Route::ListPopularSearches => ("activity", "List what people look for most"),
        Route::ListEmptySearches => ("activity", "List what people look for and do not find"),
        Route::GetUserData => ("activity", "Get everything that is held of a person"),
        Route::EraseUser => ("activity", "Erase everything that is held of a person"),
        Route::GetOpenApi => ("description", "Get this description"),
        Route::GetDocs => ("description", "Explore this description in a browser"),
        Route::GetDocsFile => ("description", "Get a file of the explorer page"),
        Route::CompatList => ("compatibility", "List all movies"),
        Route::CompatCreate => ("compatibility", "Create a movie"),
        Route::CompatDelete => ("compatibility", "Delete a movie"),
    }
}

fn parameters_of(route: Route) -> Vec<Parameter> {
    let mut all = match route {
        Route::ListMovies => parameters::of_lists(),
        Route::SearchMovies => search::of_searches(),
        Route::Suggest => search::of_suggestions(),
        Route::ListSimilar => recommendations::of_similar(),
        Route::ListRecommendations => recommendations::of_recommendations(),
        Route::ListChanges => parameters::of_changes(),
        Route::BatchMovies => parameters::of_batches(),
        Route::CompatList => parameters::of_compat_list(),
        Route::GetMovie | Route::CompatDelete => vec![parameters::id()],
        Route::ReplaceMovie | Route::UpdateMovie | Route::DeleteMovie => {
            vec![parameters::id(), parameters::if_match()]
        }
        Route::GetMovieByImdbId => vec![parameters::imdb_id()],
        Route::SendInteractions => vec![activity::user_id()],
        Route::ListTrending => activity::of_trending(),
        Route::ListPopularSearches | Route::ListEmptySearches => activity::of_searches(),
        Route::GetUserData | Route::EraseUser => vec![activity::user()],
        Route::CreateMovie => vec![parameters::idempotency_key()],
        Route::GetDocsFile => vec![parameters::file(&docs::FILES)],
        Route::ListCollections => collections::of_lists(),
        Route::GetCollection | Route::GetCollectionDefinition => vec![collections::slug()],
        Route::ReplaceCollection | Route::DeleteCollection => {
            vec![collections::slug(), parameters::if_match()]
        }
        Route::ListGenres
        | Route::ExportMovies
        | Route::CreateCollection
        | Route::GetOpenApi
        | Route::GetDocs
        | Route::CompatCreate => Vec::new(),
    };
    if has_etag(route) {
        all.push(parameters::if_none_match());
    }
    all
}

fn has_etag(route: Route) -> bool {
    !matches!(
        route.spec().class,
        Class::Write | Class::Export | Class::Signal | Class::Study | Class::Personal
    )
}

fn body(route: Route) -> Option<RequestBody> {
    let contents = match route {
        Route::CreateMovie => vec![(JSON, new_movie())],
        Route::ReplaceMovie => vec![(JSON, whole_movie())],
        Route::UpdateMovie => {
            vec![("application/merge-patch+json", named("MoviePatch")), (JSON, named("MoviePatch"))]
        }
        Route::BatchMovies => vec![(JSON, named("Batch"))],
        Route::SendInteractions => vec![(JSON, activity::interactions())],
        Route::CreateCollection => vec![(JSON, named("CollectionInput"))],
        Route::ReplaceCollection => vec![(JSON, named("CollectionReplacement"))],
        Route::CompatCreate => {
            vec![(JSON, any_of([named("CompatMovie"), named("CompatMovieOtherSpelling")]))]
        }
        _ => return None,
    };
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    let body = contents.into_iter().fold(body, |body, (media_type, schema)| {
        body.content(media_type, Content::new(Some(schema)))
    });
    Some(body.build())
}

fn json(schema: &str) -> Vec<(&'static str, Node)> {
    vec![(JSON, named(schema))]
}

fn success(route: Route) -> Response {
    let plain = || Node::from(text(Null::No));
    match route {
        Route::ListMovies => response("A page of movies.", json("MovieList"), PAGED),
        Route::GetMovie | Route::GetMovieByImdbId => response("The movie.", json("Movie"), READ),
        Route::CreateMovie => response("The new movie.", json("Movie"), CREATED),
        Route::ReplaceMovie | Route::UpdateMovie => {
            response("The movie as it is now.", json("Movie"), SAVED)
        }
        Route::DeleteMovie => response("The movie is gone.", Vec::new(), WRITTEN),
        Route::BatchMovies => response("What came of each.", json("BatchAnswer"), WRITTEN),
        Route::ListGenres => response("Every genre, by name.", json("GenreList"), READ),
        Route::SearchMovies => response("A page of what was found.", json("SearchPage"), PAGED),
        Route::Suggest => response("What the text may become.", json("Suggestions"), READ),
        Route::ListSimilar => response("What is like the movie.", json("SimilarMovies"), READ),
        Route::ListRecommendations => {
            response("What may be wanted.", json("Recommendations"), READ)
        }
        Route::ListChanges => response("A page of the feed.", json("ChangeList"), READ),
        Route::ExportMovies => {
            let lines = vec![(export::NDJSON, plain())];
            response("Every movie, a line of JSON each.", lines, WRITTEN)
        }
        Route::ListCollections => {
            response("A page of collections, by name.", json("CollectionList"), READ)
        }
        Route::GetCollection => response("The collection.", json("Collection"), READ),
        Route::GetCollectionDefinition => {
            response("Its definition.", json("CollectionDefinition"), READ)
        }
        Route::CreateCollection => {
            response("The new collection's definition.", json("CollectionDefinition"), CREATED)
        }
        Route::ReplaceCollection => {
            response("The definition as it is now.", json("CollectionDefinition"), SAVED)
        }
        Route::DeleteCollection => response("The collection is gone.", Vec::new(), WRITTEN),
        Route::SendInteractions => {
            response("What came of each.", json("InteractionOutcome"), NOT_KEPT)
        }
        Route::ListTrending => response("The most first.", json("TrendingList"), READ),
        Route::ListPopularSearches | Route::ListEmptySearches => {
            response("Searches, the most first.", json("SearchList"), NOT_KEPT)
        }
        Route::GetUserData => response("All of it, the oldest first.", json("UserData"), NOT_KEPT),
        Route::EraseUser => response("Nothing is held any more.", Vec::new(), NOT_KEPT),
        Route::GetOpenApi => {
            let object = Node::from(utoipa::openapi::ObjectBuilder::new());
            response("This description.", vec![(JSON, object)], STATIC)
        }
        Route::GetDocs => response("The explorer page.", vec![("text/html", plain())], STATIC),
        Route::GetDocsFile => {
            let types = ["text/javascript", "text/css", "image/png"];
            response("The file.", types.map(|name| (name, plain())).into(), STATIC)
        }
        Route::CompatList => response("Up to 10,000 movies by id.", json("CompatList"), PAGED),
        Route::CompatCreate => response("The movie was added.", json("CompatAdded"), WRITTEN),
        Route::CompatDelete => response("The movie is gone.", json("CompatDeleted"), WRITTEN),
    }
}

/// The statuses of the problems that an operation may answer. 405 comes with other methods only.
fn refusals(route: Route) -> Vec<u16> {
    let own: &[u16] = match route {
        Route::GetOpenApi | Route::GetDocs => return vec![400, 401, 429, 431, 500],
        Route::GetDocsFile => return vec![400, 401, 404, 429, 431, 500],
        Route::ListMovies
        | Route::ListGenres
        | Route::SearchMovies
        | Route::Suggest
        | Route::ListRecommendations
        | Route::ListCollections
        | Route::ExportMovies
        | Route::ListTrending
        | Route::ListPopularSearches
        | Route::ListEmptySearches
        | Route::CompatList
        | Route::CompatDelete => &[],
        Route::GetMovie
        | Route::GetMovieByImdbId
        | Route::ListSimilar
        | Route::GetCollection
        | Route::GetCollectionDefinition
        | Route::GetUserData
        | Route::EraseUser => &[404],
        Route::ReplaceCollection => &[404, 408, 412, 413, 415, 422],
        Route::ListChanges => &[410],
        Route::CreateMovie | Route::CreateCollection => &[408, 409, 413, 415, 422],
        Route::ReplaceMovie | Route::UpdateMovie => &[404, 408, 409, 412, 413, 415, 422],
        Route::DeleteMovie | Route::DeleteCollection => &[404, 412],
        Route::BatchMovies | Route::SendInteractions => &[408, 413, 415, 422],
        Route::CompatCreate => &[408, 413, 415],
    };
    [400, 401, 403, 429, 431, 500, 503].iter().chain(own).copied().collect()
}
