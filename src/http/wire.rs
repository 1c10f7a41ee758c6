//! Heads of answers as bytes of HTTP/1.1 (RFC 9112), for answers that the HTTP library does not write.

use std::time::{Duration, UNIX_EPOCH};

use hyper::{
    StatusCode,
    header::{self, HeaderMap},
};

use crate::domain::clock::Moment;

use super::{
    limit::{RATE_LIMIT, RATE_LIMIT_POLICY},
    request_id::X_REQUEST_ID,
    trace_context::TRACEPARENT,
};

/// Writes an answer's first line and the fields that are the same for every request, as of `now`. A 304
/// says nothing of the content that it leaves out, but for its tag (RFC 9110, section 15.4.5).
pub(super) fn head(
    status: StatusCode,
    fields: &HeaderMap,
    length: usize,
    now: Moment,
    out: &mut Vec<u8>,
) {
    let not_modified = status == StatusCode::NOT_MODIFIED;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        let of_request = [&X_REQUEST_ID, &TRACEPARENT, &RATE_LIMIT, &RATE_LIMIT_POLICY];
        let of_content = [&header::CONTENT_TYPE, &header::CONTENT_ENCODING];
        if !(of_request.contains(&name) || not_modified && of_content.contains(&name)) {
            field(out, name.as_str(), value.as_bytes());
        }
    }
    if !not_modified {
        field(out, header::CONTENT_LENGTH.as_str(), length.to_string().as_bytes());
    }
    let since_1970 = Duration::from_millis(u64::try_from(now.unix_ms()).unwrap_or(0));
    let date = httpdate::fmt_http_date(UNIX_EPOCH + since_1970);
    field(out, header::DATE.as_str(), date.as_bytes());
}

/// Writes a field.
#[inline]
pub(super) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
