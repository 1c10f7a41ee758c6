//! Searches, suggestions, and the index that they are answered from.

mod agreement;
mod answers;
mod folder;
mod revisions;

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    app::TestApp,
    backend::{Backend, Database, Fixture},
    client::{Answer, Client},
};

/// A replica that keeps an index, which can be asked.
pub(super) struct Searched(pub(super) TestApp);

impl Fixture for Searched {
    async fn on(backend: Backend) -> Self {
        Self::start(Database::new(backend).await, &[]).await
    }
}

impl Searched {
    async fn start(database: Database, flags: &[&str]) -> Self {
        let flags = [&["--index=on", "--poll-interval=100ms"], flags].concat();
        let app = TestApp::start(database, &flags).await;
        until_ready(*app).await;
        Self(app)
    }

    /// Creates a movie; the revision that has it.
    async fn create(&self, movie: Value) -> String {
        let answer = self.0.post("/v1/movies", &movie).await.expect(201);
        answer.header("catalog-revision").to_owned()
    }

    /// An answer that includes a revision.
    async fn at_least(&self, target: &str, revision: &str) -> Answer {
        at_least(*self.0, target, revision).await
    }
}

async fn at_least(client: Client, target: &str, revision: &str) -> Answer {
    client.request(Method::GET, target).header("min-catalog-revision", revision).send().await
}

/// Waits until the index and the suggestions can be asked.
async fn until_ready(client: Client) {
    for target in ["/v1/search?q=x", "/v1/suggest?q=x"] {
        while client.get(target).await.status != 200 {
            tokio::task::yield_now().await;
        }
    }
}

/// The titles of an answer, in its order.
fn titles(answer: &Answer) -> Vec<String> {
    let rows = answer.json()["data"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["title"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Some films.
fn films() -> [Value; 5] {
    [
        json!({"title": "Alien", "year": 1979, "directors": ["Ridley Scott"], "genres": ["Horror", "Sci-Fi"],
               "cast": ["Sigourney Weaver"], "countries": ["United Kingdom"], "languages": ["English"],
               "rating": 8.5, "votes": 900_000, "popularity": 90.0}),
        json!({"title": "Amélie", "year": 2001, "directors": ["Jean-Pierre Jeunet"], "genres": ["Comedy", "Romance"],
               "cast": ["Audrey Tautou"], "countries": ["France"], "languages": ["French"],
               "rating": 8.3, "votes": 700_000, "popularity": 80.0}),
        json!({"title": "The Wizard of Oz", "year": 1939, "directors": ["Victor Fleming"], "genres": ["Fantasy"],
               "cast": ["Judy Garland"], "countries": ["United States"], "languages": ["English"],
               "rating": 8.1, "votes": 400_000, "popularity": 70.0}),
        json!({"title": "Blade Runner", "year": 1982, "directors": ["Ridley Scott"], "genres": ["Drama", "Sci-Fi"],
               "cast": ["Harrison Ford"], "countries": ["United States"], "languages": ["English"],
               "rating": 8.1, "votes": 800_000, "popularity": 85.0}),
        json!({"title": "Alien Nation", "year": 1988, "directors": ["Graham Baker"], "genres": ["Sci-Fi"],
               "cast": ["James Caan"], "countries": ["United States"], "languages": ["English"],
               "rating": 6.3, "votes": 20_000, "popularity": 20.0}),
    ]
}

/// Stores them; the revision that has them all.
async fn store_films(app: &Searched) -> String {
    let mut revision = String::new();
    for film in films() {
        revision = app.create(film).await;
    }
    revision
}
