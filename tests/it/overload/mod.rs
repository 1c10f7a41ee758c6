//! More is asked of the database than it does: what is kept is answered, the rest is sent away at once,
//! and it is over when the load is.

mod bodies;
mod kinds;
mod misses;
mod partition;

use std::time::{Duration, Instant};

use marquee::domain::clock::Clock;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::{
    app::TestApp,
    backend::Database,
    client::{Answer, Client},
};

/// Longer than anything here takes on the slowest machine.
const HANG: Duration = Duration::from_mins(1);

/// The service by a clock that goes on, so that latencies are measured.
async fn start(database: Database, flags: &[&str]) -> TestApp {
    TestApp::start_by(database, flags, Clock::system()).await
}

/// Keeps the table of movies from everybody: whoever reads or writes them waits, for as long as the test
/// wants. Polls of revisions go on.
struct Lock(MySqlConnection);

impl Lock {
    async fn on(database: &Database) -> Self {
        let mut connection = MySqlConnection::connect(&database.url).await.unwrap();
        connection.execute("LOCK TABLES movies WRITE").await.unwrap();
        Self(connection)
    }

    async fn release(mut self) {
        self.0.execute("UNLOCK TABLES").await.unwrap();
        self.0.close().await.unwrap();
    }
}

/// A figure of the gate, of a kind: `limit`, `in_flight`, `waiting` or `shed`.
async fn figure(admin: Client, kind: &str, name: &str) -> u64 {
    let status = admin.get("/status").await.expect(200).json();
    let figure = &status["overload"][kind][name];
    figure.as_u64().unwrap_or_else(|| panic!("no {kind} {name} in {status}"))
}

/// Waits until a figure of the gate is this.
async fn until(admin: Client, kind: &str, name: &str, wanted: u64) {
    let since = Instant::now();
    loop {
        let figure = figure(admin, kind, name).await;
        if figure == wanted {
            return;
        }
        assert!(since.elapsed() < HANG, "{name} of {kind} is {figure} and never {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_overloaded(answer: &Answer) -> bool {
    answer.status == 503 && answer.json()["type"] == "/problems/overloaded"
}

/// Checks what is said to who is sent away.
#[track_caller]
fn check_overloaded(answer: &Answer) {
    assert!(is_overloaded(answer), "{}", answer.text());
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=3).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

fn movie(title: &str) -> Value {
    serde_json::json!({"title": title, "genres": ["Drama"]})
}
