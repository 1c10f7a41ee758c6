//! Collections: what editors write is what readers get, on every replica, in season and out of it.

mod campaigns;
mod documents;
mod files;
mod searches;
mod seasons;
mod writes;

use std::time::Duration;

use marquee::domain::clock::Moment;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    app::TestApp,
    cache::metric,
    client::{Answer, Client},
};

/// Creates a movie and gives its id.
async fn movie(app: &TestApp, value: &Value) -> i64 {
    app.post("/v1/movies", value).await.expect(201).json()["id"].as_i64().unwrap()
}

/// A few movies: 1 to 3 are dramas of falling popularity, 4 is a comedy with an `IMDb` id.
async fn movies(app: &TestApp) {
    for (title, popularity) in [("one", 30), ("two", 20), ("three", 10)] {
        movie(app, &json!({"title": title, "popularity": popularity, "genres": ["Drama"]})).await;
    }
    movie(app, &json!({"title": "four", "genres": ["Comedy"], "imdb_id": "tt0000004"})).await;
}

async fn create(app: &TestApp, value: &Value) -> Answer {
    app.post("/v1/collections", value).await.expect(201)
}

/// Makes nonsense of what is stored of a collection, by hand: there is no such time zone, or no longer.
async fn spoil(app: &TestApp, slug: &str) {
    let definition = json!({"movies": [1], "query": null, "exclude": [],
        "seasons": [{"from": "--12-15", "to": "--01-06", "timezone": "Mars/Olympus"}]});
    let edit = format!("UPDATE collections SET definition = '{definition}' WHERE slug = '{slug}'");
    app.database.edit(&[edit]).await;
}

/// The titles of an answer's movies.
fn titles(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let rows = answer["data"].as_array().unwrap();
    rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

/// The titles of a collection now.
async fn shown(client: Client, slug: &str) -> Vec<String> {
    titles(&client.get(&format!("/v1/collections/{slug}")).await.expect(200))
}

fn at(text: &str) -> Moment {
    Moment::parse(text).expect("a moment")
}

/// Answers that were made, or taken from Redis, before anybody asked.
async fn made_ahead(app: &TestApp) -> f64 {
    metric(app.admin, "marquee_collections_warmed_total", &["source=\"l"]).await
}

/// Waits until so many answers were made ahead.
async fn until_made(app: &TestApp, count: f64) {
    let made = async {
        while made_ahead(app).await < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_mins(1), made).await.expect("it is made");
}
