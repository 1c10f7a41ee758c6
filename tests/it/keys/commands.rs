//! `marquee keys`, and a service that is started before and after.

use std::process::Output;

use serde_json::{Value, json};

use super::{post, until_refused, until_taken};
use crate::{
    backend::{Backend, Database},
    process::{Process, marquee},
};

/// Runs `marquee keys` on a database.
pub(super) fn keys(database: &Database, arguments: &[&str]) -> Output {
    let mut command = marquee(&["keys"]);
    command.args(arguments).env("MARQUEE_DATABASE_URL", &database.url);
    command.output().expect("marquee can be started")
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

/// Makes a key and gives its secret, which is all of standard output.
pub(super) fn create(database: &Database, role: &str) -> String {
    let output = keys(database, &["create", "--name", "test", "--role", role, "--log-level=off"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let secret = text(&output.stdout).strip_suffix('\n').expect("one line");
    assert!(secret.starts_with("mq_") && secret.len() == 60, "{secret}");
    assert!(!text(&output.stderr).contains(secret));
    assert!(text(&output.stderr).contains(&secret[3..11]), "the id is told");
    secret.to_owned()
}

fn list(database: &Database) -> Vec<Value> {
    let output = keys(database, &["list", "--format=json"]);
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).expect("a list")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_listed_rotated_and_revoked() {
    let database = Database::new(Backend::Sqlite).await;
    assert!(list(&database).is_empty());
    let secret = create(&database, "editor");
    let id = &secret[3..11];
    let made = &list(&database)[0];
    assert_eq!(
        (&made["id"], &made["role"], &made["state"]),
        (&json!(id), &json!("editor"), &json!("active"))
    );
    let limited =
        ["create", "--name=x", "--role=reader", "--expires=90d", "--rate-limit=read=5/1s"];
    assert_eq!(keys(&database, &limited).status.code(), Some(0));
    let table = keys(&database, &["list"]);
    assert!(text(&table.stdout).contains("read=5/1s"), "{}", text(&table.stdout));
    assert_eq!(text(&table.stdout).lines().count(), 3);

    let service = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    post(service.client, &secret).await.expect(201);
    let rotated = keys(&database, &["rotate", id, "--overlap=1h"]);
    assert_eq!(rotated.status.code(), Some(0), "{}", text(&rotated.stderr));
    let second = text(&rotated.stdout).trim_end().to_owned();
    assert_eq!(&second[..11], &secret[..11], "the id stays");
    until_taken(service.client, &second).await;
    post(service.client, &secret).await.expect(201);
    let last = keys(&database, &["rotate", id, "--overlap=0s"]);
    let third = text(&last.stdout).trim_end().to_owned();
    until_refused(service.client, &second).await;
    post(service.client, &third).await.expect(201);
    assert_eq!(keys(&database, &["revoke", id]).status.code(), Some(0));
    until_refused(service.client, &third).await;
    assert_eq!(list(&database)[0]["state"], "revoked");
    assert_eq!(keys(&database, &["revoke", id]).status.code(), Some(0), "it is, as was asked for");
    assert_eq!(keys(&database, &["rotate", id]).status.code(), Some(65));
    service.signal("TERM");
    assert_eq!(service.end().await.code(), Some(0));
    assert_ne!(list(&database)[0]["last_used_at"], Value::Null, "stored at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_one_line_and_an_exit_code() {
    let database = Database::new(Backend::Sqlite).await;
    list(&database);
    for (arguments, code) in [
        (&["revoke", "abcdefgh"][..], 66),
        (&["rotate", "abcdefgh"], 66),
        (&["revoke", "abc"], 64),
        (&["create", "--name=x", "--role=root"], 64),
        (&["create", "--name=", "--role=editor"], 64),
        (&["create", "--name=x", "--role=editor", "--expires=5"], 64),
        (&["create", "--role=editor"], 64),
        (&["list", "--format=xml"], 64),
    ] {
        let output = keys(&database, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    let mut unreachable = marquee(&["keys", "list", "--log-level=off"]);
    unreachable.env("MARQUEE_DATABASE_URL", "mysql://nobody@127.0.0.1:1/x");
    assert_eq!(unreachable.output().unwrap().status.code(), Some(69));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_others_can_reach_needs_an_editors_key() {
    let database = Database::new(Backend::Sqlite).await;
    let refused = || {
        let mut command = marquee(&["serve", "--listen=0.0.0.0:0", "--admin-listen=127.0.0.1:0"]);
        command.arg("--bundled-catalogue=skip").env("MARQUEE_DATABASE_URL", &database.url);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        let log = text(&output.stderr);
        let told = log.lines().find(|line| line.contains("MARQUEE_LISTEN")).expect(log);
        assert!(told.contains("marquee keys create --name NAME --role editor"), "{told}");
        assert!(!log.contains("the catalogue is served"));
    };
    refused();
    create(&database, "reader"); // may not write, so nobody could
    refused();
    let secret = create(&database, "editor");
    let flags = ["--listen=0.0.0.0:0", "--bundled-catalogue=skip"];
    let service = Process::serve(&database, &flags).await;
    let port = service.client.address().port();
    let client = crate::client::Client::new(([127, 0, 0, 1], port).into());
    client.post("/v1/movies", &json!({"title": "a"})).await.expect(401);
    post(client, &secret).await.expect(201);
    service.signal("TERM");
    service.end().await;
    assert_eq!(keys(&database, &["revoke", &secret[3..11]]).status.code(), Some(0));
    refused();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jwks_file_that_cannot_be_used_is_a_bad_setting() {
    let database = Database::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let secret = json!({"keys": [{"kid": "x", "kty": "oct", "k": "c2VjcmV0LXNlY3JldA"}]});
    for (content, part) in [
        (None, "cannot be read"),
        (Some("{}".to_owned()), "keys"),
        (Some(secret.to_string()), "secret or private key"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let mut command = marquee(&["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
        command.args(["--jwt-issuer=i", "--jwt-audience=a", "--jwks-file"]).arg(&file);
        let output = command.env("MARQUEE_DATABASE_URL", &database.url).output().unwrap();
        let log = text(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{log}");
        assert!(log.contains("MARQUEE_JWKS_FILE") && log.contains(part), "{log}");
        assert!(!log.contains("c2VjcmV0LXNlY3JldA"));
    }
}
