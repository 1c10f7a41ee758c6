//! What hyper lets pass although two readers could take it for different requests.
//!
//! A proxy and a server that disagree about where a request ends, or whom it is for, let one client
//! speak in the name of another (RFC 9112, sections 3.2, 6.1 and 11.2).

use hyper::{
    Version,
    header::{self, HeaderMap, HeaderValue},
    http::{request::Parts, uri::Authority},
};

use super::error::Problem;

/// Checks a request's host and the framing of its body.
///
/// # Errors
/// 400, after which the connection is closed: where the next request begins is not known.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    let checked = transfer_encoding(&parts.headers).and_then(|()| host(parts));
    checked.map_err(|problem| problem.with(header::CONNECTION, HeaderValue::from_static("close")))
}

fn transfer_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = given.next() else { return Ok(()) };
    if given.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Problem::header("Transfer-Encoding", "must be chunked and nothing else"));
    }
    Ok(())
}

fn host(parts: &Parts) -> Result<(), Problem> {
    let mut given = parts.headers.get_all(header::HOST).iter();
    match (given.next(), given.next()) {
        (None, _) if parts.version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(Problem::header("Host", "is required")),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(Problem::header("Host", "must be a host, and a port if need be")),
        (Some(_), Some(_)) => Err(Problem::header("Host", "must be given once")),
    }
}

/// Whether it is `host[:port]`, or empty as for a target that has no host.
pub(super) fn is_host(value: &HeaderValue) -> bool {
    let text = value.as_bytes();
    text.is_empty()
        || !text.contains(&b'@')
            && Authority::try_from(text).is_ok_and(|host| has_a_port_or_none(&host))
}

fn has_a_port_or_none(authority: &Authority) -> bool {
    let port = authority.as_str()[authority.host().len()..].strip_prefix(':');
    port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn checked(version: Version, headers: &[(&str, &str)]) -> Result<(), Problem> {
        let request = Request::builder().version(version);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_has_one_valid_host() {
        for good in ["localhost", "127.0.0.1:8080", "[::1]:80", "marquee.example:", ""] {
            assert!(checked(Version::HTTP_11, &[("host", good)]).is_ok(), "{good}");
        }
        for bad in ["a b", "user@host", "host/path", "host:port", "ho\u{e9}"] {
            assert!(checked(Version::HTTP_11, &[("host", bad)]).is_err(), "{bad}");
        }
        assert!(checked(Version::HTTP_11, &[("host", "a"), ("host", "a")]).is_err());
        assert!(checked(Version::HTTP_11, &[]).is_err());
        assert!(checked(Version::HTTP_10, &[]).is_ok());
    }

    #[test]
    fn a_body_has_one_framing() {
        let framed = |headers: &[(&'static str, &'static str)]| {
            checked(Version::HTTP_11, &[&[("host", "x")], headers].concat())
        };
        assert!(framed(&[("transfer-encoding", "Chunked")]).is_ok());
        assert!(framed(&[("content-length", "2")]).is_ok());
        for bad in ["gzip, chunked", "chunked, chunked", "identity", ""] {
            assert!(framed(&[("transfer-encoding", bad)]).is_err(), "{bad}");
        }
        assert!(
            framed(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]).is_err()
        );
    }
}
