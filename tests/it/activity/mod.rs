//! What people do: recorded, studied, and erased.

mod events;
mod interactions;
mod privacy;
mod store;
mod studied;
mod trending;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hyper::Method;
use marquee::{
    domain::{api_key::Role, clock::Clock},
    store::{Options, Store},
};
use serde_json::{Value, json};

use crate::{
    app::TestApp,
    backend::{Backend, Database, Fixture, begin},
    cache::metric,
    client::{Answer, Asked, Client},
    keys::key,
    process::HANG,
};

/// Flags of a service behind a proxy on this machine, so that a test can be many clients.
const BEHIND: [&str; 3] =
    ["--trusted-proxies=127.0.0.1/32", "--rate-limit=off", "--poll-interval=100ms"];

/// A service behind a proxy, with a key of each role.
pub(super) struct Peopled {
    app: TestApp,
    store: Arc<Store>,
    keys: BTreeMap<Role, String>,
}

impl Fixture for Peopled {
    async fn on(backend: Backend) -> Self {
        Self::start(Database::new(backend).await, &[]).await
    }
}

impl Peopled {
    async fn start(database: Database, flags: &[&str]) -> Self {
        let store = open(&database, begin()).await;
        let mut keys = BTreeMap::new();
        for role in Role::ALL {
            let (key, secret) = key(role);
            store.create_key(&key).await.expect("a stored key");
            keys.insert(role, secret);
        }
        database.edit(&[salt_of_the_first_day()]).await;
        let app = TestApp::start(database, &[&BEHIND, flags].concat()).await;
        Self { app, store, keys }
    }

    /// Another replica of the same database, with the same keys.
    async fn beside(&self) -> TestApp {
        TestApp::start(self.app.database.same(), &BEHIND).await
    }

    fn asked(&self, role: Role, method: Method, target: &str) -> Asked {
        by(*self.app, &self.keys[&role], method, target)
    }

    async fn create(&self, movie: &Value) -> i64 {
        let asked = self.asked(Role::Editor, Method::POST, "/v1/movies").json(movie);
        asked.send().await.expect(201).json()["id"].as_i64().unwrap()
    }

    /// So many movies, from 1 on.
    async fn movies(&self, count: i64) {
        for n in 1..=count {
            let genre = if n % 2 == 0 { "Even" } else { "Odd" };
            self.create(&json!({"title": format!("movie {n}"), "genres": [genre]})).await;
        }
    }

    /// Says something of movies, for a user.
    async fn say(&self, user: &str, interactions: &Value) -> Answer {
        let asked = self.asked(Role::Reader, Method::POST, "/v1/interactions").json(interactions);
        asked.header("x-user-id", user).send().await
    }

    /// What is held of a user: signal and movie, the oldest first.
    async fn held(&self, user: &str) -> Vec<(String, i64)> {
        held(*self.app, &self.keys[&Role::Admin], user).await
    }

    /// Lets time pass, until the service knows that it is up to date again.
    async fn pass(&self, time: Duration) {
        self.app.clock.advance(time);
        for target in ["/v1/genres", "/v1/suggest?q=x"] {
            let ask = async || self.asked(Role::Reader, Method::GET, target).send().await;
            let is_behind =
                |answer: &Answer| answer.status == 503 && !answer.text().contains("--index=off");
            while is_behind(&ask().await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn stored(&self, count: u32) {
        stored(&self.app, count).await;
    }
}

/// The statement that decides the first day's salt: by a random one, two of a test's few clients would be
/// counted as one now and then.
fn salt_of_the_first_day() -> String {
    let day = begin().now().unix_ms() / 86_400_000;
    format!("INSERT INTO activity_salts (day, salt) VALUES ({day}, x'{}')", "5a".repeat(32))
}

fn by(client: Client, key: &str, method: Method, target: &str) -> Asked {
    client.request(method, target).header("authorization", &format!("Bearer {key}"))
}

async fn held(client: Client, key: &str, user: &str) -> Vec<(String, i64)> {
    let target = format!("/v1/users/{user}/data");
    let answer = by(client, key, Method::GET, &target).send().await.expect(200).json();
    assert_eq!(answer["user"], user);
    let rows = answer["interactions"].as_array().unwrap().iter();
    rows.map(|row| (row["signal"].as_str().unwrap().to_owned(), row["movie"].as_i64().unwrap()))
        .collect()
}

/// Looks at something as one of many clients.
async fn look(client: Client, target: &str, number: u32) -> Answer {
    let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string();
    client.request(Method::GET, target).header("x-forwarded-for", &address).send().await
}

/// Waits until so many things that people did since the start are noted or ignored, and all that is noted
/// is stored or dropped.
async fn stored(app: &TestApp, count: u32) {
    let told = async |name| metric(app.admin, name, &[]).await;
    let waiting = async {
        loop {
            let noted = told("marquee_activity_events_total").await;
            let ignored = told("marquee_activity_ignored_total").await;
            let pending = told("marquee_activity_pending").await;
            if noted + ignored > f64::from(count) - 0.5 && pending < 0.5 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let all = tokio::time::timeout(HANG, waiting).await;
    all.unwrap_or_else(|_| panic!("there never are {count} events"));
}

/// A counter's value.
async fn count(app: &TestApp, name: &str, labels: &[&str]) -> u64 {
    let value = metric(app.admin, name, labels).await;
    format!("{value}").parse().expect("a whole number")
}

/// How many events there are of a kind.
async fn events(app: &TestApp, kind: &str) -> u64 {
    count(app, "marquee_activity_events_total", &[&format!("kind=\"{kind}\"")]).await
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
