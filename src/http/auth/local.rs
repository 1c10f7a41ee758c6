//! Who may write while there are no keys: somebody at this machine, by their own doing.
//!
//! **Invariant:** this is asked only while no key and no JWKS exist, and the listener is on loopback.

use hyper::{
    header::{self, HeaderMap, HeaderName, HeaderValue},
    http::uri::Authority,
};

use super::super::client::{Client, Via};

/// Why a caller is not taken for somebody at this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotLocal {
    /// The connection is from elsewhere.
    #[error("requests from other machines")]
    Remote,
    /// A proxy passed it on, on behalf of somebody who is not known.
    #[error("requests that were forwarded ({0})")]
    Forwarded(HeaderName),
    /// A page of another site made a browser on this machine send it.
    #[error("requests that pages of other sites send (Origin)")]
    OtherSite,
}

/// Whether a request is of somebody at this machine.
pub(super) fn check(client: &Client, headers: &HeaderMap) -> Result<(), NotLocal> {
    if let Via::Forwarded(name) = &client.via {
        return Err(NotLocal::Forwarded(name.clone()));
    }
    if !client.is_local {
        return Err(NotLocal::Remote);
    }
    if headers.contains_key(header::VIA) {
        return Err(NotLocal::Forwarded(header::VIA));
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if !is_own(origin, headers.get(header::HOST)) => Err(NotLocal::OtherSite),
        _ => Ok(()),
    }
}

/// Whether a page that this service itself served sends it. A name that somebody else's DNS points to
/// this machine is not this machine's.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let text = origin.to_str().ok();
    let text = text.and_then(|text| text.split_once("://")).map(|(_, authority)| authority);
    let (Some(text), Some(host)) = (text, host) else { return false };
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    let here = name == "localhost"
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    here && text.as_bytes().eq_ignore_ascii_case(host.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{client::Clients, server::peer::Peer};

    fn checked(from: &str, headers: &[(&'static str, &'static str)]) -> Result<(), NotLocal> {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let (peer, headers) = (Peer::at(from.parse().unwrap()), pairs.collect());
        check(&Clients::default().identify(&peer, &headers), &headers)
    }

    #[test]
    fn somebody_at_this_machine_is_local() {
        for from in ["127.0.0.1:1", "[::1]:1", "127.1.2.3:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(checked(from, &[("host", "marquee.test")]), Ok(()), "{from}");
        }
        for from in ["192.0.2.1:1", "10.0.0.1:1", "[2001:db8::1]:1"] {
            assert_eq!(checked(from, &[]), Err(NotLocal::Remote), "{from}");
        }
    }

    #[test]
    fn whatever_was_forwarded_is_not_local() {
        for name in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
            let forwarded = Err(NotLocal::Forwarded(HeaderName::from_static(name)));
            assert_eq!(checked("127.0.0.1:1", &[(name, "x")]), forwarded);
        }
    }

    #[test]
    fn pages_of_other_sites_are_not_local() {
        let from = |origin, host| checked("127.0.0.1:1", &[("origin", origin), ("host", host)]);
        for (origin, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(from(origin, host), Ok(()), "{origin}");
        }
        for (origin, host) in [
            ("https://evil.example", "127.0.0.1:8080"),
            ("http://localhost:3000", "localhost:8080"),
            ("http://evil.example:8080", "evil.example:8080"), // whose DNS points here
            ("null", "127.0.0.1:8080"),
        ] {
            assert_eq!(from(origin, host), Err(NotLocal::OtherSite), "{origin}");
        }
    }
}
