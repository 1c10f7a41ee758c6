//! The log: its level changes while the service runs, and nobody waits for it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::Stdio,
    thread,
};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::until;
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
    cache::metric,
    client::{Answer, Client},
    process::{Process, marquee},
};

on_sqlite! {
    the_level_changes_without_a_restart,
    a_bad_level_changes_nothing_and_is_told_the_rule,
    without_a_log_there_is_no_level,
    a_reader_of_the_log_that_is_stuck_holds_up_nobody,
    what_was_logged_last_is_there_after_the_end,
}

async fn put(admin: Client, level: &'static str) -> Answer {
    admin.request(Method::PUT, "/log-level").body(level).send().await
}

async fn the_level_changes_without_a_restart(database: Database) {
    let flags = ["--bundled-catalogue=skip", "--access-log-sample=0"];
    let mut process = Process::serve(&database, &flags).await;
    let level = process.admin.get("/log-level").await.expect(200);
    assert_eq!(level.json(), json!({"level": "info"}));

    let level = put(process.admin, "info,access=debug\n").await.expect(200);
    assert_eq!(level.json(), json!({"level": "info,access=debug"}));
    let told = process.logged("the level of the log was changed").await;
    assert_eq!((&told["level"], &told["new_level"]), (&json!("WARN"), &json!("info,access=debug")));
    for _ in 0..10 {
        process.client.get("/v1/genres").await.expect(200);
    }
    assert_eq!(process.logged("answered").await["outcome"], "load");
    for _ in 0..9 {
        let line = process.logged("answered").await;
        assert_eq!((&line["outcome"], &line["level"]), (&json!("l1"), &json!("DEBUG")));
    }

    put(process.admin, "off").await.expect(200);
    process.client.get("/nowhere").await.expect(404);
    put(process.admin, "warn,access=info").await.expect(200);
    process.client.get("/then").await.expect(404);
    assert_eq!(process.logged("answered").await["path"], "/then");
}

async fn a_bad_level_changes_nothing_and_is_told_the_rule(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    let refused = put(process.admin, "loud").await.expect(422);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("the level must be off, error, warn, info"), "{detail}");
    let level = process.admin.get("/log-level").await.expect(200);
    assert_eq!(level.json(), json!({"level": "info"}));
    let refused = process.admin.request(Method::POST, "/log-level").send().await.expect(405);
    assert_eq!(refused.header("allow"), "GET, HEAD, PUT");
    let long = process.admin.request(Method::PUT, "/log-level").body("x".repeat(5000));
    long.send().await.expect(413);
}

async fn without_a_log_there_is_no_level(app: TestApp) {
    app.admin.get("/log-level").await.expect(404);
}

async fn a_reader_of_the_log_that_is_stuck_holds_up_nobody(database: Database) {
    let usual = [
        "serve",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--log-format=json",
        "--bundled-catalogue=skip",
        "--access-log-sample=1",
        "--database-url",
        &database.url,
    ];
    let mut child = marquee(&usual).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let (mut log, addresses) = spawn_blocking(move || {
        let mut addresses = Vec::new();
        while addresses.len() < 2 {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended");
            let event: Value = serde_json::from_str(&line).unwrap();
            addresses.extend(
                event["address"].as_str().map(|address| address.parse::<SocketAddr>().unwrap()),
            );
        }
        (log, addresses)
    })
    .await
    .unwrap();
    let (admin, client) = (Client::new(addresses[0]), Client::new(addresses[1]));

    // From here on nobody reads: the pipe fills up, and then the queue.
    let path: &'static str = Box::leak(format!("/{}", "x".repeat(8_000)).into_boxed_str());
    let mut asked = 0;
    while metric(admin, "marquee_log_lines_dropped_total", &[]).await < 0.5 {
        for _ in 0..50 {
            client.get(path).await.expect(404);
        }
        asked += 50;
        assert!(asked < 20_000, "nothing is dropped");
    }

    // Somebody reads again: what was kept comes, and how much was not.
    let reading = thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });
    client.get("/v1/genres").await.expect(200);
    let kill = format!("kill -TERM {}", child.id());
    spawn_blocking(move || {
        std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        child.wait().unwrap()
    })
    .await
    .unwrap();
    let text = spawn_blocking(move || reading.join().unwrap().unwrap()).await.unwrap();
    assert!(text.contains("lines of the log were dropped"));
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "a line is torn");
}

async fn what_was_logged_last_is_there_after_the_end(database: Database) {
    let mut process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    until(process.admin, "marquee_runtime_workers", &[], |n| n > 0.5).await;
    process.signal("TERM");
    process.logged("ended; every request was answered").await;
    assert_eq!(process.end().await.code(), Some(0));
}
