//! A database that is not reached: marked answers, and then none.

use std::time::Duration;

use serde_json::json;

use super::{is_hit, metric, status};
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_backend},
    fault_proxy::{FaultProxy, Link},
};

on_backend! { mariadb MariaDb: answers_are_marked_after_the_bound_and_there_are_none_after_the_cap }

async fn answers_are_marked_after_the_bound_and_there_are_none_after_the_cap(database: Database) {
    let (server, name) = database.url.rsplit_once('/').unwrap();
    let (user, target) = server.rsplit_once('@').unwrap();
    let proxy = FaultProxy::new(target.parse().unwrap()).await;
    let url = format!("--database-url={user}@{}/{name}", proxy.address);
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
