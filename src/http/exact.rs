//! Bytes that are kept for long.

use bytes::Bytes;

/// The same bytes in memory of just their length. A writer doubles what it writes into, so up to half of that stays empty,
/// for as long as the answer is kept; and shrinking would leave it so: mimalloc moves nothing that still needs half its place.
pub(super) fn exact(bytes: Bytes) -> Bytes {
    match bytes.try_into_mut() {
        Ok(whole) if whole.capacity() > whole.len() => Bytes::copy_from_slice(&whole),
        Ok(whole) => whole.freeze(),
        Err(shared) => shared,
    }
}
