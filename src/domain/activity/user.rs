//! The pseudonym that a person's interactions are under.

use std::{fmt, str::FromStr, sync::Arc};

/// Characters of a pseudonym.
pub const USER_ID_MAX: usize = 64;

/// The first character of users that hold for one day only. No caller's pseudonym has it.
const DAILY: char = '*';

/// A pseudonym: the caller's own name for a person, or a number for a client that holds for one day.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

impl UserId {
    /// What a pseudonym must be, in the words of a fault.
    pub const MUST: &'static str =
        "must be a pseudonym of 1 to 64 characters: letters, digits and . _ ~ : @ -";

    /// Whoever a client is on one day, by a number that says nothing on any other.
    #[must_use]
    pub fn of_day(client: u64) -> Self {
        Self(format!("{DAILY}{client:016x}").into())
    }

    /// A user as it is stored: a pseudonym, or a client of one day. `None` for any other text.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        let pseudonym = text.strip_prefix(DAILY).unwrap_or(text);
        pseudonym.parse::<Self>().ok().map(|_| Self(text.into()))
    }

    /// The number of a client of one day.
    #[must_use]
    pub fn client_of_day(&self) -> Option<u64> {
        u64::from_str_radix(self.0.strip_prefix(DAILY)?, 16).ok()
    }

    /// Whether a caller chose it, so that it means somebody for longer than a day.
    #[must_use]
    pub fn is_pseudonym(&self) -> bool {
        !self.0.starts_with(DAILY)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~:@-".contains(&byte);
        let good = (1..=USER_ID_MAX).contains(&text.len()) && text.bytes().all(plain);
        if good { Ok(Self(text.into())) } else { Err(()) }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_1_to_64_plain_characters() {
        for good in ["a", "user:42@example~1.x_y-z", &"x".repeat(64)] {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "é", "a/b", "*a", "a\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<UserId>(), Err(()), "{bad:?}");
        }
    }

    #[test]
    fn nobody_can_call_himself_by_the_name_of_a_day() {
        let daily = UserId::of_day(0xab);
        assert_eq!(daily.as_str(), "*00000000000000ab");
        assert!(!daily.is_pseudonym() && daily.as_str().parse::<UserId>().is_err());
        assert_eq!(daily.client_of_day(), Some(0xab));
        assert_eq!(UserId::stored(daily.as_str()), Some(daily));
        assert_eq!(UserId::stored("a").map(|user| user.is_pseudonym()), Some(true));
        assert_eq!((UserId::stored("*"), UserId::stored("**a")), (None, None));
    }
}
