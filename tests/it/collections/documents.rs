//! What a collection shows, and that writes to movies are in it.

use hyper::Method;
use serde_json::json;

use super::{create, movie, movies, shown, titles};
use crate::{
    app::TestApp,
    backend::on_every_backend,
    cache::{is_hit, metric},
    client::Answer,
};

on_every_backend! {
    named_movies_come_first_and_what_is_left_out_does_not_come,
    the_query_gives_as_many_as_it_should_beyond_what_is_named_or_left_out,
    a_write_to_a_member_shows_at_once_and_drops_nothing_else,
    a_movie_that_enters_the_query_shows_at_once,
    a_named_movie_that_is_gone_comes_back_with_its_imdb_id,
    another_replica_follows_movies_and_collections,
    lists_have_pages_and_tell_what_is_on_at_any_time,
}

async fn named_movies_come_first_and_what_is_left_out_does_not_come(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "a", "title": "A", "description": "d", "movies": ["tt0000004", 3],
        "query": {"genre": "DRAMA"}, "exclude": [2]});
    create(&app, &value).await;
    let answer = app.get("/v1/collections/a").await.expect(200);
    assert_eq!(titles(&answer), ["four", "three", "one"]);
    let page = answer.json();
    let facts = ["slug", "title", "description", "active", "season", "next", "version", "total"];
    let shown: Vec<_> = facts.iter().map(|name| page[name].clone()).collect();
    assert_eq!(json!(shown), json!(["a", "A", "d", true, null, null, 1, 3]));
    assert!(page["data"][0].get("cast").is_none(), "rows are those of lists");
    assert_eq!(answer.header("cache-groups"), "\"collections\", \"collection-a\"");
    assert!(answer.header("cache-control").starts_with("public, max-age=10,"));
    is_hit(&app.get("/v1/collections/a").await);
    app.get("/v1/collections/b").await.expect(404);
    app.get("/v1/collections/B").await.expect(404);
    app.get("/v1/collections/a?x=1").await.expect(400);
}

async fn the_query_gives_as_many_as_it_should_beyond_what_is_named_or_left_out(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "a", "title": "A", "movies": [1], "query": "sort=-popularity&limit=1",
        "exclude": [2]});
    create(&app, &value).await;
    assert_eq!(shown(*app, "a").await, ["one", "three"]);
    // A list whose rows have no sort value is read in another way.
    let value = json!({"slug": "b", "title": "B", "query": "sort=rating&limit=2"});
    create(&app, &value).await;
    assert_eq!(shown(*app, "b").await, ["one", "two"]);
}

async fn a_write_to_a_member_shows_at_once_and_drops_nothing_else(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    create(&app, &json!({"slug": "b", "title": "B", "movies": [2]})).await;
    shown(*app, "a").await;
    shown(*app, "b").await;
    let changed = json!({"title": "uno"});
    app.request(Method::PATCH, "/v1/movies/1").json(&changed).send().await.expect(200);
    assert_eq!(shown(*app, "a").await, ["uno"]);
    is_hit(&app.get("/v1/collections/b").await);
    app.request(Method::DELETE, "/v1/movies/1").send().await.expect(204);
    assert!(shown(*app, "a").await.is_empty());
    is_hit(&app.get("/v1/collections/b").await);
}

async fn a_movie_that_enters_the_query_shows_at_once(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "query": "genre=comedy"})).await;
    create(&app, &json!({"slug": "w", "title": "W", "query": "genre=war"})).await;
    assert_eq!(shown(*app, "a").await, ["four"]);
    assert!(shown(*app, "w").await.is_empty());
    let war = json!({"title": "five", "popularity": 1, "genres": ["War", "Comedy"]});
    let five = movie(&app, &war).await;
    assert_eq!(shown(*app, "a").await, ["five", "four"]);
    assert_eq!(shown(*app, "w").await, ["five"]);
    let target = format!("/v1/movies/{five}");
    app.request(Method::PATCH, &target).json(&json!({"genres": []})).send().await.expect(200);
    assert_eq!(shown(*app, "a").await, ["four"]);
    assert!(shown(*app, "w").await.is_empty());
}

async fn a_named_movie_that_is_gone_comes_back_with_its_imdb_id(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "movies": ["tt0000004", 1]})).await;
    assert_eq!(shown(*app, "a").await, ["four", "one"]);
    app.request(Method::DELETE, "/v1/movies/4").send().await.expect(204);
    assert_eq!(shown(*app, "a").await, ["one"]);
    is_hit(&app.get("/v1/collections/a").await);
    movie(&app, &json!({"title": "again", "imdb_id": "tt0000004"})).await;
    assert_eq!(shown(*app, "a").await, ["again", "one"]);
    // It is there once, in however many ways it is named.
    let id = app.get("/v1/movies/imdb/tt0000004").await.expect(200).json()["id"].clone();
    let twice = json!({"title": "A", "movies": [id, "tt0000004"]});
    app.request(Method::PUT, "/v1/collections/a").json(&twice).send().await.expect(200);
    assert_eq!(shown(*app, "a").await, ["again"]);
}

async fn another_replica_follows_movies_and_collections(one: TestApp) {
    let other = TestApp::start(one.database.same(), &["--poll-interval=100ms"]).await;
    movies(&one).await;
    let at_least = async |target: &str, written: &Answer| {
        let revision = written.header("catalog-revision").to_owned();
        let asked = other.request(Method::GET, target);
        asked.header("min-catalog-revision", &revision).send().await
    };
    other.get("/v1/collections/a").await.expect(404);
    other.get("/v1/collections").await.expect(200);
    let value = json!({"slug": "a", "title": "A", "movies": [1]});
    let created = create(&one, &value).await;
    assert_eq!(titles(&at_least("/v1/collections/a", &created).await.expect(200)), ["one"]);
    let listed = at_least("/v1/collections", &created).await.expect(200).json();
    assert_eq!(listed["data"][0]["slug"], "a");
    let changed = one.request(Method::PATCH, "/v1/movies/1").json(&json!({"title": "uno"}));
    let changed = changed.send().await.expect(200);
    assert_eq!(titles(&at_least("/v1/collections/a", &changed).await.expect(200)), ["uno"]);
    let gone = one.request(Method::DELETE, "/v1/collections/a").send().await.expect(204);
    at_least("/v1/collections/a", &gone).await.expect(404);
    // Without being asked to, by the next poll.
    create(&one, &value).await;
    while other.get("/v1/collections/a").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

async fn lists_have_pages_and_tell_what_is_on_at_any_time(app: TestApp) {
    movies(&app).await;
    for (slug, seasons) in [
        ("always", json!(null)),
        ("summer", json!([{"from": "--06-01", "to": "--08-31", "timezone": "Europe/Berlin"}])),
        ("winter", json!([{"from": "--11-20", "to": "--01-05", "timezone": "Europe/Berlin"}])),
    ] {
        create(&app, &json!({"slug": slug, "title": slug, "movies": [1], "seasons": seasons}))
            .await;
    }
    let slugs = async |query: &str| {
        let page = app.get(&format!("/v1/collections{query}")).await.expect(200).json();
        let rows = page["data"].as_array().unwrap();
        let slugs = rows.iter().map(|row| row["slug"].as_str().unwrap());
        (slugs.collect::<Vec<_>>().join(" "), page["page"].clone())
    };
    assert_eq!(slugs("").await.0, "always summer winter");
    let (first, page) = slugs("?limit=2").await;
    assert_eq!(
        (first.as_str(), &page),
        ("always summer", &json!({"limit": 2, "total": 3, "next": "summer"}))
    );
    let (second, page) = slugs("?limit=2&cursor=summer").await;
    assert_eq!((second.as_str(), &page["next"]), ("winter", &json!(null)));
    // It is 24 November.
    assert_eq!(slugs("?active=true").await.0, "always winter");
    assert_eq!(slugs("?active=false").await.0, "summer");
    let before = metric(app.admin, "marquee_cache_l1_entries", &[]).await;
    for day in 10..31 {
        let (on, _) = slugs(&format!("?active=true&at=2027-07-{day}T00:00:00%2B02:00")).await;
        assert_eq!(on, "always summer");
    }
    // Entries are counted a little late.
    assert!(metric(app.admin, "marquee_cache_l1_entries", &[]).await < before + 6.0);
    let answer = app.get("/v1/collections?at=2027-05-31T21:59:59.999Z").await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.json()["data"][1]["active"], false);
    let answer = app.get("/v1/collections?at=2027-05-31T22:00:00Z").await.expect(200).json();
    assert_eq!(answer["data"][1]["active"], true);
    assert_eq!(answer["data"][1]["season"]["since"], "2027-05-31T22:00:00Z");
    for bad in ["?at=2027-05-31", "?at=1900-01-01T00:00:00Z", "?limit=0", "?active=1", "?cursor=A"]
    {
        app.get(&format!("/v1/collections{bad}")).await.expect(400);
    }
}
