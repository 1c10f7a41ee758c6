//! Two replicas of one database, and a database that changes by other means.

use hyper::Method;
use serde_json::json;

use super::is_hit;
use crate::{
    app::TestApp,
    backend::{Backend, Database, hold, on_every_backend},
    client::Answer,
};

on_every_backend! {
    another_replica_includes_a_write_that_its_reader_asks_for,
    another_replica_hears_of_a_write_by_its_poll,
    a_revision_that_there_is_not_is_not_waited_for_without_end,
    a_bump_drops_everything,
    a_restored_database_drops_everything,
    a_name_of_two_lines_is_one_name_in_redis,
    a_crowd_on_three_replicas_costs_the_database_one_load,
}

/// A second replica of the same database.
async fn beside(app: &TestApp) -> TestApp {
    TestApp::start(app.database.same(), &["--poll-interval=100ms"]).await
}

async fn at_least(app: &TestApp, target: &str, revision: &str) -> Answer {
    app.request(Method::GET, target).header("min-catalog-revision", revision).send().await
}

async fn another_replica_includes_a_write_that_its_reader_asks_for(one: TestApp) {
    let other = beside(&one).await;
    for n in 1..30 {
        let shapes = ["/v1/movies?genre=drama", "/v1/genres", "/v1/changes?since=0", "/search"];
        for shape in shapes {
            other.get(shape).await.expect(200);
        }
        let movie = json!({"title": format!("{n}"), "genres": ["Drama"]});
        let revision = one.post("/v1/movies", &movie).await.expect(201);
        let revision = revision.header("catalog-revision");
        for shape in shapes {
            let answer = at_least(&other, shape, revision).await.expect(200);
            assert_eq!(answer.header("catalog-revision"), revision);
            assert!(answer.text().contains(&format!("{n}")), "{shape} {revision}");
        }
    }
}

async fn another_replica_hears_of_a_write_by_its_poll(one: TestApp) {
    let other = beside(&one).await;
    other.get("/v1/movies").await.expect(200);
    one.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    while !other.get("/v1/movies").await.expect(200).text().contains("\"title\":\"a\"") {
        tokio::task::yield_now().await;
    }
}

/// Else what an entry depends on would be read as something else that nobody touches.
async fn a_name_of_two_lines_is_one_name_in_redis(database: Database) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", crate::redis::prefix());
    let app = TestApp::start(database, &[&redis, &prefix, "--l1-bytes=0"]).await;
    for n in 1..=3 {
        let movie = json!({"title": "a", "genres": ["war\nv"]});
        app.post("/v1/movies", &movie).await.expect(201);
        loop {
            let list = app.get("/v1/movies?genre=war%0Av&sort=title").await.expect(200);
            assert_eq!(list.json()["page"]["total"], n);
            if super::status(&list).starts_with("marquee-l2; hit") {
                break;
            }
        }
    }
}

async fn a_crowd_on_three_replicas_costs_the_database_one_load(database: Database) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", crate::redis::prefix());
    // Far beyond what a busy machine needs: what is told here is who loads, not how fast.
    let flags = [&redis, &prefix, "--redis-deadline=5s", "--redis-fill-wait=5s"];
    let mut apps = Vec::new();
    for _ in 0..3 {
        apps.push(TestApp::start(database.same(), &flags).await);
    }
    let movie = json!({"title": "a", "genres": ["War"]});
    let revision = apps[0].post("/v1/movies", &movie).await.expect(201);
    let revision = revision.header("catalog-revision").to_owned();
    for app in &apps {
        at_least(app, "/v1/genres", &revision).await.expect(200);
    }
    for target in ["/v1/movies?genre=war", "/v1/movies/1", "/v1/movies/99", "/search"] {
        let tasks = tokio_util::task::TaskTracker::new();
        let asked: Vec<_> = (0..300)
            .map(|n| {
                let client = *apps[n % 3];
                tasks.spawn(async move { client.get(target).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for asked in asked {
            statuses.push(asked.await.unwrap());
        }
        statuses.dedup();
        assert_eq!(statuses.len(), 1, "{target}: {statuses:?}");
    }
    let mut loads = 0.0;
    for app in &apps {
        loads += super::metric(app.admin, "marquee_cache_load_seconds_count", &[]).await;
    }
    // One for each address, and what asking for genres took.
    let genres = loads_of_genres(&apps).await;
    assert!((loads - genres - 4.0).abs() < 0.1, "{loads}, of which {genres} of genres");
}

async fn loads_of_genres(apps: &[TestApp]) -> f64 {
    let mut loads = 0.0;
    for app in apps {
        let of = ["list_genres", "source=\"load\""];
        loads += super::metric(app.admin, "marquee_cache_answers_total", &of).await;
    }
    loads
}

async fn a_revision_that_there_is_not_is_not_waited_for_without_end(app: TestApp) {
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    for shape in ["/v1/movies", "/v1/changes?since=0", "/v1/export"] {
        let answer = at_least(&app, shape, "1000000").await.expect(503);
        assert_eq!(answer.header("retry-after"), "1");
        at_least(&app, shape, "1").await.expect(200);
    }
    // Polls have told that there is no such revision: to load for it would only cost.
    let failures = super::metric(app.admin, "marquee_cache_load_failures_total", &[]).await;
    assert!(failures < 0.1, "{failures}");
    for bad in ["", "-1", "1.5", "one", "99999999999999999999"] {
        let answer = at_least(&app, "/v1/movies", bad).await.expect(400);
        assert!(answer.text().contains("Min-Catalog-Revision"), "{}", answer.text());
    }
}

async fn until(app: &TestApp, target: &str, text: &str) {
    while !app.get(target).await.text().contains(text) {
        tokio::task::yield_now().await;
    }
}

async fn a_bump_drops_everything(app: TestApp) {
    app.post("/v1/movies", &json!({"title": "before"})).await.expect(201);
    let shapes = ["/v1/movies", "/v1/movies/1", "/v1/movies?ids=1"];
    for shape in shapes {
        app.get(shape).await.expect(200);
    }
    app.database.edit(&["UPDATE movies SET title = 'after' WHERE id = 1".to_owned()]).await;
    is_hit(&app.get("/v1/movies/1").await);
    // As `marquee bump` does in one transaction: a poll between the two must not move on without the first.
    let edits = [
        "INSERT INTO catalog_revisions (scope, revision) VALUES ('!', 2)",
        "UPDATE catalog_revisions SET revision = revision + 1 WHERE scope = '*'",
    ];
    app.database.edit(&edits.map(str::to_owned)).await;
    for shape in shapes {
        until(&app, shape, "\"after\"").await;
    }
}

async fn a_restored_database_drops_everything(app: TestApp) {
    for n in 0..5 {
        app.post("/v1/movies", &json!({"title": format!("lost {n}")})).await.expect(201);
    }
    app.get("/v1/movies/5").await.expect(200);
    let epoch = app.admin.get("/status").await.json()["cache"]["epoch"].clone();
    let edits = [
        "DELETE FROM movies WHERE id > 2",
        "DELETE FROM changes WHERE revision > 2",
        "DELETE FROM catalog_revisions WHERE scope IN ('i:3', 'i:4', 'i:5')",
        "UPDATE catalog_revisions SET revision = 2 WHERE scope = '*'",
    ];
    app.database.edit(&edits.map(str::to_owned)).await;
    while app.get("/v1/movies/5").await.status != 404 {
        tokio::task::yield_now().await;
    }
    let page = app.admin.get("/status").await.json();
    assert_eq!((&page["restores"], &page["cache"]["revision"]), (&json!(1), &json!(2)));
    assert_ne!(page["cache"]["epoch"], epoch, "what other replicas kept is not taken for this");
    // It is kept again although what was kept before is of a later revision.
    app.get("/v1/movies/5").await.expect(404);
    is_hit(&app.get("/v1/movies/5").await);
    app.post("/v1/movies", &json!({"title": "new"})).await.expect(201);
    assert_eq!(app.get("/v1/movies/1").await.header("catalog-revision"), "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ahead_of_polls_that_fail_names_no_revision() {
    hold(Backend::Sqlite, is_ahead_of_polls_that_fail).await;
}

async fn is_ahead_of_polls_that_fail(app: TestApp) {
    for _ in 0..2 {
        app.post("/v1/movies", &json!({"title": "one"})).await.expect(201);
    }
    for target in ["/v1/changes?since=0", "/v1/movies/1"] {
        assert_eq!(app.get(target).await.expect(200).header("catalog-revision"), "2");
    }
    // No poll can make sense of this, while readers of the truth do not ask: somebody has written since.
    let edits = [
        "DELETE FROM catalog_state WHERE name = 'api_keys_version'",
        "INSERT INTO catalog_state (name, value) VALUES ('api_keys_version', 'spoilt')",
        "UPDATE catalog_revisions SET revision = 3 WHERE scope = '*'",
        "INSERT INTO changes (revision, movie_id, kind) VALUES (3, 9, 'created')",
    ];
    app.database.edit(&edits.map(str::to_owned)).await;
    let ahead = app.get("/v1/changes?since=1").await.expect(200);
    assert_eq!((&ahead.json()["revision"], ahead.header("catalog-revision")), (&json!(3), ""));
    // Else this one would seem to go back.
    assert_eq!(app.get("/v1/movies/1").await.expect(200).header("catalog-revision"), "2");
}
