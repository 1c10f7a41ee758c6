//! A key's secret: `mq_`, the key's id, 43 random letters and digits (256 bits), and six that check the
//! rest.
//!
//! The check tells a mistyped or shortened secret from one that is not known, without asking anybody.
//! It follows from the rest, so it makes guessing no easier. The prefix lets scanners of repositories
//! and logs find secrets that leaked, and the id says which key to revoke then.
//!
//! **Invariant:** a secret is shown by [`Secret::expose`] only.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{ID_LENGTH, KeyId};

/// The characters of ids and secrets: no sign at which a double click or a shell would stop.
pub const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const PREFIX: &[u8; 3] = b"mq_";
/// 62^43 is more than 2^256.
const RANDOM_LENGTH: usize = 43;
/// 62^6 is more than 2^32.
const CHECK_LENGTH: usize = 6;
const CHECKED_LENGTH: usize = PREFIX.len() + ID_LENGTH + RANDOM_LENGTH;

/// Characters of a secret.
pub const SECRET_LENGTH: usize = CHECKED_LENGTH + CHECK_LENGTH;

/// The text of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_LENGTH]);

impl Secret {
    /// A new secret for the key `id`. `fill` fills in random bytes.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn random<E>(
        id: KeyId,
        fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut text = [0; SECRET_LENGTH];
        let (checked, check) = text.split_at_mut(CHECKED_LENGTH);
        let (head, random) = checked.split_at_mut(PREFIX.len() + ID_LENGTH);
        head[..PREFIX.len()].copy_from_slice(PREFIX);
        head[PREFIX.len()..].copy_from_slice(id.as_bytes());
        random.copy_from_slice(&random_characters::<RANDOM_LENGTH, E>(fill)?);
        check.copy_from_slice(&check_of(checked));
        Ok(Self(text))
    }

    /// The text itself, to be given to the key's owner and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl KeyId {
    /// A new id. `fill` fills in random bytes.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn random<E>(fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        random_characters(fill).map(Self)
    }
}

/// SHA-256 of a secret. The secret is random through and through: nobody can try all that there are,
/// so it needs no slow hash.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret's text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// A hash as it was stored; `None` for another number of bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SecretHash {
    /// In a time that does not depend on where they differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(***)")
    }
}

/// What is no secret, or not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a whole key: its length or its check digits do not fit")]
pub struct Malformed;

/// The id in what looks like a secret. Its check is not looked at: see [`check`].
#[must_use]
pub fn id_of(text: &[u8]) -> Option<KeyId> {
    let whole: &[u8; SECRET_LENGTH] = text.try_into().ok()?;
    let rest = whole.strip_prefix(PREFIX)?;
    KeyId::new(*rest.first_chunk::<ID_LENGTH>()?)
}

/// Whether a text has the form of a secret, so that it may be one.
///
/// # Errors
/// [`Malformed`]
pub fn check(text: &[u8]) -> Result<(), Malformed> {
    let plain = text.strip_prefix(PREFIX).is_some_and(is_plain);
    let (checked, check) = text.split_at_checked(CHECKED_LENGTH).ok_or(Malformed)?;
    if plain && check == check_of(checked) { Ok(()) } else { Err(Malformed) }
}

pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_alphanumeric)
}

fn check_of(text: &[u8]) -> [u8; CHECK_LENGTH] {
    let hash: [u8; 32] = Sha256::digest(text).into();
    let mut number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    std::array::from_fn(|_| {
        let digit = ALPHABET[(number % 62) as usize];
        number /= 62;
        digit
    })
}

/// Characters that are each as likely as any other.
fn random_characters<const N: usize, E>(
    fill: &mut impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<[u8; N], E> {
    let mut characters = [0; N];
    let mut n = 0;
    while n < N {
        let mut bytes = [0; 64];
        fill(&mut bytes)?;
        // 248 is 4 × 62: a remainder of what is above would make some characters likelier.
        for byte in bytes.into_iter().filter(|byte| *byte < 248).take(N - n) {
            characters[n] = ALPHABET[usize::from(byte % 62)];
            n += 1;
        }
    }
    Ok(characters)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible};

    use super::*;

    /// Bytes that look random enough.
    fn source(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), Infallible> {
        let mut state = [seed; 32];
        move |bytes| {
            for byte in bytes {
                state = Sha256::digest(state).into();
                *byte = state[0];
            }
            Ok(())
        }
    }

    fn secret(seed: u8) -> Secret {
        let fill = &mut source(seed);
        let Ok(id) = KeyId::random(fill);
        let Ok(secret) = Secret::random(id, fill);
        secret
    }

    #[test]
    fn a_secret_is_its_prefix_id_random_part_and_check() {
        let secret = secret(1);
        let text = secret.expose();
        assert_eq!(text.len(), 60);
        assert!(text.starts_with("mq_"));
        assert_eq!(id_of(text.as_bytes()).unwrap().as_str(), &text[3..11]);
        assert_eq!(check(text.as_bytes()), Ok(()));
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "Secret(***) SecretHash(***)");
    }

    #[test]
    fn every_typo_of_one_character_is_noticed() {
        let text = secret(2).expose().to_owned();
        for n in 0..text.len() {
            for other in [b'0', b'Z', b'z', b'-', b' '] {
                let mut bytes = text.clone().into_bytes();
                if bytes[n] != other {
                    bytes[n] = other;
                    assert_eq!(check(&bytes), Err(Malformed), "{n}");
                }
            }
        }
        for part in [&text[..59], &text[..10], "", "mq_", &format!("{text}a")] {
            assert_eq!(check(part.as_bytes()), Err(Malformed), "{part}");
            assert!(id_of(part.as_bytes()).is_none(), "{part}");
        }
    }

    #[test]
    fn secrets_use_every_character_and_differ() {
        let texts: BTreeSet<String> = (0..60).map(|n| secret(n).expose().to_owned()).collect();
        assert_eq!(texts.len(), 60);
        let seen: BTreeSet<u8> = texts.iter().flat_map(|text| text[3..].bytes()).collect();
        assert_eq!(seen.len(), ALPHABET.len());
    }

    #[test]
    fn hashes_are_equal_where_secrets_are() {
        assert_eq!(secret(1).hash(), SecretHash::of(secret(1).expose().as_bytes()));
        assert_ne!(secret(1).hash(), secret(2).hash());
        assert_eq!(SecretHash::from_bytes(&[0; 31]), None);
    }
}
