//! What is said of limits, and what refusals look like.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use crate::{
    app::TestApp,
    backend::{Backend, Database},
    client::Answer,
};

async fn app(rules: &str) -> TestApp {
    let database = Database::new(Backend::Sqlite).await;
    TestApp::start(database, &[&format!("--rate-limit={rules}")]).await
}

fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

#[tokio::test]
async fn every_answer_says_how_its_client_stands() {
    let app = app("read=9/1s,100/1h; write=4/1h").await;
    let policy = "\"read\";q=9;w=1, \"read-1h\";q=100;w=3600";
    let miss = app.get("/v1/movies").await.expect(200);
    assert_eq!(told(&miss), (policy, "\"read\";r=8;t=1"));
    for left in [7, 6] {
        let hit = app.get("/v1/movies").await.expect(200);
        assert!(hit.header("cache-status").contains("hit"));
        assert_eq!(told(&hit), (policy, &*format!("\"read\";r={left};t=1")));
    }
    for left in [5, 4] {
        let asked = app.request(Method::GET, "/v1/movies");
        let same = asked.header("if-none-match", miss.header("etag")).send().await.expect(304);
        assert_eq!(told(&same), (policy, &*format!("\"read\";r={left};t=1")));
    }
    let missing = app.get("/v1/movies/1").await.expect(404);
    assert_eq!(told(&missing), (policy, "\"read\";r=3;t=1"));
    let bad = app.get("/v1/movies?bad=1").await.expect(400);
    assert_eq!(told(&bad), (policy, "\"read\";r=2;t=1"));
    let head = app.request(Method::HEAD, "/v1/genres").send().await.expect(200);
    assert_eq!(told(&head), (policy, "\"read\";r=1;t=1"));
    let created = app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    assert_eq!(told(&created), ("\"write\";q=4;w=3600", "\"write\";r=3;t=900"));
}

#[tokio::test]
async fn a_refusal_is_a_problem_that_says_when_to_come_again() {
    let app = app("read=2/1s,3/1m").await;
    app.get("/v1/movies").await.expect(200);
    app.get("/v1/movies").await.expect(200);
    for path in ["/v1/movies", "/v1/genres", "/v1/movies?bad=1"] {
        let refused = app.get(path).await.expect(429);
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.header("cache-control"), "no-store");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.header("ratelimit"), "\"read\";r=0;t=1");
        let problem = refused.json();
        assert_eq!(problem["type"], "/problems/rate-limited");
        assert_eq!(problem["status"], 429);
        assert_eq!(problem["instance"], refused.header("x-request-id"));
    }
    app.clock.advance(Duration::from_secs(2));
    app.get("/v1/movies").await.expect(200);
    let refused = app.get("/v1/movies").await.expect(429);
    assert_eq!(refused.header("retry-after"), "18", "the minute is used up");
    assert!(refused.header("ratelimit").starts_with("\"read-1m\";r=0;t="));
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
}

#[tokio::test]
async fn exports_count_as_what_costs_more() {
    let app = app("search=1/1h").await;
    let export = app.get("/v1/export").await.expect(200);
    assert_eq!(export.header("ratelimit"), "\"search\";r=0;t=3600");
    app.get("/v1/export").await.expect(429);
    app.get("/v1/movies").await.expect(200);
}

#[tokio::test]
async fn off_is_off() {
    let app = app("off").await;
    for _ in 0..500 {
        let answer = app.get("/v1/movies").await.expect(200);
        assert_eq!(told(&answer), ("", ""));
    }
}
