//! `GET /v1/movies/{id}/similar`.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{Ring, by, each, ids};
use crate::{
    backend::{Database, on_backend, on_every_backend},
    cache::is_hit,
};

on_every_backend! {
    what_people_watched_together_is_similar,
    without_a_model_what_is_written_about_movies_is_compared,
    an_answer_follows_what_it_shows,
    another_model_gives_another_answer_at_once,
    filters_and_limits_hold,
}

on_backend! {
    indexed Sqlite:
    the_index_finds_what_has_rare_things_in_common
}

async fn what_people_watched_together_is_similar(ring: Ring) {
    let version = ring.trained().await;
    let answer = ring.app.get("/v1/movies/10/similar?limit=4").await.expect(200);
    let near = ids(&answer);
    assert!(near.contains(&9) && near.contains(&11), "{near:?}");
    assert!(!near.contains(&10), "{near:?}");
    assert_eq!(each(&answer, "source"), vec![json!("model"); 4]);
    assert_eq!(answer.json()["model"], version.get());
    assert!(answer.header("cache-control").starts_with("public"));
    assert_eq!(answer.header("cache-groups"), "\"movies\", \"movie-10\"");
    is_hit(&ring.app.get("/v1/movies/10/similar?limit=4").await.expect(200));
}

async fn without_a_model_what_is_written_about_movies_is_compared(ring: Ring) {
    let answer = ring.app.get("/v1/movies/12/similar?limit=5").await.expect(200);
    assert_eq!(answer.json()["model"], json!(null));
    assert_eq!(each(&answer, "source"), vec![json!("content"); 5]);
    // Films 10 to 19 have its director, and the even ones its genre.
    let near = ids(&answer);
    assert!(near[..4].iter().all(|id| (10..20).contains(id) && id % 2 == 0), "{near:?}");
}

async fn an_answer_follows_what_it_shows(ring: Ring) {
    ring.trained().await;
    let target = "/v1/movies/10/similar?limit=4";
    let shown = ids(&ring.app.get(target).await.expect(200));
    let first = format!("/v1/movies/{}", shown[0]);
    let asked = ring.app.request(Method::PATCH, &first).json(&json!({"title": "Another"}));
    let written = by(asked, &ring.admin).send().await.expect(200);
    let answer = ring.app.get(target).await.expect(200);
    assert!(answer.text().contains("Another"));
    assert_eq!(answer.header("catalog-revision"), written.header("catalog-revision"));
    let asked = ring.app.request(Method::DELETE, &first);
    by(asked, &ring.admin).send().await.expect(204);
    let left = ids(&ring.app.get(target).await.expect(200));
    assert!(!left.contains(&shown[0]) && left.len() == 4, "{left:?}");
    is_hit(&ring.app.get(target).await);
    // What it is about is part of it.
    let asked = ring.app.request(Method::DELETE, "/v1/movies/10");
    by(asked, &ring.admin).send().await.expect(204);
    ring.app.get(target).await.expect(404);
    // What has nothing to do with it leaves it alone.
    ring.app.get("/v1/movies/20/similar?limit=4").await.expect(200);
    let asked = ring.app.request(Method::PATCH, "/v1/movies/2").json(&json!({"title": "Other"}));
    by(asked, &ring.admin).send().await.expect(200);
    is_hit(&ring.app.get("/v1/movies/20/similar?limit=4").await);
}

async fn another_model_gives_another_answer_at_once(ring: Ring) {
    let target = "/v1/movies/10/similar?limit=4";
    for _ in 0..4 {
        ring.app.get(target).await.expect(200); // also where a thread has it at hand
    }
    let version = ring.trained().await;
    let answer = ring.app.get(target).await.expect(200);
    assert_eq!(answer.json()["model"], version.get());
    assert_eq!(each(&answer, "source"), vec![json!("model"); 4]);
}

async fn filters_and_limits_hold(ring: Ring) {
    ring.trained().await;
    let answer = ring.app.get("/v1/movies/10/similar?genre=drama&limit=50").await.expect(200);
    let near = ids(&answer);
    assert!(!near.is_empty() && near.iter().all(|id| id % 2 == 0), "{near:?}");
    let fields = ring.app.get("/v1/movies/10/similar?fields=title&limit=1").await.expect(200);
    let row = fields.json()["data"][0].clone();
    assert_eq!(row.as_object().unwrap().len(), 2, "{row}");
    ring.app.get("/v1/movies/999/similar").await.expect(404);
    ring.app.get("/v1/movies/x/similar").await.expect(404);
    let bad = ring.app.get("/v1/movies/1/similar?limit=101&cursor=a&year=x").await.expect(400);
    assert_eq!(bad.json()["errors"].as_array().unwrap().len(), 3);
}

async fn the_index_finds_what_has_rare_things_in_common(database: Database) {
    let ring = Ring::start(database, &["--index=on"]).await;
    let film = |title: &str, cast: &[&str], genre: &str| json!({"title": title, "cast": cast, "genres": [genre], "year": 1980});
    let mut made = Vec::new();
    for movie in [
        film("The Robot of Prague", &["Rare Actress"], "Sci-Fi"),
        film("Something Else", &["Rare Actress"], "Western"),
        film("The Robot Returns", &[], "Sci-Fi"),
        film("Nothing in Common", &["Another One"], "Western"),
    ] {
        let asked = ring.app.request(Method::POST, "/v1/movies").json(&movie);
        let created = by(asked, &ring.admin).send().await.expect(201);
        made.push(created.json()["id"].as_i64().unwrap());
    }
    let first = format!("/v1/movies/{}", made[0]);
    for minutes in 1.. {
        let near = ids(&ring.app.get(&format!("{first}/similar?limit=2")).await.expect(200));
        if near.contains(&made[1]) && near.contains(&made[2]) {
            return;
        }
        // The index follows. What was answered before it did is made anew after a write to what it shows.
        let asked =
            ring.app.request(Method::PATCH, &first).json(&json!({"runtime_minutes": minutes}));
        by(asked, &ring.admin).send().await.expect(200);
        sleep(Duration::from_millis(20)).await;
    }
}
