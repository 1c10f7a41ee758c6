//! Keys and tokens: who is let in, who is not, and what is told of it to whom.

mod audit;
mod commands;
mod refusals;
mod replicas;
mod ring;
mod secrets;
mod store;
mod tokens;

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::Method;
use marquee::{
    domain::{
        api_key::{ApiKey, KeyId, Role, Secret},
        clock::{Clock, Moment},
    },
    store::{Options, Store},
};
use serde_json::json;

use crate::{
    app::TestApp,
    backend::{Database, begin},
    client::{Answer, Client},
};

/// Random bytes for tests.
#[expect(clippy::unnecessary_wraps, reason = "it is passed where random numbers can fail")]
fn fill(bytes: &mut [u8]) -> Result<(), Infallible> {
    getrandom::fill(bytes).expect("random numbers");
    Ok(())
}

/// A new key, and its secret.
pub(crate) fn key(role: Role) -> (ApiKey, String) {
    let Ok(id) = KeyId::random(&mut fill);
    let Ok(secret) = Secret::random(id, &mut fill);
    let key = ApiKey {
        id,
        name: format!("the {role}"),
        role,
        secret: secret.hash(),
        previous: None,
        rate_limit: None,
        created_at: begin().now(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    (key, secret.expose().to_owned())
}

/// The moment that is so much later than the clocks of tests begin.
fn after(duration: Duration) -> Moment {
    let clock = begin();
    clock.advance(duration);
    clock.now()
}

/// A database as commands open it.
async fn open(database: &Database, clock: Clock) -> Arc<Store> {
    let options = Options {
        url: database.url.clone(),
        connections: 2,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(20),
        watch_timeout: Duration::from_secs(10),
        changes_kept: 50,
    };
    let store = Arc::new(Store::open(options, clock).await.expect("a store"));
    store.migrate().await.expect("a schema");
    store
}

/// Stores a key of a role and gives its secret.
async fn created(store: &Store, role: Role) -> (KeyId, String) {
    let (key, secret) = key(role);
    store.create_key(&key).await.expect("a stored key");
    (key.id, secret)
}

/// A service whose keys are those of `store`.
async fn app_with_keys(database: Database, flags: &[&str]) -> (TestApp, Arc<Store>, [String; 3]) {
    let store = open(&database, begin()).await;
    let mut secrets = Vec::new();
    for role in Role::ALL {
        secrets.push(created(&store, role).await.1);
    }
    let app = TestApp::start(database, flags).await;
    (app, store, secrets.try_into().expect("three roles"))
}

async fn get(client: Client, target: &str, secret: &str) -> Answer {
    let request = client.request(Method::GET, target);
    request.header("authorization", &format!("Bearer {secret}")).send().await
}

async fn post(client: Client, secret: &str) -> Answer {
    let request = client.request(Method::POST, "/v1/movies").json(&json!({"title": "a"}));
    request.header("authorization", &format!("Bearer {secret}")).send().await
}

/// Asks with a secret until it is refused. Whoever fails often is told to wait instead.
async fn until_refused(client: Client, secret: &str) {
    while !matches!(get(client, "/docs", secret).await.status.as_u16(), 401 | 429) {
        tokio::task::yield_now().await;
    }
}

/// Asks with a secret until it is taken.
async fn until_taken(client: Client, secret: &str) {
    until(200, async || get(client, "/docs", secret).await).await;
}

/// Asks until the answer has a status. The service hears of changes by its polls.
async fn until(status: u16, mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status.as_u16() == status {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}
