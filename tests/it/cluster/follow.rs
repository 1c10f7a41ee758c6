//! Follows the truth: reads each revision's effect from the database itself.
//!
//! It reads a movie some time after the revision that changed it. That is the same content, if nobody
//! changed the movie meanwhile; its version tells. Writers leave a movie alone until its last change is
//! known here, so it is nearly always so.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use marquee::{
    domain::{
        change::{Change, ChangeKind},
        clock::Clock,
        movie::{Movie, MovieId},
        revision::Revision,
    },
    store::{Options, Store, error::StoreError},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{check::Checker, truth::Row};

/// Between two looks at the truth.
const PAUSE: Duration = Duration::from_millis(4);
/// Between two times of forgetting.
const FORGET: Duration = Duration::from_secs(1);

/// Reads the database at `url` until everyone else has ended and everything that waits is checked.
pub(crate) async fn follow(url: String, checker: Arc<Checker>, ended: CancellationToken) {
    let options = Options {
        url,
        connections: 2,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(10),
        watch_timeout: Duration::from_secs(5),
        changes_kept: 1_000_000,
    };
    let store = Store::open(options, Clock::system()).await.expect("a store");
    let mut versions: HashMap<i64, i64> = HashMap::new();
    // Movies whose present content is not known.
    let mut unknown: HashSet<i64> = HashSet::new();
    let mut forgot = Instant::now();
    loop {
        let stopping = ended.is_cancelled();
        let started = Instant::now();
        match step(&store, &checker, &mut versions, &mut unknown).await {
            Ok(head) => {
                checker.committed_by(head, Instant::now());
                checker.polled(started, head);
                if stopping && checker.head() == head && checker.waiting() == 0 {
                    break;
                }
            }
            Err(error) => checker.report(|report| {
                report.count("times that the truth could not be followed");
                drop(error);
            }),
        }
        if forgot.elapsed() > FORGET {
            forgot = Instant::now();
            checker.forget();
        }
        sleep(PAUSE).await;
    }
    store.close().await;
}

/// Learns what is new; gives the revision that the truth is at.
async fn step(
    store: &Store,
    checker: &Checker,
    versions: &mut HashMap<i64, i64>,
    unknown: &mut HashSet<i64>,
) -> Result<i64, StoreError> {
    let since = Revision::new(checker.head()).unwrap_or_default();
    let changes = store.changes(since, 1_000).await?;
    let mut movies: HashMap<MovieId, Option<Movie>> = HashMap::new();
    for Change { id, kind, .. } in &changes.value {
        if let Some(id) = id.filter(|_| *kind != ChangeKind::Deleted) {
            movies.insert(id, store.movie(id).await?.value);
        }
    }
    for revision in changes.value.chunk_by(|a, b| a.revision == b.revision) {
        let number = revision[0].revision.get();
        assert_eq!(number, checker.head() + 1, "the feed has every revision");
        let mut effects = Vec::with_capacity(revision.len());
        for change in revision {
            let id = change.id.expect("nobody bumps");
            if unknown.remove(&id.get()) {
                checker.settled(id.get(), number);
            }
            let version = versions.entry(id.get()).or_default();
            *version += 1;
            let movie = match change.kind {
                ChangeKind::Deleted => None,
                _ => movies.get(&id).cloned().flatten().filter(|movie| movie.version == *version),
            };
            if change.kind != ChangeKind::Deleted && movie.is_none() {
                unknown.insert(id.get());
                checker.unsettled(id.get(), number);
            }
            effects.push((id.get(), movie.map(|movie| Arc::new(Row::new(movie)))));
        }
        checker.learn(effects);
    }
    Ok(changes.revision.get())
}
