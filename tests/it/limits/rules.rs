//! Rules: where they come from, and how they change while the service runs.

use std::{fs, time::Duration};

use hyper::Method;
use serde_json::json;

use super::admitted;
use crate::{
    app::TestApp,
    backend::{Backend, Database},
    process::{Process, output},
};

const PROXY: &str = "--trusted-proxies=loopback";

#[tokio::test]
async fn an_admin_call_tells_the_rules_and_changes_them() {
    let database = Database::new(Backend::Sqlite).await;
    let app = TestApp::start(database, &["--rate-limit=read=3/1h; write=2/1h", PROXY]).await;
    assert_eq!(admitted(&app, "192.0.2.1", 5).await, 3);
    let told = app.admin.get("/rate-limit").await.expect(200).json();
    assert!(told["rate_limit"].as_str().unwrap().starts_with("read=3/1h; search=50/1s"), "{told}");
    assert_eq!(told["clients"]["read"], 1);

    let post = |rules: &'static str| app.admin.request(Method::POST, "/rate-limit").body(rules);
    let changed = post("read=5/1h\nwrite=2/1h").send().await.expect(200).json();
    assert!(changed["rate_limit"].as_str().unwrap().starts_with("read=5/1h; "), "{changed}");
    assert_eq!(admitted(&app, "192.0.2.1", 9).await, 5);

    let bad = post("read=5/1h\nraed=5/1h").send().await.expect(422);
    assert!(bad.json()["detail"].as_str().unwrap().starts_with("line 2, \"raed=5/1h\": "));
    let foreign = post("off").header("origin", "https://evil.example").send().await;
    foreign.expect(403);
    app.admin.request(Method::DELETE, "/rate-limit").send().await.expect(405);
    assert_eq!(admitted(&app, "192.0.2.1", 2).await, 0, "nothing changed");

    post("off").send().await.expect(200);
    assert_eq!(admitted(&app, "192.0.2.1", 20).await, 20);
}

#[tokio::test]
async fn a_hang_up_reads_the_file_of_rules_again() {
    let database = Database::new(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits");
    let flag = format!("--rate-limit-file={}", file.display());
    fs::write(&file, "# a few\nread=2/1h\n").unwrap();
    let flags = ["--bundled-catalogue=skip", &flag];
    let mut service = Process::serve(&database, &flags).await;
    let client = service.client;
    client.get("/v1/movies").await.expect(200);
    client.get("/v1/movies").await.expect(200);
    client.get("/v1/movies").await.expect(429);

    fs::write(&file, "read=4/1h\n").unwrap();
    service.signal("HUP");
    let changed = service.logged("limits changed").await;
    assert!(changed["before"].as_str().unwrap().starts_with("read=2/1h; "), "{changed}");
    assert!(changed["now"].as_str().unwrap().starts_with("read=4/1h; "), "{changed}");
    for _ in 0..4 {
        client.get("/v1/movies").await.expect(200);
    }
    client.get("/v1/movies").await.expect(429);

    fs::write(&file, "read=9/1h\nwrite=none\n").unwrap();
    service.signal("HUP");
    let kept = service.logged("limits stay as they are").await;
    assert_eq!(kept["level"], "ERROR", "{kept}");
    let error = kept["error"].as_str().unwrap();
    assert!(error.contains("line 2, \"write=none\""), "{kept}");
    client.get("/v1/movies").await.expect(429);

    fs::write(&file, "read=4/1h\n").unwrap();
    service.signal("HUP");
    assert_eq!(service.logged("limits stay as they are").await["level"], "INFO");
    client.get("/v1/movies").await.expect(429);
    service.signal("TERM");
    assert!(service.end().await.success());
}

#[test]
fn bad_rules_are_one_line_and_exit_64() {
    for (flags, named) in [
        (&["--rate-limit=read=5"][..], "--rate-limit (MARQUEE_RATE_LIMIT) is \"read=5\", but"),
        (&["--rate-limit-file=/nowhere/at/all"], "cannot serve"),
        (
            &["--rate-limit=off", "--rate-limit-file=x"],
            "--rate-limit-file (MARQUEE_RATE_LIMIT_FILE)",
        ),
        (&["--rate-limit-cluster=on"], "--rate-limit-cluster (MARQUEE_RATE_LIMIT_CLUSTER)"),
        (&["--trusted-proxies=all"], "--trusted-proxies (MARQUEE_TRUSTED_PROXIES)"),
        (&["--cors-origins=films.example"], "--cors-origins (MARQUEE_CORS_ORIGINS)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("--database-url=sqlite:{}/marquee.db", folder.path().display());
        let usual = ["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", &url];
        let output = output(&[&usual, flags].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        let code = if named == "cannot serve" { 74 } else { 64 };
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn clients_are_forgotten_when_they_have_all_of_their_quota_again() {
    let database = Database::new(Backend::Sqlite).await;
    let flags = ["--rate-limit=read=5/1s", "--rate-limit-clients=6", PROXY];
    let app = TestApp::start(database, &flags).await;
    for n in 0..6 {
        assert_eq!(admitted(&app, &format!("192.0.2.{n}"), 1).await, 1);
    }
    app.clock.advance(Duration::from_secs(1));
    // A crowded table is swept within a second or so.
    loop {
        let told = app.admin.get("/rate-limit").await.json();
        if told["clients"] == json!({"read": 0, "search": 0, "write": 0}) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let metrics = app.admin.get("/metrics").await.text();
    assert!(metrics.contains("marquee_rate_limit_evictions_total 6"), "{metrics}");
}
