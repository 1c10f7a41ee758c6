//! A request's span in a trace, for builds with `otel`.

use std::str::FromStr as _;

use hyper::{StatusCode, header::HeaderMap, http::request::Parts};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::cache::outcome::Outcome;

use super::super::{
    access_log::{path_shown, word},
    route::Route,
    trace_context::{self, TraceContext},
};

/// Makes `span` a part of the caller's trace, if there is one, and tells which trace it is in.
pub(super) fn join(span: &Span, headers: &HeaderMap, trace: &mut Option<TraceContext>) {
    if let Some(given) = trace {
        let (id, parent, sampled) = given.parts();
        let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let state = TraceState::from_str(&trace_context::state(headers)).unwrap_or_default();
        let (id, parent) =
            (TraceId::from_bytes(id.to_be_bytes()), SpanId::from_bytes(parent.to_be_bytes()));
        let caller = SpanContext::new(id, parent, flags, true, state);
        // Fails where nothing records spans.
        let _ = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    let context = span.context();
    let here = context.span().span_context().clone();
    // A trace that began here and that nobody records is nobody's business.
    if here.is_valid() && (trace.is_some() || here.is_sampled()) {
        let id = u128::from_be_bytes(here.trace_id().to_bytes());
        let span = u64::from_be_bytes(here.span_id().to_bytes());
        *trace = Some(TraceContext::made(id, span, here.is_sampled()));
    }
}

/// Tells the span how its request fared, in the words of OpenTelemetry's conventions for HTTP.
pub(super) fn tell(
    span: &Span,
    parts: &Parts,
    route: Option<Route>,
    status: StatusCode,
    outcome: Option<Outcome>,
) {
    span.set_attribute("http.request.method", parts.method.to_string());
    span.set_attribute("url.path", path_shown(&parts.uri).to_owned());
    if let Some(route) = route {
        span.set_attribute("http.route", route.spec().path);
    }
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    span.set_attribute("marquee.cache.outcome", word(outcome));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}
