//! Reads of what is not kept, when the database does not keep up.

use tokio::task::JoinSet;

use super::{Lock, check_overloaded, figure, movie, start, until};
use crate::{
    app::TestApp,
    backend::{Backend, Database},
    cache::{is_hit, metric},
};

async fn app(flags: &[&str]) -> TestApp {
    start(Database::new(Backend::MariaDb).await, flags).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_go_on_while_misses_beyond_the_limit_are_sent_away() {
    let app = app(&["--overload-limit=3", "--overload-queue-time=20ms"]).await;
    let kept = "/v1/movies?limit=1";
    for _ in 0..2 {
        app.get(kept).await.expect(200);
    }
    let lock = Lock::on(&app.database).await;
    let mut misses = JoinSet::new();
    for n in 0..30 {
        let client = *app;
        misses.spawn(async move { client.get(&format!("/v1/movies?limit={}", n + 10)).await });
    }
    // All but three have their answer while the database does nothing at all.
    for _ in 0..27 {
        check_overloaded(&misses.join_next().await.unwrap().unwrap());
        is_hit(&app.get(kept).await.expect(200));
    }
    assert_eq!(figure(app.admin, "list", "in_flight").await, 3);
    let shed = metric(app.admin, "marquee_overload_shed_total", &["list"]).await;
    assert!((shed - 27.0).abs() < 0.1, "{shed}");
    lock.release().await;
    while let Some(answer) = misses.join_next().await {
        answer.unwrap().expect(200);
    }
    until(app.admin, "list", "in_flight", 0).await;
    assert_eq!(figure(app.admin, "list", "waiting").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_wait_for_a_read_that_is_sent_away_hear_so_and_the_next_may_try_at_once() {
    let app = app(&["--overload-limit=1", "--overload-queue-time=300ms"]).await;
    let lock = Lock::on(&app.database).await;
    let client = *app;
    let mut first = JoinSet::new();
    first.spawn(async move { client.get("/v1/movies?limit=1").await });
    until(app.admin, "list", "in_flight", 1).await;
    let mut same = JoinSet::new();
    for _ in 0..5 {
        same.spawn(async move { client.get("/v1/movies?limit=2").await });
    }
    while let Some(answer) = same.join_next().await {
        check_overloaded(&answer.unwrap());
    }
    lock.release().await;
    app.get("/v1/movies?limit=2").await.expect(200);
    first.join_next().await.unwrap().unwrap().expect(200);
    let failures = metric(app.admin, "marquee_cache_load_failures_total", &[]).await;
    assert!(failures.abs() < 0.1, "it was not begun, so it did not fail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_replicas_keep_is_answered_when_no_miss_gets_in() {
    let redis = crate::redis::shared_url();
    let (url, prefix) = (format!("--redis-url={redis}"), format!("--redis-prefix={}", prefix()));
    let flags = [url.as_str(), &prefix, "--redis-deadline=5s", "--overload-queue-time=10ms"];
    let one = app(&flags).await;
    let limited = [&flags[..], &["--overload-limit=1"]].concat();
    let other = start(one.database.same(), &limited).await;
    one.post("/v1/movies", &movie("Ran")).await.expect(201);
    let target = "/v1/movies?limit=7";
    // Kept for the others a moment after it was answered.
    until_kept(&one, target).await;
    let lock = Lock::on(&one.database).await;
    let client = *other;
    let mut blocked = JoinSet::new();
    blocked.spawn(async move { client.get("/v1/movies?limit=1").await });
    until(other.admin, "list", "in_flight", 1).await;
    check_overloaded(&other.get("/v1/movies?limit=2").await);
    let answer = other.get(target).await.expect(200);
    assert!(answer.header("cache-status").starts_with("marquee-l2; hit"), "{answer:?}");
    lock.release().await;
    blocked.join_next().await.unwrap().unwrap().expect(200);
}

fn prefix() -> String {
    format!("overload:{}", std::process::id())
}

/// Asks a replica until a third one, which has nothing of its own, finds the answer in Redis.
async fn until_kept(app: &TestApp, target: &str) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", prefix());
    let flags = [redis.as_str(), &prefix, "--redis-deadline=5s", "--l1-bytes=0"];
    let reader = start(app.database.same(), &flags).await;
    loop {
        app.get(target).await.expect(200);
        let answer = reader.get(target).await.expect(200);
        if answer.header("cache-status").starts_with("marquee-l2; hit") {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_gate_nobody_is_sent_away() {
    let app = app(&["--overload-limit=off"]).await;
    let lock = Lock::on(&app.database).await;
    let mut misses = JoinSet::new();
    for n in 0..30 {
        let client = *app;
        misses.spawn(async move { client.get(&format!("/v1/movies?limit={}", n + 10)).await });
    }
    let status = app.admin.get("/status").await.expect(200).json();
    assert!(status["overload"].is_null(), "{status}");
    let shed = metric(app.admin, "marquee_overload_shed_total", &[]).await;
    assert!(shed.abs() < 0.1, "the series is there at zero");
    lock.release().await;
    while let Some(answer) = misses.join_next().await {
        answer.unwrap().expect(200);
    }
}
