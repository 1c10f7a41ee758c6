//! Credentials in `Authorization` (RFC 6750, section 2.1; the two other places that it has are not read).

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// What a request shows of who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials<'h> {
    /// Nothing.
    None,
    /// A bearer token.
    Bearer(&'h [u8]),
    /// `Bearer` without anything that could be a token.
    Malformed,
    /// Another scheme.
    OtherScheme,
    /// More than one: whoever stands between could take another one than we do.
    Several,
}

impl<'h> Credentials<'h> {
    /// Reads a request's headers.
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::None };
        if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
            return Self::Several;
        }
        Self::read(value)
    }

    fn read(value: &'h HeaderValue) -> Self {
        let bytes = value.as_bytes();
        let scheme = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
        let (scheme, rest) = bytes.split_at(scheme);
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Self::OtherScheme;
        }
        let token = rest.trim_ascii();
        if is_token(token) { Self::Bearer(token) } else { Self::Malformed }
    }
}

/// RFC 6750's `b64token`.
fn is_token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let rest = &text[..text.len() - padding];
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !rest.is_empty() && rest.iter().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> String {
        let pairs = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value)));
        let headers: HeaderMap = pairs.collect();
        match Credentials::of(&headers) {
            Credentials::Bearer(token) => String::from_utf8_lossy(token).into_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        for value in ["Bearer mq_1", "bearer mq_1", "BEARER   mq_1"] {
            assert_eq!(of(&[value]), "mq_1");
        }
        assert_eq!(of(&["Bearer a.b-c_d~e+f/g=="]), "a.b-c_d~e+f/g==");
    }

    #[test]
    fn whatever_else_is_told_apart() {
        assert_eq!(of(&[]), "None");
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a\"b", "Bearer =", "Bearer a=b"] {
            assert_eq!(of(&[value]), "Malformed", "{value}");
        }
        for value in ["", "Basic YTpi", "mq_1", "Bearermq_1", "Digest x=y"] {
            assert_eq!(of(&[value]), "OtherScheme", "{value}");
        }
        assert_eq!(of(&["Bearer a", "Bearer a"]), "Several");
    }
}
