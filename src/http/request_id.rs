//! The id under which a request is found in the log.

use std::{cell::RefCell, fmt};

use bytes::BytesMut;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// `X-Request-Id`
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LENGTH_MAX: usize = 128;

/// Id of a request: 1 to 128 of `[A-Za-z0-9._-]`, so it is also a valid URI reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id where it gave exactly one that is well formed, else a new one.
    #[must_use]
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(X_REQUEST_ID).iter();
        match (given.next(), given.next()) {
            (Some(id), None) if is_well_formed(id.as_bytes()) => Self(id.clone()),
            _ => Self::unique(),
        }
    }

    /// 128 bits in hex: half of them random for this process, half of them a counter that starts at
    /// random and is scattered, so no request waits for the system's random numbers.
    #[must_use]
    pub(super) fn unique() -> Self {
        thread_local! {
            static IDS: RefCell<Ids> = RefCell::new(Ids::new());
        }
        IDS.with_borrow_mut(Ids::next)
    }

    /// The id as the value of a header.
    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }

    /// The id as a header's value.
    #[must_use]
    pub(super) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The id as text.
    #[must_use]
    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// New ids of one thread, cut from memory that is taken for many at once.
#[derive(Debug)]
pub(super) struct Ids {
    /// Random for this thread.
    thread: u64,
    count: u64,
    memory: BytesMut,
}

/// Bytes of an id.
const NEW_LENGTH: usize = 32;
/// Ids for which memory is taken at once.
const AT_ONCE: usize = 256;

impl Ids {
    pub(super) fn new() -> Self {
        let random = || getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        Self { thread: random(), count: random(), memory: BytesMut::new() }
    }

    /// The next id.
    pub(super) fn next(&mut self) -> RequestId {
        self.count = self.count.wrapping_add(1);
        // An odd factor: every number of the counter is another product.
        let count = self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if self.memory.capacity() < NEW_LENGTH {
            self.memory = BytesMut::with_capacity(NEW_LENGTH * AT_ONCE);
        }
        let mut hex = [0; NEW_LENGTH];
        for (n, byte) in
            self.thread.to_be_bytes().into_iter().chain(count.to_be_bytes()).enumerate()
        {
            hex[2 * n] = DIGITS[usize::from(byte >> 4)];
            hex[2 * n + 1] = DIGITS[usize::from(byte & 15)];
        }
        self.memory.extend_from_slice(&hex);
        let id = self.memory.split().freeze();
        RequestId(HeaderValue::from_maybe_shared(id).expect("hex digits are visible ASCII"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn is_well_formed(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LENGTH_MAX).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&'static str]) -> RequestId {
        let pairs = ids.iter().map(|id| (X_REQUEST_ID, HeaderValue::from_static(id)));
        RequestId::of(&pairs.collect())
    }

    #[test]
    fn a_well_formed_id_is_kept() {
        assert_eq!(of(&["a-1_B.2"]).as_str(), "a-1_B.2");
    }

    #[test]
    fn other_ids_are_replaced_by_one_that_is_new_each_time() {
        let long: &'static str = Box::leak("x".repeat(129).into_boxed_str());
        for bad in [&[""][..], &["a b"], &["a\"b"], &["a", "b"], &[long], &[]] {
            let (one, other) = (of(bad), of(bad));
            assert_ne!(one, other);
            assert_eq!(one.as_str().len(), 32, "{bad:?}");
        }
    }
}
