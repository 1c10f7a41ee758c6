//! Request bodies: read under a cap and a deadline, and only if they are what they say they are.
//!
//! **Invariant:** all bodies together take no more memory than they may, however many clients send one
//! and however slowly. What counts is what has arrived: a client cannot take up room by saying that it will
//! send much.

mod memory;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as _, Incoming},
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::domain::{
    invalid::{Fault, Invalid},
    json,
};

use super::error::{Kind, Problem};

pub(super) use memory::Memory;

/// JSON bodies larger than this are read on a thread that may take its time.
const SMALL_BYTES: usize = 64 * 1024;
/// How long and how far the rest of a body that nobody wants is read, so that its client, which may
/// still be sending it, gets to see the answer rather than a connection reset.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 32 * 1024 * 1024;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Which media types an operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// `application/json`
    Json,
    /// `application/merge-patch+json`, and `application/json` for the same
    MergePatch,
    /// JSON, whatever the request says that it is.
    JsonUnderAnyName,
}

/// How large a body may be, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Its bytes.
    pub(super) bytes_max: usize,
    /// Until it is here whole.
    pub(super) timeout: Duration,
}

/// Reads a body whole.
///
/// # Errors
/// 415 for a type or coding that `accepts` does not have, 413 and 408 beyond `bounds`, 400 where the
/// client breaks off, 503 where `memory` has no room.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut Incoming,
    accepts: Accepts,
    bounds: Bounds,
    memory: &Memory,
) -> Result<Bytes, Problem> {
    check_type(headers, accepts)?;
    check_coding(headers)?;
    if body.size_hint().lower() > bounds.bytes_max as u64 {
        return Err(too_large(bounds));
    }
    let late = |_| {
        let detail = format!("the body must arrive within {} s", bounds.timeout.as_secs_f32());
        Problem::new(Kind::BodyTimeout, detail)
    };
    timeout(bounds.timeout, collect(body, bounds, memory)).await.map_err(late)?
}

async fn collect(body: &mut Incoming, bounds: Bounds, memory: &Memory) -> Result<Bytes, Problem> {
    let mut room = memory.room();
    let mut whole = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::BrokenBody, "the body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        if rest.len() + data.len() > bounds.bytes_max {
            return Err(too_large(bounds));
        }
        if !room.grow(data.len()) {
            let detail = "as much as may be is being sent in bodies of requests; try again later";
            return Err(Problem::overloaded(detail, Duration::from_secs(1)));
        }
        if rest.is_empty() && body.is_end_stream() {
            whole = data; // nearly always
        } else {
            // A piece is part of the connection's read buffer, all of which it would keep while the client
            // takes its time with the rest.
            rest.extend_from_slice(&data);
        }
    }
    Ok(room.around(if rest.is_empty() { whole } else { rest.freeze() }))
}

fn too_large(bounds: Bounds) -> Problem {
    Problem::new(
        Kind::BodyTooLarge,
        format!("the body may have at most {} bytes", bounds.bytes_max),
    )
}

fn check_type(headers: &HeaderMap, accepts: Accepts) -> Result<(), Problem> {
    let (patch, types) = match accepts {
        Accepts::JsonUnderAnyName => return Ok(()),
        Accepts::Json => (false, "application/json"),
        Accepts::MergePatch => (true, "application/merge-patch+json, application/json"),
    };
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let detail = match (given.next(), given.next()) {
        (Some(one), None) if is_json(one.to_str().unwrap_or_default(), patch) => return Ok(()),
        (None, _) => format!("say what the body is with Content-Type: {types}"),
        (Some(_), None) => format!("Content-Type must be {types}, in UTF-8"),
        (Some(_), Some(_)) => "Content-Type must be given once".to_owned(),
    };
    let name = if patch { ACCEPT_PATCH } else { ACCEPT_POST };
    Err(Problem::new(Kind::UnsupportedMediaType, detail)
        .with(name, HeaderValue::from_static(types)))
}

fn is_json(content_type: &str, patch: bool) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let known = media_type.eq_ignore_ascii_case("application/json")
        || patch && media_type.eq_ignore_ascii_case(MERGE_PATCH);
    let utf_8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    known && parts.all(utf_8)
}

fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(identity) {
        return Ok(());
    }
    let problem = Problem::new(
        Kind::UnsupportedMediaType,
        "the body must be sent without a Content-Encoding",
    );
    Err(problem.with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// Reads a JSON object.
///
/// # Errors
/// 400 where the bytes are not JSON, 422 where they are no object.
pub(super) async fn object(bytes: Bytes) -> Result<Map<String, Value>, Problem> {
    match document(bytes).await? {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::document(&Invalid::one(Fault::pointer("", "must be a JSON object")))),
    }
}

/// Reads JSON.
///
/// # Errors
/// 400 where the bytes are none.
pub(super) async fn document(bytes: Bytes) -> Result<Value, Problem> {
    let parsed = if bytes.len() <= SMALL_BYTES {
        json::parse(&bytes)
    } else {
        let parse = tokio::task::spawn_blocking(move || json::parse(&bytes));
        parse
            .await
            .map_err(|lost| Problem::from(crate::service::error::ServiceError::Lost(lost)))?
    };
    parsed.map_err(|malformed| Problem::new(Kind::MalformedJson, malformed.to_string()))
}

/// Reads and drops what is left of a body, within bounds. A client that waits for leave to send it
/// (`Expect: 100-continue`) is not given that leave.
pub(super) async fn discard(headers: &HeaderMap, body: &mut Incoming) {
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    let rest = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DISCARD_BYTES {
                break;
            }
        }
    };
    let _ = timeout(DISCARD_TIME, rest).await; // whatever it comes to, the answer is the same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_utf_8_only() {
        for good in [
            "application/json",
            "Application/JSON; Charset=\"UTF-8\"",
            "application/json;charset=utf-8",
        ] {
            assert!(is_json(good, false), "{good}");
        }
        for bad in [
            "",
            "text/json",
            "application/json; charset=latin1",
            "application/merge-patch+json",
            "*/*",
        ] {
            assert!(!is_json(bad, false), "{bad}");
        }
        assert!(is_json(MERGE_PATCH, true));
    }

    #[test]
    fn refused_types_say_what_is_accepted() {
        let problem = check_type(&HeaderMap::new(), Accepts::MergePatch).unwrap_err();
        assert_eq!(problem.kind(), Kind::UnsupportedMediaType);
        assert!(problem.detail().contains(MERGE_PATCH));
        assert!(check_type(&HeaderMap::new(), Accepts::JsonUnderAnyName).is_ok());
    }

    #[test]
    fn a_body_has_one_type() {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(check_type(&[json.clone()].into_iter().collect(), Accepts::Json).is_ok());
        let problem = check_type(&[json.clone(), json].into_iter().collect(), Accepts::Json);
        assert_eq!(problem.unwrap_err().kind(), Kind::UnsupportedMediaType);
    }

    #[tokio::test]
    async fn malformed_json_is_located() {
        let problem = object(Bytes::from_static(b"{\n \"a\": }")).await.unwrap_err();
        assert_eq!(problem.kind(), Kind::MalformedJson);
        assert!(problem.detail().contains("line 2 column 7"), "{}", problem.detail());
        assert_eq!(
            object(Bytes::from_static(b"[]")).await.unwrap_err().kind(),
            Kind::InvalidDocument
        );
    }
}
