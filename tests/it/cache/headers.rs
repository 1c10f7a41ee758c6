//! What requests share, and what the headers say.

use std::{io::Read as _, time::Duration};

use hyper::Method;
use serde_json::{Value, json};

use super::{is_hit, metric, status};
use crate::{
    app::TestApp,
    backend::{Database, on_every_backend},
    client::Client,
};

on_every_backend! {
    requests_that_mean_the_same_share_one_load,
    many_that_ask_at_once_cost_one_load,
    a_tag_that_is_still_right_is_answered_without_a_body,
    bodies_come_in_the_coding_that_the_client_likes_best_each_with_its_own_tag,
    the_status_page_and_the_metrics_say_the_same,
    what_the_tier_in_redis_had_is_told,
    suggestions_do_not_go_to_redis,
    a_movie_is_of_one_group_whatever_its_address,
    a_cache_of_no_bytes_loads_each_time,
    the_policies_of_classes_are_settings,
}

async fn fill(app: &TestApp) {
    for n in 0..40 {
        let movie = json!({"title": format!("Film {n}"), "genres": ["Drama", "War"], "year": 1990});
        app.post("/v1/movies", &movie).await.expect(201);
    }
}

async fn requests_that_mean_the_same_share_one_load(app: TestApp) {
    fill(&app).await;
    let first = app.get("/v1/movies?genre=drama&year=1990").await.expect(200);
    assert!(status(&first).starts_with("marquee-l1; fwd=uri-miss; stored"), "{}", status(&first));
    assert_eq!(first.header("cache-groups"), "\"movies\", \"genre-drama\"");
    for same in [
        "/v1/movies?year=1990&genre=DRAMA",
        "/v1/movies?genre=%44rama&year_min=1990&year_max=1990&limit=50",
        "/v1/movies?sort=-popularity&genre=+Drama&year=1990&page=1",
        "/v1/movies?genre=drama&year=1990",
    ] {
        // The second time it is at hand.
        for _ in 0..2 {
            let again = app.get(same).await.expect(200);
            is_hit(&again);
            assert_eq!(again.body, first.body, "{same}");
            assert_eq!(again.header("age"), "0");
        }
    }
    let loads = metric(app.admin, "marquee_cache_answers_total", &["list_movies", "load"]).await;
    assert!((loads - 1.0).abs() < 0.1, "{loads}");
}

async fn many_that_ask_at_once_cost_one_load(app: TestApp) {
    fill(&app).await;
    let tasks = tokio_util::task::TaskTracker::new();
    let client = *app;
    let asked: Vec<_> = (0..300)
        .map(|_| tasks.spawn(async move { client.get("/v1/movies?genre=war&sort=title").await }))
        .collect();
    for answer in asked {
        answer.await.unwrap().expect(200);
    }
    let loads = metric(app.admin, "marquee_cache_answers_total", &["list_movies", "load"]).await;
    assert!((loads - 1.0).abs() < 0.1, "{loads}");
}

async fn a_tag_that_is_still_right_is_answered_without_a_body(app: TestApp) {
    fill(&app).await;
    let tag = app.get("/v1/movies/1").await.expect(200).header("etag").to_owned();
    for _ in 0..3 {
        let asked = app.request(Method::GET, "/v1/movies/1").header("if-none-match", &tag);
        let answer = asked.send().await.expect(304);
        is_hit(&answer);
        assert!(answer.body.is_empty());
        assert_eq!((answer.header("etag"), answer.header("vary")), (&*tag, "accept-encoding"));
        assert_eq!((answer.header("content-type"), answer.header("catalog-revision")), ("", "40"));
    }
    let other = app.request(Method::GET, "/v1/movies/1").header("if-none-match", "\"other\"");
    other.send().await.expect(200);
    app.request(Method::PATCH, "/v1/movies/1")
        .json(&json!({"year": 1991}))
        .send()
        .await
        .expect(200);
    let asked = app.request(Method::GET, "/v1/movies/1").header("if-none-match", &tag);
    asked.send().await.expect(200);
}

async fn bodies_come_in_the_coding_that_the_client_likes_best_each_with_its_own_tag(app: TestApp) {
    fill(&app).await;
    let target = "/v1/movies?limit=30";
    let plain = app.get(target).await.expect(200);
    let mut tags = vec![plain.header("etag").to_owned()];
    for (accept, coding) in
        [("br, gzip", "br"), ("gzip, zstd;q=0.9", "gzip"), ("zstd", "zstd"), ("deflate", "")]
    {
        for _ in 0..3 {
            let asked = app.request(Method::GET, target).header("accept-encoding", accept);
            let answer = asked.send().await.expect(200);
            is_hit(&answer);
            assert_eq!(answer.header("content-encoding"), coding);
            let mut decoded = Vec::new();
            match coding {
                "br" => {
                    drop(brotli::Decompressor::new(&*answer.body, 4096).read_to_end(&mut decoded));
                }
                "gzip" => {
                    drop(flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut decoded));
                }
                "zstd" => decoded = zstd::stream::decode_all(&*answer.body).unwrap(),
                _ => decoded = answer.body.to_vec(),
            }
            assert_eq!(decoded, plain.body);
            let tag = answer.header("etag").to_owned();
            if coding.is_empty() {
                assert_eq!(tag, tags[0]);
            } else if !tags.contains(&tag) {
                tags.push(tag.clone());
            }
            let asked = app.request(Method::GET, target).header("accept-encoding", accept);
            asked.header("if-none-match", &tag).send().await.expect(304);
        }
    }
    assert_eq!(tags.len(), 4);
}

async fn the_status_page_and_the_metrics_say_the_same(app: TestApp) {
    fill(&app).await;
    for _ in 0..3 {
        app.get("/v1/genres").await.expect(200);
    }
    app.clock.advance(Duration::from_millis(700));
    let page = app.admin.get("/status").await.expect(200).json();
    assert_eq!((&page["phase"], &page["cache"]["revision"]), (&json!("running"), &json!(40)));
    assert_eq!(page["cache"]["freshness"], "fresh");
    assert_eq!(page["cache"]["l1"]["entries"], 1);
    assert_eq!(page["cache"]["l2_breaker"], json!(null));
    let revision = metric(app.admin, "marquee_known_revision", &[]).await;
    assert!((revision - 40.0).abs() < 0.1);
    let counts = &page["cache"]["counts"];
    assert_eq!(counts["routes"]["list_genres"]["l1"], 2);
    assert_eq!(counts["routes"]["list_genres"]["misses"]["absent"], 1);
    assert_eq!(counts["loads"], 1);
    all_counters_are_on_the_page(app.admin, counts).await;
    let bytes = metric(app.admin, "marquee_cache_l1_bytes", &[]).await;
    assert!((300.0..3000.0).contains(&bytes), "{bytes}");
}

/// Compares each series of what is counted of the cache with the page.
async fn all_counters_are_on_the_page(admin: Client, counts: &Value) {
    let text = admin.get("/metrics").await.expect(200).text();
    let mut compared = 0;
    for line in text.lines().filter(|line| line.starts_with("marquee_cache_")) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let label = |name: &str| {
            let rest = series.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split('"').next()).unwrap_or_default()
        };
        let routes = &counts["routes"][label("route")];
        let told = match name {
            "marquee_cache_answers_total" => &routes[label("source")],
            "marquee_cache_misses_total" => &routes["misses"][label("reason")],
            "marquee_cache_stale_answers_total" => &routes["stale"],
            "marquee_cache_l2_rejects_total" => &counts["l2_rejects"][label("reason")],
            "marquee_cache_l2_failures_total" => {
                &counts["l2_failures"][label("operation")][label("reason")]
            }
            "marquee_cache_load_seconds_count" => &counts["loads"],
            "marquee_cache_load_seconds_sum" => &counts["load_seconds"],
            "marquee_cache_load_failures_total" => &counts["load_failures"],
            "marquee_cache_expired_refusals_total" => &counts["expired_refusals"],
            _ => continue,
        };
        let told = told.as_f64().unwrap_or_else(|| panic!("{series} is not there: {counts}"));
        assert!((told - value.parse::<f64>().unwrap()).abs() < 1e-9, "{line}, and {told}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

async fn what_the_tier_in_redis_had_is_told(database: Database) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", crate::redis::prefix());
    let deadline = "--redis-deadline=2s";
    let app = TestApp::start(database.same(), &[&redis, &prefix, deadline]).await;
    let first = app.get("/v1/genres").await.expect(200);
    let expected = "marquee-l2; fwd=uri-miss, marquee-l1; fwd=uri-miss; stored; ttl=";
    assert!(status(&first).starts_with(expected), "{}", status(&first));
    let nobody = ["--redis-url=redis://127.0.0.1:1", "--l1-bytes=0"];
    let alone = TestApp::start(database, &nobody).await;
    let answer = alone.get("/v1/genres").await.expect(200);
    let expected = "marquee-l2; fwd=bypass, marquee-l1; fwd=uri-miss; ttl=";
    assert!(status(&answer).starts_with(expected), "{}", status(&answer));
}

async fn suggestions_do_not_go_to_redis(database: Database) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", crate::redis::prefix());
    let app = TestApp::start(database, &[&redis, &prefix, "--index=on"]).await;
    loop {
        let answer = app.get("/v1/suggest?q=alien").await;
        if answer.status == 200 {
            assert!(status(&answer).starts_with("marquee-l1; fwd="), "{}", status(&answer));
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn a_movie_is_of_one_group_whatever_its_address(app: TestApp) {
    let movie = json!({"title": "Alien", "imdb_id": "tt0078748"});
    app.post("/v1/movies", &movie).await.expect(201);
    let found = app.get("/v1/movies/1").await.expect(200);
    assert_eq!(found.header("cache-groups"), "\"movie-1\"");
    let found = app.get("/v1/movies/imdb/tt0078748").await.expect(200);
    assert_eq!(found.header("cache-groups"), "\"movie-tt0078748\", \"movie-1\"");
}

async fn a_cache_of_no_bytes_loads_each_time(database: Database) {
    let app = TestApp::start(database, &["--l1-bytes=0"]).await;
    fill(&app).await;
    for _ in 0..3 {
        let answer = app.get("/v1/genres").await.expect(200);
        // It may still find the load before it, which has just landed; nothing is kept beyond that.
        let status = status(&answer).replace("; collapsed", "");
        assert!(status.contains("fwd=uri-miss; ttl="), "{status}");
    }
}

async fn the_policies_of_classes_are_settings(database: Database) {
    let flags =
        ["--cache-control-lists=public, max-age=7", "--cache-control-items=private, max-age=1"];
    let app = TestApp::start(database, &flags).await;
    fill(&app).await;
    for _ in 0..3 {
        assert_eq!(app.get("/v1/movies").await.header("cache-control"), "public, max-age=7");
        assert_eq!(app.get("/search").await.header("cache-control"), "public, max-age=7");
        let (item, none) = (app.get("/v1/movies/1").await, app.get("/v1/movies/99").await);
        assert_eq!(item.header("cache-control"), "private, max-age=1");
        assert_eq!(
            (none.status.as_u16(), none.header("cache-control")),
            (404, "private, max-age=1")
        );
    }
}
