//! Collections whose query is a search: they show what the index finds, with every write that answers promise.

use std::time::Duration;

use hyper::Method;
use marquee::domain::clock::Clock;
use serde_json::json;
use tokio::time::sleep;

use super::{at, create, made_ahead, movie, shown, titles, until_made};
use crate::{
    app::TestApp,
    backend::{Database, on_backend, on_every_backend},
    cache::{is_hit, metric},
    search::Searched,
};

on_every_backend! {
    a_search_fills_what_is_left_by_pins_and_exclusions_in_its_order,
    a_write_that_was_answered_shows_at_once,
    an_edited_search_shows_at_once,
    another_replica_includes_the_revision_that_it_is_asked_for,
    a_collections_write_is_followed_by_the_index_as_it_stands,
}

on_backend! {
    embedded Sqlite:
    without_an_index_only_what_needs_it_is_503
    a_season_of_a_search_is_made_ahead_of_it
    a_season_of_a_search_is_made_again_after_a_write_whenever_the_next_poll_is
}

/// 1 to 4 are of Robin Hood and of falling popularity, 5 is not.
async fn films(app: &TestApp) {
    for (title, genre, popularity) in [
        ("Robin Hood", "Adventure", 90),
        ("Robin and Marian", "Drama", 80),
        ("The Adventures of Robin Hood", "Adventure", 70),
        ("Robin Hood: Men in Tights", "Comedy", 60),
        ("Alien", "Horror", 100),
    ] {
        let value = json!({"title": title, "genres": [genre], "popularity": popularity});
        movie(app, &value).await;
    }
}

async fn a_search_fills_what_is_left_by_pins_and_exclusions_in_its_order(Searched(app): Searched) {
    films(&app).await;
    let query = json!({"q": "Robin  HOOD ", "sort": "popularity", "limit": 2});
    let created = create(&app, &json!({"slug": "a", "title": "A", "query": query})).await;
    let canonical = "q=robin%20hood%20&sort=popularity&limit=2";
    assert_eq!(created.json()["query"], canonical);
    // The collection waits for the index; a search by itself need not.
    let collected = shown(*app, "a").await;
    assert_eq!(collected, ["Robin Hood: Men in Tights", "The Adventures of Robin Hood"]);
    let found = app.get(&format!("/v1/search?{canonical}")).await.expect(200);
    assert_eq!(titles(&found), collected);
    let answer = app.get("/v1/collections/a").await.expect(200);
    is_hit(&answer);
    assert!(answer.json()["data"][0].get("cast").is_none(), "rows are those of lists");
    // As many as it should, beyond those.
    let more = json!({"slug": "b", "title": "B", "movies": [5, 4], "query": query, "exclude": [3]});
    create(&app, &more).await;
    assert_eq!(shown(*app, "b").await, ["Alien", "Robin Hood: Men in Tights", "Robin Hood"]);
    let filtered = "q=robin+hood&genre=adventure";
    create(&app, &json!({"slug": "c", "title": "C", "query": filtered})).await;
    let collected = shown(*app, "c").await;
    assert_eq!(collected, ["Robin Hood", "The Adventures of Robin Hood"]);
    let found = app.get(&format!("/v1/search?{filtered}")).await.expect(200);
    assert_eq!(titles(&found), collected);
}

async fn a_write_that_was_answered_shows_at_once(Searched(app): Searched) {
    films(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "query": "q=hood&sort=-created"})).await;
    assert_eq!(shown(*app, "a").await.len(), 3);
    for n in 0..10 {
        let title = format!("Hood {n}");
        let written = app.post("/v1/movies", &json!({"title": title})).await.expect(201);
        let answer = app.get("/v1/collections/a").await.expect(200);
        assert_eq!(titles(&answer)[0], title);
        assert_eq!(answer.header("catalog-revision"), written.header("catalog-revision"));
        assert_eq!(answer.json()["revision"].to_string(), written.header("catalog-revision"));
        let target = format!("/v1/movies/{}", written.json()["id"]);
        let changed = app.request(Method::PATCH, &target).json(&json!({"title": "Metropolis"}));
        changed.send().await.expect(200);
        assert_eq!(shown(*app, "a").await.len(), 3, "it matches no longer");
    }
    app.request(Method::DELETE, "/v1/movies/1").send().await.expect(204);
    assert_eq!(shown(*app, "a").await.len(), 2);
    is_hit(&app.get("/v1/collections/a").await);
}

async fn an_edited_search_shows_at_once(Searched(app): Searched) {
    films(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    for (query, first) in [
        (json!("q=alien"), "Alien"),
        (json!("q=marian"), "Robin and Marian"),
        (json!("genre=comedy"), "Robin Hood: Men in Tights"),
        (json!("q=hood&genre=comedy"), "Robin Hood: Men in Tights"),
    ] {
        let value = json!({"title": "A", "query": query});
        app.request(Method::PUT, "/v1/collections/a").json(&value).send().await.expect(200);
        assert_eq!(shown(*app, "a").await, [first]);
    }
}

async fn another_replica_includes_the_revision_that_it_is_asked_for(Searched(one): Searched) {
    let other = TestApp::start(one.database.same(), &["--index=on", "--poll-interval=100ms"]).await;
    films(&one).await;
    create(&one, &json!({"slug": "a", "title": "A", "query": "q=hood&sort=-created"})).await;
    while other.get("/v1/collections/a").await.status != 200 {
        sleep(Duration::from_millis(5)).await;
    }
    for n in 0..5 {
        let title = format!("Hood {n}");
        let written = one.post("/v1/movies", &json!({"title": title})).await.expect(201);
        let asked = other.request(Method::GET, "/v1/collections/a");
        let asked = asked.header("min-catalog-revision", written.header("catalog-revision"));
        let answer = asked.send().await.expect(200);
        assert_eq!(titles(&answer)[0], title);
    }
}

/// Its revision has no change of a movie.
async fn a_collections_write_is_followed_by_the_index_as_it_stands(Searched(app): Searched) {
    films(&app).await;
    let rebuilds = || metric(app.admin, "marquee_index_rebuilds_total", &[]);
    let before = rebuilds().await;
    for n in 0..5 {
        let slug = format!("a{n}");
        let query = format!("q=hood&limit={}", n + 1);
        let written = create(&app, &json!({"slug": slug, "title": "A", "query": query})).await;
        let at = written.header("catalog-revision");
        let asked = app.request(Method::GET, &format!("/v1/search?{query}"));
        let found = asked.header("min-catalog-revision", at).send().await.expect(200);
        assert_eq!(found.header("catalog-revision"), at);
        assert_eq!(shown(*app, &slug).await, titles(&found));
        let movie = app.post("/v1/movies", &json!({"title": format!("Hood {n}")})).await;
        let asked = app.request(Method::GET, "/v1/search?q=hood&sort=-created&limit=1");
        let at = movie.expect(201).header("catalog-revision").to_owned();
        let found = asked.header("min-catalog-revision", &at).send().await.expect(200);
        assert_eq!(titles(&found), [format!("Hood {n}")]);
    }
    assert!(rebuilds().await <= before, "the index was built anew");
}

async fn without_an_index_only_what_needs_it_is_503(database: Database) {
    let with = TestApp::start(database.same(), &["--index=on"]).await;
    films(&with).await;
    create(&with, &json!({"slug": "a", "title": "A", "query": "q=hood"})).await;
    create(&with, &json!({"slug": "b", "title": "B", "movies": [5]})).await;
    let without = TestApp::start(database, &[]).await;
    let refused = without.get("/v1/collections/a").await.expect(503);
    assert!(refused.text().contains("keeps no index"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(shown(*without, "b").await, ["Alien"]);
    let listed = without.get("/v1/collections").await.expect(200).json();
    assert_eq!(listed["page"]["total"], 2);
    let definition = without.get("/v1/collections/a/definition").await.expect(200).json();
    assert_eq!(definition["query"], "q=hood");
    let put = without.request(Method::PUT, "/v1/collections/a").json(&definition);
    let refused = put.send().await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/query");
    without.request(Method::DELETE, "/v1/collections/a").send().await.expect(204);
}

async fn a_season_of_a_search_is_made_ahead_of_it(database: Database) {
    let clock = Clock::manual(at("2026-10-20T00:00:00Z"));
    let flags = ["--index=on", "--poll-interval=100ms"];
    let app = TestApp::start_by(database, &flags, clock.clone()).await;
    films(&app).await;
    let season = json!([{"from": "--11-01", "to": "--11-30", "timezone": "UTC"}]);
    let value = json!({"slug": "a", "title": "A", "query": "q=marian", "seasons": season});
    create(&app, &value).await;
    clock.set(at("2026-10-31T23:59:00Z"));
    until_made(&app, 3.0).await;
    clock.set(at("2026-11-01T00:00:00Z"));
    let first = app.get("/v1/collections/a").await.expect(200);
    assert_eq!(
        (titles(&first), &first.json()["active"]),
        (vec!["Robin and Marian".to_owned()], &json!(true))
    );
    is_hit(&first);
}

async fn a_season_of_a_search_is_made_again_after_a_write_whenever_the_next_poll_is(
    database: Database,
) {
    let flags = ["--index=on", "--poll-interval=2m", "--staleness-bound=3m", "--staleness-cap=1h"];
    let clock = Clock::manual(at("2026-11-01T00:00:00Z"));
    let app = TestApp::start_by(database, &flags, clock).await;
    films(&app).await;
    let season = json!([{"from": "--11-01", "to": "--11-30", "timezone": "UTC"}]);
    let value = json!({"slug": "a", "title": "A", "query": "q=marian", "seasons": season});
    create(&app, &value).await;
    until_made(&app, 1.0).await;
    is_hit(&app.get("/v1/collections/a").await.expect(200));
    for n in 1..=3 {
        let made = made_ahead(&app).await;
        movie(&app, &json!({"title": format!("Marian {n}")})).await;
        until_made(&app, made + 1.0).await;
        let first = app.get("/v1/collections/a").await.expect(200);
        is_hit(&first);
        assert_eq!(titles(&first).len(), 1 + n, "it has what was written");
    }
}
