//! What people look at is counted, whoever answers, and nothing else is.

use hyper::Method;
use serde_json::json;

use super::{Peopled, count, events, look, stored};
use crate::{
    app::TestApp,
    backend::{Database, on_every_backend},
    cache::metric,
    process::Process,
};

on_every_backend! {
    looks_are_counted_whoever_answers_them,
    what_is_no_look_is_not_counted,
    looks_at_collections_are_counted_by_their_names,
    searches_are_counted_with_what_is_opened_of_them,
    every_event_is_stored_or_dropped,
    nothing_is_recorded_when_it_is_off,
    a_share_of_nobody_leaves_interactions_alone,
    what_waits_is_stored_when_the_service_ends,
    a_killed_process_loses_nothing_that_was_stored,
}

const VIEWS: &str = "SELECT COALESCE(CAST(SUM(views) AS SIGNED), 0), COALESCE(CAST(SUM(clients) AS SIGNED), 0) FROM movie_views";
const VIEWS_SQLITE: &str =
    "SELECT COALESCE(SUM(views), 0), COALESCE(SUM(clients), 0) FROM movie_views";

/// How many looks at movies are stored, and by how many clients.
async fn views(database: &Database) -> (i64, i64) {
    let sql = if database.url.starts_with("sqlite") { VIEWS_SQLITE } else { VIEWS };
    let row = &database.integers(sql).await[0];
    (row[0], row[1])
}

async fn looks_are_counted_whoever_answers_them(peopled: Peopled) {
    let app = &peopled.app;
    peopled.create(&json!({"title": "a", "imdb_id": "tt0000001"})).await;
    // The first is a miss, then come hits the long way, at once, and by their bytes.
    for _ in 0..29 {
        app.get("/v1/movies/1").await.expect(200);
    }
    let etag = app.get("/v1/movies/1").await.expect(200).header("etag").to_owned();
    for _ in 0..10 {
        let asked = app.request(Method::GET, "/v1/movies/1").header("if-none-match", &etag);
        asked.send().await.expect(304);
    }
    for _ in 0..10 {
        app.get("/v1/movies/imdb/tt0000001").await.expect(200);
    }
    // One connection, one head: answered by its bytes.
    let many = "GET /v1/movies/1 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(19);
    let last = "GET /v1/movies/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = app.raw(format!("{many}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 20);
    stored(app, 70).await;
    assert_eq!(views(&app.database).await, (70, 1));
    assert_eq!(app.database.integers("SELECT movie_id FROM movie_views").await, [[1]]);
}

async fn what_is_no_look_is_not_counted(peopled: Peopled) {
    let app = &peopled.app;
    peopled.movies(1).await;
    for _ in 0..5 {
        app.request(Method::HEAD, "/v1/movies/1").send().await.expect(200);
        for target in ["/v1/movies/2", "/v1/movies/imdb/tt0000009", "/v1/collections/none"] {
            app.get(target).await.expect(404);
        }
        for target in ["/v1/movies", "/v1/movies?ids=1", "/v1/genres", "/search", "/v1/trending"] {
            app.get(target).await.expect(200);
        }
        app.get("/v1/movies/1?x=1").await.expect(400);
    }
    app.get("/v1/movies/1").await.expect(200);
    stored(app, 1).await;
    assert_eq!(count(app, "marquee_activity_events_total", &[]).await, 1);
    assert_eq!(views(&app.database).await, (1, 1));
}

async fn looks_at_collections_are_counted_by_their_names(peopled: Peopled) {
    let app = &peopled.app;
    peopled.movies(2).await;
    let collection = json!({"slug": "mine", "title": "Mine", "movies": [1, 2]});
    let asked =
        peopled.asked(marquee::domain::api_key::Role::Editor, Method::POST, "/v1/collections");
    asked.json(&collection).send().await.expect(201);
    for client in 0..6 {
        look(**app, "/v1/collections/mine", client / 2).await.expect(200);
    }
    app.get("/v1/collections").await.expect(200);
    stored(app, 6).await;
    assert_eq!(app.database.integers("SELECT views FROM collection_days").await, [[6]]);
    assert_eq!(events(app, "collection_view").await, 6);
}

async fn searches_are_counted_with_what_is_opened_of_them(database: Database) {
    let peopled = Peopled::start(database, &["--index=on"]).await;
    let app = &peopled.app;
    peopled.movies(3).await;
    // The index has them once the search finds them.
    let found = async |client| look(**app, "/v1/search?q=movie&sort=title", client).await;
    let mut before = 0;
    loop {
        let answer = found(0).await;
        before += u32::from(answer.status == 200);
        if answer.status == 200 && answer.json()["page"]["total"] == 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
    for client in 1..=4 {
        found(client).await.expect(200);
    }
    let rows = found(5).await.expect(200).json();
    let second = rows["data"][1]["id"].as_i64().unwrap();
    let third = rows["data"][2]["id"].as_i64().unwrap();
    look(**app, "/v1/search?q=MOVIE&sort=title", 5).await.expect(200); // the same
    let searches = before + 6;
    // In another second than the search, whichever thread noted that.
    stored(app, searches).await;
    look(**app, &format!("/v1/movies/{second}"), 5).await.expect(200);
    look(**app, &format!("/v1/movies/{second}"), 5).await.expect(200); // the same again
    stored(app, searches + 2).await;
    look(**app, &format!("/v1/movies/{third}"), 5).await.expect(200);
    look(**app, &format!("/v1/movies/{third}"), 6).await.expect(200); // who has not searched
    look(**app, &format!("/v1/movies/{third}"), 1).await.expect(200);
    stored(app, searches + 5).await;
    let sql = "SELECT searches, hits, opened, positions FROM searches";
    let row = &app.database.integers(sql).await[0];
    assert_eq!(*row, [i64::from(searches), 3, 2, 2 + 3]);
    let opened =
        app.database.integers("SELECT movie_id, opened FROM search_opened ORDER BY 2").await;
    assert_eq!(opened, [[second, 1], [third, 2]]);
    let page = peopled.store.searches_opened_after(None, 10).await.unwrap();
    assert!(page.rows.iter().all(|row| row.query == "q=movie"), "{page:?}");
}

async fn every_event_is_stored_or_dropped(peopled: Peopled) {
    let app = &peopled.app;
    peopled.movies(20).await;
    for n in 0..400_u32 {
        look(**app, &format!("/v1/movies/{}", n % 20 + 1), n % 37).await.expect(200);
    }
    peopled
        .say("u", &json!([{"signal": "like", "movie": 1}, {"signal": "view", "movie": 2}]))
        .await;
    stored(app, 402).await;
    let told = async |name| count(app, name, &[]).await;
    assert_eq!(told("marquee_activity_events_total").await, 402);
    assert_eq!(told("marquee_activity_stored_total").await, 402);
    assert_eq!(told("marquee_activity_dropped_total").await, 0);
    assert_eq!(views(&app.database).await.0, 401, "an interaction that is a view is one");
    assert!(told("marquee_activity_rows_total").await < 402, "what is alike shares rows");
}

async fn nothing_is_recorded_when_it_is_off(database: Database) {
    let peopled = Peopled::start(database, &["--activity=off"]).await;
    let app = &peopled.app;
    peopled.movies(1).await;
    for _ in 0..9 {
        app.get("/v1/movies/1").await.expect(200);
    }
    let said = peopled.say("u", &json!({"signal": "like", "movie": 1})).await.expect(202).json();
    assert_eq!((&said["accepted"], &said["ignored"]), (&json!(0), &json!(1)));
    assert_eq!(count(app, "marquee_activity_events_total", &[]).await, 0);
    assert_eq!((views(&app.database).await, peopled.held("u").await.len()), ((0, 0), 0));
}

async fn a_share_of_nobody_leaves_interactions_alone(database: Database) {
    let peopled = Peopled::start(database, &["--activity-sample=0"]).await;
    let app = &peopled.app;
    peopled.movies(1).await;
    for client in 0..9 {
        look(**app, "/v1/movies/1", client).await.expect(200);
    }
    peopled.say("u", &json!({"signal": "like", "movie": 1})).await.expect(202);
    stored(app, 10).await;
    let ignored = count(app, "marquee_activity_ignored_total", &["sampled"]).await;
    assert_eq!((ignored, events(app, "movie_view").await), (9, 0));
    assert_eq!((views(&app.database).await.0, peopled.held("u").await.len()), (0, 1));
}

async fn what_waits_is_stored_when_the_service_ends(peopled: Peopled) {
    let Peopled { app, .. } = peopled;
    app.post("/v1/movies", &json!({"title": "a"})).await.expect(401);
    let database = app.database.same();
    database
        .edit(&["INSERT INTO movies (title, title_key, identity, directors, genres, cast_names, \
                 countries, languages, version, created_at, updated_at) VALUES ('a', 'a', 'a', '[]', \
                 '[]', '[]', '[]', '[]', 1, 0, 0)"
            .to_owned()])
        .await;
    for _ in 0..7 {
        app.get("/v1/movies/1").await.expect(200);
    }
    let TestApp { app, database: _kept, .. } = app;
    app.stop().await;
    assert_eq!(views(&database).await, (7, 1));
}

async fn a_killed_process_loses_nothing_that_was_stored(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    process.client.post("/v1/movies", &json!({"title": "a"})).await.expect(201);
    for _ in 0..50 {
        process.client.get("/v1/movies/1").await.expect(200);
    }
    while metric(process.admin, "marquee_activity_stored_total", &[]).await < 50.0 {
        tokio::task::yield_now().await;
    }
    process.kill().await;
    assert_eq!(views(&database).await, (50, 1));
}
