//! What hyper refuses by itself, told in a problem document too.
//!
//! hyper answers what it cannot read with a status and no body, and the handler hears nothing of it.
//! So the stream looks at what is written to it: an answer that refuses and has no body is never the
//! handler's, whose refusals all have one.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::{
    error::{Kind, Problem},
    request_id::{RequestId, X_REQUEST_ID},
};

/// Begins every refusal.
const REFUSES: &[u8] = b"HTTP/1.1 4";
const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// A stream that explains refusals.
#[derive(Debug)]
pub(super) struct Explained<S> {
    stream: S,
    /// An explained refusal that is still to be written, in the place of what hyper wrote.
    refusal: Bytes,
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, refusal: Bytes::new() }
    }

    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(context))?;
        if let [head] = pieces
            && head.starts_with(REFUSES)
            && let Some(refusal) = explained(head)
        {
            this.refusal = refusal;
            return Poll::Ready(Ok(head.len())); // the flush that follows writes it
        }
        Pin::new(&mut this.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

/// hyper's refusal with a body that says why; `None` where the answer is not hyper's.
fn explained(answer: &[u8]) -> Option<Bytes> {
    let head = std::str::from_utf8(answer).ok()?.strip_suffix("\r\n")?;
    let (before, after) = head.split_once(NO_BODY)?;
    let status = StatusCode::from_bytes(before.split(' ').nth(1)?.as_bytes()).ok()?;
    let problem = problem(status)?;
    let id = RequestId::unique();
    tracing::debug!(id = id.as_str(), kind = problem.kind().uri(), "refused unread");
    let body = problem.to_json(Some(id.as_str()));
    let length = body.len();
    let head = format!(
        "{before}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         {X_REQUEST_ID}: {id}\r\ncontent-length: {length}\r\n{after}\r\n"
    );
    Some([head.into_bytes(), body].concat().into())
}

fn problem(status: StatusCode) -> Option<Problem> {
    let (kind, detail) = match status {
        StatusCode::BAD_REQUEST => {
            (Kind::MalformedRequest, "the request line or a header is not as HTTP/1.1 has it")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            Kind::HeadTooLarge,
            "the request line and the headers together are too long, or the headers too many",
        ),
        _ => return None,
    };
    Some(Problem::new(kind, detail))
}
