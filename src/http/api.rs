//! The public listener: each request gets an id, a route, and one line in the log.
//!
//! **Invariant:** a handler gets requests that may be made: the method fits, a writer may write, a
//! body comes only where one is read.
//! **Invariant:** every answer carries `X-Request-Id`, and every refusal is logged under it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderValue},
    http::request::Parts,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{cache::outcome::Outcome, service::catalogue::Catalogue};

use super::{
    body,
    cached::ReadCache,
    call::Call,
    caught::caught,
    conditional::{self, Condition},
    encoding::Coding,
    error::{Kind, Problem},
    framing, front,
    gate::Gate,
    handlers::{batch, changes, compat, create, delete, docs, export, genres, item, list, update},
    request_id::{RequestId, X_REQUEST_ID},
    response::{Answer, Body, CATALOG_REVISION},
    route::{Found, Route, Router},
    server::{Handler, peer::Peer},
};

/// Bounds of requests.
#[derive(Debug, Clone)]
pub struct Options {
    /// For a whole request body.
    pub body_timeout: Duration,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Bytes of a batch.
    pub batch_bytes_max: usize,
    /// Exports at once. Each keeps a database connection, so they must leave others some.
    pub exports_max: usize,
    /// An export whose client takes nothing for so long ends.
    pub export_stall: Duration,
    /// How long a request waits for the revision that it asks for.
    pub catch_up: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_timeout: Duration::from_secs(30),
            body_bytes_max: 1024 * 1024,
            batch_bytes_max: 16 * 1024 * 1024,
            exports_max: 2,
            export_stall: Duration::from_mins(1),
            catch_up: Duration::from_secs(1),
        }
    }
}

/// The public listener's handler.
#[derive(Debug)]
pub struct Api {
    pub(super) catalogue: Catalogue,
    pub(super) cache: ReadCache,
    pub(super) options: Options,
    /// Exports that are being sent. Each ends with its connection.
    pub(super) exports: TaskTracker,
    /// Leave to send an export.
    pub(super) export_permits: Arc<Semaphore>,
    router: Router,
    gate: Gate,
}

impl Api {
    /// A handler that answers from `catalogue`, reads by way of `cache`.
    #[must_use]
    pub fn new(catalogue: Catalogue, cache: ReadCache, options: Options) -> Self {
        let export_permits = Arc::new(Semaphore::new(options.exports_max));
        let (exports, router) = (TaskTracker::new(), Router::new());
        let gate = Gate::default();
        Self { catalogue, cache, options, exports, export_permits, router, gate }
    }

    async fn answer(
        &self,
        peer: &Peer,
        parts: &Parts,
        body: &mut Incoming,
        route: Route,
        parameter: &str,
    ) -> Reply {
        let spec = route.spec();
        let reads = !spec.class.writes();
        self.gate.admit(peer, parts, &spec)?;
        if reads || parts.method == Method::DELETE && route != Route::CompatDelete {
            no_body(body)?;
        }
        let if_none_match = Condition::if_none_match(&parts.headers)?;
        if !reads && if_none_match.is_some() {
            let detail = "is for GET and HEAD; use If-Match to write to the state that you know";
            return Err(Problem::header("If-None-Match", detail));
        }
        let call = Call { api: self, parts, parameter, body };
        match handle(route, call).await? {
            Answer::Kept(query) => {
                self.cache.answer(query, &self.catalogue, parts, if_none_match.as_ref()).await
            }
            Answer::Read(found) => {
                let coding = Coding::negotiate(&parts.headers, &Coding::ALL);
                let (coded, _) = found.coded(coding).await;
                let policies = self.cache.policies();
                Ok(conditional::answer(&found, coded, policies, if_none_match.as_ref()))
            }
            Answer::Final(mut response) => {
                // Where polls fail, a write may be ahead of what is known here. Without a revision to
                // compare, no later answer of this replica seems to go back.
                let known = self.catalogue.known().verified();
                let told = response.headers().get(CATALOG_REVISION).map(HeaderValue::as_bytes);
                let told = told.and_then(|told| std::str::from_utf8(told).ok()?.parse().ok());
                if told.is_some_and(|told: i64| told > known.get()) {
                    response.headers_mut().remove(CATALOG_REVISION);
                }
                Ok(response)
            }
        }
    }
}

type Reply = Result<Response<Body>, Problem>;

async fn handle(route: Route, call: Call<'_>) -> Result<Answer, Problem> {
    match route {
        Route::ListMovies => list::list(&call),
        Route::GetMovie => item::by_id(&call),
        Route::GetMovieByImdbId => item::by_imdb_id(&call),
        Route::CreateMovie => create::create(call).await,
        Route::ReplaceMovie => update::replace(call).await,
        Route::UpdateMovie => update::merge(call).await,
        Route::DeleteMovie => delete::delete(call).await,
        Route::BatchMovies => batch::batch(call).await,
        Route::ListGenres => genres::list(&call),
        Route::ListChanges => changes::list(call).await,
        Route::ExportMovies => export::export(call).await,
        Route::GetOpenApi => docs::description(&call),
        Route::GetDocs => docs::page(&call),
        Route::GetDocsFile => docs::file(&call),
        Route::CompatList => compat::list(&call),
        Route::CompatCreate => compat::create(call).await,
        Route::CompatDelete => compat::delete(call).await,
    }
}

impl Handler for Api {
    fn quick(&self, request: &Request<Incoming>, _peer: &Peer) -> Option<Response<Body>> {
        front::hit(&self.cache, request)
    }

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Body> {
        let started = Instant::now();
        let (parts, mut body) = request.into_parts();
        let id = RequestId::of(&parts.headers);
        let span = tracing::info_span!("request", id = id.as_str());
        let respond = async {
            let found = self.router.find(&parts.method, parts.uri.path());
            let (name, reply) = match framing::check(&parts).map(|()| found) {
                Err(problem) => ("none", Err(problem)),
                Ok(Found::Route(route, parameter)) => {
                    let reply =
                        caught(self.answer(&peer, &parts, &mut body, route, &parameter)).await;
                    (route.spec().operation, reply)
                }
                Ok(Found::Options(allow)) => ("options", Ok(options(allow))),
                Ok(Found::WrongMethod(allow)) => ("none", Err(wrong_method(&parts.method, allow))),
                Ok(Found::Nowhere) => {
                    ("none", Err(Problem::new(Kind::NoSuchPath, "see /docs for what there is")))
                }
            };
            let mut response = reply.unwrap_or_else(|problem| {
                tracing::debug!(kind = problem.kind().uri(), detail = problem.detail(), "refused");
                problem.into_response(&id)
            });
            if response.status() != StatusCode::REQUEST_TIMEOUT {
                body::discard(&parts.headers, &mut body).await;
            }
            response.headers_mut().insert(X_REQUEST_ID, id.to_header());
            macro_rules! log {
                ($level:ident, $source:expr) => {
                    tracing::$level!(
                        method = parts.method.as_str(),
                        path = parts.uri.path(),
                        route = name,
                        status = response.status().as_u16(),
                        source = $source,
                        duration_us =
                            u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
                        "answered"
                    )
                };
            }
            // Hits are counted, and logged for who looks closely only: a line costs more than a hit.
            match response.extensions().get::<Outcome>() {
                Some(Outcome::L1Hit) => log!(debug, "l1"),
                Some(Outcome::L2Hit(_)) => log!(info, "l2"),
                Some(Outcome::Loaded(_)) => log!(info, "load"),
                Some(Outcome::Collapsed(_)) => log!(info, "collapsed"),
                None => log!(info, ""),
            }
            response
        };
        respond.instrument(span).await
    }
}

fn no_body(body: &Incoming) -> Result<(), Problem> {
    if body.is_end_stream() {
        return Ok(());
    }
    Err(Problem::new(Kind::UnexpectedBody, "send this request without a body"))
}

fn options(allow: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn wrong_method(method: &Method, allow: HeaderValue) -> Problem {
    let detail = format!("{method} is not for this path; Allow says what is");
    Problem::new(Kind::MethodNotAllowed, detail).with(header::ALLOW, allow)
}
