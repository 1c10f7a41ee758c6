//! `GET /v1/openapi.json`, and the explorer page, which loads nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use hyper::header::{self, HeaderName, HeaderValue};

use super::super::{
    call::Call,
    class::Class,
    error::{Kind, Problem},
    finished::Finished,
    openapi,
    response::{Answer, JSON},
};

const PAGE: &str = include_str!("docs/index.html");
const START: &str = include_str!("docs/start.js");
/// What the page loads.
pub(crate) const FILES: [&str; 4] =
    ["start.js", "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"];

/// Nothing but this page's own files runs; Swagger UI sets styles and inlines small pictures.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

pub(crate) fn description(call: &Call<'_>) -> Result<Answer, Problem> {
    static FOUND: LazyLock<Arc<Finished>> =
        LazyLock::new(|| Arc::new(Finished::bytes(Class::Static, JSON, openapi::json())));
    call.no_parameters()?;
    Ok(Answer::Read(Arc::clone(&FOUND)))
}

pub(crate) fn page(call: &Call<'_>) -> Result<Answer, Problem> {
    static FOUND: LazyLock<Arc<Finished>> = LazyLock::new(|| {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        Arc::new(secured(Finished::bytes(Class::Static, html, PAGE)))
    });
    call.no_parameters()?;
    Ok(Answer::Read(Arc::clone(&FOUND)))
}

pub(crate) fn file(call: &Call<'_>) -> Result<Answer, Problem> {
    static FOUND: LazyLock<[Option<Arc<Finished>>; FILES.len()]> =
        LazyLock::new(|| FILES.map(|name| load(name).map(Arc::new)));
    call.no_parameters()?;
    let found =
        FILES.iter().position(|name| *name == call.parameter).and_then(|n| FOUND[n].clone());
    found.map(Answer::Read).ok_or_else(|| Problem::new(Kind::NoSuchPath, "see /docs"))
}

fn load(name: &str) -> Option<Finished> {
    if name == "start.js" {
        let script = HeaderValue::from_static("text/javascript; charset=utf-8");
        return Some(secured(Finished::bytes(Class::Static, script, START)));
    }
    let config = Arc::new(utoipa_swagger_ui::Config::from("/v1/openapi.json"));
    let file = utoipa_swagger_ui::serve(name, config).ok()??;
    let media_type = HeaderValue::try_from(file.content_type).ok()?;
    let found = secured(Finished::bytes(Class::Static, media_type, file.bytes.into_owned()));
    Some(if file.gzpipped {
        found.with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
    } else {
        found
    })
}

fn secured(found: Finished) -> Finished {
    found
        .with(header::CONTENT_SECURITY_POLICY, POLICY)
        .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .with(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .with(
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        )
}
