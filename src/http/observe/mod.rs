//! A request as it is watched: from its start to its answer it is counted, timed, logged and traced here.
//!
//! **Invariant:** nothing here changes an answer but for the headers `traceparent` and `Server-Timing`.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Body as _,
    header::{HeaderMap, HeaderName, HeaderValue},
    http::request::Parts,
};
use prometheus::Registry;
use tracing::{Span, field::Empty};

use crate::cache::outcome::Outcome;

use super::{
    access_log::{self, AccessLog, Asked, Line, Times, word},
    error::Problem,
    gate::Passed,
    metrics::{Requests, Started},
    request_id::{RequestId, X_REQUEST_ID},
    response::Body,
    route::Route,
    trace_context::{TRACEPARENT, TraceContext, TraceId},
};

/// `Server-Timing` (<https://www.w3.org/TR/server-timing/>).
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whether answers say how long their parts took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerTiming {
    /// They do, to whoever asks.
    On,
    /// They do not.
    #[default]
    Off,
}

/// What is told of requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// In the access log.
    pub access_log: access_log::Options,
    /// In answers.
    pub server_timing: ServerTiming,
}

/// Watches requests.
#[derive(Debug)]
pub struct Observer {
    requests: Requests,
    log: AccessLog,
    server_timing: ServerTiming,
}

/// How long the cache took for an answer: an extension of the response, beside its [`Outcome`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// To have the answer.
    pub(super) cache: Duration,
    /// To have it in the coding that the client likes best.
    pub(super) encode: Duration,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Seen {
    started: Started,
    pub(super) id: RequestId,
    trace: Option<TraceContext>,
    /// The span that its work is in.
    pub(super) span: Span,
    /// The operation that it asks for, once that is known.
    pub(super) route: Option<Route>,
    /// Who asks.
    pub(super) client: IpAddr,
    /// The id of the key that it came with.
    pub(super) key: Option<String>,
}

impl Observer {
    /// An observer whose counters are read through `registry`.
    ///
    /// # Panics
    /// For a registry that has them already.
    #[must_use]
    pub fn new(registry: &Registry, options: Options) -> Self {
        let Options { access_log, server_timing } = options;
        Self { requests: Requests::new(registry), log: AccessLog::new(access_log), server_timing }
    }

    /// A request begins.
    pub(super) fn begin(&self, headers: &HeaderMap, client: IpAddr) -> Seen {
        let started = self.requests.begin();
        let id = RequestId::of(headers);
        let span = span(&id);
        #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "its span has an id then"))]
        let mut trace = TraceContext::of(headers);
        #[cfg(feature = "otel")]
        spans::join(&span, headers, &mut trace);
        if let Some(trace) = &trace {
            span.record("trace_id", tracing::field::display(trace.trace_id()));
        }
        Seen { started, id, trace, span, route: None, client, key: None }
    }

    /// A request was refused, or failed.
    pub(super) fn refused(&self, problem: &Problem) {
        tracing::debug!(kind = problem.kind().uri(), detail = problem.detail(), "refused");
        self.requests.refused(problem.kind());
    }

    /// A request is answered, the long way.
    pub(super) fn end(&self, seen: Seen, parts: &Parts, response: &mut Response<Body>) {
        let Seen { started, id, trace, span, route, client, key } = seen;
        let outcome = response.extensions().get::<Outcome>().copied();
        let took = response.extensions().get::<Took>().copied();
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, id.to_header());
        if let Some(trace) = &trace {
            headers.insert(TRACEPARENT, trace.to_header());
        }
        let elapsed = started.answered(route, status, outcome);
        if self.server_timing == ServerTiming::On {
            headers.insert(SERVER_TIMING, server_timing(outcome, took, elapsed));
        }
        #[cfg(feature = "otel")]
        spans::tell(&span, parts, route, status, outcome);
        let line = Line {
            parts: Asked::of(parts),
            route: name(route),
            status,
            outcome,
            elapsed,
            bytes: bytes(&parts.method, response),
            client,
            key: key.as_deref(),
            id: &id,
            trace: trace.as_ref().map(TraceContext::trace_id),
            times: Times {
                cache: took.map(|took| took.cache),
                encode: took.map(|took| took.encode),
            },
        };
        let sampled = outcome == Some(Outcome::L1Hit) && self.log.sampled();
        drop(span);
        self.log.write(&line, sampled);
    }

    /// A hit in the process is answered at once, so long after it was judged. Its request id is in the
    /// answer already.
    #[inline]
    pub(super) fn hit<B>(
        &self,
        request: &Request<B>,
        passed: &Passed,
        route: Route,
        elapsed: Duration,
        response: &mut Response<Body>,
    ) {
        self.requests.hit(route, response.status(), elapsed);
        if self.server_timing == ServerTiming::On {
            let value = server_timing(Some(Outcome::L1Hit), None, elapsed);
            response.headers_mut().insert(SERVER_TIMING, value);
        }
        if self.log.sampled() {
            let trace = TraceContext::of(request.headers()).map(|trace| trace.trace_id());
            self.log_hit(request, passed, route, elapsed, trace, response);
        }
    }

    /// Whether answers say how long they took, so that each is another one.
    pub(super) fn tells_times(&self) -> bool {
        self.server_timing == ServerTiming::On
    }

    /// The same for a hit that was answered by the bytes of its head: `told` makes what the log is told
    /// of the answer, its status, its body, and the request's id.
    #[inline]
    pub(super) fn hit_by_bytes<B>(
        &self,
        request: &Request<B>,
        passed: &Passed,
        (route, status): (Route, StatusCode),
        elapsed: Duration,
        told: impl FnOnce() -> Response<Body>,
    ) {
        self.requests.hit(route, status, elapsed);
        if self.log.sampled() {
            let trace = TraceContext::of(request.headers()).map(|trace| trace.trace_id());
            self.log_hit(request, passed, route, elapsed, trace, &told());
        }
    }

    #[cold]
    fn log_hit<B>(
        &self,
        request: &Request<B>,
        passed: &Passed,
        route: Route,
        elapsed: Duration,
        trace: Option<TraceId>,
        response: &Response<Body>,
    ) {
        let id = RequestId::of(response.headers());
        let line = Line {
            parts: Asked::new(request.method(), request.uri(), request.version()),
            route: name(Some(route)),
            status: response.status(),
            outcome: Some(Outcome::L1Hit),
            elapsed,
            bytes: bytes(request.method(), response),
            client: passed.client.address,
            key: passed.key(),
            id: &id,
            trace,
            times: Times::default(),
        };
        self.log.write(&line, true);
    }
}

/// A span that is there at every level of the log, so that whatever is logged has the request's id.
fn span(id: &RequestId) -> Span {
    #[cfg(feature = "otel")]
    return tracing::error_span!(
        "request",
        otel.kind = "server",
        id = id.as_str(),
        trace_id = Empty
    );
    #[cfg(not(feature = "otel"))]
    tracing::error_span!("request", id = id.as_str(), trace_id = Empty)
}

/// The operation's name.
fn name(route: Option<Route>) -> &'static str {
    route.map_or("none", |route| route.spec().operation)
}

/// Bytes of the body that is sent.
fn bytes(method: &Method, response: &Response<Body>) -> Option<u64> {
    if *method == Method::HEAD { Some(0) } else { response.body().size_hint().exact() }
}

fn server_timing(outcome: Option<Outcome>, took: Option<Took>, total: Duration) -> HeaderValue {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let mut text = String::with_capacity(64);
    // Writing to a string cannot fail.
    if let Some(outcome) = outcome {
        let _ = write!(text, "cache;desc={}, ", word(Some(outcome)));
    }
    if let (Some(took), Some(outcome)) = (took, outcome)
        && outcome != Outcome::L1Hit
    {
        let _ = write!(text, "load;dur={:.3}, ", ms(took.cache));
    }
    let _ = write!(text, "total;dur={:.3}", ms(total));
    HeaderValue::try_from(text).expect("words and numbers are visible ASCII")
}

#[cfg(feature = "otel")]
mod spans;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::outcome::Miss;

    #[test]
    fn server_timing_names_the_tier_and_what_it_took() {
        let told = |outcome, took| {
            let value = server_timing(outcome, took, Duration::from_micros(2500));
            value.to_str().unwrap().to_owned()
        };
        let took = Some(Took { cache: Duration::from_micros(1234), encode: Duration::ZERO });
        let load = Some(Outcome::Loaded(Miss::Absent));
        assert_eq!(told(load, took), "cache;desc=load, load;dur=1.234, total;dur=2.500");
        assert_eq!(told(Some(Outcome::L1Hit), took), "cache;desc=l1, total;dur=2.500");
        assert_eq!(told(None, None), "total;dur=2.500");
    }
}
