//! What is counted of the database.

use serde_json::json;

use super::until;
use crate::{app::TestApp, backend::on_every_backend, cache::metric};

on_every_backend! {
    statements_and_connections_are_counted,
    a_database_that_is_gone_shows_as_failures,
}

async fn statements_and_connections_are_counted(app: TestApp) {
    let seconds = "marquee_database_statement_seconds_count";
    let (reads, writes) =
        (metric(app.admin, seconds, &["read"]).await, metric(app.admin, seconds, &["write"]).await);
    app.post("/v1/movies", &json!({"title": "Stalker"})).await.expect(201);
    app.get("/v1/movies").await.expect(200);
    assert!(metric(app.admin, seconds, &["read"]).await > reads);
    assert!(metric(app.admin, seconds, &["write"]).await > writes + 3.0);
    assert!(metric(app.admin, seconds, &["watch"]).await > 0.5);
    assert!(metric(app.admin, "marquee_database_acquire_seconds_count", &[]).await > 1.5);
    let of = |state: &'static str| async move {
        metric(app.admin, "marquee_database_connections", &[state]).await
    };
    let max = metric(app.admin, "marquee_database_connections_max", &[]).await;
    assert!(max > 7.5, "{max}");
    assert!(of("idle").await + of("in_use").await > 0.5);
    until(app.admin, "marquee_database_connections", &["in_use"], |n| n < 0.5).await;
    assert!(metric(app.admin, "marquee_database_errors_total", &[]).await < 0.5);
}

async fn a_database_that_is_gone_shows_as_failures(app: TestApp) {
    app.get("/v1/movies").await.expect(200);
    let drop_it = ["DROP TABLE changes".to_owned()];
    app.database.edit(&drop_it).await;
    app.get("/v1/changes?since=0").await.expect(500);
    let refused = metric(app.admin, "marquee_database_errors_total", &["refused"]).await;
    assert!(refused > 0.5, "{refused}");
    let answers = ["list_changes", "500"];
    let failed = metric(app.admin, "marquee_http_requests_total", &answers).await;
    assert!((failed - 1.0).abs() < 0.1, "{failed}");
}
