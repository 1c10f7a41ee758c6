//! What is refused before it is a request, and how that is told.

use bytes::Bytes;
use hyper::StatusCode;

use super::super::{
    error::{Kind, Problem},
    request_id::{RequestId, X_REQUEST_ID},
};

/// Why a request's head is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A line that does not end in CRLF.
    LineEnd,
    /// A control byte, or a CR within a line.
    ControlByte,
    /// A first line that is none.
    FirstLine,
    /// A target that has no such form.
    Target,
    /// A target that is too long.
    TargetTooLong,
    /// A method that no resource has.
    UnknownMethod,
    /// Another version of HTTP.
    UnknownVersion,
    /// A field over several lines.
    Folded,
    /// `Content-Length` is no number.
    Length,
    /// `Content-Length` more than once.
    LengthTwice,
    /// `Content-Length` with `Transfer-Encoding`.
    LengthAndCoding,
    /// `Transfer-Encoding` other than `chunked`, once.
    Coding,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingInHttp10,
    /// A body beyond any bound.
    BodyTooLarge,
    /// A head that is too large.
    HeadTooLarge,
    /// A head that did not come in time.
    HeadTimeout,
}

impl Refusal {
    fn problem(self) -> Problem {
        let malformed = Kind::MalformedRequest;
        let (kind, detail) = match self {
            Self::LineEnd => (malformed, "every line of a request's head must end in CRLF"),
            Self::ControlByte => (malformed, "the request's head has a control byte in it"),
            Self::FirstLine => {
                (malformed, "the first line must be a method, a target and HTTP/1.1, each once")
            }
            Self::Target => (
                malformed,
                "the target must be a path or an http URL, of printable ASCII without a fragment",
            ),
            Self::TargetTooLong => (Kind::TargetTooLong, "the request's target is too long"),
            Self::UnknownMethod => (Kind::MethodNotImplemented, "nothing here has this method"),
            Self::UnknownVersion => (Kind::VersionNotSupported, "speak HTTP/1.1 or HTTP/2"),
            Self::Folded => (malformed, "a header must be one line"),
            Self::Length => return Problem::header("Content-Length", "must be digits"),
            Self::LengthTwice => return Problem::header("Content-Length", "must be given once"),
            Self::LengthAndCoding => {
                let detail = "must not be given together with Transfer-Encoding";
                return Problem::header("Content-Length", detail);
            }
            Self::Coding => {
                return Problem::header("Transfer-Encoding", "must be chunked and nothing else");
            }
            Self::CodingInHttp10 => {
                return Problem::header("Transfer-Encoding", "is not known to HTTP/1.0");
            }
            Self::BodyTooLarge => (Kind::BodyTooLarge, "no body of this length is taken"),
            Self::HeadTooLarge => (
                Kind::HeadTooLarge,
                "the request line and the headers together are too long, or the headers too many",
            ),
            Self::HeadTimeout => {
                (Kind::HeadTimeout, "the request line and the headers did not arrive in time")
            }
        };
        Problem::new(kind, detail)
    }
}

/// Begins every refusal of the parser.
const REFUSES: &[u8] = b"HTTP/1.1 4";
const NO_BODY: &str = "\r\ncontent-length: 0\r\n";

/// The parser's refusal with a body that says why, and with the status that `refusal` has; `None` where
/// the answer is not the parser's.
///
/// The parser answers what it cannot read with a status and no body, and the handler hears nothing of
/// it. The handler's own refusals all have a body.
pub(super) fn explained(answer: &[u8], refusal: Option<Refusal>) -> Option<Bytes> {
    if !answer.starts_with(REFUSES) {
        return None;
    }
    let head = std::str::from_utf8(answer).ok()?.strip_suffix("\r\n")?;
    let (before, after) = head.split_once(NO_BODY)?;
    let (first, before) = before.split_once("\r\n").unwrap_or((before, ""));
    let problem = match refusal {
        Some(refusal) => refusal.problem(),
        None => by_status(StatusCode::from_bytes(first.split(' ').nth(1)?.as_bytes()).ok()?)?,
    };
    let id = RequestId::unique();
    tracing::debug!(id = id.as_str(), kind = problem.kind().uri(), "refused unread");
    let body = problem.to_json(Some(id.as_str()));
    let (status, length) = (problem.kind().status(), body.len());
    let before = if before.is_empty() { String::new() } else { format!("{before}\r\n") };
    let head = format!(
        "HTTP/1.1 {status}\r\n{before}content-type: application/problem+json\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\n{X_REQUEST_ID}: {id}\r\ncontent-length: {length}\r\n{after}\r\n"
    );
    Some([head.into_bytes(), body].concat().into())
}

/// What the parser refuses by itself.
fn by_status(status: StatusCode) -> Option<Problem> {
    match status {
        StatusCode::BAD_REQUEST => {
            let detail = "the request line or a header is not as HTTP/1.1 has it";
            Some(Problem::new(Kind::MalformedRequest, detail))
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(Refusal::HeadTooLarge.problem()),
        StatusCode::URI_TOO_LONG => Some(Refusal::TargetTooLong.problem()),
        _ => None,
    }
}
