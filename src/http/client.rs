//! Who calls, and what they may do.
//!
//! There are no keys yet: the app listens on loopback addresses only, and whoever reaches those may
//! write. A proxy on the same machine reaches them too, on behalf of clients that are not known, so
//! whatever was forwarded may only read.

use hyper::header::{HeaderMap, HeaderName};

use super::error::{Kind, Problem};

/// Headers that proxies add.
const FORWARDING: [HeaderName; 7] = [
    hyper::header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-real-ip"),
];

/// Whether the caller of a request with these headers may write.
///
/// # Errors
/// 403 for a request that was forwarded.
pub(super) fn may_write(headers: &HeaderMap) -> Result<(), Problem> {
    let forwarded = FORWARDING.into_iter().find(|name| headers.contains_key(name));
    forwarded.map_or(Ok(()), |name| {
        let detail = format!("requests that were forwarded ({name}) may not write");
        Err(Problem::new(Kind::Forbidden, detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn forwarded_requests_may_not_write() {
        assert!(may_write(&HeaderMap::new()).is_ok());
        for name in FORWARDING {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("x"))]);
            assert!(may_write(&headers).is_err());
        }
    }
}
