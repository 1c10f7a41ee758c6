//! W3C Trace Context: which trace a request belongs to (<https://www.w3.org/TR/trace-context/>).
//!
//! A caller that traces says so with `traceparent`. Its trace id goes to the log, to the spans of a build
//! with `otel`, and back in the answer with the id of this service's own span, so that the caller knows
//! under what it is found here. A caller that does not trace gets no `traceparent`: the id that its answer
//! carries is `X-Request-Id`.
//!
//! **Invariant:** what is malformed is as if it were not there; it never refuses a request.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// `traceparent`
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`
#[cfg(any(test, feature = "otel"))]
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Most bytes of a `tracestate` that is passed on; the specification asks for 512 at least.
#[cfg(any(test, feature = "otel"))]
const STATE_MAX: usize = 512;
/// Most members of a `tracestate`.
#[cfg(any(test, feature = "otel"))]
const MEMBERS_MAX: usize = 32;
/// Bytes of version 00, which later versions begin with.
const LENGTH: usize = 55;

/// Where a request is in its caller's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceContext {
    trace: u128,
    /// The caller's span.
    parent: u64,
    sampled: bool,
    /// This service's span.
    span: u64,
}

impl TraceContext {
    /// What the request's headers say; `None` where they say nothing, or nothing well formed.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(TRACEPARENT).iter();
        match (given.next(), given.next()) {
            (Some(value), None) => Self::parse(value),
            _ => None,
        }
    }

    /// Reads a `traceparent`.
    pub(super) fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let (head, rest) = bytes.split_at_checked(LENGTH)?;
        let version = hex(&head[0..2])?;
        // Version ff is invalid, 00 has nothing more, and later ones go on after a dash.
        let ends_well =
            if version == 0 { rest.is_empty() } else { matches!(rest, [] | [b'-', ..]) };
        let dashes = [head[2], head[35], head[52]] == [b'-'; 3];
        if version == 0xff || !ends_well || !dashes {
            return None;
        }
        let (trace, parent) = (hex(&head[3..35])?, hex(&head[36..52])?);
        let flags = hex(&head[53..55])?;
        if trace == 0 || parent == 0 {
            return None;
        }
        let parent = u64::try_from(parent).ok()?;
        Some(Self { trace, parent, sampled: flags & 1 == 1, span: unique() })
    }

    /// The trace's id.
    pub(super) const fn trace_id(&self) -> TraceId {
        TraceId(self.trace)
    }

    /// The answer's `traceparent`: the same trace, with this service's span.
    pub(super) fn to_header(&self) -> HeaderValue {
        let flags = u8::from(self.sampled);
        let mut text = String::with_capacity(LENGTH);
        let _ = write!(text, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span);
        HeaderValue::try_from(text).expect("hex digits and dashes are visible ASCII")
    }

    /// For tracing: the trace, the caller's span, and whether the caller records it.
    #[cfg(feature = "otel")]
    pub(super) const fn parts(&self) -> (u128, u64, bool) {
        (self.trace, self.parent, self.sampled)
    }

    /// A context with the span that was made for this request, in a trace that it may have begun.
    #[cfg(feature = "otel")]
    pub(super) const fn made(trace: u128, span: u64, sampled: bool) -> Self {
        Self { trace, parent: 0, sampled, span }
    }
}

/// Id of a trace: 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceId(pub(super) u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The `tracestate` of a request, whose `traceparent` is well formed; the empty text where it is malformed
/// or too long to pass on.
#[cfg(any(test, feature = "otel"))]
pub(super) fn state(headers: &HeaderMap) -> String {
    let mut members = Vec::new();
    for value in headers.get_all(TRACESTATE) {
        let Ok(text) = value.to_str() else { return String::new() };
        members.extend(text.split(',').map(str::trim).filter(|member| !member.is_empty()));
    }
    let well_formed =
        members.len() <= MEMBERS_MAX && members.iter().all(|member| is_member(member));
    let state = members.join(",");
    if well_formed && state.len() <= STATE_MAX { state } else { String::new() }
}

/// `key=value`, as the specification's section 3.3.1.3 has it, but for the finer points of keys.
#[cfg(any(test, feature = "otel"))]
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let of_key =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'=';
    (1..=256).contains(&key.len())
        && key.bytes().all(of_key)
        && (1..=256).contains(&value.len())
        && value.bytes().all(of_value)
}

/// Reads lower-case hex digits, which are the only ones that the specification allows.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// An id for a span: never zero.
fn unique() -> u64 {
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())));
    }
    // An odd step: a thread's ids repeat after 2^64 of them.
    let id = NEXT.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    NEXT.set(id);
    id.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(values: &[&str]) -> Option<TraceContext> {
        let pairs = values.iter().map(|value| (TRACEPARENT, HeaderValue::from_str(value).unwrap()));
        TraceContext::of(&pairs.collect())
    }

    #[test]
    fn a_well_formed_trace_is_continued_with_a_span_of_its_own() {
        let context = of(&[GIVEN]).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let answer = context.to_header();
        let answer = answer.to_str().unwrap();
        assert_eq!(answer.len(), GIVEN.len());
        assert!(answer.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{answer}");
        assert!(answer.ends_with("-01") && answer[36..52] != GIVEN[36..52], "{answer}");
        assert_eq!(of(&[answer]).unwrap().trace, context.trace);
        assert_ne!(of(&[GIVEN]).unwrap().span, context.span);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = GIVEN.replacen("00", "cc", 1);
        assert!(of(&[&later]).is_some());
        assert!(of(&[&format!("{later}-what-the-future-holds")]).is_some());
        assert!(of(&[&format!("{later}.")]).is_none());
    }

    #[test]
    fn flags_that_are_not_known_are_not_passed_on() {
        let context = of(&[&GIVEN.replace("-01", "-ff")]).unwrap();
        assert!(context.to_header().to_str().unwrap().ends_with("-01"));
        let context = of(&[&GIVEN.replace("-01", "-02")]).unwrap();
        assert!(context.to_header().to_str().unwrap().ends_with("-00"));
    }

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        let upper = GIVEN.to_uppercase();
        for bad in [
            "",
            "00",
            &GIVEN[1..],
            &format!("{GIVEN}-"),
            &format!("{GIVEN}-00"),
            &GIVEN.replacen("00", "ff", 1),
            &upper,
            &GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GIVEN.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &GIVEN.replace('-', "_"),
            &GIVEN.replace("-01", "-0g"),
            &GIVEN.replacen('-', "--", 1),
        ] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
        assert_eq!(of(&[GIVEN, GIVEN]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_state_is_passed_on_whole_or_not_at_all() {
        let of = |values: &[&str]| {
            let pairs =
                values.iter().map(|value| (TRACESTATE, HeaderValue::from_str(value).unwrap()));
            state(&pairs.collect())
        };
        assert_eq!(
            of(&["congo=t61rcWkgMzE , rojo=00f067aa0ba902b7", "a@b=1"]),
            "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7,a@b=1"
        );
        assert_eq!(of(&["", " , "]), "");
        for bad in ["congo", "=1", "A=1", "a=", "a=b=c", "a b=1"] {
            assert_eq!(of(&["ok=1", bad]), "", "{bad}");
        }
        let many: Vec<String> = (0..33).map(|n| format!("k{n}=1")).collect();
        assert_eq!(of(&[&many.join(",")]), "");
        assert_eq!(of(&[&format!("a={}", "x".repeat(256)), &format!("b={}", "x".repeat(256))]), "");
    }
}
