//! Who is left out, what is seen by whom, and what an erasure leaves.

use std::time::Duration;

use hyper::Method;
use marquee::domain::api_key::Role;
use serde_json::json;

use super::{Peopled, by, count, held, look, stored};
use crate::backend::{Database, on_every_backend};

on_every_backend! {
    who_opts_out_leaves_no_trace,
    what_is_held_is_for_admins,
    an_erasure_leaves_nothing_and_what_comes_after_is_new,
    an_erasure_reaches_what_waits_in_another_replica,
    after_an_erasure_nobody_knows_what_the_user_searched_for,
    what_is_said_to_be_from_before_an_erasure_is_not_stored,
    a_salt_goes_with_its_day,
    no_pseudonym_is_in_a_sum,
}

async fn who_opts_out_leaves_no_trace(peopled: Peopled) {
    peopled.movies(1).await;
    let app = &peopled.app;
    let marks = [
        ("dnt", "1"),
        ("sec-gpc", "1"),
        ("cache-control", "private"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in marks {
        for _ in 0..6 {
            let asked = peopled.asked(Role::Reader, Method::GET, "/v1/movies/1");
            asked.header("x-user-id", "u").header(name, value).send().await.expect(200);
        }
        let like = json!({"signal": "like", "movie": 1});
        let asked = peopled.asked(Role::Reader, Method::POST, "/v1/interactions").json(&like);
        let said = asked.header("x-user-id", "u").header(name, value).send().await.expect(202);
        assert_eq!(said.json()["ignored"], 1);
    }
    stored(app, 28).await;
    assert_eq!(count(app, "marquee_activity_events_total", &[]).await, 0);
    for reason in ["opted_out", "private"] {
        let ignored = count(app, "marquee_activity_ignored_total", &[reason]).await;
        assert_eq!(ignored, 14, "{reason}");
    }
    for table in ["movie_views", "interactions", "movie_days"] {
        let sql = match table {
            "movie_views" => "SELECT COUNT(*) FROM movie_views",
            "interactions" => "SELECT COUNT(*) FROM interactions",
            _ => "SELECT COUNT(*) FROM movie_days",
        };
        assert_eq!(app.database.integers(sql).await, [[0]], "{table}");
    }
}

async fn what_is_held_is_for_admins(peopled: Peopled) {
    let target = "/v1/users/u-1/data";
    for method in [Method::GET, Method::DELETE] {
        peopled.app.request(method.clone(), target).send().await.expect(401);
        for role in [Role::Reader, Role::Editor] {
            peopled.asked(role, method.clone(), target).send().await.expect(403);
        }
    }
    let got = peopled.asked(Role::Admin, Method::GET, target).send().await.expect(200);
    assert_eq!(got.header("cache-control"), "no-store");
    assert_eq!(got.json(), json!({"user": "u-1", "interactions": []}));
    peopled.asked(Role::Admin, Method::HEAD, target).send().await.expect(200);
    peopled.asked(Role::Admin, Method::DELETE, target).send().await.expect(204);
    let bad = peopled.asked(Role::Admin, Method::GET, "/v1/users/a%20b/data").send().await;
    let bad = bad.expect(404);
    assert_eq!(bad.json()["type"], "/problems/no-such-user");
    assert!(!bad.text().contains("a b"), "{}", bad.text());
}

async fn an_erasure_leaves_nothing_and_what_comes_after_is_new(peopled: Peopled) {
    peopled.movies(3).await;
    let like = |movie: i64| json!({"signal": "like", "movie": movie});
    peopled.say("u", &like(1)).await.expect(202);
    peopled.say("other", &like(1)).await.expect(202);
    peopled.stored(2).await;
    peopled.say("u", &like(2)).await.expect(202); // this one waits
    let asked = peopled.asked(Role::Reader, Method::GET, "/v1/movies/3").header("x-user-id", "u");
    asked.send().await.expect(200); // and this one is in a buffer
    peopled.asked(Role::Admin, Method::DELETE, "/v1/users/u/data").send().await.expect(204);
    assert!(peopled.held("u").await.is_empty());
    peopled.stored(4).await;
    assert!(peopled.held("u").await.is_empty());
    assert_eq!(peopled.held("other").await.len(), 1);
    let rows = peopled.store.interactions_after(None, 100).await.unwrap().rows;
    assert!(rows.iter().all(|row| row.user.as_str() == "other"), "{rows:?}");
    peopled.say("u", &like(3)).await.expect(202);
    peopled.stored(5).await;
    assert_eq!(peopled.held("u").await, [("like".to_owned(), 3)]);
}

async fn an_erasure_reaches_what_waits_in_another_replica(peopled: Peopled) {
    peopled.movies(1).await;
    let other = peopled.beside().await;
    let key = &peopled.keys[&Role::Admin];
    for n in 0..20 {
        let user = format!("u-{n}");
        let like = json!({"signal": "like", "movie": 1, "user": user});
        let said = by(*other, key, Method::POST, "/v1/interactions").json(&like);
        said.send().await.expect(202);
        let asked = by(*other, key, Method::GET, "/v1/movies/1").header("x-user-id", &user);
        asked.send().await.expect(200);
        let target = format!("/v1/users/{user}/data");
        peopled.asked(Role::Admin, Method::DELETE, &target).send().await.expect(204);
    }
    stored(&other, 40).await;
    for n in 0..20 {
        assert!(held(*other, key, &format!("u-{n}")).await.is_empty(), "{n}");
    }
    let count = peopled.app.database.integers("SELECT COUNT(*) FROM interactions").await;
    assert_eq!(count, [[0]]);
}

async fn after_an_erasure_nobody_knows_what_the_user_searched_for(database: Database) {
    let peopled = Peopled::start(database, &["--index=on"]).await;
    peopled.movies(2).await;
    let ask = async |target: &str| {
        let asked = peopled.asked(Role::Reader, Method::GET, target).header("x-user-id", "u");
        asked.send().await
    };
    let mut done = 0;
    loop {
        let answer = ask("/v1/search?q=movie").await;
        done += u32::from(answer.status == 200);
        if answer.status == 200 && answer.json()["page"]["total"] == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
    peopled.stored(done).await;
    ask("/v1/movies/1").await.expect(200);
    peopled.stored(done + 1).await;
    assert_eq!(peopled.held("u").await, [("opened".to_owned(), 1)]);
    peopled.asked(Role::Admin, Method::DELETE, "/v1/users/u/data").send().await.expect(204);
    ask("/v1/movies/2").await.expect(200);
    peopled.stored(done + 2).await;
    assert_eq!(peopled.held("u").await, [("view".to_owned(), 2)]);
}

async fn what_is_said_to_be_from_before_an_erasure_is_not_stored(peopled: Peopled) {
    peopled.movies(1).await;
    peopled.asked(Role::Admin, Method::DELETE, "/v1/users/u/data").send().await.expect(204);
    let old = json!({"signal": "like", "movie": 1, "time": "2026-11-01T00:00:00Z"});
    peopled.say("u", &old).await.expect(202);
    peopled.stored(1).await;
    assert!(peopled.held("u").await.is_empty());
}

async fn a_salt_goes_with_its_day(peopled: Peopled) {
    peopled.movies(1).await;
    let app = &peopled.app;
    let day = || app.clock.now().unix_ms() / 86_400_000;
    let salts = "SELECT day FROM activity_salts";
    let mut sketches = Vec::new();
    for looks in 1..=3 {
        look(**app, "/v1/movies/1", 7).await.expect(200);
        stored(app, looks).await;
        assert_eq!(app.database.integers(salts).await, [[day()]]);
        let sql =
            "SELECT sketch_0, sketch_1, sketch_2, sketch_3 FROM movie_views ORDER BY hour DESC";
        sketches.push(app.database.integers(sql).await[0].clone());
        peopled.pass(Duration::from_hours(24)).await;
    }
    sketches.dedup();
    assert!(sketches.len() > 1, "the same client has another number on another day: {sketches:?}");
}

async fn no_pseudonym_is_in_a_sum(peopled: Peopled) {
    peopled.movies(1).await;
    for _ in 0..3 {
        let asked = peopled.asked(Role::Reader, Method::GET, "/v1/movies/1");
        asked.header("x-user-id", "somebody").send().await.expect(200);
    }
    peopled.stored(3).await;
    peopled.asked(Role::Admin, Method::DELETE, "/v1/users/somebody/data").send().await.expect(204);
    // What is left is that somebody looked.
    let views = peopled.app.database.integers("SELECT views, clients FROM movie_views").await;
    assert_eq!(views, [[3, 1]]);
    let erased = "SELECT COUNT(*) FROM erased_users WHERE user_key <> 'somebody'";
    assert_eq!(peopled.app.database.integers(erased).await, [[1]]);
}
