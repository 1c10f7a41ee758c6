//! Which writes an answer from the index includes, and what it says of that.

use hyper::Method;
use serde_json::json;

use super::{Searched, at_least, store_films, titles, until_ready};
use crate::{
    app::TestApp,
    backend::{Backend, Database, on_every_backend},
    cache::{is_hit, metric},
    client::Answer,
    fault_proxy::Link,
};

on_every_backend! {
    a_write_is_found_by_who_asks_for_its_revision,
    another_replica_finds_a_write,
    a_bump_is_found_once_the_index_was_built_anew,
    an_answer_says_the_revision_of_the_index_and_never_a_lower_one_later,
    a_revision_that_there_is_not_is_503,
    lists_of_several_conditions_come_from_the_index_and_say_their_total,
    replicas_that_are_as_far_share_what_they_found,
}

fn revision(answer: &Answer) -> i64 {
    answer.header("catalog-revision").parse().expect("a revision")
}

async fn a_write_is_found_by_who_asks_for_its_revision(app: Searched) {
    for n in 0..20 {
        let at = app.create(json!({"title": format!("Nosferatu {n}")})).await;
        let target = "/v1/search?q=nosferatu&sort=-created&limit=1";
        let found = app.at_least(target, &at).await.expect(200);
        assert_eq!(titles(&found), [format!("Nosferatu {n}")]);
        assert_eq!(found.header("catalog-revision"), at);
        assert_eq!(found.json()["revision"].to_string(), at);
    }
    let gone = app.0.request(Method::DELETE, "/v1/movies/20").send().await.expect(204);
    let at = gone.header("catalog-revision");
    let found = app.at_least("/v1/search?q=nosferatu&limit=1", at).await.expect(200);
    assert_eq!(found.json()["page"]["total"], 19);
}

async fn another_replica_finds_a_write(one: Searched) {
    let other = Searched::start(one.0.database.same(), &[]).await;
    for n in 0..10 {
        let at = one.create(json!({"title": format!("Nosferatu {n}")})).await;
        let target = "/v1/search?q=nosferatu&sort=-created&limit=1";
        let found = other.at_least(target, &at).await.expect(200);
        assert_eq!(titles(&found), [format!("Nosferatu {n}")]);
        let suggested = other.at_least("/v1/suggest?q=nosf", &at).await.expect(200).text();
        assert!(suggested.contains("Nosferatu"), "{suggested}");
    }
    one.create(json!({"title": "Metropolis"})).await;
    while titles(&other.0.get("/v1/search?q=metropolis").await).is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn an_answer_says_the_revision_of_the_index_and_never_a_lower_one_later(app: Searched) {
    let mut last = 0;
    for n in 0..200 {
        if n % 3 == 0 {
            app.create(json!({"title": format!("Nosferatu {n}")})).await;
        }
        let target = format!("/v1/search?q=nosferatu&limit={}", n % 4 + 1);
        let answer = app.0.get(&target).await.expect(200);
        assert!(revision(&answer) >= last, "{} after {last}", revision(&answer));
        assert!(!answer.header("cache-status").contains("unverified"));
        last = revision(&answer);
    }
    let written = app.create(json!({"title": "Nosferatu"})).await;
    app.at_least("/v1/search?q=nosferatu", &written).await.expect(200);
    for _ in 0..5 {
        let hit = app.0.get("/v1/search?q=nosferatu").await.expect(200);
        is_hit(&hit);
        assert_eq!(hit.header("catalog-revision"), written);
    }
}

async fn a_revision_that_there_is_not_is_503(app: Searched) {
    app.create(json!({"title": "a"})).await;
    for target in ["/v1/search?q=a", "/v1/suggest?q=a"] {
        let refused = app.at_least(target, "1000000").await.expect(503);
        assert_eq!(refused.header("retry-after"), "1");
        app.at_least(target, "1").await.expect(200);
        app.at_least(target, "x").await.expect(400);
    }
}

async fn a_bump_is_found_once_the_index_was_built_anew(app: Searched) {
    app.create(json!({"title": "before"})).await;
    let rename = "UPDATE movies SET title = 'afterwards' WHERE id = 1".to_owned();
    let bump = |revision: i64| {
        let raise = format!("UPDATE catalog_revisions SET revision = {revision} WHERE scope = '*'");
        let scope =
            format!("INSERT INTO catalog_revisions (scope, revision) VALUES ('!', {revision})");
        let feed = format!(
            "INSERT INTO changes (revision, movie_id, kind) VALUES ({revision}, 0, 'bumped')"
        );
        ["BEGIN".to_owned(), raise, scope, feed, "COMMIT".to_owned()]
    };
    app.0.database.edit(&[vec![rename], vec![bump(2).join(";")]].concat()).await;
    let found = loop {
        let answer = at_least(*app.0, "/v1/search?q=afterwards", "2").await;
        if answer.status == 200 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(titles(&found), ["afterwards"]);
    until_ready(*app.0).await;
    let bumped = ["reason=\"bumped\""];
    assert!(metric(app.0.admin, "marquee_index_rebuilds_total", &bumped).await > 0.0);
}

async fn lists_of_several_conditions_come_from_the_index_and_say_their_total(app: Searched) {
    let at = store_films(&app).await;
    app.at_least("/v1/search?q=x", &at).await.expect(200); // the index has them
    let list = app.0.get("/v1/movies?genre=drama|sci-fi&country=united%20states").await.expect(200);
    assert_eq!(titles(&list), ["Blade Runner", "Alien Nation"]);
    assert_eq!(list.json()["page"]["total"], 2);
    assert_eq!(list.header("catalog-revision"), at);
    let loads = |app: &TestApp, source: &'static str| {
        let admin = app.admin;
        async move { metric(admin, "marquee_list_loads_total", &[source]).await }
    };
    assert!(loads(&app.0, "source=\"index\"").await > 0.0);
    // A list never waits for the index: with a write that it lacks, the database answers.
    for n in 0..10 {
        let at = app.create(json!({"title": format!("{n}"), "genres": ["Drama", "War"]})).await;
        let list = app.0.get("/v1/movies?genre=drama,war&sort=-created&limit=1").await.expect(200);
        assert_eq!(titles(&list), [format!("{n}")]);
        assert_eq!(list.header("catalog-revision"), at);
    }
    // Nor does it show a movie as it was, where its place in the list is the same.
    let target = "/v1/movies?genre=drama,war&sort=-created&limit=60";
    let before = loads(&app.0, "source=\"index\"").await;
    let shown = app.0.get(target).await.expect(200);
    let movie = format!("/v1/movies/{}", shown.json()["data"][0]["id"]);
    for votes in 1..=40 {
        let patch = app.0.request(Method::PATCH, &movie).json(&json!({"votes": votes}));
        patch.send().await.expect(200);
        let list = app.0.get(target).await.expect(200);
        assert_eq!(list.json()["data"][0]["votes"], votes);
        // Once the index has it, too, lists come from there.
        let at = list.header("catalog-revision").to_owned();
        app.at_least("/v1/search?q=x", &at).await.expect(200);
    }
    app.0.get("/v1/movies?genre=drama,war&sort=created&limit=60").await.expect(200);
    assert!(loads(&app.0, "source=\"index\"").await > before);
}

async fn replicas_that_are_as_far_share_what_they_found(database: Database) {
    let redis = format!("--redis-url={}", crate::redis::shared_url());
    let prefix = format!("--redis-prefix={}", crate::redis::prefix());
    let one = Searched::start(database.same(), &[&redis, &prefix]).await;
    let other = Searched::start(database.same(), &[&redis, &prefix]).await;
    let mut last = [0, 0];
    let mut shared = false;
    for n in 0.. {
        let written = (n % 7 == 0 && n < 50).then_some(json!({"title": format!("Nosferatu {n}")}));
        if let Some(movie) = written {
            one.create(movie).await;
        }
        let target =
            format!("/v1/search?q=nosferatu&limit={}&year_max={}", n % 100 + 1, 1900 + n / 100);
        for (app, last) in [&one, &other].into_iter().zip(&mut last) {
            let answer = app.0.get(&target).await.expect(200);
            assert!(revision(&answer) >= *last, "{} after {last}", revision(&answer));
            *last = revision(&answer);
            shared |= answer.header("cache-status").starts_with("marquee-l2; hit");
        }
        if shared && n >= 60 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_index_has_is_listed_while_the_database_cannot_be_reached() {
    let database = Database::new(Backend::MariaDb).await;
    let (proxy, url) = database.behind_a_proxy().await;
    let flags = [url.as_str(), "--database-acquire-timeout=300ms"];
    let app = Searched::start(Database::new(Backend::Sqlite).await, &flags).await;
    let last = store_films(&app).await;
    app.at_least("/v1/search?q=alien", &last).await.expect(200);
    proxy.set(Link::Cut);
    let found = app.0.get("/v1/movies?genre=Sci-Fi&year_min=1980&sort=title").await.expect(200);
    assert_eq!(titles(&found), ["Alien Nation", "Blade Runner"]);
    assert_eq!(found.header("catalog-revision"), last);
    app.0.get("/v1/movies?genre=Sci-Fi&sort=title").await.expect(503);
}
