//! Connections: what is no request, and the end of the service.

use marquee::http::server::Drained;
use serde_json::json;

use crate::{app::TestApp, backend::on_sqlite};

on_sqlite! {
    bytes_that_are_no_http_are_refused,
    a_stopped_service_has_written_what_it_acknowledged,
}

async fn bytes_that_are_no_http_are_refused(app: TestApp) {
    let answer = app.raw(b"\x16\x03\x01 is no HTTP\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

async fn a_stopped_service_has_written_what_it_acknowledged(app: TestApp) {
    app.post("/v1/movies", &json!({"title": "M"})).await.expect(201);
    assert_eq!(app.app.stop().await, Drained::Clean);
    assert_eq!(app.database.integers("SELECT COUNT(*) FROM movies").await, [[1]]);
}
