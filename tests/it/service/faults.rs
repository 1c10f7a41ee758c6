//! A catalogue that cannot be reached: clients hear so soon, and it is over when the fault is.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{
    app::TestApp,
    backend::{Backend, Database, on_sqlite},
    client::{Answer, Client},
    fault_proxy::Link,
};

on_sqlite! { a_file_that_another_process_keeps_locked_is_read_and_soon_refuses_writes }

/// Far below what ten attempts would take, each of which waits for the lock.
const SOON: Duration = Duration::from_secs(15);

/// More than the cap on marked answers.
const CAP: Duration = Duration::from_secs(301);

fn movie() -> serde_json::Value {
    json!({"title": "Ran", "genres": ["Drama"]})
}

#[track_caller]
fn is_unavailable(answer: Answer) {
    let answer = answer.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["type"], "/problems/unavailable");
    let text = answer.text().to_lowercase();
    for word in ["sql", "database", "lock", "pool", "/tmp", "127.0.0.1"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

async fn a_file_that_another_process_keeps_locked_is_read_and_soon_refuses_writes(app: TestApp) {
    let mut other = SqliteConnection::connect(&app.database.url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    let movie = movie();
    let (one, two) = tokio::join!(app.post("/v1/movies", &movie), app.post("/v1/movies", &movie));
    is_unavailable(one);
    is_unavailable(two);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    app.get("/v1/movies").await.expect(200);
    other.execute("ROLLBACK").await.unwrap();
    app.post("/v1/movies", &movie).await.expect(201);
    assert_eq!(app.database.integers("SELECT COUNT(*) FROM movies").await, [[1]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_what_is_kept_is_answered_and_the_rest_is_503_until_it_is_back() {
    let database = Database::new(Backend::MariaDb).await;
    let (proxy, url) = database.behind_a_proxy().await;
    let flags =
        [url.as_str(), "--database-acquire-timeout=500ms", "--database-statement-timeout=500ms"];
    let app = TestApp::start(Database::new(Backend::Sqlite).await, &flags).await;
    let id = app.post("/v1/movies", &movie()).await.expect(201).json()["id"].clone();
    let item = format!("/v1/movies/{id}");
    app.get(&item).await.expect(200);
    for (round, fault) in [Link::Cut, Link::Blackhole].into_iter().enumerate() {
        proxy.set(fault);
        let list = format!("/v1/movies?limit={}", round + 1);
        let (absent, page) =
            (format!("/v1/movies/999{round}"), format!("/search?cursor={}", round + 1));
        for target in [&list, &absent, "/v1/changes?since=0", "/v1/export", &page] {
            is_unavailable(app.get(target).await);
        }
        app.get(&item).await.expect(200);
        is_unavailable(app.post("/v1/movies", &movie()).await);
        is_unavailable(app.post("/movie", &compat_movie()).await);
        is_unavailable(app.request(Method::DELETE, &item).send().await);
        app.admin.get("/readyz").await.expect(200);
        app.clock.advance(CAP);
        is_unavailable(app.get(&item).await);
        app.admin.get("/readyz").await.expect(503);
        app.admin.get("/livez").await.expect(200);
        proxy.set(Link::Up);
        until_ready(app.admin).await;
        app.get(&item).await.expect(200);
    }
    assert_eq!(database.integers("SELECT COUNT(*) FROM movies").await, [[1]]);
}

fn compat_movie() -> serde_json::Value {
    json!({"name": "Ran", "director": "Kurosawa", "year": 1985, "rank": 8.2, "genre": ["Drama"]})
}

async fn until_ready(admin: Client) {
    while admin.get("/readyz").await.status != 200 {
        tokio::task::yield_now().await;
    }
}
