//! How connections end: slow and idle clients, full listeners, old connections, the end of the service.

use std::time::Duration;

use marquee::http::server::Drained;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::wire::{GOOD, answer, closed, metric, reached, rest, sent};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    a_client_that_drips_its_head_is_told_that_it_is_late,
    a_connection_that_is_idle_ends,
    a_full_listener_sends_away_who_waits_longest,
    a_client_that_takes_nothing_of_its_answer_is_cut_off,
    an_old_connection_ends_with_an_answer_that_says_so,
    a_connection_has_so_many_requests,
    idle_half_sent_and_busy_connections_end_with_the_service,
    every_connection_is_counted,
}

async fn a_client_that_drips_its_head_is_told_that_it_is_late(database: Database) {
    let app = TestApp::start(database, &["--header-timeout=200ms"]).await;
    let mut stream = sent(app.address(), "GET / HTTP/1.1\r\nHost: x\r\n").await;
    let (mut reading, mut writing) = stream.split();
    let dripping = async {
        while writing.write_all(b"A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answers = tokio::select! {
        answers = rest(&mut reading) => answers,
        () = dripping => String::new(), // reset at once: the count tells
    };
    assert!(answers.is_empty() || answers.starts_with("HTTP/1.1 408 "), "{answers}");
    closed(&app, "head_timeout", 1.0).await;
}

async fn a_connection_that_is_idle_ends(database: Database) {
    let app = TestApp::start(database, &["--idle-timeout=200ms"]).await;
    let mut stream = sent(app.address(), GOOD).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(rest(&mut stream).await, "");
    closed(&app, "idle", 1.0).await;
}

async fn a_full_listener_sends_away_who_waits_longest(database: Database) {
    let app = TestApp::start(database, &["--max-connections=20"]).await;
    let mut waiting = Vec::new();
    for number in 0..60 {
        let bytes = if number % 2 == 0 { "" } else { "GET / HTTP/1.1\r\nHo" };
        waiting.push(sent(app.address(), bytes).await);
    }
    for _ in 0..5 {
        let mut good = sent(app.address(), GOOD).await;
        assert!(answer(&mut good).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(metric(app.admin, "marquee_http_connections{listener=\"public\"}").await <= 20.0);
    closed(&app, "evicted", 40.0).await;
}

async fn a_client_that_takes_nothing_of_its_answer_is_cut_off(database: Database) {
    let app = TestApp::start(database, &["--write-timeout=300ms"]).await;
    let movie = |number: usize| json!({"op": "create", "movie": {"title": format!("{number} {}", "x".repeat(400))}});
    for _ in 0..2 {
        let operations: Vec<_> = (0..500).map(movie).collect();
        app.post("/v1/movies/batch", &json!({"operations": operations})).await.expect(207);
    }
    // More answers than the buffers of both systems have room for.
    let list = "GET /v1/movies?limit=500 HTTP/1.1\r\nHost: x\r\n\r\n";
    let _deaf = sent(app.address(), list.repeat(60)).await;
    closed(&app, "stalled", 1.0).await;
}

async fn an_old_connection_ends_with_an_answer_that_says_so(database: Database) {
    let flags = ["--max-connection-age=300ms", "--idle-timeout=2s"];
    let app = TestApp::start(database, &flags).await;
    // It may be idle at that moment; then it ends between two requests.
    let mut stream = sent(app.address(), "").await;
    let mut answers = String::new();
    while stream.write_all(GOOD.as_bytes()).await.is_ok() {
        let mut some = vec![0; 8192];
        match stream.read(&mut some).await {
            Ok(count) if count > 0 => answers = String::from_utf8_lossy(&some).into_owned(),
            _ => break,
        }
        if answers.contains("\r\nconnection: close\r\n") {
            assert_eq!(rest(&mut stream).await, "");
            break;
        }
    }
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
    closed(&app, "age", 1.0).await;
}

async fn a_connection_has_so_many_requests(database: Database) {
    let app = TestApp::start(database, &["--max-requests-per-connection=3"]).await;
    let answers = rest(&mut sent(app.address(), GOOD.repeat(5)).await).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert_eq!(answers.matches("\r\nconnection: close\r\n").count(), 1, "{answers}");
    closed(&app, "requests", 1.0).await;
}

async fn idle_half_sent_and_busy_connections_end_with_the_service(database: Database) {
    let app = TestApp::start(database, &["--drain-deadline=1m"]).await;
    let mut idle = sent(app.address(), GOOD).await;
    answer(&mut idle).await;
    let (start, end) = GOOD.split_at(30);
    let mut half_sent = sent(app.address(), start).await;
    let body = r#"{"title":"M"}"#;
    let head = format!(
        "POST /v1/movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut busy = sent(app.address(), head).await;
    assert!(answer(&mut busy).await.starts_with("HTTP/1.1 100 "));
    reached(&app, "marquee_http_connections_accepted_total{listener=\"public\"}", 3.0).await;

    let address = app.address();
    let clients = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(rest(&mut idle).await, "");
        half_sent.write_all(end.as_bytes()).await.unwrap();
        busy.write_all(body.as_bytes()).await.unwrap();
        (rest(&mut half_sent).await, rest(&mut busy).await)
    };
    let TestApp { app, .. } = app;
    let (drained, (half_sent, busy)) = tokio::join!(app.stop(), clients);
    assert_eq!(drained, Drained::Clean);
    assert!(half_sent.starts_with("HTTP/1.1 200 "), "{half_sent}");
    assert!(busy.starts_with("HTTP/1.1 201 "), "{busy}");
    for answer in [half_sent, busy] {
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

async fn every_connection_is_counted(app: TestApp) {
    let open = "marquee_http_connections{listener=\"public\"}";
    let mut stream = sent(app.address(), GOOD).await;
    answer(&mut stream).await;
    reached(&app, open, 1.0).await;
    drop(stream);
    closed(&app, "client", 1.0).await;
    assert!(metric(app.admin, open).await.abs() < 0.5);
    rest(&mut sent(app.address(), "nonsense\r\n\r\n").await).await;
    closed(&app, "protocol", 1.0).await;
}
