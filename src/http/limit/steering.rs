//! `/rate-limit` of the admin listener: the rules in force, and others in their place.

use std::time::Duration;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use serde::Serialize;

use super::Limits;
use crate::{
    domain::rate::{LimitClass, RateLimits},
    http::{
        body::{self, Accepts, Bounds},
        error::{Kind, Problem},
        response::{Body, written},
    },
};

/// Its path.
pub(in crate::http) const PATH: &str = "/rate-limit";

/// Rules are short, and who writes them is near.
const BOUNDS: Bounds = Bounds { bytes_max: 64 * 1024, timeout: Duration::from_secs(5) };

#[derive(Debug, Serialize)]
struct Told {
    rate_limit: String,
    clients: Clients,
}

#[derive(Debug, Serialize)]
struct Clients {
    read: i64,
    search: i64,
    write: i64,
}

/// GET tells the rules, POST puts those of its body in force until the next start, or the next reading
/// of their file.
///
/// # Errors
/// 403 for what a browser sends, 422 for what are no rules.
pub(in crate::http) async fn answer(
    limits: &Limits,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let (parts, mut incoming) = request.into_parts();
    match parts.method {
        Method::GET | Method::HEAD => {}
        Method::POST => {
            // Whatever page an operator has open can send a form to his own machine.
            if parts.headers.contains_key(header::ORIGIN) {
                let detail = "rules are not changed from a browser (the request has an Origin)";
                return Err(Problem::new(Kind::Forbidden, detail));
            }
            let memory = body::Memory::new(BOUNDS.bytes_max);
            let any = Accepts::JsonUnderAnyName;
            let bytes = body::read(&parts.headers, &mut incoming, any, BOUNDS, &memory).await?;
            let rules = std::str::from_utf8(&bytes)
                .map_err(|_| "the body must be text".to_owned())
                .and_then(|text| text.parse::<RateLimits>().map_err(|bad| bad.to_string()))
                .map_err(|bad| Problem::new(Kind::InvalidDocument, bad))?;
            let (now, before) = (rules.to_string(), limits.replace(rules));
            tracing::info!(%before, %now, by = "admin call", "limits changed");
        }
        _ => {
            let problem = Problem::new(Kind::MethodNotAllowed, "this path has GET, HEAD and POST");
            let allow = HeaderValue::from_static("GET, HEAD, POST");
            return Err(problem.with(header::ALLOW, allow));
        }
    }
    let [read, search, write] = LimitClass::ALL.map(|class| limits.clients(class));
    let clients = Clients { read, search, write };
    Ok(written(StatusCode::OK, &Told { rate_limit: limits.rules().to_string(), clients }))
}
