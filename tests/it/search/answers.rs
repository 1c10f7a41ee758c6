//! What is answered to whom.

use hyper::Method;
use serde_json::json;

use super::{Searched, at_least, films, store_films, titles};
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_every_backend},
    cache::is_hit,
};

on_every_backend! {
    films_are_found_by_what_people_type,
    filters_sorts_and_pages_hold_in_searches,
    facets_and_highlights_come_when_asked_for,
    suggestions_are_titles_and_people,
    faults_are_named,
    searches_are_kept_and_revalidated_like_lists,
    searches_have_a_quota_of_their_own,
    without_an_index_searches_are_refused_and_lists_are_not,
}

async fn films_are_found_by_what_people_type(app: Searched) {
    let revision = store_films(&app).await;
    for (typed, found) in [
        ("alien", "Alien"),
        ("amelie", "Amélie"),
        ("wizzard of oz", "The Wizard of Oz"),
        ("ridley scott blade", "Blade Runner"),
        ("audrey tautou", "Amélie"),
        ("alien 1988", "Alien Nation"),
        ("wiz", "The Wizard of Oz"),
        ("alien -nation", "Alien"),
        ("\"blade runner\"", "Blade Runner"),
    ] {
        let target = format!("/v1/search?q={}", typed.replace(' ', "%20").replace('"', "%22"));
        let answer = app.at_least(&target, &revision).await.expect(200);
        assert_eq!(titles(&answer).first().map(String::as_str), Some(found), "{typed}");
        assert_eq!(answer.header("catalog-revision"), revision);
        assert_eq!(answer.header("cache-groups"), "\"movies\", \"search\"");
    }
    let nothing = app.at_least("/v1/search?q=qqqqqqqq", &revision).await.expect(200).json();
    assert_eq!(nothing["page"]["total"], 0);
    assert_eq!(nothing["data"], json!([]));
}

async fn filters_sorts_and_pages_hold_in_searches(app: Searched) {
    let revision = store_films(&app).await;
    let all = app.at_least("/v1/search?q=sci-fi&sort=-year&fields=id,title", &revision).await;
    assert_eq!(titles(&all.expect(200)), ["Alien Nation", "Blade Runner", "Alien"]);
    let some = app.0.get("/v1/search?q=sci-fi&year_max=1982&rating_min=8.2").await.expect(200);
    assert_eq!(titles(&some), ["Alien"]);
    for sort in ["relevance", "-votes"] {
        let mut target = format!("/v1/search?q=sci-fi&limit=1&sort={sort}");
        let whole = titles(&app.0.get(&format!("/v1/search?q=sci-fi&sort={sort}")).await);
        let mut walked = Vec::new();
        loop {
            let page = app.0.get(&target).await.expect(200);
            assert_eq!(page.json()["page"]["total"], 3);
            walked.extend(titles(&page));
            let next = page.json()["page"]["next"].clone();
            let Some(next) = next.as_str() else { break };
            assert!(page.header("link").contains("rel=\"next\""));
            target = format!("/v1/search?q=sci-fi&limit=1&sort={sort}&cursor={next}");
        }
        assert_eq!(walked, whole, "{sort}");
    }
}

async fn facets_and_highlights_come_when_asked_for(app: Searched) {
    let revision = store_films(&app).await;
    let target = "/v1/search?q=alien&facets=genre,decade,rating&highlight=true";
    let answer = app.at_least(target, &revision).await.expect(200).json();
    let count = |facet: &str, value: serde_json::Value| {
        let counts = answer["facets"][facet].as_array().unwrap();
        counts.iter().find(|count| count["value"] == value).map(|count| count["count"].clone())
    };
    assert_eq!(count("genre", json!("Sci-Fi")), Some(json!(2)));
    assert_eq!(count("genre", json!("Horror")), Some(json!(1)));
    assert_eq!(count("decade", json!(1980)), Some(json!(1)));
    assert_eq!(count("rating", json!(6)), Some(json!(1)));
    assert_eq!(answer["facets"].as_object().unwrap().len(), 3);
    assert_eq!(answer["data"][0]["highlights"]["title"], "<em>Alien</em>");
    let plain = app.0.get("/v1/search?q=alien").await.expect(200).json();
    assert!(plain.get("facets").is_none());
    assert!(plain["data"][0].get("highlights").is_none());
}

async fn suggestions_are_titles_and_people(app: Searched) {
    let revision = store_films(&app).await;
    let answer = app.at_least("/v1/suggest?q=ali", &revision).await.expect(200);
    let rows = answer.json()["data"].clone();
    assert_eq!(rows[0], json!({"kind": "movie", "text": "Alien", "id": 1, "year": 1979}));
    assert_eq!(answer.header("catalog-revision"), revision);
    let people = app.0.get("/v1/suggest?q=ridl&kinds=person").await.expect(200).json();
    assert_eq!(people["data"], json!([{"kind": "person", "text": "Ridley Scott"}]));
    let renamed = app.0.request(Method::PATCH, "/v1/movies/1").json(&json!({"title": "Zorro"}));
    let revision = renamed.send().await.expect(200).header("catalog-revision").to_owned();
    let answer = app.at_least("/v1/suggest?q=zor", &revision).await.expect(200).text();
    assert!(answer.contains("Zorro"), "{answer}");
}

async fn faults_are_named(app: Searched) {
    for (target, names) in [
        ("/v1/search", &["q"][..]),
        ("/v1/search?q=", &["q"]),
        ("/v1/search?q=a&limit=101&sort=name&facets=colour", &["limit", "sort", "facets"]),
        ("/v1/search?q=a&page=2&highlight=1&cursor=x", &["page", "highlight", "cursor"]),
        ("/v1/search?q=a&year_min=x&genre=,", &["year_min", "genre"]),
        ("/v1/suggest", &["q"]),
        ("/v1/suggest?q=a&limit=11&kinds=film&x=1", &["limit", "kinds", "x"]),
    ] {
        let problem = app.0.get(target).await.expect(400);
        assert_eq!(problem.header("content-type"), "application/problem+json");
        let errors = problem.json()["errors"].as_array().unwrap().clone();
        for name in names {
            assert!(errors.iter().any(|error| error["parameter"] == *name), "{target}: {errors:?}");
        }
    }
    let long = format!("/v1/search?q={}", "a".repeat(201));
    app.0.get(&long).await.expect(400);
}

async fn searches_are_kept_and_revalidated_like_lists(app: Searched) {
    let revision = store_films(&app).await;
    for target in ["/v1/search?q=alien", "/v1/suggest?q=alien"] {
        let first = app.at_least(target, &revision).await.expect(200);
        assert!(first.header("cache-control").starts_with("public, max-age=10"));
        let again = app.0.get(target).await.expect(200);
        is_hit(&again);
        assert_eq!(again.header("catalog-revision"), revision);
        let tag = again.header("etag").to_owned();
        for method in [Method::GET, Method::HEAD] {
            let asked = app.0.request(method, target).header("if-none-match", &tag);
            let unchanged = asked.send().await.expect(304);
            assert_eq!(unchanged.header("catalog-revision"), revision);
        }
        let head = app.0.request(Method::HEAD, target).send().await.expect(200);
        assert!(head.body.is_empty());
        let coded = app.0.request(Method::GET, target).header("accept-encoding", "br").send().await;
        assert_eq!(coded.expect(200).header("vary"), "accept-encoding");
    }
    let other = app.0.get("/v1/search?q=%20ALIEN&sort=relevance&limit=20").await.expect(200);
    is_hit(&other);
}

async fn searches_have_a_quota_of_their_own(_: Database) {
    let database = Database::new(Backend::Sqlite).await;
    let app = Searched::start(database, &["--rate-limit=read=off;search=100000/1m"]).await;
    for _ in 0..5 {
        // The last ones are answered out of hand.
        let answer = app.0.get("/v1/search?q=alien").await.expect(200);
        assert!(answer.header("ratelimit").starts_with("\"search\";"), "{:?}", answer.headers);
    }
    assert_eq!(app.0.get("/v1/movies").await.expect(200).header("ratelimit"), "");
}

async fn without_an_index_searches_are_refused_and_lists_are_not(app: TestApp) {
    for target in ["/v1/search?q=alien", "/v1/suggest?q=alien"] {
        let refused = app.get(target).await.expect(503);
        assert!(refused.text().contains("keeps no index"), "{}", refused.text());
        assert_eq!(refused.json()["type"], "/problems/unavailable");
    }
    let [film, ..] = films();
    let revision = app.post("/v1/movies", &film).await.expect(201);
    let revision = revision.header("catalog-revision");
    let list = at_least(*app, "/v1/movies?genre=horror,sci-fi", revision).await.expect(200);
    assert_eq!(titles(&list), ["Alien"]);
}
