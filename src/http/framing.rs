//! Whom a request is for, and what it expects: what two readers could take for different requests.
//!
//! A proxy and a server that disagree about where a request ends, or whom it is for, let one client
//! speak in the name of another (RFC 9112, sections 3.2, 6.1 and 11.2). Where a request ends was looked
//! at before it was read: [`super::server`].

use hyper::{
    Uri, Version,
    header::{self, HeaderMap, HeaderValue},
    http::{request::Parts, uri::Authority},
};

use super::error::{Kind, Problem};

/// Checks a request's host, the framing of its body, and what it expects.
///
/// # Errors
/// 400 and 417, after which the connection is closed: where the next request begins is not known.
pub(super) fn check(parts: &Parts) -> Result<(), Problem> {
    transfer_encoding(&parts.headers)
        .and_then(|()| host(parts))
        .and_then(|()| expectation(&parts.headers))
        .map_err(closing(parts.version))
}

/// Makes a problem one after which the connection is closed. HTTP/2 has frames, and no doubts.
pub(super) fn closing(version: Version) -> impl Fn(Problem) -> Problem {
    move |problem| {
        if version > Version::HTTP_11 {
            return problem;
        }
        problem.with(header::CONNECTION, HeaderValue::from_static("close"))
    }
}

fn transfer_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = given.next() else { return Ok(()) };
    if given.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Problem::header("Transfer-Encoding", "must be chunked and nothing else"));
    }
    Ok(())
}

fn expectation(headers: &HeaderMap) -> Result<(), Problem> {
    let mut given = headers.get_all(header::EXPECT).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        _ => Err(Problem::new(Kind::ExpectationFailed, "Expect may be 100-continue")),
    }
}

fn host(parts: &Parts) -> Result<(), Problem> {
    let mut given = parts.headers.get_all(header::HOST).iter();
    let host = match (given.next(), given.next()) {
        (_, Some(_)) => return Err(Problem::header("Host", "must be given once")),
        (None, _) if parts.version < Version::HTTP_11 => return Ok(()),
        (None, _) if parts.version == Version::HTTP_11 => {
            return Err(Problem::header("Host", "is required"));
        }
        (host, None) => host,
    };
    if let (Some(host), Some(target)) = (host, parts.uri.authority())
        && !same(host.as_bytes(), target, parts.uri.scheme_str())
    {
        return Err(Problem::header("Host", "must be that of the target"));
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    match host.map(HeaderValue::as_bytes).or(authority) {
        None => Err(Problem::header("Host", "is required")),
        Some(host) if is_host(host) => Ok(()),
        Some(_) => Err(Problem::header("Host", "must be a host, and a port if need be")),
    }
}

/// The host of a request where there is one and only one: of HTTP/1 `host`, without another in the
/// target, and of HTTP/2 the other way round.
pub(super) fn host_of<'r>(
    version: Version,
    target: &'r Uri,
    host: Option<&'r HeaderValue>,
) -> Option<&'r [u8]> {
    match (host, target.authority()) {
        (Some(host), None) if version <= Version::HTTP_11 => Some(host.as_bytes()),
        (None, Some(target)) if version == Version::HTTP_2 => Some(target.as_str().as_bytes()),
        _ => None,
    }
}

/// Whether a host is that of the target; the port that a scheme has anyway may be left out.
fn same(host: &[u8], target: &Authority, scheme: Option<&str>) -> bool {
    let usual: &[u8] = if scheme == Some("https") { b":443" } else { b":80" };
    let short = |host: &[u8]| {
        let host = host.strip_suffix(usual).unwrap_or(host);
        host.strip_suffix(b":").unwrap_or(host).to_ascii_lowercase()
    };
    short(host) == short(target.as_str().as_bytes())
}

/// Whether it is `host[:port]`, or empty as for a target that has no host.
pub(super) fn is_host(text: &[u8]) -> bool {
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

    fn asked(version: Version, target: &str, hosts: &[&str]) -> Result<(), Problem> {
        let request = Request::builder().version(version).uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header("host", *host));
        check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_target_and_a_host_name_the_same() {
        for good in ["x", "X", "x:80", "x:"] {
            assert!(asked(Version::HTTP_11, "http://x/a", &[good]).is_ok(), "{good}");
        }
        for bad in ["y", "x:8080", "x:443", ""] {
            assert!(asked(Version::HTTP_11, "http://x/a", &[bad]).is_err(), "{bad}");
        }
        assert!(asked(Version::HTTP_11, "http://user@x/a", &["user@x"]).is_err());
    }

    #[test]
    fn in_http_2_the_target_has_the_host() {
        assert!(asked(Version::HTTP_2, "https://x/a", &[]).is_ok());
        assert!(asked(Version::HTTP_2, "https://x/a", &["x:443"]).is_ok());
        assert!(asked(Version::HTTP_2, "https://x/a", &["y"]).is_err());
        assert!(asked(Version::HTTP_2, "https://user@x/a", &[]).is_err());
        assert!(asked(Version::HTTP_2, "/a", &[]).is_err());
    }

    #[test]
    fn only_what_is_known_may_be_expected() {
        let expecting = |values: &[&'static str]| {
            let values: Vec<_> = values.iter().map(|value| ("expect", *value)).collect();
            checked(Version::HTTP_11, &[&[("host", "x")], &values[..]].concat())
        };
        assert!(expecting(&["100-Continue"]).is_ok());
        for bad in [&["200-ok"][..], &[""], &["100-continue", "100-continue"]] {
            assert_eq!(expecting(bad).unwrap_err().kind(), Kind::ExpectationFailed);
        }
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
