//! The names of an answer's keys, and who may load it.

use super::Digest;

/// Deletes a lease if it is still the caller's: it may have run out, and be another one's by now.
pub(super) const RELEASE: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then \
                                  return redis.call('del', KEYS[1]) else return 0 end";

/// Leave to load an answer, for as long as the lease lasts. Others wait for it meanwhile.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "others wait until it is released or has run out"]
pub struct Lease {
    pub(super) key: Digest,
    pub(super) token: [u8; 16],
}

impl Lease {
    /// A lease that nobody else can guess. `None` without a source of chance.
    pub(super) fn new(key: Digest) -> Option<Self> {
        let mut token = [0; 16];
        getrandom::fill(&mut token).ok()?;
        Some(Self { key, token })
    }
}

/// What is kept under a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Entry,
    Lease,
}

/// The part of keys' names that a cluster places them by.
pub(super) fn tag(digest: &Digest) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut tag = String::with_capacity(2 * digest.len());
    for byte in digest {
        tag.push(char::from(HEX[usize::from(byte >> 4)]));
        tag.push(char::from(HEX[usize::from(byte & 15)]));
    }
    tag
}

/// The name of a key. Entry and lease of one digest have the same tag, so they are on one node, where
/// one command can read both.
pub(super) fn key(prefix: &str, tag: &str, kept: Kept) -> String {
    let kind = match kept {
        Kept::Entry => "}:e",
        Kept::Lease => "}:l",
    };
    [prefix, ":{", tag, kind].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_and_lease_are_placed_by_the_same_part_of_their_names() {
        let digest: Digest = std::array::from_fn(|at| u8::try_from(at * 17).unwrap());
        let entry = "films:{00112233445566778899aabbccddeeff}:e";
        let lease = "films:{00112233445566778899aabbccddeeff}:l";
        assert_eq!(key("films", &tag(&digest), Kept::Entry), entry);
        assert_eq!(key("films", &tag(&digest), Kept::Lease), lease);
    }

    #[test]
    fn leases_differ() {
        assert_ne!(Lease::new([0; 16]).unwrap(), Lease::new([0; 16]).unwrap());
    }
}
