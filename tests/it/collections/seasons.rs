//! Seasons begin and end on time, by the clock alone, and their first request is a hit.

use std::time::{Duration, Instant};

use hyper::Method;
use marquee::domain::clock::Clock;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{at, create, made_ahead, movies, titles, until_made};
use crate::{
    app::TestApp,
    backend::{Database, on_backend, on_every_backend},
    cache::{is_hit, metric},
    client::Answer,
    redis,
};

on_every_backend! {
    a_season_begins_and_ends_on_time_on_every_replica_and_its_first_request_is_a_hit,
    while_a_season_lasts_its_answer_is_made_anew_before_anybody_asks,
}

on_backend! {
    embedded Sqlite:
    a_season_that_is_moved_begins_when_it_was_moved_to
    a_season_that_is_made_in_its_midst_is_on_at_once
    nothing_downstream_is_kept_beyond_the_end_of_a_season
    what_was_made_ahead_on_one_replica_the_other_has_from_redis
    nothing_is_made_ahead_if_the_settings_say_so
    what_there_is_no_room_for_is_not_made_again_and_again
    a_page_is_kept_after_its_season_as_long_as_before_it
}

fn of(slug: &str, seasons: &Value) -> Value {
    json!({"slug": slug, "title": slug, "movies": [2], "query": "genre=drama", "seasons": seasons})
}

fn is_on(answer: &Answer) -> bool {
    answer.json()["active"].as_bool().expect("it is on or off")
}

async fn a_season_begins_and_ends_on_time_on_every_replica_and_its_first_request_is_a_hit(
    database: Database,
) {
    let clock = Clock::manual(at("2026-10-20T00:00:00Z"));
    let start = async |database| TestApp::start_by(database, &[], clock.clone()).await;
    let (one, other) = (start(database.same()).await, start(database.same()).await);
    movies(&one).await;
    // Clocks go back on 25 October in Berlin, and on 1 November in New York; forward in Santiago on
    // 5 September, where the day has no midnight.
    let zones = [
        ("berlin", "Europe/Berlin", "--10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("new-york", "America/New_York", "--11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        ("santiago", "America/Santiago", "--09-05", "2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z"),
    ];
    for (slug, zone, day, ..) in zones {
        create(&one, &of(slug, &json!([{"from": day, "to": day, "timezone": zone}]))).await;
    }
    for (slug, _, _, since, until) in zones {
        let target = format!("/v1/collections/{slug}");
        for (boundary, active) in [(since, true), (until, false)] {
            let made = [made_ahead(&one).await, made_ahead(&other).await];
            let before = at(boundary).unix_ms();
            let minute = marquee::domain::clock::Moment::from_unix_ms;
            clock.set(minute(before - 60_000));
            until_made(&one, made[0] + 3.0).await; // the collection, and two lists
            until_made(&other, made[1] + 3.0).await;
            clock.set(minute(before - 1));
            for app in [&one, &other] {
                // Often enough for each way in which hits are answered.
                for _ in 0..20 {
                    assert_eq!(is_on(&app.get(&target).await.expect(200)), !active, "{slug}");
                }
            }
            clock.set(at(boundary));
            for app in [&one, &other] {
                let first = app.get(&target).await.expect(200);
                assert_eq!(is_on(&first), active, "{slug} at {boundary}");
                is_hit(&first);
                assert_eq!(titles(&first), ["two", "one", "three"]);
                let list = app.get("/v1/collections?active=true").await.expect(200);
                is_hit(&list);
                assert_eq!(list.json()["page"]["total"], i32::from(active));
            }
        }
    }
}

async fn while_a_season_lasts_its_answer_is_made_anew_before_anybody_asks(app: TestApp) {
    movies(&app).await;
    let season = json!([{"from": "2026-11-01", "to": "2026-11-30", "timezone": "UTC"}]);
    create(&app, &of("november", &season)).await;
    until_made(&app, 1.0).await;
    is_hit(&app.get("/v1/collections/november").await);
    for n in 0..3 {
        let made = made_ahead(&app).await;
        let change = json!({"title": format!("changed {n}")});
        app.request(Method::PATCH, "/v1/movies/2").json(&change).send().await.expect(200);
        until_made(&app, made + 1.0).await;
        let answer = app.get("/v1/collections/november").await;
        is_hit(&answer);
        assert_eq!(titles(&answer)[0], format!("changed {n}"));
    }
}

async fn a_season_that_is_moved_begins_when_it_was_moved_to(app: TestApp) {
    movies(&app).await;
    let season = |day: &str| json!([{"from": day, "to": day, "timezone": "UTC"}]);
    create(&app, &of("a", &season("2026-12-01"))).await;
    app.clock.set(at("2026-11-30T23:59:00Z"));
    until_made(&app, 3.0).await;
    let moved = of("a", &season("2026-12-02"));
    app.request(Method::PUT, "/v1/collections/a").json(&moved).send().await.expect(200);
    app.clock.set(at("2026-12-01T00:00:00Z"));
    let answer = app.get("/v1/collections/a").await.expect(200);
    assert!(!is_on(&answer));
    assert_eq!(answer.json()["next"]["since"], "2026-12-02T00:00:00Z");
    app.clock.set(at("2026-12-02T00:00:00Z"));
    assert!(is_on(&app.get("/v1/collections/a").await.expect(200)));
    // A clock that is set back has things stand as they stood.
    app.clock.set(at("2026-12-01T23:59:59Z"));
    assert!(!is_on(&app.get("/v1/collections/a").await.expect(200)));
}

async fn a_season_that_is_made_in_its_midst_is_on_at_once(app: TestApp) {
    movies(&app).await;
    create(&app, &of("a", &json!(null))).await;
    let answer = app.get("/v1/collections/a").await.expect(200);
    assert_eq!((is_on(&answer), &answer.json()["season"]), (true, &json!(null)));
    let put = async |season: Value| {
        let value = of("a", &season);
        app.request(Method::PUT, "/v1/collections/a").json(&value).send().await.expect(200);
        app.get("/v1/collections/a").await.expect(200)
    };
    let off = put(json!([{"from": "--06-01", "to": "--06-30", "timezone": "UTC"}])).await;
    assert!(!is_on(&off));
    let on = put(json!([{"from": "--11-01", "to": "--11-30", "timezone": "UTC"}])).await;
    assert!(is_on(&on));
    assert!(on.header("cache-control").starts_with("public, max-age=60,"));
}

async fn nothing_downstream_is_kept_beyond_the_end_of_a_season(app: TestApp) {
    movies(&app).await;
    let season = json!([{"from": "2026-11-01", "to": "2026-11-30", "timezone": "UTC"}]);
    create(&app, &of("november", &season)).await;
    for (now, age, revalidate) in [
        ("2026-11-30T23:50:00Z", 60, 30),
        ("2026-11-30T23:59:00Z", 59, 0),
        ("2026-11-30T23:59:50.500Z", 8, 0),
        ("2026-11-30T23:59:59.999Z", 0, 0),
        ("2026-12-01T00:00:00Z", 10, 30),
    ] {
        // Heads are made once a second, by ticks.
        app.clock.advance(Duration::from_secs(2));
        app.clock.set(at(now));
        let expected = format!("public, max-age={age}, stale-while-revalidate={revalidate},");
        for _ in 0..5 {
            let answer = app.get("/v1/collections/november").await.expect(200);
            let told = answer.header("cache-control");
            assert!(told.starts_with(&expected), "{now}: {told}");
        }
    }
}

async fn what_was_made_ahead_on_one_replica_the_other_has_from_redis(database: Database) {
    let clock = Clock::manual(at("2026-10-20T00:00:00Z"));
    let (url, prefix) = (redis::shared_url(), redis::prefix());
    let flags = ["--redis-url", url.as_str(), "--redis-prefix", prefix.as_str()];
    let start = async |database| TestApp::start_by(database, &flags, clock.clone()).await;
    let one = start(database.same()).await;
    movies(&one).await;
    let season = json!([{"from": "--11-01", "to": "--11-30", "timezone": "UTC"}]);
    create(&one, &of("november", &season)).await;
    clock.set(at("2026-10-31T23:55:00Z"));
    until_made(&one, 3.0).await;
    let other = start(database.same()).await;
    until_made(&other, 1.0).await;
    let from_redis = metric(other.admin, "marquee_collections_warmed_total", &["source=\"l2\""]);
    assert!(from_redis.await >= 1.0);
    clock.set(at("2026-11-01T00:00:00Z"));
    let first = other.get("/v1/collections/november").await.expect(200);
    assert!(is_on(&first));
    is_hit(&first);
    // A write on the one is heard of by the other, which makes it anew.
    let written = one.request(Method::PATCH, "/v1/movies/2").json(&json!({"title": "dos"}));
    let revision = written.send().await.expect(200).header("catalog-revision").to_owned();
    let asked = other.request(Method::GET, "/v1/collections/november");
    let answer = asked.header("min-catalog-revision", &revision).send().await.expect(200);
    assert_eq!(titles(&answer)[0], "dos");
}

async fn nothing_is_made_ahead_if_the_settings_say_so(database: Database) {
    let app = TestApp::start(database, &["--season-warm-ahead=0s"]).await;
    movies(&app).await;
    let season = json!([{"from": "2026-12-01", "to": "2026-12-01", "timezone": "UTC"}]);
    create(&app, &of("a", &season)).await;
    app.clock.set(at("2026-11-30T23:59:59Z"));
    while metric(app.admin, "marquee_collections", &[]).await < 1.0 {
        sleep(Duration::from_millis(5)).await;
    }
    assert!(made_ahead(&app).await < 1.0);
    app.clock.set(at("2026-12-01T00:00:00Z"));
    assert!(is_on(&app.get("/v1/collections/a").await.expect(200)));
}

async fn what_there_is_no_room_for_is_not_made_again_and_again(database: Database) {
    let app = TestApp::start(database, &["--l1-bytes=0", "--poll-interval=20ms"]).await;
    movies(&app).await;
    let season = json!([{"from": "2026-12-01", "to": "2026-12-31", "timezone": "UTC"}]);
    create(&app, &of("december", &season)).await;
    app.clock.set(at("2026-12-15T00:00:00Z"));
    let crowded = || metric(app.admin, "marquee_collections_warmed_total", &["\"no_room\""]);
    while crowded().await < 1.0 {
        sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    let polls = || metric(app.admin, "marquee_database_statement_seconds_count", &["\"watch\""]);
    let before = polls().await;
    while polls().await < before + 30.0 {
        sleep(Duration::from_millis(5)).await;
    }
    // Once in ten seconds.
    let most = 2.0 + began.elapsed().as_secs_f64() / 10.0;
    let tried = crowded().await;
    assert!(tried <= most, "{tried} times, {most} at the most");
}

async fn a_page_is_kept_after_its_season_as_long_as_before_it(app: TestApp) {
    movies(&app).await;
    let season = json!([{"from": "2026-12-01", "to": "2026-12-01", "timezone": "UTC"}]);
    create(&app, &of("a", &season)).await;
    // Nobody asks before the page is made that is shown afterwards.
    app.clock.set(at("2026-12-02T00:00:01Z"));
    until_made(&app, 3.0).await; // the page, and two lists
    let first = app.get("/v1/collections/a").await.expect(200);
    assert!(!is_on(&first));
    is_hit(&first);
}
