//! Whose quota a request is counted in.

use hyper::Method;
use serde_json::json;

use super::{admitted, read_for};
use crate::{
    app::TestApp,
    backend::{Backend, Database},
};

async fn app(flags: &[&str]) -> TestApp {
    TestApp::start(Database::new(Backend::Sqlite).await, flags).await
}

#[tokio::test]
async fn who_is_not_a_trusted_proxy_chooses_no_address() {
    let app = app(&["--rate-limit=read=6/1h"]).await;
    for n in 0..6 {
        let header = ["x-forwarded-for", "forwarded", "x-real-ip"][n % 3];
        let value = format!("for=192.0.2.{n}");
        let asked = app.request(Method::GET, "/v1/movies").header(header, &value);
        asked.send().await.expect(200);
    }
    read_for(&app, "198.51.100.1").await.expect(429);
    app.get("/v1/movies").await.expect(429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_quota_whatever_it_says_itself() {
    let app = app(&["--rate-limit=read=4/1h", "--trusted-proxies=loopback"]).await;
    assert_eq!(admitted(&app, "192.0.2.1", 6).await, 4);
    assert_eq!(admitted(&app, "192.0.2.2", 6).await, 4);
    // What the client itself sent is farther away.
    for n in 0..4 {
        read_for(&app, &format!("203.0.113.{n}, 192.0.2.1")).await.expect(429);
        read_for(&app, &format!("127.0.0.1, 203.0.113.{n}, 192.0.2.2")).await.expect(429);
        let other = app
            .request(Method::GET, "/v1/movies")
            .header("x-forwarded-for", "192.0.2.1")
            .header("forwarded", "for=192.0.2.1")
            .header("x-real-ip", &format!("203.0.113.{n}"));
        other.send().await.expect(429);
    }
}

#[tokio::test]
async fn a_client_that_rotates_its_address_within_its_network_has_one_quota() {
    let app = app(&["--rate-limit=read=5/1h", "--trusted-proxies=127.0.0.1"]).await;
    let mut rotated = 0;
    for n in 0..20 {
        rotated += admitted(&app, &format!("2001:db8:0:7:{n:x}:1:2:{n:x}"), 1).await;
    }
    assert_eq!(rotated, 5);
    assert_eq!(admitted(&app, "2001:db8:0:8::1", 6).await, 5);
}

#[tokio::test]
async fn whatever_a_proxy_forwards_does_not_write() {
    for flags in [&[][..], &["--trusted-proxies=loopback"]] {
        let app = app(flags).await;
        let forwarded =
            app.request(Method::POST, "/v1/movies").header("forwarded", "for=127.0.0.1");
        forwarded.json(&json!({"title": "a"})).send().await.expect(403);
    }
    // Who is named as a proxy may speak for others even where it does not say so.
    let app = app(&["--trusted-proxies=loopback"]).await;
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(403);
}

#[tokio::test]
async fn by_default_whoever_is_on_this_machine_and_no_proxy_of_ours_is_let_off() {
    let unnamed = app(&["--trusted-proxies=none"]).await;
    for _ in 0..450 {
        let answer = unnamed.get("/v1/movies").await.expect(200);
        assert_eq!(answer.header("ratelimit"), "");
    }
    // A proxy that nobody named: all its clients would share one quota.
    assert_eq!(admitted(&unnamed, "192.0.2.1", 450).await, 450);
    let named = app(&["--trusted-proxies=loopback"]).await;
    assert_eq!(admitted(&named, "192.0.2.1", 450).await, 400);
}

#[tokio::test]
async fn a_flood_of_addresses_takes_one_quota_together_and_nothing_from_who_is_known() {
    let flags = ["--rate-limit=read=3/1h", "--rate-limit-clients=4", "--trusted-proxies=loopback"];
    let app = app(&flags).await;
    for n in 0..4 {
        assert_eq!(admitted(&app, &format!("192.0.2.{n}"), 1).await, 1);
    }
    let mut flood = 0;
    for n in 0..50 {
        flood += admitted(&app, &format!("198.51.100.{n}"), 1).await;
    }
    assert_eq!(flood, 3);
    for n in 0..4 {
        assert_eq!(admitted(&app, &format!("192.0.2.{n}"), 4).await, 2);
    }
    let metrics = app.admin.get("/metrics").await.text();
    for line in [
        "marquee_rate_limit_clients{class=\"read\"} 4",
        "marquee_rate_limit_decisions_total{class=\"read\",decision=\"allowed\"} 15",
        "marquee_rate_limit_decisions_total{class=\"read\",decision=\"limited\"} 8",
        "marquee_rate_limit_decisions_total{class=\"read\",decision=\"overflow_limited\"} 47",
        "marquee_rate_limit_decisions_total{class=\"write\",decision=\"limited\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}
