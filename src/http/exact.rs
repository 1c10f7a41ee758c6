//! Bytes that are kept for long.

use bytes::Bytes;

/// The same bytes in memory of just their length. A writer doubles what it writes into, so up to half of that would stay
/// empty for as long as an answer is kept.
pub(super) fn exact(bytes: Bytes) -> Bytes {
    match bytes.try_into_mut() {
        Ok(whole) if whole.capacity() > whole.len() => Bytes::copy_from_slice(&whole),
        Ok(whole) => whole.freeze(),
        Err(shared) => shared,
    }
}
