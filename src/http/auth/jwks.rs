//! The keys of a JWKS file (RFC 7517), with which tokens are checked.
//!
//! **Invariant:** a key has one algorithm, which follows from the key: what a token's header says is
//! compared with it, and chooses nothing.
//! **Invariant:** no secret is a key here. Whoever could read a secret could make tokens.

use std::collections::HashMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::domain::json;

/// Bits of an RSA modulus, at least (RFC 7518, section 3.3).
const RSA_BITS_MIN: usize = 2048;

/// Why a file is no set of keys for tokens.
#[derive(Debug, thiserror::Error)]
pub enum BadJwks {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] json::Malformed),
    /// Another document.
    #[error("it must be an object with the list \"keys\" (RFC 7517)")]
    Shape,
    /// A key that is in it should not be in a file that many can read.
    #[error("key {0} is a secret or private key; put public keys in it only")]
    Secret(String),
    /// A key without a name.
    #[error("key {0} has no \"kid\", by which tokens name it")]
    Unnamed(String),
    /// Two keys of one name.
    #[error("two keys have the \"kid\" {0:?}")]
    Twice(String),
    /// A key that is broken or too weak.
    #[error("key {key}: {fault}")]
    Key {
        /// Which.
        key: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// No key is for us.
    #[error("it has no key for RS256, ES256 or EdDSA (Ed25519) signatures")]
    Empty,
}

/// A public key and its one algorithm.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    pub(super) algorithm: Algorithm,
    /// As a token's header spells it.
    pub(super) name: &'static str,
    pub(super) key: DecodingKey,
}

/// Public keys by their `kid`.
pub(super) type PublicKeys = HashMap<String, PublicKey>;

/// Reads a set. Keys for something else than our signatures are left out, as RFC 7517 asks.
pub(super) fn read(bytes: &[u8]) -> Result<PublicKeys, BadJwks> {
    let document = json::parse(bytes)?;
    let list = document.get("keys").and_then(Value::as_array).ok_or(BadJwks::Shape)?;
    let mut keys = PublicKeys::new();
    for (n, value) in list.iter().enumerate() {
        let members = value.as_object().ok_or(BadJwks::Shape)?;
        let kid = text(members, "kid");
        let shown = kid.map_or_else(|| format!("number {}", n + 1), |kid| format!("{kid:?}"));
        if members.contains_key("d") || text(members, "kty") == Some("oct") {
            return Err(BadJwks::Secret(shown));
        }
        let bad = |fault| BadJwks::Key { key: shown.clone(), fault };
        let Some(key) = public_key(members).map_err(bad)? else { continue };
        let Some(kid) = kid else { return Err(BadJwks::Unnamed(shown)) };
        if keys.insert(kid.to_owned(), key).is_some() {
            return Err(BadJwks::Twice(kid.to_owned()));
        }
    }
    if keys.is_empty() { Err(BadJwks::Empty) } else { Ok(keys) }
}

/// A key for our signatures; `None` for another one.
fn public_key(members: &Map<String, Value>) -> Result<Option<PublicKey>, &'static str> {
    let is_for_signatures = text(members, "use").is_none_or(|usage| usage == "sig");
    let may_verify = match members.get("key_ops") {
        None => true,
        Some(operations) => {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        }
    };
    let is_for = |algorithm| text(members, "alg").is_none_or(|alg| alg == algorithm);
    let curve = text(members, "crv");
    let (name, algorithm, key) = match text(members, "kty") {
        _ if !is_for_signatures || !may_verify => return Ok(None),
        Some("RSA") if is_for("RS256") => {
            let (modulus, exponent) = (number(members, "n")?, number(members, "e")?);
            if bits(&modulus) < RSA_BITS_MIN {
                return Err("its modulus has less than 2048 bits");
            }
            let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            ("RS256", Algorithm::RS256, key)
        }
        Some("EC") if curve == Some("P-256") && is_for("ES256") => {
            let point = [vec![4], coordinate(members, "x")?, coordinate(members, "y")?];
            ("ES256", Algorithm::ES256, DecodingKey::from_ec_der(&point.concat()))
        }
        Some("OKP") if curve == Some("Ed25519") && is_for("EdDSA") => {
            let key = DecodingKey::from_ed_der(&coordinate(members, "x")?);
            ("EdDSA", Algorithm::EdDSA, key)
        }
        Some(_) => return Ok(None),
        None => return Err("it has no \"kty\""),
    };
    Ok(Some(PublicKey { algorithm, name, key }))
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name)?.as_str()
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let text = text(members, name).unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    if bytes.is_empty() { Err("one of its numbers is missing or not base64url") } else { Ok(bytes) }
}

fn coordinate(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, &'static str> {
    let bytes = number(members, name)?;
    if bytes.len() == 32 { Ok(bytes) } else { Err("one of its numbers has not 32 bytes") }
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(8, |byte| byte.leading_zeros() as usize);
    ((number.len() - zeros) * 8).saturating_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(keys: &Value) -> Result<Vec<String>, String> {
        let read = read(json!({ "keys": keys }).to_string().as_bytes());
        let names = |keys: PublicKeys| {
            let mut names: Vec<String> =
                keys.iter().map(|(kid, key)| format!("{kid}:{}", key.name)).collect();
            names.sort();
            names
        };
        read.map(names).map_err(|error| error.to_string())
    }

    fn bytes(length: usize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(vec![0xff; length])
    }

    #[test]
    fn each_key_has_the_one_algorithm_of_its_kind() {
        let keys = json!([
            {"kid": "r", "kty": "RSA", "n": bytes(256), "e": "AQAB", "use": "sig"},
            {"kid": "e", "kty": "EC", "crv": "P-256", "x": bytes(32), "y": bytes(32), "alg": "ES256"},
            {"kid": "o", "kty": "OKP", "crv": "Ed25519", "x": bytes(32), "key_ops": ["verify"]},
        ]);
        assert_eq!(of(&keys).unwrap(), ["e:ES256", "o:EdDSA", "r:RS256"]);
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let keys = json!([
            {"kid": "1", "kty": "RSA", "n": bytes(256), "e": "AQAB", "use": "enc"},
            {"kid": "2", "kty": "RSA", "n": bytes(256), "e": "AQAB", "alg": "RS512"},
            {"kid": "3", "kty": "EC", "crv": "P-384", "x": bytes(48), "y": bytes(48)},
            {"kid": "4", "kty": "OKP", "crv": "X25519", "x": bytes(32)},
            {"kid": "5", "kty": "OKP", "crv": "Ed25519", "x": bytes(32), "key_ops": ["sign"]},
            {"kty": "new"},
        ]);
        assert!(of(&keys).unwrap_err().starts_with("it has no key for"));
    }

    #[test]
    fn secrets_and_weak_unnamed_or_broken_keys_are_refused() {
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": bytes(32)});
        let named = |mut key: Value| {
            key["kid"] = "k".into();
            key
        };
        for (keys, part) in [
            (json!([{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]), "key \"s\" is a secret"),
            (json!([{"kty": "OKP", "crv": "Ed25519", "x": bytes(32), "d": bytes(32)}]), "number 1"),
            (json!([ed]), "no \"kid\""),
            (json!([named(ed.clone()), named(ed)]), "two keys"),
            (json!([{"kid": "w", "kty": "RSA", "n": bytes(255), "e": "AQAB"}]), "2048"),
            (
                json!([{"kid": "x", "kty": "EC", "crv": "P-256", "x": bytes(31), "y": bytes(32)}]),
                "32",
            ),
            (json!([{"kid": "x"}]), "kty"),
        ] {
            let error = of(&keys).unwrap_err();
            assert!(error.contains(part), "{keys}: {error}");
        }
        for text in ["", "{}", "[]", "{\"keys\":1}", "{\"keys\":[1]}"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_first_one() {
        assert_eq!((bits(&[0, 1, 0]), bits(&[0x80]), bits(&[0]), bits(&[])), (9, 8, 0, 0));
    }
}
