//! API keys: who may call, as what, and until when.
//!
//! **Invariant:** a key is known by its id, which is public; its secret is kept by nobody but its
//! owner. What is stored is the secret's hash.

mod secret;

use std::{fmt, str::FromStr};

use super::clock::Moment;

pub use secret::{ALPHABET, Malformed, SECRET_LENGTH, Secret, SecretHash, check, id_of};

/// Characters of a key's name.
pub const NAME_MAX: usize = 100;
/// Characters of a key's own limits, as text.
pub const RATE_LIMIT_MAX: usize = 255;
/// Characters of an id.
pub const ID_LENGTH: usize = 8;

/// What a caller may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Reader,
    /// Changes the catalogue.
    Editor,
    /// Operates the service.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Editor, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}

/// The public name of a key: it is listed, logged, and part of the secret's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; ID_LENGTH]);

impl KeyId {
    /// An id of these characters; `None` where one is not of [`ALPHABET`].
    #[must_use]
    pub fn new(characters: [u8; ID_LENGTH]) -> Option<Self> {
        secret::is_plain(&characters).then_some(Self(characters))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        u64::from_be_bytes(self.0)
    }

    const fn as_bytes(&self) -> &[u8; ID_LENGTH] {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.as_bytes().try_into().ok().and_then(Self::new).ok_or(())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a key is worth at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is good.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl KeyState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The hash of its secret.
    pub secret: SecretHash,
    /// The secret that it had before it was rotated.
    pub previous: Option<Previous>,
    /// Limits of its own, in the words of the setting of limits.
    pub rate_limit: Option<String>,
    /// When it was made.
    pub created_at: Moment,
    /// From when on it is no longer good.
    pub expires_at: Option<Moment>,
    /// When somebody ended it.
    pub revoked_at: Option<Moment>,
    /// About when it was last used.
    pub last_used_at: Option<Moment>,
}

/// A secret that lives on beside its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Its hash.
    pub secret: SecretHash,
    /// From when on it is no longer good.
    pub until: Moment,
}

impl ApiKey {
    /// What it is worth at a moment.
    #[must_use]
    pub fn state(&self, now: Moment) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }
}

/// A key's name: 1 to [`NAME_MAX`] characters after trimming, none of which controls a terminal.
///
/// # Errors
/// The rule, where it is broken.
pub fn name(text: &str) -> Result<&str, &'static str> {
    let text = text.trim();
    let good = (1..=NAME_MAX).contains(&text.chars().count()) && !text.contains(char::is_control);
    good.then_some(text).ok_or("must be 1 to 100 characters, and no control characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        assert!(Role::Reader < Role::Editor && Role::Editor < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err() && "Editor".parse::<Role>().is_err());
    }

    #[test]
    fn an_id_is_eight_letters_and_digits() {
        assert_eq!("aZ09bcde".parse::<KeyId>().unwrap().as_str(), "aZ09bcde");
        for bad in ["", "aZ09bcd", "aZ09bcdef", "aZ09-cde", "aZ09bcd\u{e9}"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(name(" importer \n"), Ok("importer"));
        let long = "x".repeat(NAME_MAX + 1);
        for bad in ["", " ", "a\nb", "\u{1b}[2J", &long] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_ends_at_its_expiry_and_by_revocation() {
        let at = Moment::from_unix_ms;
        let hash = SecretHash::of(b"x");
        let key = ApiKey {
            id: "aaaaaaaa".parse().unwrap(),
            name: "n".into(),
            role: Role::Reader,
            secret: hash,
            previous: None,
            rate_limit: None,
            created_at: at(0),
            expires_at: Some(at(10)),
            revoked_at: None,
            last_used_at: None,
        };
        assert_eq!((key.state(at(9)), key.state(at(10))), (KeyState::Active, KeyState::Expired));
        let key = ApiKey { revoked_at: Some(at(1)), ..key };
        assert_eq!(key.state(at(20)), KeyState::Revoked);
    }
}
