//! A database that hangs, vanishes and comes back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use marquee::{
    domain::{clock::Clock, movie::MovieId},
    store::{Options, Store, error::StoreError},
};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use super::created;
use crate::{
    backend::{Backend, Database},
    fault_proxy::{FaultProxy, Link},
};

/// A store on `MariaDB` behind a proxy, with few connections and short deadlines.
struct Fragile {
    store: Arc<Store>,
    proxy: FaultProxy,
    database: Database,
}

const CONNECTIONS: u32 = 3;

impl Fragile {
    async fn new() -> Self {
        let database = Database::new(Backend::MariaDb).await;
        let proxy = FaultProxy::new(database.server()).await;
        let options = Options {
            url: database.url_at(proxy.address),
            connections: CONNECTIONS,
            acquire_timeout: Duration::from_millis(250),
            statement_timeout: Duration::from_millis(400),
            watch_timeout: Duration::from_secs(10),
            changes_kept: 1_000,
        };
        let store = Store::open(options, Clock::system()).await.expect("a store");
        store.migrate().await.expect("a schema");
        Self { store: Arc::new(store), proxy, database }
    }

    /// How many reads of a movie succeed when more are sent at once than there are connections.
    async fn burst(&self, id: MovieId) -> Vec<Result<Option<MovieId>, StoreError>> {
        let mut reads = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS * 3 {
            let store = Arc::clone(&self.store);
            reads.spawn(async move { Ok(store.movie(id).await?.value.map(|movie| movie.id)) });
        }
        reads.join_all().await
    }
}

/// Waits until reads succeed again; gives how long that took.
async fn recovered(fragile: &Fragile, id: MovieId) -> Duration {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(10) {
        let answers = fragile.burst(id).await;
        if answers.iter().all(|answer| matches!(answer, Ok(Some(read)) if *read == id)) {
            return since.elapsed();
        }
    }
    panic!("no recovery in ten seconds: {:?}", fragile.burst(id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_partition_every_connection_comes_back() {
    let fragile = Fragile::new().await;
    let movie = created(&fragile.store, &json!({"title": "a"})).await;
    assert!(fragile.burst(movie.id).await.iter().all(Result::is_ok));
    for _ in 0..3 {
        fragile.proxy.set(Link::Blackhole);
        let since = Instant::now();
        let answers = fragile.burst(movie.id).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert!(since.elapsed() < Duration::from_secs(3), "errors come in time");
        fragile.proxy.set(Link::Up);
        recovered(&fragile, movie.id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_fail_in_time_while_the_database_is_away_and_succeed_after() {
    let fragile = Fragile::new().await;
    let movie = created(&fragile.store, &json!({"title": "a"})).await;
    fragile.proxy.set(Link::Cut);
    let since = Instant::now();
    let failed = fragile.store.write(&[super::create(&json!({"title": "b"}))], None).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    assert!(since.elapsed() < Duration::from_secs(2));
    fragile.proxy.set(Link::Up);
    recovered(&fragile, movie.id).await;
    created(&fragile.store, &json!({"title": "c"})).await;
    let list = fragile.store.list(&super::query("sort=title")).await.expect("a list").value;
    let titles: Vec<_> = list.movies.iter().map(|movie| movie.data.title.as_str()).collect();
    assert_eq!(titles, ["a", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_never_taken_for_another() {
    let fragile = Fragile::new().await;
    let mut movies = Vec::new();
    for n in 0..3 {
        movies.push(created(&fragile.store, &json!({"title": n.to_string()})).await.id);
    }
    let mut other = MySqlConnection::connect(&fragile.database.url).await.expect("a connection");
    for round in 0..4 {
        other.execute("LOCK TABLES movies WRITE, catalog_revisions WRITE").await.expect("a lock");
        let held = fragile.burst(movies[round % 3]).await;
        assert!(held.iter().all(Result::is_err), "{held:?}");
        other.execute("UNLOCK TABLES").await.expect("no lock");
        // The abandoned statements answer now; nobody must take their rows for those of this one.
        let id = movies[(round + 1) % 3];
        for answer in fragile.burst(id).await.into_iter().flatten() {
            assert_eq!(answer, Some(id));
        }
        recovered(&fragile, id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_leaves_no_half_read_connection() {
    let fragile = Fragile::new().await;
    let first =
        created(&fragile.store, &json!({"title": "a", "synopsis": "x".repeat(9_000)})).await.id;
    let second = created(&fragile.store, &json!({"title": "b"})).await.id;
    for n in 0..60_u64 {
        // Dropped at some instant of the read.
        let _ =
            tokio::time::timeout(Duration::from_micros(n * 20), fragile.store.movie(first)).await;
        match fragile.store.movie(second).await {
            Ok(read) => assert_eq!(read.value.map(|movie| movie.id), Some(second)),
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
    }
    recovered(&fragile, second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_did_not_end_leaves_nothing_behind() {
    let fragile = Fragile::new().await;
    created(&fragile.store, &json!({"title": "before"})).await;
    let mut other = MySqlConnection::connect(&fragile.database.url).await.expect("a connection");
    for round in 0..2 * CONNECTIONS {
        let mut holder = other.begin().await.expect("a transaction");
        let lock = "SELECT revision FROM catalog_revisions WHERE scope = '*' FOR UPDATE";
        holder.execute(lock).await.expect("a lock");
        // It has written its rows and waits for the revision, until its time is up or its caller leaves.
        let late = [super::create(&json!({"title": "late"}))];
        let write = fragile.store.write(&late, None);
        if round % 2 == 0 {
            assert!(matches!(write.await, Err(StoreError::TimedOut(_))));
        } else {
            assert!(tokio::time::timeout(Duration::from_millis(150), write).await.is_err());
        }
        holder.rollback().await.expect("no lock");
    }
    for n in 0..3 * CONNECTIONS {
        created(&fragile.store, &json!({"title": format!("after {n}")})).await;
        let list = fragile.store.list(&super::query("sort=title")).await.expect("a list");
        assert!(list.value.movies.iter().all(|movie| movie.data.title != "late"));
        assert_eq!(list.revision.get(), i64::from(n) + 2);
    }
}
