//! Single movies.

use hyper::Method;
use marquee::domain::clock::Moment;
use serde_json::json;

use crate::{app::TestApp, backend::on_every_backend};

on_every_backend! {
    a_created_movie_is_where_its_location_says,
    a_changed_movie_says_when_it_was_changed,
}

async fn a_created_movie_is_where_its_location_says(app: TestApp) {
    let movie = json!({"title": "Amélie 🎬", "year": 2001, "genres": ["Comedy"]});
    let created = app.post("/v1/movies", &movie).await.expect(201);
    let found = app.get(created.header("location")).await.expect(200);
    assert_eq!(found.json(), created.json());
    assert_eq!(found.json()["title"], "Amélie 🎬");
}

async fn a_changed_movie_says_when_it_was_changed(app: TestApp) {
    let created = app.post("/v1/movies", &json!({"title": "Metropolis"})).await.expect(201);
    app.clock.set(Moment::parse("2026-11-25T12:00:00Z").unwrap());
    let target = created.header("location");
    let change =
        app.request(Method::PUT, target).json(&json!({"title": "Metropolis", "year": 1927}));
    let changed = change.send().await.expect(200).json();
    assert_eq!(changed["created_at"], "2026-11-24T03:13:20Z");
    assert_eq!(changed["updated_at"], "2026-11-25T12:00:00Z");
}
