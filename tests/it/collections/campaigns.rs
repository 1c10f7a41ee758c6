//! Campaigns: who says what a rush will ask for finds it kept on every replica, and told what was not.

use hyper::Method;
use serde_json::json;

use super::{movie, movies, titles};
use crate::{
    app::TestApp,
    backend::{Database, on_backend, on_every_backend},
    cache::is_hit,
    process, redis,
};

on_every_backend! {
    what_a_campaign_names_is_a_hit_at_the_first_request_and_after_a_write,
}

on_backend! {
    embedded Sqlite:
    the_second_replica_takes_from_redis_what_the_first_one_made
    a_campaign_that_cannot_be_is_refused_with_the_places_of_its_faults
    a_campaign_may_be_told_looked_at_and_ended
}

async fn what_a_campaign_names_is_a_hit_at_the_first_request_and_after_a_write(database: Database) {
    let app = TestApp::start(database, &[]).await;
    movies(&app).await;
    let drama = "/v1/movies?genre=drama&sort=-rating";
    let targets = [drama, "/v1/movies/4", "/v1/movies/imdb/tt0000004", "/v1/genres", "/search"];
    let told = app.admin.post("/warm", &json!({"targets": targets})).await.expect(200).json();
    assert_eq!(told["warmed"]["failed"], 0, "{told}");
    assert_eq!(told["kept"].as_array().unwrap().len(), targets.len());
    for target in targets {
        is_hit(&app.get(target).await.expect(200));
    }
    let zipped = app.request(Method::GET, drama).header("accept-encoding", "br").send().await;
    assert_eq!(zipped.expect(200).header("content-encoding"), "br");

    // A write that changes one of them has it made anew, unasked; who asks before that waits for it.
    movie(&app, &json!({"title": "five", "rating": 9.9, "genres": ["Drama"]})).await;
    assert_eq!(titles(&app.get(drama).await.expect(200))[0], "five");
}

async fn the_second_replica_takes_from_redis_what_the_first_one_made(database: Database) {
    let (url, prefix) = (redis::shared_url(), redis::prefix());
    let flags = ["--redis-url", url.as_str(), "--redis-prefix", prefix.as_str()];
    let one = TestApp::start(database.same(), &flags).await;
    movies(&one).await;
    let other = TestApp::start(database.same(), &flags).await;
    let addresses = [one.admin.address().to_string(), other.admin.address().to_string()];
    let [first, second] = &addresses;
    let arguments = ["warm", "--genre=Drama", "--movie=4", "--replica", first, "--replica", second]
        .map(str::to_owned);
    let run = move || process::output(&arguments.each_ref().map(String::as_str));
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].contains("5 loaded, 0 from Redis"), "{told}");
    assert!(lines[1].contains("0 loaded, 5 from Redis"), "{told}");
    for app in [&one, &other] {
        is_hit(&app.get("/v1/movies?genre=drama").await.expect(200));
        is_hit(&app.get("/v1/movies/4").await.expect(200));
    }
}

async fn a_campaign_that_cannot_be_is_refused_with_the_places_of_its_faults(database: Database) {
    let app = TestApp::start(database, &[]).await;
    let bad = json!({"targets": ["/v1/genres", "/v1/movies?sort=x"], "for_seconds": 0});
    let told = app.admin.post("/warm", &bad).await.expect(422).json();
    let places: Vec<&str> =
        told["errors"].as_array().unwrap().iter().filter_map(|e| e["pointer"].as_str()).collect();
    assert_eq!(places, ["/for_seconds", "/targets/1"], "{told}");
    let address = app.admin.address().to_string();
    let run = move || process::output(&["warm", "/v1/movies?sort=x", "--replica", &address]);
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.matches("/targets/0").count()), (Some(1), 1), "{told}");
    for (bad, kind, status) in [
        ("nonsense", "malformed-json", 400),
        (r#"{"targets":["/v1/genres"],"for_seconds":"1h"}"#, "invalid-document", 422),
    ] {
        let told = app.admin.request(Method::POST, "/warm").body(bad).send().await;
        assert_eq!(told.expect(status).json()["type"], format!("/problems/{kind}"));
    }
    assert!(app.admin.get("/warm").await.expect(200).json()["kept"].as_array().unwrap().is_empty());
    let good = json!({"targets": ["/v1/genres"]});
    let foreign = app.admin.request(Method::POST, "/warm").json(&good);
    foreign.header("origin", "https://evil.example").send().await.expect(403);
    app.admin.request(Method::PUT, "/warm").json(&good).send().await.expect(405);
}

async fn a_campaign_may_be_told_looked_at_and_ended(database: Database) {
    let app = TestApp::start(database, &[]).await;
    let some = json!({"targets": ["/v1/genres", "/v1/collections/nowhere"], "for_seconds": 60});
    let told = app.admin.post("/warm", &some).await.expect(200).json();
    let answers = told["warmed"]["answers"].as_array().unwrap();
    assert_eq!(answers[0]["outcome"], "loaded", "{told}");
    assert_eq!(answers[1]["outcome"], "failed", "{told}");
    assert_eq!(answers[1]["detail"], "not found", "{told}");
    assert_eq!((&told["warmed"]["failed"], told["kept"].as_array().unwrap().len()), (&json!(1), 1));
    let kept = app.admin.get("/warm").await.expect(200).json();
    assert_eq!(kept["kept"][0]["target"], "/v1/genres");
    app.admin.request(Method::DELETE, "/warm").send().await.expect(200);
    assert!(app.admin.get("/warm").await.expect(200).json()["kept"].as_array().unwrap().is_empty());
}
