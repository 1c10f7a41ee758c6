//! Bodies of requests share a bound, and those that crawl in do not keep it.

use std::time::Instant;

use tokio::io::AsyncWriteExt as _;

use super::{HANG, is_overloaded, start};
use crate::backend::{Backend, Database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_for_which_there_is_no_room_is_sent_away_and_room_comes_back() {
    let flags = ["--body-limit=64KiB", "--batch-body-limit=64KiB", "--body-memory=64KiB"];
    let app = start(Database::new(Backend::Sqlite).await, &flags).await;
    let synopsis = "a".repeat(9_000);
    let title = "b".repeat(500);
    let cast = vec!["c".repeat(200); 150];
    let large = serde_json::json!({"title": title, "synopsis": synopsis, "cast": cast});
    app.post("/v1/movies", &large).await.expect(201);

    // Says that it will send as much as there may be, sends less, and stops: what has arrived counts.
    let mut crawling = app.connect().await;
    let head = "POST /v1/movies HTTP/1.1\r\nHost: marquee.test\r\nContent-Type: application/json\r\n\
                Content-Length: 65536\r\n\r\n";
    crawling.write_all(head.as_bytes()).await.unwrap();
    app.post("/v1/movies", &large).await.expect(201);
    crawling.write_all(&vec![b' '; 40_000]).await.unwrap();
    let since = Instant::now();
    loop {
        let answer = app.post("/v1/movies", &large).await;
        if is_overloaded(&answer) {
            break;
        }
        answer.expect(201);
        assert!(since.elapsed() < HANG, "there was always room");
    }
    app.post("/v1/movies", &serde_json::json!({"title": "small"})).await.expect(201);

    drop(crawling);
    while app.post("/v1/movies", &large).await.status != 201 {
        assert!(since.elapsed() < HANG, "room never came back");
        tokio::task::yield_now().await;
    }
}
