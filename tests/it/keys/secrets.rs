//! Secrets stay with their owners.

use std::{
    fs::{self, File},
    process::Stdio,
};

use hyper::Method;
use serde_json::json;

use super::{commands::create, get, post};
use crate::{
    backend::{Backend, Database},
    client::Client,
    process::marquee,
};

/// Waits until a line of a log that is being written has this message, and gives its address.
async fn listener(log: &std::path::Path, message: &str) -> Client {
    loop {
        let text = fs::read_to_string(log).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let line = lines.into_iter().find(|line: &serde_json::Value| line["message"] == message);
        if let Some(address) = line.as_ref().and_then(|line| line["address"].as_str()) {
            return Client::new(address.parse().unwrap());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_the_log_in_metrics_in_answers_or_in_the_database() {
    let database = Database::new(Backend::Sqlite).await;
    let editor = create(&database, "editor");
    let (_, unknown) = super::key(marquee::domain::api_key::Role::Admin);
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2VjcmV0LXNpZ25hdHVyZQ";
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let flags =
        ["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-format=json"];
    let mut child = marquee(&flags)
        .args(["--bundled-catalogue=skip", "--log-level=trace", "--database-url", &database.url])
        .stderr(Stdio::from(File::create(&log).unwrap()))
        .spawn()
        .unwrap();
    let client = listener(&log, "the catalogue is served").await;
    let admin = listener(&log, "health checks are answered").await;
    let mut seen = Vec::new();
    for secret in [&editor, &unknown, token, &editor[..50]] {
        seen.push(get(client, "/v1/movies", secret).await);
        seen.push(post(client, secret).await);
        let twice = client.request(Method::GET, "/v1/movies");
        let twice = twice.header("authorization", &format!("Bearer {secret}"));
        seen.push(twice.header("authorization", "Bearer x").send().await);
    }
    seen.push(post(client, &editor).await.expect(201));
    seen.push(client.post("/v1/movies", &json!({"title": "a"})).await.expect(401));
    for target in ["/metrics", "/status", "/version"] {
        seen.push(admin.get(target).await.expect(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut texts = vec![fs::read_to_string(&log).unwrap()];
    assert!(texts[0].contains("\"audit\"") && texts[0].contains("DEBUG"), "{}", texts[0]);
    texts.extend(seen.iter().map(|answer| format!("{:?} {}", answer.headers, answer.text())));
    let config = marquee(&["config", "--database-url", &database.url]).output().unwrap();
    texts.push(String::from_utf8(config.stdout).unwrap());
    let file = database.url.trim_start_matches("sqlite:");
    for suffix in ["", "-wal"] {
        let bytes = fs::read(format!("{file}{suffix}")).unwrap_or_default();
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for text in texts {
        for secret in [&editor, &unknown, token] {
            // Not a part of it either, its public id apart.
            for part in [&secret[11..30], &secret[secret.len() - 20..]] {
                assert!(!text.contains(part), "{part} is in {text}");
            }
        }
    }
}
