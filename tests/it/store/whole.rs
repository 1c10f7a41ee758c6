//! That nothing before the revision of what is read is missing: what is of a revision that nobody here had seen is read
//! again (docs/decisions/0104-snapshots-are-checked.md).

use std::time::Duration;

use marquee::{
    domain::revision::{Revision, Scope},
    store::{Options, Store, error::StoreError, mutation::Mutation},
};
use prometheus::Registry;
use serde_json::json;

use super::{create, created, query};
use crate::{
    backend::{Database, begin, on_backend},
    fault_proxy::{FaultProxy, Link},
};

on_backend! { mariadb MariaDb:
    what_nobody_had_seen_is_read_again
    what_a_poll_or_an_own_write_saw_is_read_once
    a_poll_knows_all_up_to_what_its_first_statement_saw
    amid_many_writes_no_more_is_told_than_is_whole
}

/// A replica that writes and one that reads, which counts what it reads again.
struct Two {
    writer: Store,
    reader: Store,
    counts: Registry,
    database: Database,
}

impl Two {
    async fn on(database: Database) -> Self {
        let open = async || {
            let options = Options {
                url: database.url.clone(),
                connections: 4,
                acquire_timeout: Duration::from_secs(10),
                statement_timeout: Duration::from_secs(20),
                watch_timeout: Duration::from_secs(10),
                changes_kept: 50,
            };
            Store::open(options, begin()).await.expect("a store")
        };
        let (writer, reader) = (open().await, open().await);
        writer.migrate().await.expect("a schema");
        let counts = Registry::new();
        reader.register_metrics(&counts);
        Self { writer, reader, counts, database }
    }

    /// How often the reader has read something again.
    fn again(&self) -> String {
        let families = self.counts.gather();
        let family = families.iter().find(|of| of.name() == "marquee_database_reads_again_total");
        family.expect("it is counted").get_metric()[0].get_counter().get_value().to_string()
    }
}

async fn what_nobody_had_seen_is_read_again(database: Database) {
    let two = Two::on(database).await;
    let mut expected = 0;
    let mut wrote = async || {
        expected += 1;
        (
            created(&two.writer, &json!({"title": "a", "genres": ["Drama"]})).await.id,
            expected.to_string(),
        )
    };
    let reader = &two.reader;

    let (id, times) = wrote().await;
    let movie = reader.movie(id).await.expect("a movie");
    assert_eq!(
        (movie.revision.get(), movie.value.is_some(), two.again()),
        (1, true, times.clone())
    );
    // Once it was seen it is known to have ended, and so is all before it.
    assert_eq!((reader.movie(id).await.expect("a movie").revision.get(), two.again()), (1, times));

    let (_, times) = wrote().await;
    let page = reader.list(&query("genre=Drama&sort=title")).await.expect("a list");
    assert_eq!((page.revision.get(), page.value.movies.len(), two.again()), (2, 2, times));

    let (_, times) = wrote().await;
    let changes = reader.changes(Revision::ZERO, 100).await.expect("changes");
    assert_eq!((changes.revision.get(), changes.value.len(), two.again()), (3, 3, times));

    let (_, times) = wrote().await;
    let read = reader.changed(Revision::ZERO, 100).await.expect("changes");
    assert_eq!((read.revision.get(), read.movies.len(), two.again()), (4, 4, times));

    let (_, times) = wrote().await;
    let snapshot = reader.snapshot().await.expect("a snapshot");
    assert_eq!((snapshot.revision().get(), two.again()), (5, times));
    snapshot.end().await;

    let (_, times) = wrote().await;
    let collections = reader.collections(Revision::ZERO).await.expect("collections");
    assert_eq!((collections.revision.get(), two.again()), (6, times));

    let (_, times) = wrote().await;
    assert_eq!(reader.genres().await.expect("genres").revision.get(), 7);
    assert_eq!(two.again(), times);
}

async fn what_a_poll_or_an_own_write_saw_is_read_once(database: Database) {
    let two = Two::on(database).await;
    let movie = created(&two.writer, &json!({"title": "a"})).await;
    two.reader.watch(Revision::ZERO).await.expect("a poll");
    two.reader.movie(movie.id).await.expect("a movie");
    two.reader.write(&[create(&json!({"title": "b"}))], None).await.expect("a write");
    two.reader.movie(movie.id).await.expect("a movie");
    assert_eq!(two.again(), "0");
    // The database was restored: what had been seen is no more, and costs one read.
    two.writer
        .write(&[Mutation::Delete { id: movie.id, expect: None }], None)
        .await
        .expect("a write");
    two.reader.watch(Revision::ZERO).await.expect("a poll");
    two.database
        .edit(&["UPDATE catalog_revisions SET revision = 1 WHERE scope = '*'".to_owned()])
        .await;
    for _ in 0..3 {
        assert_eq!(two.reader.movie(movie.id).await.expect("a movie").revision.get(), 1);
    }
    assert_eq!(two.again(), "1");
}

/// Two of them, the reader far from its database.
async fn far_apart(database: Database) -> (Two, FaultProxy) {
    let proxy = FaultProxy::new(database.server()).await;
    let url = database.url_at(proxy.address);
    let mut two = Two::on(database).await;
    let options = Options {
        url,
        connections: 2,
        acquire_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(20),
        watch_timeout: Duration::from_secs(10),
        changes_kept: 1_000,
    };
    two.reader = Store::open(options, begin()).await.expect("a store");
    two.counts = Registry::new();
    two.reader.register_metrics(&two.counts);
    created(&two.writer, &json!({"title": "a"})).await;
    two.reader.changed(Revision::ZERO, 1).await.expect("changes"); // it is connected
    proxy.set(Link::Late(Duration::from_millis(40)));
    (two, proxy)
}

/// What is read while others write all the time.
async fn amid_writes<T>(two: &Two, read: impl Future<Output = Result<T, StoreError>>) -> T {
    let writes = async {
        loop {
            Box::pin(created(&two.writer, &json!({"title": "c"}))).await;
        }
    };
    tokio::select! {
        read = Box::pin(read) => read.expect("an answer"),
        () = writes => unreachable!(),
    }
}

/// A poll asks twice. What the second statement has of a later write may lack another one before it.
async fn a_poll_knows_all_up_to_what_its_first_statement_saw(database: Database) {
    let (two, proxy) = far_apart(database).await;
    proxy.set(Link::Up);
    let first = two.reader.watch(Revision::ZERO).await.expect("a poll").revision;
    created(&two.writer, &json!({"title": "b"})).await;
    proxy.set(Link::Late(Duration::from_millis(150)));
    let seen = amid_writes(&two, two.reader.watch(first)).await;
    let all = seen.scopes.iter().find(|(scope, _)| *scope == Scope::All).expect("there is one").1;
    assert!(first < seen.revision && seen.revision < all, "{:?} of {all}", seen.revision);
}

/// Each time it is read there is another write that nobody had seen: what is whole is told, and no more.
async fn amid_many_writes_no_more_is_told_than_is_whole(database: Database) {
    let (two, _proxy) = far_apart(database).await;
    let before: u32 = two.again().parse().expect("a number");
    let told = amid_writes(&two, two.reader.changes(Revision::ZERO, 100_000)).await;
    assert_eq!(two.again(), (before + 3).to_string());
    let last = told.value.last().expect("a change").revision;
    assert!(told.revision > Revision::new(1).expect("one"), "{told:?}");
    assert_eq!((told.revision, i64::try_from(told.value.len()).ok()), (last, Some(last.get())));
    let changed = amid_writes(&two, two.reader.changed(last, 100_000)).await;
    let last = changed.changes.last().expect("a change").revision;
    assert!(changed.revision > last, "the movies are as later writes made them: {changed:?}");
}
