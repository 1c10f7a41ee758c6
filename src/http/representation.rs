//! The single movie as JSON: the same bytes, hence the same tag, whichever operation shows it.

use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};

use crate::domain::{
    field::FieldSet,
    movie::{Movie, MovieId},
    movie_json::MovieView,
    revision::{AsOf, Revision},
};

use super::{
    audit::Touched,
    class::Class,
    conditional::ETag,
    error::{PROBLEM_JSON, Problem},
    finished::Finished,
    response::{Body, CATALOG_REVISION, written},
};

/// A movie with every field.
#[must_use]
pub(super) fn view(movie: &Movie) -> MovieView<'_> {
    MovieView::new(movie, FieldSet::all())
}

/// The tag of a movie as it is now.
///
/// # Panics
/// Never: a movie has a JSON form.
#[must_use]
pub(super) fn etag(movie: &Movie) -> ETag {
    ETag::of(&serde_json::to_vec(&view(movie)).expect("a movie has a JSON form"))
}

/// The answer to a read of one movie, which `name` is asked for.
#[must_use]
pub(super) fn found(movie: &AsOf<Option<Movie>>, name: impl std::fmt::Display) -> Finished {
    if let Some(value) = &movie.value {
        return Finished::json(Class::Item, &view(value));
    }
    // That a movie does not exist is known as of a revision too, so it may be kept as long as a movie.
    // The document is the same for each request, so it names none.
    let document = Problem::no_such_movie(name).to_json(None);
    Finished::new(StatusCode::NOT_FOUND, Class::Item, PROBLEM_JSON, document)
}

/// The answer to a write that left this movie.
#[must_use]
pub(super) fn saved(status: StatusCode, movie: &Movie, revision: Revision) -> Response<Body> {
    let mut response = written(status, &view(movie));
    let Body::Full(body) = response.body() else { return response };
    let etag = ETag::of(body).to_header();
    response.extensions_mut().insert(Touched(vec![movie.id]));
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    if status == StatusCode::CREATED {
        headers.insert(header::LOCATION, location(movie.id));
    }
    response
}

/// The path of a movie.
fn location(id: MovieId) -> HeaderValue {
    HeaderValue::from_str(&format!("/v1/movies/{id}")).expect("digits are visible ASCII")
}
