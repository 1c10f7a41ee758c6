//! The admin listener: whether the process lives, whether it is ready, what it is, and how it fares.
//!
//! **Invariant:** nothing here needs the public listener to work.

use std::sync::Arc;

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use prometheus::{Registry, TextEncoder};
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    cache::{lease::Freshness, tiers},
    domain::revision::Revision,
    service::catalogue::Catalogue,
};

use super::{
    cached::ReadCache,
    class::NO_STORE,
    error::{Kind, Problem},
    request_id::RequestId,
    response::{Body, written},
    server::{Handler, peer::Peer},
};

/// Where the service is between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The schema is brought up to date, a first catalogue is loaded.
    Starting,
    /// The public listener takes requests.
    Running,
    /// It takes no new clients, and answers those that are there.
    Draining,
}

/// The admin listener's handler.
#[derive(Debug)]
pub struct Admin {
    catalogue: Catalogue,
    cache: ReadCache,
    registry: Registry,
    phase: watch::Receiver<Phase>,
}

/// `/status`
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    phase: &'static str,
    restores: u64,
    cache: tiers::Status,
}

#[derive(Debug, Serialize)]
struct Status {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<Revision>,
}

#[derive(Debug, Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

impl Admin {
    /// A handler that is ready while the service runs and may answer from what it knows of `catalogue`.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        cache: ReadCache,
        registry: Registry,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self { catalogue, cache, registry, phase }
    }

    fn report(&self) -> Response<Body> {
        let phase = match *self.phase.borrow() {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Draining => "draining",
        };
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            phase,
            restores: self.catalogue.known().restores(),
            cache: self.cache.status(),
        };
        written(StatusCode::OK, &report)
    }

    /// Prometheus' text format.
    fn metrics(&self) -> Response<Body> {
        let _ = self.cache.status(); // brings gauges up to date
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "cannot write metrics");
        }
        let mut response = Response::new(Body::full(text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(prometheus::TEXT_FORMAT));
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        response
    }

    fn ready(&self) -> Response<Body> {
        let phase = *self.phase.borrow();
        match phase {
            Phase::Starting => return status(StatusCode::SERVICE_UNAVAILABLE, "starting", None),
            Phase::Draining => return status(StatusCode::SERVICE_UNAVAILABLE, "draining", None),
            Phase::Running => {}
        }
        let known = self.catalogue.known();
        match known.lease().freshness(known.clock().tick()) {
            Freshness::Fresh => status(StatusCode::OK, "ready", Some(known.verified())),
            // What is kept can still be answered: a balancer should not send everybody elsewhere.
            Freshness::Unverified => status(
                StatusCode::OK,
                "catalogue unreachable, within the cap",
                Some(known.verified()),
            ),
            Freshness::Expired => {
                status(StatusCode::SERVICE_UNAVAILABLE, "catalogue unreachable", None)
            }
        }
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>, _peer: Arc<Peer>) -> Response<Body> {
        let path = request.uri().path();
        if !matches!(path, "/livez" | "/readyz" | "/version" | "/status" | "/metrics") {
            let problem = Problem::new(
                Kind::NoSuchPath,
                "there are /livez, /readyz, /version, /status and /metrics",
            );
            return problem.into_response(&RequestId::of(request.headers()));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let problem = Problem::new(Kind::MethodNotAllowed, "these paths have GET and HEAD");
            let allow = HeaderValue::from_static("GET, HEAD");
            return problem
                .with(header::ALLOW, allow)
                .into_response(&RequestId::of(request.headers()));
        }
        match path {
            "/livez" => status(StatusCode::OK, "live", None),
            "/readyz" => self.ready(),
            "/status" => self.report(),
            "/metrics" => self.metrics(),
            _ => {
                let version = env!("CARGO_PKG_VERSION");
                written(StatusCode::OK, &Version { name: env!("CARGO_PKG_NAME"), version })
            }
        }
    }
}

fn status(code: StatusCode, status: &'static str, revision: Option<Revision>) -> Response<Body> {
    written(code, &Status { status, revision })
}
