//! How a client stands, and the headers that say so (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! `RateLimit-Policy` has an item for each window, `RateLimit` one for the window that has the least
//! left: `"read";r=150;t=1`. `r` is what may come at once, at most the quota; `t` is after how many
//! seconds all of the window is there again.
//!
//! **Invariant:** these names are spelled nowhere else.

use bytes::BytesMut;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::http::error::{Kind, Problem};

/// `RateLimit`: how it stands.
pub(in crate::http) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// `RateLimit-Policy`: what is allowed.
pub(in crate::http) const RATE_LIMIT_POLICY: HeaderName =
    HeaderName::from_static("ratelimit-policy");

/// How a client stands after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The value of `RateLimit-Policy`.
    pub policy: HeaderValue,
    /// The value of `RateLimit`.
    pub limit: HeaderValue,
    /// Seconds until another request is of use, at least one; none where this one was admitted.
    pub retry_after_s: Option<u64>,
}

impl Standing {
    /// Says it in an answer's head.
    #[inline]
    pub(in crate::http) fn say(self, headers: &mut HeaderMap) {
        headers.insert(RATE_LIMIT_POLICY, self.policy);
        headers.insert(RATE_LIMIT, self.limit);
    }

    /// Takes it out of a head that says how another client stood.
    pub(in crate::http) fn unsay(headers: &mut HeaderMap) {
        headers.remove(RATE_LIMIT_POLICY);
        headers.remove(RATE_LIMIT);
    }

    /// The refusal. Whoever answers with it says the standing in its head, too.
    pub(in crate::http) fn refusal(&self) -> Problem {
        let seconds = self.retry_after_s.unwrap_or(1);
        let policy = self.policy.to_str().unwrap_or_default();
        let detail = format!("the limits are {policy}; try again in {seconds} s");
        Problem::new(Kind::RateLimited, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

/// Memory for values, taken for many at once: each is cut from it.
#[derive(Debug, Default)]
pub(super) struct Writer(BytesMut);

/// Longer than any value: a name, and two numbers.
const LONGEST: usize = 96;
/// Values for which memory is taken at once.
const AT_ONCE: usize = 64;

impl Writer {
    /// `head`, which ends in `r=`, and the numbers.
    #[inline]
    pub(super) fn limit(&mut self, head: &[u8], remaining: u32, reset_s: u64) -> HeaderValue {
        if self.0.capacity() < LONGEST {
            self.0 = BytesMut::with_capacity(LONGEST * AT_ONCE);
        }
        self.0.extend_from_slice(head);
        self.number(u64::from(remaining));
        self.0.extend_from_slice(b";t=");
        self.number(reset_s);
        let value = self.0.split().freeze();
        HeaderValue::from_maybe_shared(value).expect("names and digits are visible ASCII")
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut from = digits.len() - 1;
        loop {
            digits[from] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                break;
            }
            from -= 1;
        }
        self.0.extend_from_slice(&digits[from..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_draft_has_them() {
        let mut writer = Writer::default();
        for (remaining, reset, text) in [
            (150, 1, "\"read\";r=150;t=1"),
            (0, 0, "\"read\";r=0;t=0"),
            (u32::MAX, u64::MAX, "\"read\";r=4294967295;t=18446744073709551615"),
        ] {
            assert_eq!(writer.limit(b"\"read\";r=", remaining, reset), text);
        }
        let values: Vec<_> = (0..1000).map(|n| writer.limit(b"", n, 7)).collect();
        assert!((0..).zip(&values).all(|(n, value)| value == &format!("{n};t=7")));
    }
}
