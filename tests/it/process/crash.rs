//! A process that is killed while it writes: what was acknowledged is there, and the catalogue agrees
//! with its revisions and its change feed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

use super::Process;
use crate::{
    backend::{Database, on_every_backend},
    client::{Answer, Client},
};

on_every_backend! { a_killed_process_loses_no_acknowledged_write_and_leaves_no_half_of_one }

const WRITERS: usize = 8;
/// Acknowledged writes before the process is killed.
const ENOUGH: usize = 120;
const FLAGS: [&str; 4] = [
    "--bundled-catalogue=skip",
    "--database-acquire-timeout=10s",
    "--overload-queue-time=10s",
    "--log-level=error,marquee::app=info",
];

/// What one writer knows about its own movies; nobody else writes them.
#[derive(Debug, Default)]
struct Known {
    /// The title of each movie that was acknowledged; `None` for one that is gone.
    titles: BTreeMap<i64, Option<String>>,
    /// The movie that was being changed when the process died.
    unsure: Option<i64>,
    /// The last revision that an answer named.
    revision: i64,
}

async fn a_killed_process_loses_no_acknowledged_write_and_leaves_no_half_of_one(
    database: Database,
) {
    let mut known = Vec::new();
    for round in 0..2 {
        let process = Process::serve(&database, &FLAGS).await;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let tracker = TaskTracker::new();
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let name = format!("{round}.{n}");
                tracker.spawn(write(process.client, name, Arc::clone(&acknowledged)))
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < ENOUGH {
            assert!(!writers.iter().any(tokio::task::JoinHandle::is_finished), "a write failed");
            yield_now().await;
        }
        process.kill().await;
        for writer in writers {
            known.push(writer.await.unwrap());
        }
    }

    let process = Process::serve(&database, &FLAGS).await;
    for known in &known {
        for (id, title) in &known.titles {
            let answer = process.client.get(&format!("/v1/movies/{id}")).await;
            if known.unsure == Some(*id) {
                continue;
            }
            match title {
                Some(title) => assert_eq!(answer.expect(200).json()["title"], title.as_str()),
                None => drop(answer.expect(404)),
            }
        }
    }
    let revision = known.iter().map(|known| known.revision).max().unwrap();
    agrees_with_itself(&database, revision).await;
}

/// Creates, changes and deletes movies until the server is gone.
async fn write(client: Client, name: String, acknowledged: Arc<AtomicUsize>) -> Known {
    let mut known = Known::default();
    for n in 0.. {
        let title = format!("{name}.{n}");
        let movie = json!({"title": title, "genres": [name, "Crash"], "year": 1900 + n % 100});
        let Some(created) = ask(client, Method::POST, "/v1/movies", &movie).await else { break };
        let id = created.expect(201).note(&mut known).json()["id"].as_i64().unwrap();
        known.titles.insert(id, Some(title.clone()));
        acknowledged.fetch_add(1, Ordering::Relaxed);

        let target = format!("/v1/movies/{id}");
        let (method, change, status) = match n % 3 {
            0 => (Method::PATCH, json!({"title": format!("{title}!"), "genres": ["Crash"]}), 200),
            1 => (Method::DELETE, Value::Null, 204),
            _ => continue,
        };
        known.unsure = Some(id);
        let Some(changed) = ask(client, method, &target, &change).await else { break };
        changed.expect(status).note(&mut known);
        known.unsure = None;
        known.titles.insert(id, (status == 200).then(|| format!("{title}!")));
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    known
}

async fn ask(client: Client, method: Method, target: &str, body: &Value) -> Option<Answer> {
    let request = client.request(method, target);
    let request = match body {
        Value::Null => request,
        Value::Object(_) if target.ends_with("movies") => request.json(body),
        _ => request.header("content-type", "application/merge-patch+json").json(body),
    };
    request.try_send().await.ok()
}

impl Answer {
    fn note(self, known: &mut Known) -> Self {
        known.revision = self.header("catalog-revision").parse().expect("writes name a revision");
        self
    }
}

/// The revision of everything, the change feed and the rows say the same.
async fn agrees_with_itself(database: &Database, at_least: i64) {
    let all = "SELECT revision FROM catalog_revisions WHERE scope = '*'";
    let all = database.integers(all).await[0][0];
    assert!(all >= at_least, "revision {at_least} was answered, but {all} is kept");

    let feed = "SELECT DISTINCT revision FROM changes ORDER BY revision";
    let feed: Vec<i64> = database.integers(feed).await.into_iter().flatten().collect();
    assert_eq!(feed, (1..=all).collect::<Vec<_>>(), "each revision has its changes");

    let changes = "SELECT movie_id, CASE kind WHEN 'deleted' THEN 0 ELSE 1 END FROM changes \
                   ORDER BY revision";
    let mut expected = BTreeSet::new();
    for change in database.integers(changes).await {
        let (movie, lives) = (change[0], change[1] == 1);
        if lives {
            expected.insert(movie);
        } else {
            assert!(expected.remove(&movie), "movie {movie} was deleted before it was created");
        }
    }
    let rows = database.integers("SELECT id FROM movies").await;
    assert_eq!(rows.into_iter().flatten().collect::<BTreeSet<_>>(), expected);

    let links = "SELECT COUNT(*) FROM movies m WHERE NOT EXISTS \
                 (SELECT 1 FROM movie_genres g WHERE g.movie_id = m.id)";
    assert_eq!(database.integers(links).await, [[0]], "every movie has its genres");
    let scopes = "SELECT COUNT(*) FROM catalog_revisions s, catalog_revisions a \
                  WHERE a.scope = '*' AND s.revision > a.revision";
    assert_eq!(database.integers(scopes).await, [[0]], "no scope is ahead of everything");
}
