//! The API's description (OpenAPI 3.1), made from the route table and the domain's rules.
//!
//! **Invariant:** a bound is written down once, where it is checked; this reads it there.

mod activity;
mod answers;
mod collections;
mod fields;
mod operations;
mod parameters;
mod recommendations;
mod schema;
mod search;
mod security;

use utoipa::openapi::{
    Components, HttpMethod, Info, License, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Server,
    tag::TagBuilder,
};

use super::route::Route;

const ABOUT: &str = "A catalogue of movies: list, filter and sort them, change them, follow the \
changes.\n\nEvery answer about the catalogue carries `Catalog-Revision`: it includes every write up \
to that revision. Reads carry a strong `ETag`; send it back in `If-None-Match` and get 304 while \
nothing changed. Refusals are problem documents (RFC 9457) that name all faults of a request at once. \
Query parameters that an operation does not have are refused, never ignored. Each `GET` has a `HEAD`; \
`OPTIONS` answers with `Allow`.";

/// The tags, in the order in which explorers show them.
const TAGS: [(&str, &str); 8] = [
    ("movies", "Movies, one by one and in lists"),
    ("search", "Movies by text"),
    ("recommendations", "What goes with a movie, and what somebody may want to see"),
    ("collections", "Movies that an editor put together, always or in seasons"),
    ("activity", "What people do with movies, and what is learnt of it"),
    ("catalogue", "The catalogue as a whole"),
    ("compatibility", "The original service's operations, for its clients"),
    ("description", "This description"),
];

/// The description.
#[must_use]
pub fn document() -> OpenApi {
    let mut info = Info::new("Marquee", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let mut paths = PathsBuilder::new();
    for route in Route::ALL {
        let spec = route.spec();
        let item = PathItem::new(method(&spec.method), operations::operation(route));
        paths = paths.path(spec.path, item);
    }
    let tags =
        TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components()))
        .tags(Some(tags))
        .build()
}

/// The description as JSON, with a line's end.
///
/// # Panics
/// Never: the description has a JSON form.
#[must_use]
pub fn json() -> String {
    document().to_pretty_json().expect("the description has a JSON form") + "\n"
}

fn components() -> Components {
    let mut components = Components::new();
    components.schemas.extend(fields::schemas());
    components.schemas.extend(answers::schemas());
    components.schemas.extend(search::schemas());
    components.schemas.extend(collections::schemas());
    components.schemas.extend(activity::schemas());
    components.schemas.extend(recommendations::schemas());
    components.responses.extend(answers::problems());
    components.headers.extend(answers::headers());
    components.add_security_scheme(security::BEARER, security::scheme());
    components
}

fn method(method: &hyper::Method) -> HttpMethod {
    match method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

#[cfg(test)]
mod tests;
