//! Why a caller is not let in, and what each side is told of it: the log all of it, the caller what
//! helps its owner and nobody else.

use std::time::Duration;

use hyper::header::{self, HeaderValue};

use crate::{
    domain::api_key::{KeyId, Role},
    service::keys::Refused,
};

use super::{
    super::error::{Kind, Problem},
    metrics::Decision,
    token::TokenFault,
};

const INVALID_TOKEN: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"marquee\", error=\"invalid_token\"");
const PLAIN: HeaderValue = HeaderValue::from_static("Bearer realm=\"marquee\"");

/// Credentials that are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Refusal {
    pub(in crate::http) reason: Reason,
    /// There were too many from that address: how long until they are answered again.
    pub(super) wait: Option<Duration>,
}

/// Why credentials are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Reason {
    /// More than one `Authorization`.
    Several,
    /// Another scheme than `Bearer`.
    OtherScheme,
    /// Nothing that could be a key or a token.
    Malformed,
    /// A key.
    Key(Refused),
    /// A token.
    Token(TokenFault),
}

impl Reason {
    /// Whether it may have been a guess.
    pub(super) const fn is_guess(self) -> bool {
        match self {
            Self::Several | Self::Key(Refused::Unverified(_)) => false,
            Self::OtherScheme | Self::Malformed | Self::Key(_) | Self::Token(_) => true,
        }
    }

    /// How it is counted.
    pub(super) const fn decision(self) -> Decision {
        match self {
            Self::Several | Self::OtherScheme | Self::Malformed | Self::Key(Refused::Malformed) => {
                Decision::RefusedMalformed
            }
            Self::Key(Refused::Unknown(_)) => Decision::RefusedUnknown,
            Self::Key(Refused::Expired(_)) => Decision::RefusedExpired,
            Self::Key(Refused::Revoked(_)) => Decision::RefusedRevoked,
            Self::Key(Refused::Unverified(_)) => Decision::RefusedUnverified,
            Self::Token(_) => Decision::RefusedToken,
        }
    }

    /// The reason in the log.
    pub(in crate::http) fn text(self) -> String {
        match self {
            Self::Several => "several Authorization headers".into(),
            Self::OtherScheme => "another scheme than Bearer".into(),
            Self::Malformed | Self::Key(Refused::Malformed) => "malformed".into(),
            Self::Key(Refused::Unknown(_)) => "unknown".into(),
            Self::Key(Refused::Expired(_)) => "expired".into(),
            Self::Key(Refused::Revoked(_)) => "revoked".into(),
            Self::Key(Refused::Unverified(_)) => "unverified".into(),
            Self::Token(fault) => format!("token: {fault}"),
        }
    }

    /// The key that it is about. What a secret that is not known says of itself may be made up.
    pub(in crate::http) const fn key(self) -> Option<KeyId> {
        match self {
            Self::Key(Refused::Unknown(id)) => id,
            Self::Key(Refused::Expired(id) | Refused::Revoked(id) | Refused::Unverified(id)) => {
                Some(id)
            }
            _ => None,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        if let Some(wait) = refusal.wait {
            let seconds = wait.as_secs().max(1);
            let detail = "too many bad keys or tokens came from your address in a minute";
            return Self::new(Kind::TooManyFailures, detail)
                .with(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let unauthenticated = |detail: &'static str, challenge| {
            Self::new(Kind::Unauthenticated, detail).with(header::WWW_AUTHENTICATE, challenge)
        };
        match refusal.reason {
            Reason::Several => Self::header("Authorization", "must be given once"),
            Reason::OtherScheme => {
                unauthenticated("Authorization must be Bearer and a key or token", PLAIN)
            }
            // Whoever mistyped it should not look for what was revoked. It tells of no key.
            Reason::Malformed | Reason::Key(Refused::Malformed) => unauthenticated(
                "this is no whole key or token: was it cut off or mistyped?",
                INVALID_TOKEN,
            ),
            // One answer, so that nobody learns which keys there are or were.
            Reason::Key(Refused::Unknown(_) | Refused::Expired(_) | Refused::Revoked(_))
            | Reason::Token(_) => unauthenticated(
                "the key or token is not known here, has expired or was revoked",
                INVALID_TOKEN,
            ),
            Reason::Key(Refused::Unverified(_)) => Self::unavailable(
                "the database was not reached for so long that keys may have been revoked",
            ),
        }
    }
}

/// The refusal of a caller that showed nothing where a role is needed.
pub(super) fn missing(role: Role) -> Problem {
    let detail = format!("this needs a key or token of role {role}: Authorization: Bearer …");
    Problem::new(Kind::Unauthenticated, detail).with(header::WWW_AUTHENTICATE, PLAIN)
}

/// The refusal of a caller whose role does not suffice.
pub(super) fn insufficient(has: Option<Role>, needs: Role) -> Problem {
    let has = has.map_or("no role", Role::as_str);
    let detail = format!("this needs the role {needs}, and the key or token has {has}");
    let challenge = format!(
        "Bearer realm=\"marquee\", error=\"insufficient_scope\", scope=\"marquee:{needs}\""
    );
    let challenge = HeaderValue::try_from(challenge).expect("roles are visible ASCII");
    Problem::new(Kind::InsufficientRole, detail).with(header::WWW_AUTHENTICATE, challenge)
}
