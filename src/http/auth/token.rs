//! A token (JWT, RFC 7519) read and checked: its signature first, then what it claims.
//!
//! **Invariant:** nothing that a token says is believed before its signature was checked, but for the
//! name of the key to check it with.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::domain::{api_key::Role, clock::Moment, json};

use super::jwks::PublicKeys;

/// Bytes of a token.
pub(super) const LENGTH_MAX: usize = 8 * 1024;
/// Bytes of a subject.
const SUBJECT_MAX: usize = 255;
/// How far the clocks of issuers may be off.
const LEEWAY_SECONDS: f64 = 30.0;
/// What a word of `scope` begins with that names a role.
const SCOPE_PREFIX: &str = "marquee:";

/// What a token must claim.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Who issued it (`iss`).
    pub issuer: String,
    /// Whom it is for (`aud`, or one of them).
    pub audience: String,
    /// The claim that names the role, or several.
    pub role_claim: String,
}

/// A good token.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) struct Verified {
    /// Who it is about (`sub`).
    pub(in crate::http) subject: String,
    /// A number that follows from that.
    pub(in crate::http) number: u128,
    /// The highest role that it gives.
    pub(in crate::http) role: Option<Role>,
    /// In seconds since 1970.
    expires: f64,
}

/// What is wrong with a token. For the log; the caller is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum TokenFault {
    #[error("too long")]
    TooLong,
    #[error("not a token")]
    Malformed,
    #[error("algorithm is not the key's")]
    Algorithm,
    #[error("critical header")]
    Critical,
    #[error("of another type")]
    Type,
    #[error("unknown kid")]
    UnknownKey,
    #[error("bad signature")]
    Signature,
    #[error("bad claims")]
    Claims,
    #[error("without exp")]
    Endless,
    #[error("expired")]
    Expired,
    #[error("not valid yet")]
    Early,
    #[error("of another issuer")]
    Issuer,
    #[error("for another audience")]
    Audience,
    #[error("without subject")]
    Subject,
}

impl Verified {
    /// Whether it is over.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.expires + LEEWAY_SECONDS <= seconds(now)
    }
}

/// Checks a token.
pub(super) fn verify(
    token: &[u8],
    keys: &PublicKeys,
    expected: &Expected,
    now: Moment,
) -> Result<Verified, TokenFault> {
    use TokenFault as Fault;

    if token.len() > LENGTH_MAX {
        return Err(Fault::TooLong);
    }
    let token = std::str::from_utf8(token).map_err(|_| Fault::Malformed)?;
    let (message, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(Fault::Malformed)?;
    let header = object(header).ok_or(Fault::Malformed)?;
    if header.contains_key("crit") {
        return Err(Fault::Critical); // we know no extensions (RFC 7515, section 4.1.11)
    }
    if header.get("typ").is_some_and(|kind| !is_access_token(kind)) {
        return Err(Fault::Type);
    }
    let kid = header.get("kid").and_then(Value::as_str).ok_or(Fault::UnknownKey)?;
    let key = keys.get(kid).ok_or(Fault::UnknownKey)?;
    if header.get("alg").and_then(Value::as_str) != Some(key.name) {
        return Err(Fault::Algorithm);
    }
    let good = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.key, key.algorithm);
    if !matches!(good, Ok(true)) {
        return Err(Fault::Signature);
    }
    of_claims(&object(claims).ok_or(Fault::Claims)?, expected, now)
}

fn of_claims(
    claims: &Map<String, Value>,
    expected: &Expected,
    now: Moment,
) -> Result<Verified, TokenFault> {
    use TokenFault as Fault;

    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Fault::Claims),
    };
    let now_seconds = seconds(now);
    let expires = time("exp")?.ok_or(Fault::Endless)?;
    let begins = [time("nbf")?, time("iat")?];
    if begins.into_iter().flatten().any(|begin| begin > now_seconds + LEEWAY_SECONDS) {
        return Err(Fault::Early);
    }
    if claims.get("iss").and_then(Value::as_str) != Some(&expected.issuer) {
        return Err(Fault::Issuer);
    }
    let is_for_us = |audience: &Value| audience.as_str() == Some(&expected.audience);
    let found = claims.get("aud").is_some_and(|audience| match audience {
        Value::Array(all) => all.iter().any(is_for_us),
        one => is_for_us(one),
    });
    if !found {
        return Err(Fault::Audience);
    }
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if subject.is_empty() || subject.len() > SUBJECT_MAX {
        return Err(Fault::Subject);
    }
    let role = role(claims, &expected.role_claim);
    let number = number(subject);
    let verified = Verified { subject: subject.to_owned(), number, role, expires };
    if verified.is_over(now) { Err(Fault::Expired) } else { Ok(verified) }
}

/// Above all numbers of keys.
fn number(subject: &str) -> u128 {
    let digest = Sha256::digest(subject);
    let first: [u8; 16] = std::array::from_fn(|n| digest[n]);
    u128::from_be_bytes(first) | 1 << 127
}

/// The highest role that a token gives. Words that are no role are somebody else's.
fn role(claims: &Map<String, Value>, role_claim: &str) -> Option<Role> {
    let named = match claims.get(role_claim) {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let scope = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    let scope = scope.split(' ').filter_map(|word| word.strip_prefix(SCOPE_PREFIX));
    named.into_iter().chain(scope).filter_map(|name| name.parse().ok()).max()
}

/// Whether `typ` is that of a token for access (RFC 8725, section 3.11; RFC 9068).
fn is_access_token(kind: &Value) -> bool {
    let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match json::parse(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit into 53 bits")]
fn seconds(moment: Moment) -> f64 {
    moment.unix_ms() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Moment = Moment::from_unix_ms(1_000_000_000_000);

    fn checked(change: impl FnOnce(&mut Value)) -> Result<Verified, TokenFault> {
        let mut claims = json!({"iss": "i", "aud": "a", "sub": "s", "exp": 1_000_000_060});
        change(&mut claims);
        let expected =
            Expected { issuer: "i".into(), audience: "a".into(), role_claim: "role".into() };
        of_claims(claims.as_object().unwrap(), &expected, NOW)
    }

    fn fault(name: &str, value: Value) -> Option<TokenFault> {
        checked(|claims| claims[name] = value).err()
    }

    #[test]
    fn times_are_kept_with_a_leeway() {
        assert_eq!(checked(|_| ()).unwrap().role, None);
        assert_eq!(fault("exp", json!(999_999_971)), None);
        assert_eq!(fault("exp", json!(999_999_970)), Some(TokenFault::Expired));
        assert_eq!(fault("exp", json!("soon")), Some(TokenFault::Claims));
        assert_eq!(fault("exp", Value::Null), Some(TokenFault::Claims));
        for name in ["nbf", "iat"] {
            assert_eq!(fault(name, json!(1_000_000_030)), None);
            assert_eq!(fault(name, json!(1_000_000_030.5)), Some(TokenFault::Early));
            assert_eq!(fault(name, json!([])), Some(TokenFault::Claims));
        }
        let endless = checked(|claims| _ = claims.as_object_mut().unwrap().remove("exp"));
        assert_eq!(endless, Err(TokenFault::Endless));
    }

    #[test]
    fn issuer_audience_and_subject_are_required() {
        assert_eq!(fault("aud", json!(["b", "a"])), None);
        for audience in [json!("b"), json!(["b"]), json!([]), json!("a "), Value::Null] {
            assert_eq!(fault("aud", audience), Some(TokenFault::Audience));
        }
        for issuer in [json!("j"), json!(["i"]), Value::Null] {
            assert_eq!(fault("iss", issuer), Some(TokenFault::Issuer));
        }
        for subject in [json!(""), json!(1), json!("x".repeat(256)), Value::Null] {
            assert_eq!(fault("sub", subject), Some(TokenFault::Subject));
        }
    }

    #[test]
    fn the_highest_role_counts_from_the_claim_or_the_scope() {
        let role = |name: &str, value: Value| checked(|claims| claims[name] = value).unwrap().role;
        assert_eq!(role("role", json!("editor")), Some(Role::Editor));
        assert_eq!(role("role", json!(["reader", "x", "admin"])), Some(Role::Admin));
        assert_eq!(
            role("scope", json!("openid marquee:reader marquee:editor")),
            Some(Role::Editor)
        );
        for (name, value) in [
            ("role", json!("Editor")),
            ("role", json!("editor admin")),
            ("role", json!({"editor": true})),
            ("scope", json!("editor")),
            ("scope", json!("xmarquee:editor")),
            ("roles", json!("editor")),
        ] {
            assert_eq!(role(name, value), None);
        }
    }
}
