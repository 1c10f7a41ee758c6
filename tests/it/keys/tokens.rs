//! Tokens of another issuer.

use std::{fs, path::PathBuf};

use hyper::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{get, post, until_refused, until_taken};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    good_tokens_of_every_algorithm_are_taken,
    tokens_that_claim_the_wrong_things_are_refused,
    tokens_that_choose_their_own_check_are_refused,
    roles_come_from_the_claim_or_the_scope,
    the_file_is_read_again_when_it_changes,
    keys_and_tokens_are_taken_side_by_side,
    a_token_ends_by_the_clock_also_where_it_was_good_before,
}

/// The clock of tests, in seconds.
const NOW: i64 = 1_795_490_000;
const RSA: &[u8] = include_bytes!("rsa.pem");

/// An issuer with a key of each kind.
struct Issuer {
    keys: [(&'static str, Algorithm, EncodingKey); 3],
    file: PathBuf,
    _folder: TempDir,
}

impl Issuer {
    fn new() -> Self {
        let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_der();
        // PKCS #8 (RFC 8410) around 32 random bytes.
        let mut ed = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        ed.resize(48, 0);
        getrandom::fill(&mut ed[16..]).unwrap();
        let keys = [
            ("r", Algorithm::RS256, EncodingKey::from_rsa_pem(RSA).unwrap()),
            ("e", Algorithm::ES256, EncodingKey::from_ec_der(&p256)),
            ("o", Algorithm::EdDSA, EncodingKey::from_ed_der(&ed)),
        ];
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        let issuer = Self { keys, file, _folder: folder };
        issuer.publish(&issuer.jwks());
        issuer
    }

    fn jwks(&self) -> Value {
        let jwk = |(kid, algorithm, key): &(&str, Algorithm, EncodingKey)| {
            let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
            jwk.common.key_id = Some((*kid).to_owned());
            serde_json::to_value(jwk).unwrap()
        };
        json!({"keys": self.keys.iter().map(jwk).collect::<Vec<_>>()})
    }

    fn publish(&self, jwks: &Value) {
        fs::write(&self.file, jwks.to_string()).unwrap();
    }

    /// A token of the key `n`.
    fn token(&self, n: usize, claims: &Value) -> String {
        let (kid, algorithm, key) = &self.keys[n];
        let mut header = Header::new(*algorithm);
        header.kid = Some((*kid).to_owned());
        encode(&header, claims, key).unwrap()
    }

    async fn app(&self, database: Database) -> TestApp {
        let file = format!("--jwks-file={}", self.file.display());
        let flags = [file.as_str(), "--jwt-issuer=https://id.test", "--jwt-audience=marquee"];
        TestApp::start(database, &flags).await
    }
}

fn claims() -> Value {
    json!({"iss": "https://id.test", "aud": "marquee", "sub": "alice", "exp": NOW + 600,
        "iat": NOW, "role": "editor"})
}

fn but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

async fn good_tokens_of_every_algorithm_are_taken(database: Database) {
    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(401);
    app.get("/v1/movies").await.expect(200);
    for n in 0..3 {
        let token = issuer.token(n, &claims());
        for _ in 0..2 {
            post(*app, &token).await.expect(201);
            get(*app, "/v1/movies", &token).await.expect(200);
        }
    }
}

async fn tokens_that_claim_the_wrong_things_are_refused(database: Database) {
    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    for bad in [
        but("exp", json!(NOW - 30)),
        without("exp"),
        but("nbf", json!(NOW + 31)),
        but("iat", json!(NOW + 31)),
        but("aud", json!("other")),
        without("aud"),
        but("iss", json!("https://evil.test")),
        without("iss"),
        without("sub"),
        but("sub", json!("x".repeat(256))),
        but("padding", json!("x".repeat(8192))),
    ] {
        let answer = post(*app, &issuer.token(1, &bad)).await.expect(401);
        assert!(answer.header("www-authenticate").contains("invalid_token"), "{bad}");
    }
    post(*app, &issuer.token(1, &but("exp", json!(NOW - 29)))).await.expect(201);
    post(*app, &issuer.token(1, &but("aud", json!(["x", "marquee"])))).await.expect(201);
}

async fn tokens_that_choose_their_own_check_are_refused(database: Database) {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as base64};

    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    let good = issuer.token(0, &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let headed = |header: Value| format!("{}.{payload}", base64.encode(header.to_string()));
    let signed = |n: usize, header: Value| {
        let message = headed(header);
        let (_, algorithm, key) = &issuer.keys[n];
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, *algorithm).unwrap();
        format!("{message}.{signature}")
    };
    // The public key as the secret of a symmetric algorithm, in the forms that libraries fell for.
    let n = issuer.jwks()["keys"][0]["n"].as_str().unwrap().to_owned();
    let der = base64.decode(&n).unwrap();
    let symmetric = |secret: &[u8]| {
        let message = headed(json!({"alg": "HS256", "kid": "r"}));
        let key = EncodingKey::from_secret(secret);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let stranger = Issuer::new();
    let cases = [
        format!("{}.", headed(json!({"alg": "none", "kid": "r"}))),
        format!("{}.{signature}", headed(json!({"alg": "none", "kid": "r"}))),
        format!("{}.", headed(json!({"alg": "NONE"}))),
        format!("{message}."),
        message.to_owned(),
        symmetric(n.as_bytes()),
        symmetric(&der),
        symmetric(b""),
        stranger.token(1, &claims()),
        stranger.token(2, &claims()),
        signed(0, json!({"alg": "RS256", "kid": "e"})),
        signed(1, json!({"alg": "RS256", "kid": "r"})),
        signed(1, json!({"alg": "ES256", "kid": "r"})),
        signed(0, json!({"alg": "RS512", "kid": "r"})),
        signed(0, json!({"alg": "RS256", "kid": "x"})),
        signed(0, json!({"alg": "RS256"})),
        signed(0, json!({"alg": "RS256", "kid": "r", "crit": ["exp"]})),
        signed(0, json!({"alg": "RS256", "kid": "r", "typ": "logout+jwt"})),
        signed(0, json!({"kid": "r"})),
        format!("{good}x"),
        format!("{good}.x"),
        "..".to_owned(),
        "a.b.c".to_owned(),
    ];
    // As many failures as an address may have in a minute: the last ones are refused either way.
    for (n, token) in cases.iter().enumerate() {
        let answer = post(*app, token).await;
        assert!(matches!(answer.status.as_u16(), 401 | 429), "{n}: {}", answer.text());
    }
    assert!(cases.len() <= 30);
    post(*app, &signed(0, json!({"alg": "RS256", "kid": "r", "typ": "at+JWT"}))).await.expect(201);
    post(*app, &good).await.expect(201);
}

async fn roles_come_from_the_claim_or_the_scope(database: Database) {
    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    for (claims, status) in [
        (but("role", json!("reader")), 403),
        (without("role"), 403),
        (but("role", json!(["reader", "admin"])), 201),
        (but("role", json!("Editor")), 403),
    ] {
        post(*app, &issuer.token(1, &claims)).await.expect(status);
    }
    let mut scoped = without("role");
    scoped["scope"] = json!("openid marquee:editor");
    post(*app, &issuer.token(1, &scoped)).await.expect(201);
    get(*app, "/v1/movies", &issuer.token(1, &without("role"))).await.expect(200);
}

async fn the_file_is_read_again_when_it_changes(database: Database) {
    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    let tokens = [0, 1].map(|n| issuer.token(n, &claims()));
    for token in &tokens {
        post(*app, token).await.expect(201);
    }
    issuer.publish(&json!({"keys": [issuer.jwks()["keys"][0]]}));
    until_refused(*app, &tokens[1]).await;
    post(*app, &tokens[0]).await.expect(201);
    // A file that makes no sense changes nothing.
    fs::write(&issuer.file, "{").unwrap();
    let fresh = issuer.token(0, &but("sub", json!("bob")));
    post(*app, &fresh).await.expect(201);
    issuer.publish(&issuer.jwks());
    until_taken(*app, &tokens[1]).await;
}

async fn keys_and_tokens_are_taken_side_by_side(database: Database) {
    let issuer = Issuer::new();
    let store = super::open(&database, crate::backend::begin()).await;
    let (_, editor) = super::created(&store, marquee::domain::api_key::Role::Editor).await;
    let app = issuer.app(database).await;
    post(*app, &editor).await.expect(201);
    post(*app, &issuer.token(2, &claims())).await.expect(201);
    let both = app.request(Method::GET, "/v1/movies");
    let both = both.header("authorization", &format!("Bearer {editor}"));
    both.header("authorization", "Bearer x").send().await.expect(400);
}

async fn a_token_ends_by_the_clock_also_where_it_was_good_before(database: Database) {
    let issuer = Issuer::new();
    let app = issuer.app(database).await;
    let token = issuer.token(1, &but("exp", json!(NOW + 1)));
    post(*app, &token).await.expect(201);
    app.clock.set(marquee::domain::clock::Moment::from_unix_ms((NOW + 31) * 1000));
    post(*app, &token).await.expect(401);
    post(*app, &token).await.expect(401);
}
