//! Refusals and failures as problem documents (RFC 9457).
//!
//! **Invariant:** what failed inside stays in the log, under the request's id; a client reads what it
//! can act on.
//! **Invariant:** this is the only place that gives a failure its status.

use std::{borrow::Cow, time::Duration};

use hyper::{
    Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    domain::invalid::{Fault, Invalid, Place},
    service::error::ServiceError,
    store::error::StoreError,
};

use super::{class::NO_STORE, request_id::RequestId, response::Body};

/// The media type of problems.
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// When who asks for what needs an index, where there is none, should try again: by then, with luck, elsewhere.
const WITHOUT_INDEX: Duration = Duration::from_mins(1);

macro_rules! kinds {
    ($($kind:ident $status:ident $name:literal $title:literal,)+) => {
        /// What kind of problem it is. A kind has one status, and a `type` that clients can rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind { $(#[doc = $title] $kind,)+ }

        impl Kind {
            /// Every kind.
            pub(super) const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// Its status.
            #[must_use]
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)+ }
            }

            /// Its `type`: a URI reference that stays the same.
            #[must_use]
            pub(super) const fn uri(self) -> &'static str {
                match self { $(Self::$kind => concat!("/problems/", $name),)+ }
            }

            /// Its `title`.
            #[must_use]
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }
        }
    };
}

kinds! {
    InvalidParameter BAD_REQUEST "invalid-parameter" "A query parameter is unknown or bad",
    InvalidHeader BAD_REQUEST "invalid-header" "A request header is bad",
    MalformedJson BAD_REQUEST "malformed-json" "The body is not JSON",
    UnexpectedBody BAD_REQUEST "unexpected-body" "The request must not have a body",
    MalformedRequest BAD_REQUEST "malformed-request" "The request is not HTTP",
    BrokenBody BAD_REQUEST "broken-body" "The body ended early or broke its framing",
    Unauthenticated UNAUTHORIZED "unauthenticated" "Who calls is not known, or not taken",
    Forbidden FORBIDDEN "forbidden" "Not allowed",
    InsufficientRole FORBIDDEN "insufficient-role" "The caller's role does not allow it",
    NoSuchPath NOT_FOUND "no-such-path" "There is nothing at this path",
    NoSuchMovie NOT_FOUND "no-such-movie" "There is no such movie",
    NoSuchUser NOT_FOUND "no-such-user" "No user can have this pseudonym",
    NoSuchCollection NOT_FOUND "no-such-collection" "There is no such collection",
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed" "The path does not have this method",
    HeadTimeout REQUEST_TIMEOUT "head-timeout" "The request did not arrive in time",
    BodyTimeout REQUEST_TIMEOUT "body-timeout" "The body did not arrive in time",
    ImdbIdTaken CONFLICT "imdb-id-taken" "Another movie has this IMDb id",
    CollectionExists CONFLICT "collection-exists" "There is a collection of that name",
    ChangesGone GONE "changes-gone" "These changes are no longer kept",
    PreconditionFailed PRECONDITION_FAILED "precondition-failed" "What is to be changed is not as the request requires",
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large" "The body is too large",
    TargetTooLong URI_TOO_LONG "target-too-long" "The request's target is too long",
    ExpectationFailed EXPECTATION_FAILED "expectation-failed" "The expectation cannot be met",
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body is of an unsupported type",
    InvalidDocument UNPROCESSABLE_ENTITY "invalid-document" "The document breaks rules",
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused"
        "The idempotency key was used for another request",
    RateLimited TOO_MANY_REQUESTS "rate-limited" "Too many requests",
    TooManyFailures TOO_MANY_REQUESTS "too-many-failures" "Too many bad keys or tokens came from there",
    HeadTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "head-too-large" "The request line and headers are too large",
    NotDone FAILED_DEPENDENCY "not-done" "Not done, since another operation of the batch failed",
    Internal INTERNAL_SERVER_ERROR "internal" "The service failed",
    UnreadableCollection INTERNAL_SERVER_ERROR "unreadable-collection"
        "What is stored of the collection cannot be read",
    MethodNotImplemented NOT_IMPLEMENTED "method-not-implemented" "Nothing here has this method",
    VersionNotSupported HTTP_VERSION_NOT_SUPPORTED "version-not-supported" "This version of HTTP is not spoken",
    Unavailable SERVICE_UNAVAILABLE "unavailable" "The service cannot answer now",
    Overloaded SERVICE_UNAVAILABLE "overloaded" "The service has more to do than it can",
}

/// A refusal or failure.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of a kind; `detail` says what is wrong with this request.
    #[must_use]
    pub(super) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), faults: Vec::new(), headers: Vec::new() }
    }

    /// Faults of the caller's input.
    #[must_use]
    pub(super) fn invalid(kind: Kind, invalid: &Invalid) -> Self {
        let detail = invalid.to_string();
        Self { faults: invalid.faults().to_vec(), ..Self::new(kind, detail) }
    }

    /// Faults of query parameters.
    #[must_use]
    pub(super) fn parameters(invalid: &Invalid) -> Self {
        Self::invalid(Kind::InvalidParameter, invalid)
    }

    /// Faults of a JSON document.
    #[must_use]
    pub(super) fn document(invalid: &Invalid) -> Self {
        Self::invalid(Kind::InvalidDocument, invalid)
    }

    /// A fault of a request header.
    #[must_use]
    pub(super) fn header(name: &'static str, detail: impl Into<String>) -> Self {
        let fault = Fault { place: Place::Header(name), detail: detail.into() };
        Self::invalid(Kind::InvalidHeader, &Invalid::one(fault))
    }

    /// No movie of that id.
    #[must_use]
    pub(super) fn no_such_movie(id: impl std::fmt::Display) -> Self {
        Self::new(Kind::NoSuchMovie, format!("there is no movie {id}"))
    }

    /// The same problem, answered with one more header.
    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its kind.
    #[must_use]
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// What is wrong with each place of the input.
    #[must_use]
    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The document. `instance` is left out where the document is kept for other requests or is
    /// part of another one.
    #[must_use]
    pub(super) fn to_json(&self, instance: Option<&str>) -> Vec<u8> {
        serde_json::to_vec(&Document { problem: self, instance })
            .expect("text and integers have a JSON form")
    }

    /// The answer to the request of this id.
    #[must_use]
    pub(super) fn into_response(self, id: &RequestId) -> Response<Body> {
        let mut response = Response::new(Body::full(self.to_json(Some(id.as_str()))));
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.extend(self.headers);
        response
    }
}

impl From<ServiceError> for Problem {
    /// Gives a failure its status, and logs it: this is where failures are handled.
    fn from(error: ServiceError) -> Self {
        let problem = match &error {
            ServiceError::KeyReused => {
                let detail = "this Idempotency-Key came with another request in the last 24 hours";
                return Self::new(Kind::IdempotencyKeyReused, detail);
            }
            // Who asks can mend it.
            ServiceError::Store(bad) if bad.is_bad_collection() => {
                tracing::error!(%error, "cannot answer");
                let detail = "its definition, as it is stored, cannot be read: PUT replaces it, \
                              DELETE removes it; the log has the reason under this request's id";
                return Self::new(Kind::UnreadableCollection, detail);
            }
            // The gate tells the log; a line for each that it sends away would be one more burden.
            ServiceError::Overloaded { retry_after } => {
                let detail = "more is asked of the catalogue than it can do now; try again later";
                return Self::overloaded(detail, *retry_after);
            }
            ServiceError::IndexUnready { retry_after } => {
                let detail = "the index is being built; movies and lists are there meanwhile";
                return Self::unavailable_for(detail, *retry_after);
            }
            ServiceError::IndexBehind => {
                let detail = "the index does not have yet what was written; try again";
                return Self::unavailable(detail);
            }
            ServiceError::IndexOff => {
                let detail = "this replica keeps no index (--index=off)";
                return Self::unavailable_for(detail, WITHOUT_INDEX);
            }
            ServiceError::SearchTimedOut => {
                let detail = "the search took too long; ask for less, or try again later";
                return Self::overloaded(detail, Duration::from_secs(1));
            }
            ServiceError::Store(StoreError::ChangesGone { oldest }) => {
                let detail =
                    format!("changes are kept from revision {oldest} on: read the catalogue anew");
                return Self::new(Kind::ChangesGone, detail);
            }
            ServiceError::Store(
                StoreError::Unavailable(_)
                | StoreError::TimedOut(_)
                | StoreError::Unanswered(_)
                | StoreError::Contended { .. },
            ) => Self::unavailable("the catalogue cannot be reached; try again"),
            ServiceError::Store(StoreError::Loading(_)) => {
                Self::unavailable("the catalogue is being loaded; lists come when that is done")
            }
            ServiceError::Lost(_)
            | ServiceError::Store(
                StoreError::Refused(_) | StoreError::BadRow { .. } | StoreError::Migrate(_),
            ) => Self::internal(),
        };
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        if problem.kind == Kind::Internal {
            tracing::error!(%error, cause, "cannot answer");
        } else {
            tracing::warn!(%error, cause, "cannot answer");
        }
        problem
    }
}

impl Problem {
    /// The service failed, and the log says how.
    #[must_use]
    pub(super) fn internal() -> Self {
        Self::new(Kind::Internal, "the log has the reason under this request's id")
    }

    /// More is asked of the service than it can do.
    #[must_use]
    pub(super) fn overloaded(detail: &'static str, retry_after: Duration) -> Self {
        Self::new(Kind::Overloaded, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs()))
    }

    /// The service cannot answer now, but may in a second.
    #[must_use]
    pub(super) fn unavailable(detail: &'static str) -> Self {
        Self::unavailable_for(detail, Duration::from_secs(1))
    }

    /// The service cannot answer for about so long.
    #[must_use]
    fn unavailable_for(detail: &'static str, retry_after: Duration) -> Self {
        Self::new(Kind::Unavailable, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)))
    }
}

impl Serialize for Problem {
    /// The document without `instance`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Document { problem: self, instance: None }.serialize(serializer)
    }
}

struct Document<'a> {
    problem: &'a Problem,
    instance: Option<&'a str>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem { kind, detail, faults, .. } = self.problem;
        let mut document = serializer.serialize_struct("Problem", 6)?;
        document.serialize_field("type", kind.uri())?;
        document.serialize_field("title", kind.title())?;
        document.serialize_field("status", &kind.status().as_u16())?;
        document.serialize_field("detail", detail)?;
        if let Some(instance) = self.instance {
            document.serialize_field("instance", instance)?;
        }
        if !faults.is_empty() {
            document.serialize_field("errors", &FaultList(faults))?;
        }
        document.end()
    }
}

/// Faults as a JSON array of `{"parameter"|"pointer"|"header", "detail"}`.
pub(super) struct FaultList<'a>(pub(super) &'a [Fault]);

impl Serialize for FaultList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(FaultView))
    }
}

struct FaultView<'a>(&'a Fault);

impl Serialize for FaultView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = serializer.serialize_struct("Fault", 2)?;
        match &self.0.place {
            Place::Parameter(name) => view.serialize_field("parameter", name)?,
            Place::Pointer(pointer) => view.serialize_field("pointer", pointer)?,
            Place::Header(name) => view.serialize_field("header", name)?,
        }
        view.serialize_field("detail", &self.0.detail)?;
        view.end()
    }
}
