//! `GET /v1/recommendations`: what somebody may want to see, and nobody else is told.

use std::ops::RangeInclusive;

use hyper::Method;
use marquee::{
    domain::{activity::Signal, movie::MovieData},
    store::mutation::Mutation,
};
use serde_json::json;

use super::{Ring, by, did, each, ids, store_all};
use crate::{backend::on_every_backend, cache::metric};

on_every_backend! {
    whoever_is_not_known_gets_what_is_popular,
    a_users_next_film_is_found_and_what_was_seen_is_not_shown,
    what_was_said_a_moment_ago_counts,
    without_a_model_likeness_answers,
    whoever_was_erased_is_not_known_any_more,
    only_callers_with_a_key_say_who_it_is,
    filters_limits_and_revisions_hold,
    what_is_deleted_is_not_recommended,
    the_same_is_given_again_until_something_is_otherwise,
    nothing_of_a_long_history_is_shown,
    a_filter_is_gone_through_to_what_was_not_seen,
}

/// So many more films, numbers 31 and on, each less popular than the one before.
async fn more_films(ring: &Ring, count: i32, year: i16) {
    let film = |n: i32| {
        let (title, popularity) = (format!("More {n}"), Some(50.0 - f64::from(n) / 20.0));
        let data = MovieData { title, popularity, year: Some(year), ..MovieData::default() };
        Mutation::Create { data: Box::new(data) }
    };
    ring.store.write(&(0..count).map(film).collect::<Vec<_>>(), None).await.expect("films");
}

/// Says the same of many films at once.
async fn say_all(ring: &Ring, movies: RangeInclusive<i64>, signal: &str) {
    let said = movies.map(|movie| json!({"movie": movie, "signal": signal, "user": "me"}));
    let body = json!(said.collect::<Vec<_>>());
    let asked = ring.app.request(Method::POST, "/v1/interactions").json(&body);
    by(asked, &ring.reader).send().await.expect(202);
}

async fn whoever_is_not_known_gets_what_is_popular(ring: Ring) {
    ring.trained().await;
    let answer = ring.app.get("/v1/recommendations?limit=5").await.expect(200);
    assert_eq!(each(&answer, "because"), vec![json!(null); 5]);
    let sources = each(&answer, "source");
    assert!(
        sources.iter().all(|source| source == "popular" || source == "trending"),
        "{sources:?}"
    );
    assert_eq!(answer.header("cache-control"), "private, max-age=10");
    assert_eq!(answer.header("vary"), "accept-encoding, authorization, x-user-id");
    assert!(answer.header("cache-status").contains("fwd=bypass"));
    let nobody = ring.get_for("nobody", "/v1/recommendations?limit=5").await.expect(200);
    assert_eq!(ids(&answer), ids(&nobody));
    let cold = metric(ring.app.admin, "marquee_recommendations_total", &["cold"]).await;
    assert!((cold - 2.0).abs() < f64::EPSILON);
}

async fn a_users_next_film_is_found_and_what_was_seen_is_not_shown(ring: Ring) {
    let version = ring.trained().await;
    let target = "/v1/recommendations?limit=10";
    store_all(&ring.store, (5..=8).map(|n| did("new", n, Signal::Watched, n)).collect()).await;
    let answer = ring.get_for("new", target).await.expect(200);
    let shown = ids(&answer);
    assert!(shown[..3].contains(&9), "{shown:?}");
    assert!(shown.iter().all(|id| !(5..=8).contains(id)), "{shown:?}");
    assert_eq!(answer.json()["model"], version.get());
    let row = answer.json()["data"][0].clone();
    assert_eq!(row["source"], "model");
    let because = row["because"]["id"].as_i64().unwrap();
    assert!((5..=8).contains(&because), "{row}");
    assert_eq!(row["because"]["title"], format!("Film {because}"));
    // The same again, and known by its tag.
    let again = ring.get_for("new", target).await.expect(200);
    assert_eq!(answer.text(), again.text());
    let asked = ring.app.request(Method::GET, target).header("x-user-id", "new");
    let asked = asked.header("if-none-match", answer.header("etag"));
    by(asked, &ring.reader).send().await.expect(304);
}

async fn what_was_said_a_moment_ago_counts(ring: Ring) {
    ring.trained().await;
    let target = "/v1/recommendations?limit=10";
    let before = ids(&ring.get_for("me", target).await.expect(200));
    for n in [20, 21, 22] {
        ring.say("me", n, "like").await;
        let shown = ids(&ring.get_for("me", target).await.expect(200));
        assert!(!shown.contains(&n), "{shown:?}");
    }
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(shown[..3].contains(&23), "{shown:?}");
    assert_ne!(before, shown);
    // What is disliked is not shown, either, and speaks for nothing.
    ring.say("me", 23, "dislike").await;
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(!shown.contains(&23), "{shown:?}");
}

async fn without_a_model_likeness_answers(ring: Ring) {
    ring.say("me", 12, "like").await;
    let answer = ring.get_for("me", "/v1/recommendations?limit=4").await.expect(200);
    assert_eq!(answer.json()["model"], json!(null));
    assert_eq!(each(&answer, "source")[0], "content");
    assert_eq!(answer.json()["data"][0]["because"]["id"], 12);
    assert!(!ids(&answer).contains(&12));
}

async fn whoever_was_erased_is_not_known_any_more(ring: Ring) {
    ring.trained().await;
    let target = "/v1/recommendations?limit=10";
    let cold = ids(&ring.get_for("me", target).await.expect(200));
    for n in [20, 21, 22] {
        ring.say("me", n, "like").await;
    }
    assert_ne!(ids(&ring.get_for("me", target).await.expect(200)), cold);
    let asked = ring.app.request(Method::DELETE, "/v1/users/me/data");
    by(asked, &ring.admin).send().await.expect(204);
    assert_eq!(ids(&ring.get_for("me", target).await.expect(200)), cold);
}

async fn only_callers_with_a_key_say_who_it_is(ring: Ring) {
    ring.trained().await;
    for n in [20, 21, 22] {
        ring.say("me", n, "like").await;
    }
    let target = "/v1/recommendations?limit=10";
    let known = ids(&ring.get_for("me", target).await.expect(200));
    let anybody = ring.app.request(Method::GET, target).header("x-user-id", "me").send().await;
    let anybody = ids(&anybody.expect(200));
    assert_ne!(known, anybody);
    assert_eq!(anybody, ids(&ring.app.get(target).await.expect(200)));
    ring.get_for("not a user", target).await.expect(400);
}

async fn filters_limits_and_revisions_hold(ring: Ring) {
    ring.trained().await;
    ring.say("me", 20, "like").await;
    let target = "/v1/recommendations?genre=drama&year_min=1992&limit=6";
    let answer = ring.get_for("me", target).await.expect(200);
    let rows = answer.json()["data"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 6);
    for row in &rows {
        assert_eq!(row["genres"], json!(["Drama"]));
        assert!(row["year"].as_i64().unwrap() >= 1992);
    }
    let none = ring.get_for("me", "/v1/recommendations?genre=war").await.expect(200);
    assert!(ids(&none).is_empty());
    let bad = ring.get_for("me", "/v1/recommendations?limit=0&sort=year").await.expect(400);
    assert_eq!(bad.json()["errors"].as_array().unwrap().len(), 2);
    let revision = ring.store.revision().await.unwrap();
    assert_eq!(answer.header("catalog-revision"), revision.to_string());
    let beyond = (revision.get() + 1_000).to_string();
    let asked = ring.app.request(Method::GET, "/v1/recommendations");
    let asked = asked.header("min-catalog-revision", &beyond);
    asked.send().await.expect(503);
}

async fn what_is_deleted_is_not_recommended(ring: Ring) {
    ring.trained().await;
    ring.say("me", 20, "like").await;
    let target = "/v1/recommendations?limit=3";
    let first = ids(&ring.get_for("me", target).await.expect(200))[0];
    let asked = ring.app.request(Method::DELETE, &format!("/v1/movies/{first}"));
    by(asked, &ring.admin).send().await.expect(204);
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(!shown.contains(&first) && shown.len() == 3, "{shown:?}");
    // The film that speaks for others may go, too.
    let asked = ring.app.request(Method::DELETE, "/v1/movies/20");
    by(asked, &ring.admin).send().await.expect(204);
    ring.get_for("me", target).await.expect(200);
}

async fn the_same_is_given_again_until_something_is_otherwise(ring: Ring) {
    ring.trained().await;
    ring.say("me", 20, "like").await;
    let target = "/v1/recommendations?limit=3";
    let is_kept = async |user: &str, target: &str| {
        let answer = ring.get_for(user, target).await.expect(200);
        let status = answer.header("cache-status");
        assert_ne!(status.contains("hit"), status.contains("fwd=bypass"), "{status}");
        (status.contains("hit"), ids(&answer), answer.header("catalog-revision").to_owned())
    };
    let (kept, first, revision) = is_kept("me", target).await;
    assert!(!kept);
    assert_eq!(is_kept("me", target).await, (true, first.clone(), revision));
    assert!(!is_kept("other", target).await.0, "another user");
    assert!(is_kept("me", target).await.0);
    assert!(!is_kept("me", "/v1/recommendations?limit=4").await.0, "another wish");
    assert!(!is_kept("me", target).await.0);
    assert!(is_kept("me", target).await.0);
    ring.say("me", 21, "like").await;
    assert!(!is_kept("me", target).await.0, "the user said something");
    assert!(is_kept("me", target).await.0);
    let asked = ring.app.request(Method::DELETE, "/v1/movies/1");
    by(asked, &ring.admin).send().await.expect(204);
    assert!(!is_kept("me", target).await.0, "something was written");
    assert!(is_kept("me", target).await.0);
    let asked = ring.app.request(Method::DELETE, "/v1/users/me/data");
    by(asked, &ring.admin).send().await.expect(204);
    let (kept, cold, _) = is_kept("me", target).await;
    assert!(!kept, "the user was erased");
    assert_ne!(cold, first);
}

async fn nothing_of_a_long_history_is_shown(ring: Ring) {
    more_films(&ring, 700, 2012).await;
    ring.trained().await;
    // Some of it is stored long since, and more waits than speaks.
    store_all(&ring.store, (1..=60).map(|n| did("me", n, Signal::Like, n)).collect()).await;
    say_all(&ring, 61..=130, "like").await;
    say_all(&ring, 131..=630, "like").await;
    let target = "/v1/recommendations?limit=100";
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(shown.len() == 100 && shown.iter().all(|id| *id > 630), "{shown:?}");
    let last = shown[0];
    ring.say("me", last, "like").await;
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(shown.len() == 99 && shown.iter().all(|id| *id > 630 && *id != last), "{shown:?}");
    let asked = ring.app.request(Method::DELETE, "/v1/users/me/data");
    by(asked, &ring.admin).send().await.expect(204);
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(shown.len() == 100 && shown.iter().any(|id| *id <= 630), "{shown:?}");
}

async fn a_filter_is_gone_through_to_what_was_not_seen(ring: Ring) {
    more_films(&ring, 230, 2012).await;
    say_all(&ring, 31..=240, "dislike").await;
    let target = "/v1/recommendations?year=2012&limit=15";
    let shown = ids(&ring.get_for("me", target).await.expect(200));
    assert!(shown.len() == 15 && shown.iter().all(|id| *id > 240), "{shown:?}");
    let target = "/v1/recommendations?year=2012&limit=50";
    let mut shown = ids(&ring.get_for("me", target).await.expect(200));
    shown.sort_unstable();
    assert_eq!(shown, (241..=260).collect::<Vec<_>>());
}
