//! The end: requests in flight are answered, and nobody waits for ever.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Process;
use crate::{
    backend::{Database, on_sqlite},
    client::Client,
};

on_sqlite! {
    a_request_in_flight_is_answered_before_the_end,
    a_service_that_ends_is_live_but_not_ready,
    a_second_signal_ends_at_once,
    the_drain_deadline_ends_what_does_not_end_by_itself,
    an_idle_connection_does_not_hold_up_the_end,
}

const BODY: &str = r#"{"title":"Sunset Boulevard","year":1950}"#;

async fn served(database: &Database, flags: &[&str]) -> Process {
    let flags: Vec<&str> = flags.iter().copied().chain(["--bundled-catalogue=skip"]).collect();
    Process::serve(database, &flags).await
}

/// Sends a request but for the end of its body, and waits until the server has read that much.
async fn half_sent(client: Client) -> TcpStream {
    let mut stream = client.connect().await;
    let (length, start) = (BODY.len(), &BODY[..10]);
    let head = format!(
        "POST /v1/movies HTTP/1.1\r\nHost: marquee\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&interim));
    stream.write_all(start.as_bytes()).await.unwrap();
    stream
}

async fn a_request_in_flight_is_answered_before_the_end(database: Database) {
    let mut process = served(&database, &[]).await;
    let mut stream = half_sent(process.client).await;
    process.signal("TERM");
    process.logged("told to end; another signal ends at once").await;
    refuses_clients(process.client).await;

    stream.write_all(&BODY.as_bytes()[10..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains(r#""title":"Sunset Boulevard""#) && answer.ends_with('}'), "{answer}");
    assert_eq!(process.end().await.code(), Some(0));
    assert_eq!(database.integers("SELECT COUNT(*) FROM movies").await, [[1]]);
}

async fn a_service_that_ends_is_live_but_not_ready(database: Database) {
    let mut process = served(&database, &[]).await;
    let stream = half_sent(process.client).await;
    process.signal("INT");
    process.logged("told to end; another signal ends at once").await;
    refuses_clients(process.client).await;
    process.admin.get("/readyz").await.expect(503);
    process.admin.get("/livez").await.expect(200);
    drop(stream);
    assert_eq!(process.end().await.code(), Some(0));
}

async fn a_second_signal_ends_at_once(database: Database) {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut process = served(&database, &["--drain-deadline=1h"]).await;
        let _stream = half_sent(process.client).await;
        process.signal("TERM");
        process.logged("told to end; another signal ends at once").await;
        process.signal(signal);
        assert_eq!(process.end().await.code(), Some(code), "{signal}");
    }
}

async fn the_drain_deadline_ends_what_does_not_end_by_itself(database: Database) {
    let mut process = served(&database, &["--drain-deadline=10ms"]).await;
    let _stream = half_sent(process.client).await;
    process.signal("TERM");
    let event = process.logged("ended at the deadline, cutting off connections").await;
    assert_eq!(event["connections"], 1);
    assert_eq!(process.end().await.code(), Some(0));
}

async fn an_idle_connection_does_not_hold_up_the_end(database: Database) {
    let mut process = served(&database, &["--drain-deadline=1h"]).await;
    let _idle = process.client.connect().await;
    process.client.get("/v1/genres").await.expect(200);
    process.signal("TERM");
    process.logged("ended; every request was answered").await;
    assert_eq!(process.end().await.code(), Some(0));
}

/// Waits until the listener is gone.
async fn refuses_clients(client: Client) {
    while TcpStream::connect(client.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
