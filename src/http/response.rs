//! What handlers answer with, and bodies that are sent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::{Frame, SizeHint},
    header::{self, HeaderName, HeaderValue},
};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{class::NO_STORE, finished::Finished, query::Query, server::slot::Open};

/// `Catalog-Revision`: the answer includes every write up to it.
pub(super) const CATALOG_REVISION: HeaderName = HeaderName::from_static("catalog-revision");
/// The media type of JSON.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The body of a response.
#[derive(Debug)]
pub enum Body {
    /// All of it at once; empty once it was sent.
    Full(Bytes),
    /// Chunk by chunk, as the client takes them. Without [`Chunk::End`] the connection is cut off, so
    /// that the client notices that the body is not whole.
    Stream(mpsc::Receiver<Chunk>),
    /// The same, while it counts as a request that is open.
    Held(mpsc::Receiver<Chunk>, Open),
}

/// A piece of a streamed body.
#[derive(Debug)]
pub enum Chunk {
    /// Some bytes, never none.
    Data(Bytes),
    /// The body is whole.
    End,
}

/// A streamed body ended early. The log has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be completed")]
pub struct Incomplete;

impl Body {
    /// No body.
    pub const EMPTY: Self = Self::Full(Bytes::new());

    /// A body of these bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(bytes.into())
    }

    /// The same body; one that is sent chunk by chunk keeps `open` until it ends.
    pub(super) fn held(self, open: Open) -> Self {
        match self {
            Self::Stream(chunks) => Self::Held(chunks, open),
            whole => whole,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(chunks) | Self::Held(chunks, _) => {
                chunks.poll_recv(context).map(|chunk| match chunk {
                    Some(Chunk::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                    Some(Chunk::End) => None,
                    None => Some(Err(Incomplete)),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) | Self::Held(..) => SizeHint::default(),
        }
    }
}

/// What a handler answers with.
#[derive(Debug)]
pub(super) enum Answer {
    /// To a read that is kept: what is asked for.
    Kept(Query),
    /// To a read that is not: the request's conditions still apply.
    Read(Arc<Finished>),
    /// To anything else: final.
    Final(Response<Body>),
}

/// A JSON answer to a write.
///
/// # Panics
/// Where `value` has no JSON form.
pub(super) fn written(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("answers have a JSON form");
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// An answer to a write that has no body.
#[must_use]
pub(super) fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
