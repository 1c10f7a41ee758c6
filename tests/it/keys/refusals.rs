//! Who is let in by the public listener, and how others are refused.

use std::time::Duration;

use hyper::Method;
use marquee::domain::api_key::{ApiKey, Role};
use serde_json::json;

use super::{
    after, app_with_keys, created, get, key, open, post, until, until_refused, until_taken,
};
use crate::{
    app::TestApp,
    backend::{Database, begin, on_sqlite},
    client::Answer,
    transport::by_bytes::{ask, both_ways},
};

on_sqlite! {
    writes_need_an_editor_and_reads_are_open,
    keys_that_are_not_good_are_all_refused_alike,
    the_end_of_a_key_is_heard_by_who_sends_the_same_bytes_again,
    a_bad_key_is_refused_where_none_is_needed,
    credentials_that_are_no_bearer_token_are_refused,
    guessing_is_slowed_down_and_good_keys_are_not,
    readers_need_a_key_where_that_is_set,
    answers_that_need_a_key_are_private,
    without_keys_only_who_is_at_this_machine_writes,
    the_first_key_closes_writes_and_the_last_ones_end_does_not_open_them,
    decisions_are_counted,
    a_key_ends_by_the_clock,
}

fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap().to_owned()
}

async fn writes_need_an_editor_and_reads_are_open(database: Database) {
    let (app, _, [reader, editor, admin]) = app_with_keys(database, &[]).await;
    let none = app.post("/v1/movies", &json!({"title": "a"})).await.expect(401);
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"marquee\"");
    assert_eq!(none.header("cache-control"), "no-store");
    assert_eq!(kind(&none), "/problems/unauthenticated");
    let weak = post(*app, &reader).await.expect(403);
    assert_eq!(
        weak.header("www-authenticate"),
        "Bearer realm=\"marquee\", error=\"insufficient_scope\", scope=\"marquee:editor\""
    );
    assert_eq!(kind(&weak), "/problems/insufficient-role");
    for secret in [&editor, &admin] {
        post(*app, secret).await.expect(201);
    }
    for target in ["/v1/movies", "/v1/movies/1", "/v1/genres", "/v1/export", "/docs", "/search"] {
        app.get(target).await.expect(200);
        let answer = get(*app, target, &reader).await.expect(200);
        assert!(!answer.header("cache-control").contains("private"), "{target}");
        // What is at hand of a thread is given to both, too.
        get(*app, target, &reader).await.expect(200);
    }
    // Every operation that writes, the original service's included.
    for (method, target) in [
        (Method::PUT, "/v1/movies/1"),
        (Method::PATCH, "/v1/movies/1"),
        (Method::DELETE, "/v1/movies/1"),
        (Method::POST, "/v1/movies/batch"),
        (Method::POST, "/movie"),
        (Method::DELETE, "/movie/1"),
    ] {
        app.request(method, target).json(&json!({})).send().await.expect(401);
    }
}

async fn keys_that_are_not_good_are_all_refused_alike(database: Database) {
    let store = open(&database, begin()).await;
    let (expired, expired_secret) = key(Role::Admin);
    let expires_at = Some(begin().now());
    store.create_key(&ApiKey { expires_at, ..expired }).await.unwrap();
    let (revoked, revoked_secret) = created(&store, Role::Admin).await;
    store.revoke_key(revoked).await.unwrap();
    let app = TestApp::start(database, &[]).await;
    let (_, unknown_secret) = key(Role::Admin);
    let mut seen = Vec::new();
    for secret in [expired_secret, revoked_secret, unknown_secret] {
        let answer = post(*app, &secret).await.expect(401);
        let mut body = answer.json();
        body["instance"].take();
        seen.push((answer.header("www-authenticate").to_owned(), body));
    }
    assert_eq!(seen[0].0, "Bearer realm=\"marquee\", error=\"invalid_token\"");
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

async fn the_end_of_a_key_is_heard_by_who_sends_the_same_bytes_again(database: Database) {
    let (app, store, _) = app_with_keys(database, &["--read-access=key"]).await;
    let (id, secret) = created(&store, Role::Reader).await;
    until_taken(*app, &secret).await;
    let request = format!(
        "GET /v1/movies HTTP/1.1\r\nHost: marquee\r\nAuthorization: Bearer {secret}\r\n\r\n"
    );
    let mut stream = app.connect().await;
    let (_, good) = both_ways(&mut stream, &request).await;
    assert!(good.starts_with("HTTP/1.1 200 "), "{good}");
    store.revoke_key(id).await.unwrap();
    let mut answer = good;
    while answer.starts_with("HTTP/1.1 200 ") {
        answer = ask(&mut stream, &request).await;
    }
    // 429 where it was asked for too often before it was known.
    let refused = ["HTTP/1.1 401 ", "HTTP/1.1 429 "].iter().any(|line| answer.starts_with(line));
    assert!(refused, "{answer}");
}

async fn a_bad_key_is_refused_where_none_is_needed(database: Database) {
    let (app, _, [reader, ..]) = app_with_keys(database, &[]).await;
    let (_, unknown) = key(Role::Reader);
    for target in ["/v1/movies", "/docs"] {
        for _ in 0..3 {
            get(*app, target, &reader).await.expect(200); // from then on it is at hand
        }
        get(*app, target, &unknown).await.expect(401);
        let mut cut = reader.clone();
        cut.pop();
        let answer = get(*app, target, &cut).await.expect(401);
        assert!(answer.text().contains("mistyped"), "{}", answer.text());
        assert!(!answer.text().contains(&cut));
    }
}

async fn credentials_that_are_no_bearer_token_are_refused(database: Database) {
    let (app, _, [_, editor, _]) = app_with_keys(database, &[]).await;
    let good = format!("Bearer {editor}");
    let send = async |values: &[&str]| {
        let request = app.request(Method::GET, "/v1/movies");
        let add =
            |request: crate::client::Asked, value: &&str| request.header("authorization", value);
        values.iter().fold(request, add).send().await
    };
    for value in ["Basic YWRtaW46YWRtaW4=", "Digest x=y", "", &editor, "Token x"] {
        let answer = send(&[value]).await.expect(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"marquee\"", "{value}");
    }
    for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer ==", "Bearer eyJhbGciOiJub25lIn0.e30."]
    {
        let answer = send(&[value]).await.expect(401);
        assert!(answer.header("www-authenticate").contains("invalid_token"), "{value}");
    }
    let answer = send(&[&good, &good]).await.expect(400);
    assert_eq!(answer.json()["errors"][0]["header"], "Authorization");
    send(&[&good]).await.expect(200);
    send(&[&format!("bEARER  {editor}")]).await.expect(200);
    // A key in the address would be in every log on the way.
    app.get(&format!("/v1/movies?access_token={editor}")).await.expect(400);
}

async fn guessing_is_slowed_down_and_good_keys_are_not(database: Database) {
    let (app, _, [_, editor, _]) = app_with_keys(database, &[]).await;
    let (_, guess) = key(Role::Admin);
    let limited = until(429, async || post(*app, &guess).await).await;
    assert_eq!(kind(&limited), "/problems/too-many-failures");
    assert_eq!(limited.header("retry-after"), "60");
    post(*app, &editor).await.expect(201);
    app.get("/v1/movies").await.expect(200);
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(401);
    app.clock.advance(Duration::from_mins(1));
    until(401, async || post(*app, &guess).await).await;
}

async fn readers_need_a_key_where_that_is_set(database: Database) {
    let (app, _, [reader, editor, _]) = app_with_keys(database, &["--read-access=key"]).await;
    post(*app, &editor).await.expect(201);
    let targets = ["/v1/movies", "/v1/movies/1", "/v1/genres", "/v1/changes?since=0", "/v1/export"];
    for target in targets.iter().chain(&["/search", "/v1/movies?ids=1"]) {
        app.get(target).await.expect(401);
        for _ in 0..3 {
            get(*app, target, &reader).await.expect(200);
        }
        app.get(target).await.expect(401);
    }
    for target in ["/docs", "/v1/openapi.json"] {
        app.get(target).await.expect(200);
    }
}

async fn answers_that_need_a_key_are_private(database: Database) {
    let (app, _, [reader, ..]) = app_with_keys(database, &["--read-access=key"]).await;
    for _ in 0..3 {
        let answer = get(*app, "/v1/movies", &reader).await.expect(200);
        assert!(answer.header("cache-control").starts_with("private, max-age="));
        assert!(!answer.header("cache-control").contains("public"));
        assert_eq!(answer.header("vary"), "accept-encoding, authorization");
    }
}

async fn without_keys_only_who_is_at_this_machine_writes(app: TestApp) {
    let send = |name, value| {
        let request = app.request(Method::POST, "/v1/movies").json(&json!({"title": "a"}));
        request.header(name, value).send()
    };
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("origin", "https://evil.example"),
    ] {
        let answer = send(name, value).await.expect(403);
        assert_eq!(kind(&answer), "/problems/forbidden");
        assert!(answer.text().contains("marquee keys create"), "{}", answer.text());
        app.request(Method::GET, "/v1/movies").header(name, value).send().await.expect(200);
    }
    send("origin", &format!("http://{}", app.address())).await.expect(201);
}

async fn the_first_key_closes_writes_and_the_last_ones_end_does_not_open_them(app: TestApp) {
    let movie = json!({"title": "a"});
    app.post("/v1/movies", &movie).await.expect(201);
    let store = open(&app.database, begin()).await;
    let (id, editor) = created(&store, Role::Editor).await;
    until(401, async || app.post("/v1/movies", &movie).await).await;
    post(*app, &editor).await.expect(201);
    store.revoke_key(id).await.unwrap();
    until_refused(*app, &editor).await;
    app.post("/v1/movies", &movie).await.expect(401);
}

async fn decisions_are_counted(database: Database) {
    let (app, store, [reader, ..]) = app_with_keys(database, &[]).await;
    let count = async |result: &str| {
        let text = app.admin.get("/metrics").await.expect(200).text();
        let name = format!("marquee_auth_decisions_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("no {result}")).parse::<u64>().unwrap()
    };
    app.get("/v1/movies").await.expect(200);
    get(*app, "/v1/movies", &reader).await.expect(200);
    get(*app, "/v1/movies", &reader).await.expect(200); // at hand
    post(*app, &reader).await.expect(403);
    get(*app, "/v1/movies", &key(Role::Reader).1).await.expect(401);
    get(*app, "/v1/movies", "x").await.expect(401);
    for (result, expected) in [
        ("anonymous", 1),
        ("key", 2),
        ("forbidden", 1),
        ("refused_unknown", 1),
        ("refused_malformed", 1),
        ("refused_expired", 0),
        ("refused_revoked", 0),
        ("refused_token", 0),
        ("token", 0),
    ] {
        assert_eq!(count(result).await, expected, "{result}");
    }
    let text = app.admin.get("/metrics").await.text();
    assert!(text.contains("\nmarquee_api_keys 3\n"), "{text}");
    store.close().await;
}

async fn a_key_ends_by_the_clock(database: Database) {
    let store = open(&database, begin()).await;
    let hour = Duration::from_hours(1);
    let (limited, secret) = key(Role::Editor);
    store.create_key(&ApiKey { expires_at: Some(after(hour)), ..limited }).await.unwrap();
    let flags = ["--staleness-bound=1h", "--staleness-cap=2h"];
    let app = TestApp::start(database, &flags).await;
    post(*app, &secret).await.expect(201);
    get(*app, "/v1/movies", &secret).await.expect(200);
    app.clock.advance(hour);
    post(*app, &secret).await.expect(401);
    get(*app, "/v1/movies", &secret).await.expect(401);
}
