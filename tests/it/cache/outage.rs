//! A database that is not reached: marked answers, and then none.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::{is_hit, metric, status};
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_backend},
    fault_proxy::{FaultProxy, Link},
};

on_backend! {
    mariadb MariaDb:
    answers_are_marked_after_the_bound_and_there_are_none_after_the_cap
    a_list_that_the_index_made_is_marked_too
    a_list_that_the_database_does_not_answer_in_time_the_index_answers
}

/// A proxy before a database, and the setting that leads through it.
async fn through_proxy(database: &Database) -> (FaultProxy, String) {
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let (user, target) = server.rsplit_once('@').unwrap();
    let proxy = FaultProxy::new(target.parse().unwrap()).await;
    let url = format!("--database-url={user}@{}/{name}", proxy.address);
    (proxy, url)
}

async fn answers_are_marked_after_the_bound_and_there_are_none_after_the_cap(database: Database) {
    let (proxy, url) = through_proxy(&database).await;
    let flags = [url.as_str(), "--database-acquire-timeout=300ms", "--staleness-cap=10s"];
    let app = TestApp::start(Database::new(Backend::Sqlite).await, &flags).await;
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    for _ in 0..2 {
        app.get("/v1/movies").await.expect(200);
    }
    proxy.set(Link::Cut);
    app.clock.advance(Duration::from_millis(1001));
    let marked = app.get("/v1/movies").await.expect(200);
    assert!(status(&marked).ends_with("; detail=unverified"), "{}", status(&marked));
    assert_eq!(marked.header("age"), "1");
    let stale = metric(app.admin, "marquee_cache_stale_answers_total", &["list_movies"]).await;
    assert!((stale - 1.0).abs() < 0.1, "{stale}");
    app.clock.advance(Duration::from_secs(10));
    let none = app.get("/v1/movies").await.expect(503);
    assert_eq!(none.header("retry-after"), "1");
    proxy.set(Link::Up);
    while app.get("/v1/movies").await.status != 200 {
        tokio::task::yield_now().await;
    }
    is_hit(&app.get("/v1/movies").await);
}

/// The index is as of when it last followed: what is made from it is no newer than what is kept.
async fn a_list_that_the_index_made_is_marked_too(database: Database) {
    let (proxy, url) = through_proxy(&database).await;
    let flags = [url.as_str(), "--database-acquire-timeout=300ms", "--index=on"];
    let app = TestApp::start(Database::new(Backend::Sqlite).await, &flags).await;
    let mut revision = String::new();
    for n in 0..3 {
        let movie = json!({"title": n.to_string(), "genres": ["Drama", "War"]});
        let written = app.post("/v1/movies", &movie).await.expect(201);
        written.header("catalog-revision").clone_into(&mut revision);
    }
    loop {
        let asked = app.request(Method::GET, "/v1/search?q=1");
        if asked.header("min-catalog-revision", &revision).send().await.status == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let target = |limit: u32| format!("/v1/movies?genre=drama,war&limit={limit}");
    let made = app.get(&target(60)).await.expect(200);
    assert!(!status(&made).contains("unverified"), "{}", status(&made));
    let by_index = || metric(app.admin, "marquee_list_loads_total", &["source=\"index\""]);
    let before = by_index().await;
    proxy.set(Link::Cut);
    app.clock.advance(Duration::from_millis(1001));
    let made = app.get(&target(61)).await.expect(200);
    assert!(status(&made).contains("fwd=uri-miss"), "{}", status(&made));
    assert!(status(&made).ends_with("; detail=unverified"), "{}", status(&made));
    assert!(by_index().await > before);
}

async fn a_list_that_the_database_does_not_answer_in_time_the_index_answers(database: Database) {
    let (proxy, url) = through_proxy(&database).await;
    let flags = [url.as_str(), "--database-statement-timeout=300ms", "--index=on", "--l1-bytes=0"];
    let app = TestApp::start(Database::new(Backend::Sqlite).await, &flags).await;
    let movie = json!({"title": "Ran", "genres": ["Drama", "War"]});
    let written = app.post("/v1/movies", &movie).await.expect(201);
    let revision = written.header("catalog-revision");
    loop {
        let asked = app.request(Method::GET, "/v1/search?q=ran");
        if asked.header("min-catalog-revision", revision).send().await.status == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
    app.get("/v1/movies").await.expect(200); // a connection is there
    let reads = || metric(app.admin, "marquee_database_statement_seconds_count", &["\"read\""]);
    let before = reads().await;
    proxy.set(Link::Blackhole);
    // The index answers, and the database is tried now and then: the one that waits for it has its answer, too.
    let mut asked = 0;
    while reads().await <= before {
        let list = app.get("/v1/movies?genre=drama,war").await.expect(200);
        assert_eq!(list.json()["data"][0]["title"], "Ran");
        asked += 1;
        assert!(asked < 10_000, "the database is never tried");
    }
}
