//! What is trending is what many look at, of late, wherever they ask.

use std::time::Duration;

use hyper::Method;
use marquee::domain::api_key::Role;
use serde_json::json;

use super::{Peopled, count, look, stored};
use crate::{app::TestApp, backend::on_every_backend};

on_every_backend! {
    one_client_that_floods_a_movie_counts_once,
    replicas_count_together,
    what_was_long_ago_weighs_less,
    movies_that_are_gone_or_of_other_genres_are_left_out,
    an_answer_is_that_of_a_minute_and_public,
    what_is_said_counts_unless_it_is_bad,
}

/// The ids of what is trending, the most first.
async fn trending(app: &TestApp, query: &str) -> Vec<i64> {
    let answer = app.get(&format!("/v1/trending{query}")).await.expect(200).json();
    answer["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

fn next_minute(app: &TestApp) {
    app.clock.advance(Duration::from_mins(1));
}

async fn one_client_that_floods_a_movie_counts_once(peopled: Peopled) {
    peopled.movies(3).await;
    let app = &peopled.app;
    for _ in 0..300 {
        look(**app, "/v1/movies/1", 1).await.expect(200);
    }
    for client in 10..15 {
        look(**app, "/v1/movies/2", client).await.expect(200);
    }
    for client in 10..12 {
        look(**app, "/v1/movies/3", client).await.expect(200);
    }
    stored(app, 307).await;
    for window in ["hour", "day", "week"] {
        assert_eq!(trending(app, &format!("?window={window}")).await, [2, 3, 1], "{window}");
    }
    let scores = app.get("/v1/trending").await.expect(200).json();
    assert_eq!(scores["data"][0]["score"], 1.0);
    assert!(scores["data"][2]["score"].as_f64().unwrap() < 0.6, "{scores}");
    assert_eq!(trending(app, "?limit=1").await, [2]);
}

async fn replicas_count_together(peopled: Peopled) {
    peopled.movies(2).await;
    let (one, other) = (&peopled.app, peopled.beside().await);
    for client in 0..6 {
        // The same three at both: they count once.
        look(**one, "/v1/movies/1", client % 3).await.expect(200);
        look(*other, "/v1/movies/1", client % 3).await.expect(200);
        // Four here and four there.
        if client < 4 {
            look(**one, "/v1/movies/2", 100 + client).await.expect(200);
            look(*other, "/v1/movies/2", 200 + client).await.expect(200);
        }
    }
    stored(one, 10).await;
    stored(&other, 10).await;
    // Whoever writes next sees what both have counted.
    look(**one, "/v1/movies/2", 100).await.expect(200);
    look(**one, "/v1/movies/1", 0).await.expect(200);
    stored(one, 12).await;
    let sql = "SELECT movie_id, views, clients FROM movie_views ORDER BY movie_id";
    let rows = peopled.app.database.integers(sql).await;
    assert_eq!((rows[0][1], rows[1][1]), (13, 9));
    // Two clients may share a bit of the sketch, by the day's salt.
    assert!((2..=3).contains(&rows[0][2]), "{rows:?}");
    assert!((5..=9).contains(&rows[1][2]), "{rows:?}");
    assert_eq!(trending(one, "").await, [2, 1]);
    assert_eq!(trending(&other, "").await, [2, 1]);
}

async fn what_was_long_ago_weighs_less(peopled: Peopled) {
    peopled.movies(2).await;
    let app = &peopled.app;
    for client in 0..12 {
        look(**app, "/v1/movies/1", client).await.expect(200);
    }
    stored(app, 12).await;
    assert_eq!(trending(app, "?window=hour").await, [1]);
    peopled.pass(Duration::from_hours(30)).await;
    for client in 0..3 {
        look(**app, "/v1/movies/2", client).await.expect(200);
    }
    stored(app, 15).await;
    assert_eq!(trending(app, "?window=hour").await, [2], "an hour is over");
    assert_eq!(trending(app, "?window=day").await, [2, 1]);
    assert_eq!(trending(app, "?window=week").await, [1, 2], "to a week it is hardly older");
    peopled.pass(Duration::from_hours(24 * 30)).await;
    assert!(trending(app, "?window=week").await.is_empty());
}

async fn movies_that_are_gone_or_of_other_genres_are_left_out(peopled: Peopled) {
    peopled.movies(4).await;
    let app = &peopled.app;
    for movie in 1..=4_u32 {
        for client in 0..movie * 2 {
            look(**app, &format!("/v1/movies/{movie}"), client).await.expect(200);
        }
    }
    stored(app, 20).await;
    assert_eq!(trending(app, "").await, [4, 3, 2, 1]);
    assert_eq!(trending(app, "?genre=EVEN").await, [4, 2]);
    assert_eq!(trending(app, "?genre=odd").await, [3, 1]);
    assert!(trending(app, "?genre=none").await.is_empty());
    peopled.asked(Role::Editor, Method::DELETE, "/v1/movies/4").send().await.expect(204);
    assert_eq!(trending(app, "").await, [3, 2, 1], "at once, whatever was kept");
    let refused = app.get("/v1/trending?window=year&genre=&limit=101&x=").await.expect(400);
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 4);
}

async fn an_answer_is_that_of_a_minute_and_public(peopled: Peopled) {
    peopled.movies(2).await;
    let app = &peopled.app;
    let first = app.get("/v1/trending").await.expect(200);
    assert_eq!(first.json()["data"], json!([]));
    assert!(first.header("cache-control").starts_with("public, max-age=10"));
    assert_eq!(first.header("cache-groups"), "\"movies\", \"trending\"");
    look(**app, "/v1/movies/1", 1).await.expect(200);
    stored(app, 1).await;
    let loads = async || {
        let labels = [r#"outcome="load",route="list_trending""#];
        count(app, "marquee_http_requests_total", &labels).await
    };
    for _ in 0..9 {
        assert!(trending(app, "").await.is_empty());
    }
    assert_eq!(loads().await, 1);
    next_minute(app);
    for _ in 0..9 {
        assert_eq!(trending(app, "?window=day&limit=20").await, [1]);
    }
    assert_eq!(loads().await, 2);
}

async fn what_is_said_counts_unless_it_is_bad(peopled: Peopled) {
    peopled.movies(3).await;
    for user in ["a", "b", "c"] {
        let said = json!([
            {"signal": "like", "movie": 1},
            {"signal": "dislike", "movie": 2},
            {"signal": "rating", "movie": 2, "value": 1},
            {"signal": "rating", "movie": 3, "value": 9},
        ]);
        let said = &said.as_array().unwrap()[usize::from(user == "c")..];
        peopled.say(user, &json!(said)).await.expect(202);
    }
    peopled.stored(11).await;
    assert_eq!(trending(&peopled.app, "").await, [3, 1]);
}
