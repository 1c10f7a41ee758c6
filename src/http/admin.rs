//! The admin listener: whether the process lives, whether it is ready, and what it is.
//!
//! **Invariant:** nothing here needs the public listener to work.

use std::{net::SocketAddr, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use crate::{domain::revision::Revision, service::catalogue::Catalogue};

use super::{
    error::{Kind, Problem},
    request_id::RequestId,
    response::{Body, written},
    server::Handler,
};

/// How long the truth may take to answer before this replica counts as not ready.
const READY_DEADLINE: Duration = Duration::from_secs(2);

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
    phase: watch::Receiver<Phase>,
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
    /// A handler that is ready while the service runs and `catalogue` can be read.
    #[must_use]
    pub fn new(catalogue: Catalogue, phase: watch::Receiver<Phase>) -> Self {
        Self { catalogue, phase }
    }

    async fn ready(&self) -> Response<Body> {
        let phase = *self.phase.borrow();
        match phase {
            Phase::Starting => return status(StatusCode::SERVICE_UNAVAILABLE, "starting", None),
            Phase::Draining => return status(StatusCode::SERVICE_UNAVAILABLE, "draining", None),
            Phase::Running => {}
        }
        match timeout(READY_DEADLINE, self.catalogue.ready()).await {
            Ok(Ok(revision)) => status(StatusCode::OK, "ready", Some(revision)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready");
                status(StatusCode::SERVICE_UNAVAILABLE, "catalogue unreachable", None)
            }
            Err(_) => {
                tracing::warn!("not ready: the catalogue did not answer within {READY_DEADLINE:?}");
                status(StatusCode::SERVICE_UNAVAILABLE, "catalogue unreachable", None)
            }
        }
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>, _peer: SocketAddr) -> Response<Body> {
        let path = request.uri().path();
        if !matches!(path, "/livez" | "/readyz" | "/version") {
            let problem = Problem::new(Kind::NoSuchPath, "there are /livez, /readyz and /version");
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
            "/readyz" => self.ready().await,
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
