//! An entry as bytes, for the tier that replicas share.
//!
//! That tier may lose, mix up, cut or replay what it was given, so an entry says what it is: which
//! version of the program made it, in which life of the catalogue, as of which revision, as the answer
//! to which query; and a checksum over all of it.
//!
//! ```text
//! magic 4 | schema 8 | epoch 8 | tag 8 | query length 4, query | scopes length 4, scopes | payload … | SHA-256/128 16
//! ```
//! Numbers are little-endian. Scopes are as in the database, each with its length before it as 4 bytes: a genre may have
//! any character in its name.

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use crate::domain::revision::{Revision, Scope};

use super::{
    entry::{Entry, Payload},
    key::Key,
    outcome::Reject,
};

const MAGIC: [u8; 4] = *b"MQE\x03";
const CHECKSUM_BYTES: usize = 16;
/// Beside the answer's own schema, every release has entries of its own: what it answers may differ
/// in ways that nobody thought of.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// An entry as it was read, not yet judged.
#[derive(Debug)]
pub(super) struct Opened<P> {
    pub(super) epoch: u64,
    pub(super) tag: Revision,
    pub(super) scopes: Vec<Scope>,
    pub(super) payload: P,
}

/// The bytes of an entry.
pub(super) fn seal<P: Payload>(
    key: &Key,
    epoch: u64,
    entry: &Entry<P>,
    scopes: &[Scope],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entry.payload.weight() + key.len() + 256);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&schema::<P>().to_le_bytes());
    bytes.extend_from_slice(&epoch.to_le_bytes());
    bytes.extend_from_slice(&entry.tag.get().to_le_bytes());
    put(&mut bytes, key.as_bytes());
    let mut listed = Vec::with_capacity(16 * scopes.len());
    for scope in scopes {
        put(&mut listed, scope.to_string().as_bytes());
    }
    put(&mut bytes, &listed);
    entry.payload.write(&mut bytes);
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum[..CHECKSUM_BYTES]);
    bytes
}

/// Reads an entry that is to answer `key`.
///
/// # Errors
/// Why it is none.
pub(super) fn open<P: Payload>(key: &Key, bytes: &Bytes) -> Result<Opened<P>, Reject> {
    let end = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(Reject::Format)?;
    if !bytes.starts_with(&MAGIC) {
        return Err(Reject::Format);
    }
    let (mut rest, checksum) = (bytes.slice(..end), &bytes[end..]);
    if Sha256::digest(&rest)[..CHECKSUM_BYTES] != *checksum {
        return Err(Reject::Checksum);
    }
    rest.advance(MAGIC.len());
    if rest.try_get_u64_le() != Ok(schema::<P>()) {
        return Err(Reject::Format);
    }
    let format = |_| Reject::Format;
    let epoch = rest.try_get_u64_le().map_err(format)?;
    let tag = Revision::new(rest.try_get_i64_le().map_err(format)?).ok_or(Reject::Format)?;
    if *take(&mut rest)? != *key.as_bytes() {
        return Err(Reject::Query);
    }
    let (mut listed, mut scopes) = (take(&mut rest)?, Vec::new());
    while !listed.is_empty() {
        let scope = take(&mut listed)?;
        let scope = std::str::from_utf8(&scope).map_err(|_| Reject::Format)?;
        scopes.push(scope.parse().map_err(|()| Reject::Format)?);
    }
    let payload = P::read(rest).ok_or(Reject::Format)?;
    Ok(Opened { epoch, tag, scopes, payload })
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("a query is shorter than 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(part);
}

fn take(rest: &mut Bytes) -> Result<Bytes, Reject> {
    let length = rest.try_get_u32_le().map_err(|_| Reject::Format)?;
    let length = usize::try_from(length).map_err(|_| Reject::Format)?;
    if length > rest.len() {
        return Err(Reject::Format);
    }
    Ok(rest.split_to(length))
}

fn schema<P: Payload>() -> u64 {
    let hash = Sha256::new().chain_update(RELEASE).chain_update(P::SCHEMA.to_le_bytes()).finalize();
    u64::from_le_bytes(std::array::from_fn(|n| hash[n]))
}
