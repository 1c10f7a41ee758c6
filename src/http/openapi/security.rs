//! What callers show, and where it is asked for.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

use crate::{
    domain::api_key::Role,
    http::{class::Class, route::Route},
};

/// The name of the only scheme.
pub(super) const BEARER: &str = "bearer";

/// An API key, or a token where the service takes any.
pub(super) fn scheme() -> SecurityScheme {
    let about = "An API key (`mq_…`, made by `marquee keys create`), or a JWT of the issuer that the \
                 service was set up with. Reads may be made without one, unless the service asks \
                 readers for a key; writes need the role `editor`. A service on loopback that never \
                 had a key lets everybody on that machine write. A key or token that is not good is \
                 refused everywhere.";
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
    SecurityScheme::Http(bearer.build())
}

/// What an operation asks for: any of these.
pub(super) fn requirements(route: Route) -> Vec<SecurityRequirement> {
    let none: [&str; 0] = [];
    let needs = |role: Role| vec![SecurityRequirement::new(BEARER, [role.as_str()])];
    match route.spec().class {
        Class::Write | Class::Study => needs(Role::Editor),
        Class::Signal => needs(Role::Reader),
        Class::Personal => needs(Role::Admin),
        Class::List
        | Class::Item
        | Class::Search
        | Class::Feed
        | Class::Export
        | Class::Collection
        | Class::Season
        | Class::Recommendation => {
            let reader = SecurityRequirement::new(BEARER, [Role::Reader.as_str()]);
            vec![SecurityRequirement::default(), reader]
        }
        Class::Static => {
            vec![SecurityRequirement::default(), SecurityRequirement::new(BEARER, none)]
        }
    }
}
