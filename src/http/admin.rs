//! The admin listener: whether the process lives, whether it is ready, what it is, how it fares, and how
//! much it logs.
//!
//! **Invariant:** nothing here needs the public listener to work.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderMap, HeaderValue},
};
use prometheus::{Registry, TextEncoder};
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    cache::{lease::Freshness, tiers},
    domain::revision::Revision,
    service::{
        catalogue::Catalogue,
        index,
        models::{self, Models},
        overload,
    },
};

use super::{
    body::{self, Accepts, Bounds},
    cached::ReadCache,
    campaigns,
    class::{NO_STORE, VARY},
    encoding::{Coding, compress},
    error::{Kind, Problem},
    limit::{Limits, steering},
    log_level::LogLevel,
    request_id::RequestId,
    response::{Body, written},
    seasons::Keeper,
    server::{Handler, peer::Peer},
};

/// A level is a line.
const LEVEL: Bounds = Bounds { bytes_max: 4096, timeout: Duration::from_secs(5) };

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
    log_level: Option<LogLevel>,
    limits: Option<Arc<Limits>>,
    keeper: Option<Keeper>,
    models: Option<Models>,
}

/// `/log-level`
#[derive(Debug, Serialize)]
struct Level {
    level: String,
}

/// `/status`
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    phase: &'static str,
    restores: u64,
    cache: tiers::Status,
    /// The gate before the database; none where it is off.
    overload: Option<overload::Report>,
    /// The index; none where it is off.
    index: Option<index::Report>,
    /// The model that recommendations come from.
    models: Option<models::Report>,
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
        Self {
            catalogue,
            cache,
            registry,
            phase,
            log_level: None,
            limits: None,
            keeper: None,
            models: None,
        }
    }

    /// The same with the level of a log.
    #[must_use]
    pub fn with_log_level(mut self, level: Option<LogLevel>) -> Self {
        self.log_level = level;
        self
    }

    /// The same with `/rate-limit`, by which limits are told and changed.
    #[must_use]
    pub fn with_limits(self, limits: Arc<Limits>) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// The same with `/warm`, by which campaigns are prepared for.
    #[must_use]
    pub fn with_keeper(self, keeper: Keeper) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// The same with what is told of models.
    #[must_use]
    pub fn with_models(self, models: Models) -> Self {
        Self { models: Some(models), ..self }
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
            overload: self.catalogue.overload().map(overload::Overload::report),
            index: self.catalogue.index().map(index::Finder::report),
            models: self.models.as_ref().map(Models::report),
        };
        written(StatusCode::OK, &report)
    }

    /// Prometheus' text format, which every version reads; smaller for those who ask, as Prometheus does.
    async fn metrics(&self, headers: &HeaderMap) -> Response<Body> {
        let _ = self.cache.status(); // brings gauges up to date
        let _ = self.catalogue.index().map(index::Finder::report);
        let _ = self.models.as_ref().map(Models::report);
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "cannot write metrics");
        }
        let coding = Coding::negotiate(headers, &[Coding::Gzip, Coding::Identity]);
        let text = Bytes::from(text);
        let (body, coding) = match compress(coding, text.clone()).await {
            Some(coded) => (coded, coding.header()),
            None => (text, None),
        };
        let mut response = Response::new(Body::full(body));
        let headers = response.headers_mut();
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, coding);
        }
        headers.insert(header::VARY, VARY);
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

    async fn log_level(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let Some(level) = &self.log_level else {
            return Err(Problem::new(Kind::NoSuchPath, "this process has no log of its own"));
        };
        let (parts, mut body) = request.into_parts();
        if parts.method == Method::PUT {
            let memory = body::Memory::new(LEVEL.bytes_max);
            let any = Accepts::JsonUnderAnyName;
            let bytes = body::read(&parts.headers, &mut body, any, LEVEL, &memory).await?;
            let text = String::from_utf8_lossy(&bytes);
            let refused = |rule| Problem::new(Kind::InvalidDocument, format!("the level {rule}"));
            level.set(text.trim()).map_err(refused)?;
            tracing::warn!(new_level = level.get(), "the level of the log was changed");
        }
        Ok(written(StatusCode::OK, &Level { level: level.get() }))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(limits) =
            self.limits.as_ref().filter(|_| request.uri().path() == steering::PATH)
        {
            return steering::answer(limits, request).await;
        }
        if let Some(keeper) =
            self.keeper.as_ref().filter(|_| request.uri().path() == campaigns::PATH)
        {
            if *self.phase.borrow() != Phase::Running {
                return Err(Problem::unavailable("the service is not running yet, or no more"));
            }
            return campaigns::answer(keeper, request).await;
        }
        match request.uri().path() {
            "/log-level" if reads || *request.method() == Method::PUT => {
                self.log_level(request).await
            }
            "/log-level" => Err(not_for("GET, HEAD, PUT")),
            "/livez" | "/readyz" | "/version" | "/status" | "/metrics" if !reads => {
                Err(not_for("GET, HEAD"))
            }
            "/livez" => Ok(status(StatusCode::OK, "live", None)),
            "/readyz" => Ok(self.ready()),
            "/status" => Ok(self.report()),
            "/metrics" => Ok(self.metrics(request.headers()).await),
            "/version" => {
                let version = env!("CARGO_PKG_VERSION");
                Ok(written(StatusCode::OK, &Version { name: env!("CARGO_PKG_NAME"), version }))
            }
            _ => Err(Problem::new(
                Kind::NoSuchPath,
                "there are /livez, /readyz, /version, /status, /metrics, /log-level, /rate-limit and /warm",
            )),
        }
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>, _peer: Arc<Peer>) -> Response<Body> {
        let id = RequestId::of(request.headers());
        self.answer(request).await.unwrap_or_else(|problem| problem.into_response(&id))
    }
}

fn not_for(allow: &'static str) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("this path has {allow}"))
        .with(header::ALLOW, HeaderValue::from_static(allow))
}

fn status(code: StatusCode, status: &'static str, revision: Option<Revision>) -> Response<Body> {
    written(code, &Status { status, revision })
}
