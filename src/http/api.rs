//! The public listener: each request gets an id and a route, and is watched from its start to its answer.
//!
//! **Invariant:** a handler gets requests that may be made: the method fits, a writer may write, a
//! body comes only where one is read.
//! **Invariant:** every answer carries `X-Request-Id`, and what is logged of it is under it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderValue},
    http::request::Parts,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    domain::{clock::Tick, revision::Revision},
    service::{
        activity::{Activity, Subject},
        catalogue::Catalogue,
        collections::Collections,
        recommend::Recommender,
    },
};

use super::{
    audit::{Audit, Who, WrittenAs},
    auth::Caller,
    body, by_bytes,
    cached::ReadCache,
    call::Call,
    caught::caught,
    client::Client,
    conditional::{self, Condition},
    encoding::Coding,
    error::{Kind, Problem},
    framing,
    front::{self, Hit, Written},
    gate::{Gate, Passed},
    handlers::{
        batch, changes, collection_writes, collections, compat, create, delete, docs, export,
        genres, interactions, item, list, recommendations, search, similar, studied, suggest,
        trending, update, user_data,
    },
    noted::Marks,
    observe::Observer,
    personal::Recommended,
    request_id::X_REQUEST_ID,
    response::{Answer, Body, CATALOG_REVISION},
    route::{Found, Route, Router},
    server::{Handler, peer::Peer},
    services::Services,
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
    /// Bytes of all bodies that are being read at once.
    pub body_memory: usize,
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
            body_memory: 256 * 1024 * 1024,
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
    pub(super) collections: Collections,
    pub(super) activity: Activity,
    pub(super) recommender: Recommender,
    pub(super) recommended: Recommended,
    pub(super) cache: ReadCache,
    pub(super) options: Options,
    /// Exports that are being sent. Each ends with its connection.
    pub(super) exports: TaskTracker,
    /// Leave to send an export.
    pub(super) export_permits: Arc<Semaphore>,
    /// What bodies that are being read take.
    pub(super) body_memory: body::Memory,
    router: Router,
    gate: Gate,
    observer: Observer,
    audit: Audit,
}

impl Api {
    /// A handler that answers by `services`, reads by way of `cache`, whom `gate` lets in, watched by
    /// `observer`.
    #[must_use]
    pub fn new(
        services: Services,
        cache: ReadCache,
        gate: Gate,
        observer: Observer,
        options: Options,
    ) -> Self {
        let Services { catalogue, collections, activity, recommender } = services;
        let export_permits = Arc::new(Semaphore::new(options.exports_max));
        let (exports, router) = (TaskTracker::new(), Router::new());
        let body_memory = body::Memory::new(options.body_memory);
        let audit = Audit::new(catalogue.known().clock().clone());
        Self {
            catalogue,
            collections,
            activity,
            recommender,
            recommended: Recommended::new(),
            cache,
            options,
            exports,
            export_permits,
            body_memory,
            router,
            gate,
            observer,
            audit,
        }
    }

    /// What requests are answered by.
    pub(super) fn services(&self) -> Services {
        Services {
            catalogue: self.catalogue.clone(),
            collections: self.collections.clone(),
            activity: self.activity.clone(),
            recommender: self.recommender.clone(),
        }
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: &mut Incoming,
        route: Route,
        (client, who): (&Client, &Who),
        parameter: &str,
    ) -> Reply {
        let spec = route.spec();
        let reads = spec.method == Method::GET;
        if reads || parts.method == Method::DELETE && route != Route::CompatDelete {
            // Others on the way may take it for the next request.
            no_body(body).map_err(framing::closing(parts.version))?;
        }
        let if_none_match = Condition::if_none_match(&parts.headers)?;
        if !reads && if_none_match.is_some() {
            let detail = "is for GET and HEAD; use If-Match to write to the state that you know";
            return Err(Problem::header("If-None-Match", detail));
        }
        let call = Call { api: self, parts, client, who, parameter, body };
        match handle(route, call).await? {
            Answer::Kept(query) => {
                self.cache.answer(query, self, parts, if_none_match.as_ref()).await
            }
            Answer::Read(found) => {
                let coding = Coding::negotiate(&parts.headers, &Coding::ALL);
                // Nobody else has this one: where its client leaves, so may its turn.
                let (coded, _) = found.coded(coding).await;
                let policies = self.cache.policies();
                let mut response =
                    conditional::answer(&found, coded, policies, if_none_match.as_ref());
                let shown = found.shown.clone().filter(|_| self.activity.records());
                shown.map(|shown| response.extensions_mut().insert(Subject::Search(shown)));
                self.tell_known_revision(&mut response);
                Ok(response)
            }
            Answer::Final(mut response) => {
                if let Some(revision) = self.tell_known_revision(&mut response) {
                    response.extensions_mut().insert(WrittenAs(revision));
                }
                Ok(response)
            }
        }
    }
}

impl Api {
    /// Takes away the revision of an answer that is of a later one than is known here; gives it.
    ///
    /// A write saw what came before it, and so is known. A read of the truth itself (an export, the feed, a
    /// definition) may be ahead of it where polls fail: without a revision to compare, no later answer of
    /// this replica seems to go back.
    fn tell_known_revision(&self, response: &mut Response<Body>) -> Option<Revision> {
        let told = response.headers().get(CATALOG_REVISION)?.as_bytes();
        let revision = Revision::new(std::str::from_utf8(told).ok()?.parse().ok()?)?;
        if revision > self.catalogue.known().verified() {
            response.headers_mut().remove(CATALOG_REVISION);
        }
        Some(revision)
    }

    /// Notes what a request looked at.
    #[inline]
    fn note(&self, subject: &Subject, marks: &Marks<'_>, passed: &Passed, now: Tick) {
        let visitor = marks.visitor(passed.client.address, passed.caller());
        self.activity.note(subject, visitor, now);
    }

    /// The same for a request that was answered the long way.
    fn note_answer(
        &self,
        parts: &Parts,
        client: &Client,
        who: &Who,
        response: &mut Response<Body>,
    ) {
        let Some(subject) = response.extensions_mut().remove::<Subject>() else { return };
        if parts.method != Method::GET {
            return;
        }
        let caller = match who {
            Who::Caller(caller) => caller,
            Who::Unasked | Who::Refused(_) => &Caller::Anonymous,
        };
        let visitor = Marks::of(&parts.headers).visitor(client.address, caller);
        self.activity.note(&subject, visitor, self.catalogue.known().clock().tick());
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
        Route::SearchMovies => search::search(&call).await,
        Route::Suggest => suggest::suggest(&call),
        Route::ListSimilar => similar::similar(&call),
        Route::ListRecommendations => recommendations::list(&call).await,
        Route::ListChanges => changes::list(call).await,
        Route::ExportMovies => export::export(call).await,
        Route::ListCollections => collections::list(call).await,
        Route::GetCollection => collections::one(call).await,
        Route::GetCollectionDefinition => collections::definition(call).await,
        Route::CreateCollection => collection_writes::create(call).await,
        Route::ReplaceCollection => collection_writes::replace(call).await,
        Route::DeleteCollection => collection_writes::delete(call).await,
        Route::SendInteractions => interactions::send(call).await,
        Route::ListTrending => trending::list(&call),
        Route::ListPopularSearches => studied::popular(call).await,
        Route::ListEmptySearches => studied::empty(call).await,
        Route::GetUserData => user_data::get(call).await,
        Route::EraseUser => user_data::erase(call).await,
        Route::GetOpenApi => docs::description(&call),
        Route::GetDocs => docs::page(&call),
        Route::GetDocsFile => docs::file(&call),
        Route::CompatList => compat::list(&call),
        Route::CompatCreate => compat::create(call).await,
        Route::CompatDelete => compat::delete(call).await,
    }
}

impl Handler for Api {
    fn by_bytes(&self, head: &[u8], peer: &Peer, out: &mut Vec<u8>) -> Option<Bytes> {
        by_bytes::recall(head, |request| {
            if !self.gate.cors.is_constant() || self.observer.tells_times() {
                return None;
            }
            let pass = |route: Route, now| {
                self.gate.pass_at(peer, request.headers(), route.spec().class, now)
            };
            let note = |subject: &Subject, marks: &Marks<'_>, passed: &Passed, now| {
                self.note(subject, marks, passed, now);
            };
            let Written { route, status, body, id, now, passed } =
                front::write(&self.cache, request, pass, note, out)?;
            self.cache.count_hit(route);
            let elapsed = self.catalogue.known().clock().tick().since(now);
            let told = || {
                let mut told = Response::new(Body::Full(body.clone()));
                *told.status_mut() = status;
                told.headers_mut().insert(X_REQUEST_ID, id.into_header());
                told
            };
            self.observer.hit_by_bytes(request, &passed, (route, status), elapsed, told);
            Some(body)
        })
    }

    fn learn(&self, head: &[u8]) {
        by_bytes::learn(head);
    }

    fn quick(&self, request: &Request<Incoming>, peer: &Peer) -> Option<Response<Body>> {
        let mut hit = front::hit(&self.cache, request)?;
        let passed = self.gate.pass(peer, request.headers(), &mut hit)?;
        self.cache.count_hit(hit.route);
        let Hit { route, mut response, subject, now, .. } = hit;
        if let Some(subject) = subject {
            self.note(&subject, &Marks::of(request.headers()), &passed, now);
        }
        self.gate.say_to(request.headers(), response.headers_mut());
        let elapsed = self.catalogue.known().clock().tick().since(now);
        self.observer.hit(request, &passed, route, elapsed, &mut response);
        Some(response)
    }

    async fn handle(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Response<Body> {
        let (parts, mut body) = request.into_parts();
        let client = self.gate.clients.identify(&peer, &parts.headers);
        let mut seen = self.observer.begin(&parts.headers, client.address);
        let id = seen.id.clone();
        let span = seen.span.clone();
        let respond = async {
            let found = self.router.find(&parts.method, parts.uri.path());
            let mut trail = self.audit.begin(client.address, &parts.method, &id);
            let reply = match framing::check(&parts).map(|()| found) {
                Err(problem) => Err(problem),
                Ok(Found::Route(route, parameter)) => {
                    seen.route = Some(route);
                    (trail.route, trail.parameter) = (Some(route), parameter);
                    let visitor = &mut trail.visitor;
                    match self.gate.admit(&client, &parts.headers, &route.spec(), visitor) {
                        Ok(()) => {
                            let who = &trail.visitor.who;
                            let by = (&client, who);
                            let answer =
                                self.answer(&parts, &mut body, route, by, &trail.parameter);
                            caught(answer).await
                        }
                        Err(problem) => Err(problem),
                    }
                }
                Ok(Found::Options(allow)) => {
                    let mut answer = options(allow);
                    self.gate.preflight(&parts.method, &parts.headers, &mut answer);
                    Ok(answer)
                }
                Ok(Found::WrongMethod(allow)) => Err(wrong_method(&parts.method, allow)),
                Ok(Found::Nowhere) => {
                    Err(Problem::new(Kind::NoSuchPath, "see /docs for what there is"))
                }
            };
            let mut response = reply.unwrap_or_else(|problem| {
                self.observer.refused(&problem);
                problem.into_response(&seen.id)
            });
            self.note_answer(&parts, &client, &trail.visitor.who, &mut response);
            if response.status() != StatusCode::REQUEST_TIMEOUT {
                body::discard(&parts.headers, &mut body).await;
            }
            if let Some(standing) = trail.visitor.standing.take() {
                standing.say(response.headers_mut());
            }
            self.gate.say(response.headers_mut());
            if let Some(candidate) = response.extensions_mut().remove() {
                front::keep(candidate, response.headers());
            }
            self.gate.say_to(&parts.headers, response.headers_mut());
            seen.key = trail.visitor.who.key().map(str::to_owned);
            trail.end(&response);
            self.observer.end(seen, &parts, &mut response);
            response
        };
        Box::pin(respond.instrument(span)).await
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
