//! Models and what is recommended by them: trained once, taken by every replica, and never without an answer.

mod commands;
mod models;
mod recommendations;
mod search;
mod similar;
mod training;

use std::{sync::Arc, time::Duration};

use hyper::Method;
use marquee::{
    domain::{
        activity::{Interaction, Signal, UserId},
        api_key::Role,
        clock::{Clock, Moment},
        model::ModelVersion,
        movie::MovieId,
    },
    learn::parameters::Stop,
    service::training::{Made, Options, Priority, TrainError, Trainer},
    store::{self, ActivityBatch, EventKey, Recorded, Store, WriterId},
};
use serde_json::{Value, json};

use crate::{
    app::TestApp,
    backend::{Backend, Database, Fixture, begin},
    client::{Answer, Asked, Client},
};

/// Films of the ring: whoever watches one watches the next.
const RING: i64 = 30;
/// Users who go round it.
const USERS: i64 = 60;
/// Films that each of them watched.
const STEPS: i64 = 8;

/// A database with a ring of films, whoever watched them, and a service on it.
struct Ring {
    app: TestApp,
    store: Arc<Store>,
    /// Of a key that readers have.
    reader: String,
    /// Of one that administrators have.
    admin: String,
}

impl Fixture for Ring {
    async fn on(backend: Backend) -> Self {
        Self::start(Database::new(backend).await, &[]).await
    }
}

impl Ring {
    async fn start(database: Database, flags: &[&str]) -> Self {
        let store = open(&database, begin()).await;
        let reader = key(&store, Role::Reader).await;
        let admin = key(&store, Role::Admin).await;
        let flags = [&["--poll-interval=100ms", "--train-every=0s"], flags].concat();
        let app = TestApp::start(database, &flags).await;
        let ring = Self { app, store, reader, admin };
        ring.films().await;
        walk(&ring.store, USERS).await;
        ring
    }

    /// The films: numbers 1 to 30, each with the director of ten of them.
    async fn films(&self) {
        let films = (1..=RING).map(|n| {
            json!({"op": "create", "movie": {
                "title": format!("Film {n}"),
                "year": 1990 + n % 10,
                "directors": [format!("Director {}", n / 10)],
                "genres": [if n % 2 == 0 { "Drama" } else { "Comedy" }],
                "popularity": 100 - n,
            }})
        });
        let body = json!({"operations": films.collect::<Vec<_>>()});
        let asked = self.app.request(Method::POST, "/v1/movies/batch").json(&body);
        by(asked, &self.admin).send().await.expect(207);
    }

    /// Asks for a user, as a caller with a key does.
    async fn get_for(&self, user: &str, target: &str) -> Answer {
        let asked = self.app.request(Method::GET, target).header("x-user-id", user);
        by(asked, &self.reader).send().await
    }

    /// Says what a user did.
    async fn say(&self, user: &str, movie: i64, signal: &str) {
        let body = json!({"movie": movie, "signal": signal, "user": user});
        let asked = self.app.request(Method::POST, "/v1/interactions").json(&body);
        by(asked, &self.reader).send().await.expect(202);
    }

    /// Trains a model, and waits until the service has it.
    async fn trained(&self) -> ModelVersion {
        let version = train(&self.store, &begin()).await.1;
        until_in_force(self.app.admin, version).await;
        version
    }
}

/// A request by whoever has a key.
fn by(asked: Asked, secret: &str) -> Asked {
    asked.header("authorization", &format!("Bearer {secret}"))
}

/// A database as commands open it.
async fn open(database: &Database, clock: Clock) -> Arc<Store> {
    let options = store::Options {
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

async fn key(store: &Store, role: Role) -> String {
    let (key, secret) = crate::keys::key(role);
    store.create_key(&key).await.expect("a stored key");
    secret
}

/// Stores that so many users went round the ring, each from another place.
async fn walk(store: &Store, users: i64) {
    let rows = (0..users).flat_map(|user| {
        (0..STEPS).map(move |step| {
            did(
                &format!("u{user:02}"),
                1 + (user * 7 + step) % RING,
                Signal::Watched,
                user * STEPS + step,
            )
        })
    });
    store_all(store, rows.collect()).await;
}

/// What a user did with a movie, so many minutes after the day before the clocks of tests begin.
fn did(user: &str, movie: i64, signal: Signal, minute: i64) -> Interaction {
    let day = 24 * 3_600_000;
    Interaction {
        user: user.parse::<UserId>().expect("a pseudonym"),
        movie: MovieId::new(movie).expect("an id"),
        signal,
        at: Moment::from_unix_ms(begin().now().unix_ms() - day + minute * 60_000),
    }
}

async fn store_all(store: &Store, interactions: Vec<Interaction>) {
    let recorded = interactions.into_iter().map(|interaction| {
        let parts = [
            interaction.user.as_str().to_owned(),
            interaction.movie.to_string(),
            interaction.at.unix_ms().to_string(),
        ];
        let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        let event = EventKey::of(&parts);
        Recorded { interaction, event, erasures: u64::MAX >> 1, interest: None }
    });
    let batch = ActivityBatch {
        writer: WriterId::random().expect("random numbers"),
        number: 1,
        views: Vec::new(),
        collections: Vec::new(),
        searches: Vec::new(),
        opened: Vec::new(),
        interactions: recorded.collect(),
    };
    store.store_activity(&batch).await.expect("they are stored");
}

const OPTIONS: Options =
    Options { memory_bytes: 64 << 20, model_bytes_max: 16 << 20, threads: 1, keep: 3 };

/// Learns from what is stored.
async fn learn(store: &Arc<Store>, clock: &Clock) -> Result<Made, TrainError> {
    let trainer = Trainer::new(Arc::clone(store), clock.clone(), OPTIONS);
    let material = trainer.material().await.expect("what is learnt from");
    trainer.learn(material, Priority::Usual, Stop::default(), || {}).await
}

/// Learns, and puts what was learnt in use.
async fn train(store: &Arc<Store>, clock: &Clock) -> (Made, ModelVersion) {
    let made = learn(store, clock).await.expect("a model");
    let version = store.publish_model(&made.model, &made.bytes, OPTIONS.keep, &made.of).await;
    (made, version.expect("it is kept").expect("nobody was erased"))
}

/// Waits until a replica has a model in force.
async fn until_in_force(admin: Client, version: ModelVersion) {
    while in_force(admin).await != json!(version.get()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The version in force on a replica.
async fn in_force(admin: Client) -> Value {
    admin.get("/status").await.expect(200).json()["models"]["version"].clone()
}

/// The ids of an answer's rows.
fn ids(answer: &Answer) -> Vec<i64> {
    let answer = answer.json();
    let rows = answer["data"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

/// One member of each row.
fn each(answer: &Answer, member: &str) -> Vec<Value> {
    let answer = answer.json();
    let rows = answer["data"].as_array().expect("rows");
    rows.iter().map(|row| row[member].clone()).collect()
}
