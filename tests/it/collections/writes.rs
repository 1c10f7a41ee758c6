//! What editors do, and what they are told.

use futures_util::future::join_all;
use hyper::Method;
use serde_json::{Value, json};

use super::{create, movies, shown, spoil};
use crate::{app::TestApp, backend::on_every_backend};

on_every_backend! {
    a_new_collection_is_answered_as_its_definition_reads,
    a_name_is_given_once_also_to_many_at_once,
    a_write_depends_on_what_its_writer_knows,
    movies_that_there_are_not_are_refused_by_their_places,
    faults_are_told_all_at_once,
    a_query_that_would_not_be_read_again_is_refused,
    a_revision_of_a_collection_has_no_row_in_the_feed,
    writing_the_same_again_makes_no_revision,
    what_was_changed_by_hand_is_seen_after_a_bump,
    a_row_that_makes_no_sense_is_told_and_left_out_of_lists,
    a_row_that_makes_no_sense_is_mended_by_who_writes,
}

async fn a_new_collection_is_answered_as_its_definition_reads(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "four-byte", "title": " 🎬 noir ", "description": "d", "movies": [1],
        "query": "genre=Drama", "exclude": [2],
        "seasons": [{"rrule": "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "dtstart": "2026-01-01",
                     "duration": 4, "timezone": "America/New_York"}]});
    let created = create(&app, &value).await;
    assert_eq!(created.header("location"), "/v1/collections/four-byte");
    assert_eq!(created.header("cache-control"), "no-store");
    let read = app.get("/v1/collections/four-byte/definition").await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (created.json(), created.header("etag")));
    assert_eq!(read.json()["title"], "🎬 noir");
    assert_eq!(read.json()["seasons"][0]["duration"], "P4D");
    // What was read may be sent back as it is.
    let same = app.request(Method::PUT, "/v1/collections/four-byte").json(&read.json());
    assert_eq!(same.send().await.expect(200).json(), read.json());
    app.get("/v1/collections/none/definition").await.expect(404);
}

async fn a_name_is_given_once_also_to_many_at_once(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "a", "title": "A", "movies": [1]});
    let answers = join_all((0..8).map(|_| app.post("/v1/collections", &value))).await;
    let mut codes: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [201, 409, 409, 409, 409, 409, 409, 409]);
    let refused = app.post("/v1/collections", &value).await.expect(409);
    assert_eq!(refused.json()["type"], "/problems/collection-exists");
    assert_eq!(app.database.integers("SELECT COUNT(*) FROM collections").await, [[1]]);
}

async fn a_write_depends_on_what_its_writer_knows(app: TestApp) {
    movies(&app).await;
    let created = create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    let put = async |title: &str, tag: &str| {
        let value = json!({"title": title, "movies": [1]});
        let asked = app.request(Method::PUT, "/v1/collections/a").json(&value);
        asked.header("if-match", tag).send().await
    };
    let second = put("B", created.header("etag")).await.expect(200);
    assert_eq!(second.json()["version"], 2);
    let stale = put("C", created.header("etag")).await.expect(412);
    assert_eq!(stale.json()["type"], "/problems/precondition-failed");
    // The document that everybody reads will do, too, until it changes.
    let page = app.get("/v1/collections/a").await.expect(200);
    put("D", page.header("etag")).await.expect(200);
    put("E", page.header("etag")).await.expect(412);
    put("E", "*").await.expect(200);
    let delete = async |tag: &str| {
        let asked = app.request(Method::DELETE, "/v1/collections/a");
        asked.header("if-match", tag).send().await
    };
    delete(second.header("etag")).await.expect(412);
    let now = app.get("/v1/collections/a/definition").await.expect(200);
    delete(now.header("etag")).await.expect(204);
    app.get("/v1/collections/a").await.expect(404);
    delete("*").await.expect(412);
    put("F", "*").await.expect(412);
    app.request(Method::DELETE, "/v1/collections/a").send().await.expect(404);
    let value = json!({"title": "F", "movies": [1]});
    app.request(Method::PUT, "/v1/collections/a").json(&value).send().await.expect(404);
}

async fn movies_that_there_are_not_are_refused_by_their_places(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "a", "title": "A", "movies": [1, 99, "tt0000004", "tt0000009"],
        "query": "", "exclude": [98]});
    let refused = app.post("/v1/collections", &value).await.expect(422).json();
    let places: Vec<&Value> =
        refused["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(json!(places), json!(["/movies/1", "/movies/3", "/exclude/0"]));
    app.get("/v1/collections/a").await.expect(404);
    // Who changes the title need not mend what became of the movies meanwhile.
    create(&app, &json!({"slug": "a", "title": "A", "movies": [1, 2]})).await;
    app.request(Method::DELETE, "/v1/movies/2").send().await.expect(204);
    let value = json!({"title": "B", "movies": [1, 2]});
    app.request(Method::PUT, "/v1/collections/a").json(&value).send().await.expect(200);
    assert_eq!(shown(*app, "a").await, ["one"]);
    let value = json!({"title": "B", "movies": [1, 2, 77]});
    let refused = app.request(Method::PUT, "/v1/collections/a").json(&value).send().await;
    assert_eq!(refused.expect(422).json()["errors"][0]["pointer"], "/movies/2");
}

async fn faults_are_told_all_at_once(app: TestApp) {
    let value = json!({"slug": "A", "query": {"limit": 501, "facets": "genre"}, "version": 1,
        "seasons": [{"from": "--02-30", "to": "--03-01", "timezone": "Mars/Olympus"}]});
    let refused = app.post("/v1/collections", &value).await.expect(422).json();
    let faults = refused["errors"].as_array().unwrap();
    let mut places: Vec<&str> =
        faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    places.sort_unstable();
    let expected = [
        "/query/facets",
        "/query/limit",
        "/seasons/0/from",
        "/seasons/0/timezone",
        "/slug",
        "/title",
        "/version",
    ];
    assert_eq!(places, expected);
    app.request(Method::PATCH, "/v1/collections/a").json(&value).send().await.expect(405);
    app.request(Method::POST, "/v1/collections").body("{}").send().await.expect(415);
}

async fn a_query_that_would_not_be_read_again_is_refused(app: TestApp) {
    let of = |slug: &str, query: Value| json!({"slug": slug, "title": "A", "query": query});
    // Folded it has 202 letters; escaped, more than 4,000 characters.
    let genres: Vec<String> = (0..9).map(|n| format!("{n}{}", "語".repeat(49))).collect();
    for (query, place) in
        [(json!({"q": "ß".repeat(101)}), "/query/q"), (json!({"genre": genres}), "/query")]
    {
        let refused = app.post("/v1/collections", &of("a", query)).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], place, "{refused}");
    }
}

async fn a_revision_of_a_collection_has_no_row_in_the_feed(app: TestApp) {
    movies(&app).await;
    let created = create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    assert_eq!(created.header("catalog-revision"), "5");
    let page = app.get("/v1/changes?since=0").await.expect(200).json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["revision"]), (4, &json!(5)));
    assert_eq!(page["page"]["next"], 4);
    let page = app.get("/v1/changes?since=4").await.expect(200).json();
    assert_eq!((&page["data"], &page["page"]["next"]), (&json!([]), &json!(null)));
    app.get("/v1/changes?since=5").await.expect(200);
}

async fn writing_the_same_again_makes_no_revision(app: TestApp) {
    movies(&app).await;
    let value = json!({"slug": "a", "title": "A", "query": "genre=Drama"});
    let created = create(&app, &value).await;
    let same = json!({"title": "A ", "query": {"genre": "DRAMA", "limit": 50}});
    let same = app.request(Method::PUT, "/v1/collections/a").json(&same).send().await.expect(200);
    assert_eq!(same.json(), created.json());
    assert_eq!(same.header("catalog-revision"), created.header("catalog-revision"));
}

async fn what_was_changed_by_hand_is_seen_after_a_bump(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "before", "movies": [1]})).await;
    create(&app, &json!({"slug": "b", "title": "b", "movies": [1]})).await;
    let title = async || app.get("/v1/collections/a").await.expect(200).json()["title"].clone();
    let listed = async || app.get("/v1/collections").await.expect(200).text();
    assert!(title().await == "before" && listed().await.contains("before"));
    // Its revision is 1: no write of the service says so.
    let columns = "title, description, definition, version, revision, created_at, updated_at";
    let more = format!(
        "INSERT INTO collections (slug, {columns}) SELECT 'c', 'by hand', description, definition, 1, 1, \
         created_at, updated_at FROM collections WHERE slug = 'b'"
    );
    let edits = [
        "UPDATE collections SET title = 'after' WHERE slug = 'a'",
        more.as_str(),
        "INSERT INTO catalog_revisions (scope, revision) VALUES ('!', 7)",
        "UPDATE catalog_revisions SET revision = 7 WHERE scope = '*'",
    ];
    app.database.edit(&edits.map(str::to_owned)).await;
    while title().await != "after" {
        tokio::task::yield_now().await;
    }
    let listed = listed().await;
    assert!(listed.contains("after") && listed.contains("by hand"), "{listed}");
    app.get("/v1/collections/c").await.expect(200);
}

async fn a_row_that_makes_no_sense_is_told_and_left_out_of_lists(app: TestApp) {
    movies(&app).await;
    create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    create(&app, &json!({"slug": "b", "title": "B", "movies": [2]})).await;
    spoil(&app, "a").await;
    let bump = [
        "INSERT INTO catalog_revisions (scope, revision) VALUES ('!', 7)",
        "UPDATE catalog_revisions SET revision = 7 WHERE scope = '*'",
    ];
    app.database.edit(&bump.map(str::to_owned)).await;
    let total =
        async || app.get("/v1/collections").await.expect(200).json()["page"]["total"].clone();
    while total().await != 1 {
        tokio::task::yield_now().await;
    }
    for target in ["/v1/collections/a", "/v1/collections/a/definition"] {
        let told = app.get(target).await.expect(500);
        assert_eq!(told.header("cache-control"), "no-store");
        let told = told.json();
        assert_eq!(told["type"], "/problems/unreadable-collection");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains("PUT") && detail.contains("DELETE"), "{detail}");
    }
    assert_eq!(shown(*app, "b").await, ["two"]);
}

async fn a_row_that_makes_no_sense_is_mended_by_who_writes(app: TestApp) {
    movies(&app).await;
    let created = create(&app, &json!({"slug": "a", "title": "A", "movies": [1]})).await;
    create(&app, &json!({"slug": "b", "title": "B", "movies": [1]})).await;
    spoil(&app, "a").await;
    app.get("/v1/collections/a").await.expect(500);
    let value = json!({"slug": "a", "title": "A", "movies": [1]});
    app.post("/v1/collections", &value).await.expect(409);
    let put = || app.request(Method::PUT, "/v1/collections/a").json(&value);
    // Nobody has its ETag, and who was told why may go on.
    let stale = put().header("if-match", created.header("etag")).send().await.expect(412).json();
    assert!(stale["detail"].as_str().unwrap().contains("If-Match: *"), "{stale}");
    let mended = put().header("if-match", "*").send().await.expect(200).json();
    assert_eq!((&mended["version"], &mended["seasons"]), (&json!(2), &json!(null)));
    assert_eq!(mended["created_at"], created.json()["created_at"]);
    assert_eq!(app.get("/v1/collections/a/definition").await.expect(200).json(), mended);
    assert_eq!(shown(*app, "a").await, ["one"]);
    // Without a condition, too, and where the row is not even JSON.
    let edit = "UPDATE collections SET definition = 'none', title = '' WHERE slug = 'a'";
    app.database.edit(&[edit.to_owned()]).await;
    assert_eq!(put().send().await.expect(200).json()["version"], 3);
    for (slug, tag) in [("a", "*"), ("b", "")] {
        spoil(&app, slug).await;
        let target = format!("/v1/collections/{slug}");
        let asked = app.request(Method::DELETE, &target);
        let asked = if tag.is_empty() { asked } else { asked.header("if-match", tag) };
        asked.send().await.expect(204);
        app.get(&target).await.expect(404);
    }
}
