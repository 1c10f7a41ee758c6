//! What callers say of what people do.

use hyper::Method;
use marquee::domain::api_key::Role;
use serde_json::{Value, json};

use super::Peopled;
use crate::{app::TestApp, backend::on_every_backend};

on_every_backend! {
    what_is_said_is_seen_at_once_and_stored_once,
    of_many_the_good_are_noted_and_the_bad_are_told,
    one_that_is_bad_is_a_problem,
    who_speaks_for_others_has_a_key,
    without_keys_who_is_here_speaks_for_no_other,
    a_look_of_somebody_with_a_pseudonym_is_a_row_an_hour,
    what_was_said_of_a_movie_that_is_gone_is_not_read,
    without_an_id_each_time_counts_and_the_last_word_is_the_latest,
    an_event_that_is_sent_again_is_counted_for_its_movie_once,
    what_was_said_counts_for_the_hour_of_which_it_was_said,
}

async fn what_is_said_is_seen_at_once_and_stored_once(peopled: Peopled) {
    peopled.movies(2).await;
    let liked = json!({"id": "e-1", "signal": "like", "movie": 1, "time": "2026-11-20T10:00:00Z"});
    for _ in 0..3 {
        let said = peopled.say("u", &liked).await.expect(202);
        let expected =
            json!({"accepted": 1, "ignored": 0, "refused": 0, "data": [{"status": 202}]});
        assert_eq!((said.json(), said.header("cache-control")), (expected, "no-store"));
    }
    assert!(!peopled.held("u").await.is_empty(), "it is seen before it is stored");
    peopled.stored(3).await;
    peopled.say("u", &liked).await.expect(202);
    peopled.say("v", &liked).await.expect(202);
    peopled.say("u", &json!({"signal": "rating", "movie": 2, "value": 8.5})).await.expect(202);
    peopled.stored(6).await;
    let like = ("like".to_owned(), 1);
    assert_eq!(peopled.held("u").await, [like.clone(), ("rating".to_owned(), 2)]);
    assert_eq!(peopled.held("v").await, [like], "ids are of one person");
    let user = "u".parse().unwrap();
    let history = peopled.store.history(&user, 1).await.unwrap();
    assert_eq!(history[0].signal, marquee::domain::activity::Signal::Rating(8.5));
}

async fn of_many_the_good_are_noted_and_the_bad_are_told(peopled: Peopled) {
    peopled.movies(1).await;
    let many = json!([
        {"signal": "watched", "movie": 1},
        {"signal": "rating", "movie": 1, "value": 11},
        {"signal": "adore", "movie": "x", "mood": 1},
        {"signal": "like", "movie": 1, "user": "v"},
        7,
    ]);
    let said = peopled.say("u", &many).await.expect(207).json();
    assert_eq!((&said["accepted"], &said["refused"]), (&json!(2), &json!(3)));
    let statuses: Vec<&Value> =
        said["data"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(json!(statuses), json!([202, 422, 422, 202, 422]));
    let places = |n: usize| -> Vec<String> {
        let errors = said["data"][n]["problem"]["errors"].as_array().unwrap();
        errors.iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(places(1), ["/1/value"]);
    assert_eq!(places(2), ["/2/movie", "/2/signal", "/2/mood"]);
    assert_eq!(places(4), ["/4"]);
    peopled.stored(2).await;
    assert_eq!(peopled.held("u").await, [("watched".to_owned(), 1)]);
    assert_eq!(peopled.held("v").await, [("like".to_owned(), 1)]);
    peopled.say("u", &json!(vec![json!({"signal": "view", "movie": 1}); 500])).await.expect(202);
    peopled.say("u", &json!(vec![json!({"signal": "view", "movie": 1}); 501])).await.expect(422);
    peopled.say("u", &json!([])).await.expect(422);
}

async fn one_that_is_bad_is_a_problem(peopled: Peopled) {
    let said = peopled.say("u", &json!({"signal": "rating", "movie": 0})).await.expect(422);
    assert_eq!(said.header("content-type"), "application/problem+json");
    let places: Vec<Value> = said.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["pointer"].clone())
        .collect();
    assert_eq!(places, ["/movie", "/value"]);
    let asked = |method, target: &str| peopled.asked(Role::Reader, method, target);
    asked(Method::POST, "/v1/interactions").body("{}").send().await.expect(415);
    let asked_more = asked(Method::POST, "/v1/interactions?x=1").json(&json!({}));
    asked_more.send().await.expect(400);
    asked(Method::GET, "/v1/interactions").send().await.expect(405);
    let long_ago = json!({"signal": "view", "movie": 1, "time": "2026-01-01T00:00:00Z"});
    peopled.say("u", &long_ago).await.expect(422);
}

async fn who_speaks_for_others_has_a_key(peopled: Peopled) {
    peopled.movies(1).await;
    let app = &peopled.app;
    let like = json!({"signal": "like", "movie": 1});
    app.request(Method::POST, "/v1/interactions").json(&like).send().await.expect(401);
    let refused = peopled.say("a b", &like).await.expect(400).json();
    assert_eq!(refused["errors"][0]["header"], "X-User-Id");
    // Who only looks is answered, and not heard.
    for _ in 0..9 {
        let asked = app.request(Method::GET, "/v1/movies/1").header("x-user-id", "u");
        asked.send().await.expect(200);
    }
    peopled.stored(9).await;
    assert!(peopled.held("u").await.is_empty());
    let asked = peopled.asked(Role::Reader, Method::POST, "/v1/interactions");
    asked.json(&like).send().await.expect(202); // nobody's but the client's
    peopled.stored(10).await;
    let page = peopled.store.interactions_after(None, 10).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert!(!page.rows[0].user.is_pseudonym(), "{page:?}");
}

async fn without_keys_who_is_here_speaks_for_no_other(app: TestApp) {
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    let like = json!({"signal": "like", "movie": 1});
    let asked = app.request(Method::POST, "/v1/interactions").header("x-user-id", "u").json(&like);
    asked.send().await.expect(202);
    let named = json!({"signal": "like", "movie": 1, "user": "u"});
    let refused = app.post("/v1/interactions", &named).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/user");
    super::stored(&app, 1).await;
    let held = app.get("/v1/users/u/data").await.expect(200).json();
    assert_eq!(held["interactions"], json!([]));
    let forwarded = app.request(Method::POST, "/v1/interactions").json(&like);
    forwarded.header("x-forwarded-for", "192.0.2.1").send().await.expect(403);
}

async fn a_look_of_somebody_with_a_pseudonym_is_a_row_an_hour(peopled: Peopled) {
    peopled.movies(1).await;
    let look = async || {
        for _ in 0..12 {
            let asked = peopled.asked(Role::Reader, Method::GET, "/v1/movies/1");
            asked.header("x-user-id", "u").send().await.expect(200);
        }
    };
    look().await;
    peopled.stored(12).await;
    assert_eq!(peopled.held("u").await, [("view".to_owned(), 1)]);
    peopled.pass(std::time::Duration::from_hours(1)).await;
    look().await;
    peopled.stored(24).await;
    assert_eq!(peopled.held("u").await.len(), 2);
    let views = peopled.app.database.integers("SELECT views FROM movie_views ORDER BY hour").await;
    assert_eq!(views, [[12], [12]]);
}

async fn what_was_said_of_a_movie_that_is_gone_is_not_read(peopled: Peopled) {
    peopled.movies(2).await;
    let many = json!([1, 2, 99].map(|movie| json!({"signal": "like", "movie": movie})));
    peopled.say("u", &many).await.expect(202);
    peopled.stored(3).await;
    peopled.asked(Role::Editor, Method::DELETE, "/v1/movies/1").send().await.expect(204);
    let rows = peopled.store.interactions_after(None, 10).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.movie.get()).collect::<Vec<_>>(), [2]);
    let history = peopled.store.history(&"u".parse().unwrap(), 10).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(peopled.held("u").await.len(), 3, "what is held is shown, gone or not");
}

async fn without_an_id_each_time_counts_and_the_last_word_is_the_latest(peopled: Peopled) {
    peopled.movies(30).await;
    // The clock stands still: all of this is said at once.
    for value in [2, 9, 9] {
        let rating = json!({"signal": "rating", "movie": 1, "value": value});
        peopled.say("u", &rating).await.expect(202);
        let then =
            json!({"signal": "rating", "movie": 2, "value": value, "time": "2026-11-20T10:00:00Z"});
        peopled.say("u", &then).await.expect(202);
    }
    let words = (1..=30).flat_map(|movie| {
        ["dislike", "like"].map(|signal| json!({"signal": signal, "movie": movie}))
    });
    peopled.say("v", &json!(words.collect::<Vec<Value>>())).await.expect(202);
    peopled.stored(66).await;
    assert_eq!(peopled.held("u").await.len(), 6);
    let said = peopled.store.history(&"u".parse().unwrap(), 10).await.unwrap();
    let ratings: Vec<_> = said.iter().rev().map(|said| (said.movie.get(), said.signal)).collect();
    let rating = |movie, value| (movie, marquee::domain::activity::Signal::Rating(value));
    let of = |movie| [rating(movie, 2.0), rating(movie, 9.0), rating(movie, 9.0)];
    assert_eq!(ratings, [of(2), of(1)].concat(), "the oldest first");
    let history = peopled.store.history(&"v".parse().unwrap(), 100).await.unwrap();
    for movie in 1..=30 {
        let last = history.iter().find(|said| said.movie.get() == movie).unwrap();
        assert_eq!(last.signal, marquee::domain::activity::Signal::Like, "{movie}");
    }
}

async fn an_event_that_is_sent_again_is_counted_for_its_movie_once(peopled: Peopled) {
    peopled.movies(2).await;
    let view = |movie: i64| json!({"id": "one", "signal": "view", "movie": movie});
    peopled.say("u", &json!([view(1), view(1), view(1)])).await.expect(202);
    peopled.stored(3).await;
    for movie in [1, 1, 2, 999] {
        peopled.say("u", &view(movie)).await.expect(202);
    }
    // There is no such movie.
    peopled.say("u", &json!({"signal": "view", "movie": 1_000_000_000})).await.expect(202);
    peopled.stored(8).await;
    let views = "SELECT movie_id, views, clients FROM movie_views";
    assert_eq!(peopled.app.database.integers(views).await, [[1, 1, 1]]);
    peopled.say("v", &view(1)).await.expect(202);
    peopled.stored(9).await;
    assert_eq!(peopled.app.database.integers(views).await, [[1, 2, 2]]);
}

async fn what_was_said_counts_for_the_hour_of_which_it_was_said(peopled: Peopled) {
    peopled.movies(1).await;
    let then = marquee::domain::clock::Moment::parse("2026-11-20T10:20:00Z").unwrap();
    let liked = json!({"signal": "like", "movie": 1, "time": then.to_string()});
    peopled.say("u", &liked).await.expect(202);
    peopled.stored(1).await;
    let hours = peopled.app.database.integers("SELECT hour, views FROM movie_views").await;
    assert_eq!(hours, [[then.unix_ms() / 3_600_000, 0]]);
    let trending = peopled.asked(Role::Reader, Method::GET, "/v1/trending?window=hour");
    assert_eq!(trending.send().await.expect(200).json()["data"], json!([]));
}
