//! The access log of the program itself.

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    backend::{Database, on_sqlite},
    process::Process,
};

on_sqlite! {
    a_request_has_a_line_that_says_how_it_fared,
    hits_have_lines_by_their_share,
    what_people_search_for_is_logged_only_where_that_is_asked,
    failures_can_be_logged_alone,
    slow_requests_are_warned_of_with_what_took_the_time,
    answers_say_what_took_the_time_where_that_is_asked,
}

async fn serve(database: &Database, flags: &[&str]) -> Process {
    let flags: Vec<&str> = ["--bundled-catalogue=skip"].iter().chain(flags).copied().collect();
    Process::serve(database, &flags).await
}

fn fields(line: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| line[name].clone()).collect()
}

async fn a_request_has_a_line_that_says_how_it_fared(database: Database) {
    let mut process = serve(&database, &["--access-log-sample=0"]).await;
    let asked = process.client.request(Method::GET, "/v1/movies?director=Someone");
    asked.header("x-request-id", "r-1").send().await.expect(200);
    let line = process.logged("answered").await;
    assert_eq!(
        fields(
            &line,
            &[
                "target",
                "level",
                "method",
                "path",
                "protocol",
                "route",
                "status",
                "outcome",
                "client",
                "request_id"
            ]
        ),
        json!([
            "access",
            "INFO",
            "GET",
            "/v1/movies",
            "HTTP/1.1",
            "list_movies",
            200,
            "load",
            "127.0.0.1",
            "r-1"
        ])
    );
    assert!(line["duration_us"].as_u64().unwrap() > 0, "{line}");
    assert!(line["bytes"].as_u64().unwrap() > 10, "{line}");
    assert!(!line.to_string().contains("Someone"), "{line}");

    process.client.get("/nowhere").await.expect(404);
    let line = process.logged("answered").await;
    assert_eq!(fields(&line, &["route", "status", "outcome"]), json!(["none", 404, "none"]));
}

/// The paths of the lines up to the one of a request that is always logged.
async fn lines_until_the_last(process: &mut Process) -> Vec<Value> {
    process.client.get("/the-last").await.expect(404);
    let mut lines = Vec::new();
    loop {
        let line = process.logged("answered").await;
        if line["path"] == "/the-last" {
            return lines;
        }
        lines.push(line["outcome"].clone());
    }
}

async fn hits_have_lines_by_their_share(database: Database) {
    for (share, hits) in [("0", 0), ("1", 20)] {
        let mut process = serve(&database, &["--access-log-sample", share]).await;
        for _ in 0..21 {
            process.client.get("/v1/genres").await.expect(200);
        }
        let lines = lines_until_the_last(&mut process).await;
        assert_eq!(lines.iter().filter(|line| *line == "load").count(), 1, "{lines:?}");
        assert_eq!(lines.iter().filter(|line| *line == "l1").count(), hits, "{lines:?}");
    }
}

async fn what_people_search_for_is_logged_only_where_that_is_asked(database: Database) {
    let flags = ["--access-log-query=on", "--access-log-clients=network"];
    let mut process = serve(&database, &flags).await;
    process.client.get("/v1/movies?director=Someone").await.expect(200);
    let line = process.logged("answered").await;
    assert_eq!(fields(&line, &["query", "client"]), json!(["director=Someone", "127.0.0.0"]));
}

async fn failures_can_be_logged_alone(database: Database) {
    let mut process = serve(&database, &["--access-log=failures", "--access-log-sample=1"]).await;
    for _ in 0..5 {
        process.client.get("/v1/movies").await.expect(200);
    }
    assert_eq!(lines_until_the_last(&mut process).await, Vec::<Value>::new());
}

async fn slow_requests_are_warned_of_with_what_took_the_time(database: Database) {
    let mut process = serve(&database, &["--access-log=off", "--slow-request=1ns"]).await;
    process.client.get("/v1/movies").await.expect(200);
    let line = process.logged("answered slowly").await;
    assert_eq!(fields(&line, &["level", "outcome"]), json!(["WARN", "load"]));
    let (all, cache) = (line["duration_us"].as_u64().unwrap(), line["cache_us"].as_u64().unwrap());
    assert!(cache > 0 && cache <= all, "{line}");
}

async fn answers_say_what_took_the_time_where_that_is_asked(database: Database) {
    let process = serve(&database, &[]).await;
    assert_eq!(process.client.get("/v1/movies").await.header("server-timing"), "");
    let process = serve(&database, &["--server-timing=on"]).await;
    let load = process.client.get("/v1/movies").await.expect(200);
    let told = load.header("server-timing");
    assert!(
        told.starts_with("cache;desc=load, load;dur=") && told.contains(", total;dur="),
        "{told}"
    );
    for _ in 0..40 {
        let hit = process.client.get("/v1/movies").await.expect(200);
        let told = hit.header("server-timing");
        assert!(told.starts_with("cache;desc=l1, total;dur="), "{told}");
    }
    let refused = process.client.get("/nowhere").await.expect(404);
    assert!(refused.header("server-timing").starts_with("total;dur="));
}
