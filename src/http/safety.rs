//! What every answer says for its safety in browsers, in one place.

use hyper::header::{self, HeaderMap, HeaderValue};

/// What is said on every answer for its safety in browsers.
///
/// JSON needs one header: with `nosniff` no browser takes it for a page. A policy for content would say
/// the same again, in 60 more bytes of each hit. Problems have one, since they quote requests, and so
/// has whatever else is no JSON; pages have their own.
#[derive(Debug, Clone, Default)]
pub struct Safety {
    /// The value of `Strict-Transport-Security`, where all connections are by TLS.
    strict_transport: Option<HeaderValue>,
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_CONTENT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Two years, as the lists that browsers come with ask for at least one.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000");

impl Safety {
    /// For a listener whose every connection is by TLS: browsers shall use no other from then on.
    #[must_use]
    pub const fn over_tls() -> Self {
        Self { strict_transport: Some(STRICT_TRANSPORT) }
    }

    /// Says it in an answer's head.
    #[inline]
    pub(super) fn say(&self, answer: &mut HeaderMap) {
        answer.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if let Some(value) = &self.strict_transport {
            answer.insert(header::STRICT_TRANSPORT_SECURITY, value.clone());
        }
        let kind = answer.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let needs_policy = match kind {
            None | Some(b"application/json" | b"application/x-ndjson") => false,
            Some(_) => !answer.contains_key(header::CONTENT_SECURITY_POLICY),
        };
        if needs_policy {
            answer.insert(header::CONTENT_SECURITY_POLICY, NO_CONTENT_POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(safety: &Safety, kind: &'static str) -> HeaderMap {
        let mut answer =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        safety.say(&mut answer);
        answer
    }

    #[test]
    fn json_has_one_header_and_whatever_else_a_policy_too() {
        let json = said(&Safety::default(), "application/json");
        assert_eq!((json.len(), &json[header::X_CONTENT_TYPE_OPTIONS]), (2, &NOSNIFF));
        for kind in ["application/problem+json", "text/html; charset=utf-8", "image/png"] {
            let answer = said(&Safety::default(), kind);
            assert_eq!(answer[header::CONTENT_SECURITY_POLICY], NO_CONTENT_POLICY, "{kind}");
        }
    }

    #[test]
    fn a_page_keeps_its_own_policy() {
        let own = HeaderValue::from_static("default-src 'self'");
        let mut answer = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html")),
            (header::CONTENT_SECURITY_POLICY, own.clone()),
        ]);
        Safety::default().say(&mut answer);
        assert_eq!(answer[header::CONTENT_SECURITY_POLICY], own);
    }

    #[test]
    fn only_where_all_is_by_tls_browsers_are_told_to_stay_there() {
        let kind = "application/json";
        assert!(!said(&Safety::default(), kind).contains_key(header::STRICT_TRANSPORT_SECURITY));
        assert!(said(&Safety::over_tls(), kind).contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
