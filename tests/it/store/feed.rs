//! The change feed and snapshots.

use marquee::{
    domain::revision::Revision,
    store::{error::StoreError, mutation::Mutation},
};
use serde_json::json;

use super::{create, created};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    the_feed_has_every_change_in_order,
    old_changes_are_cut_and_asking_for_them_is_an_error,
    a_snapshot_is_one_revision_while_writes_go_on,
}

fn revision(raw: i64) -> Revision {
    Revision::new(raw).expect("not negative")
}

async fn the_feed_has_every_change_in_order(store: TestStore) {
    let movie = created(&store, &json!({"title": "a"})).await;
    store
        .write(&[create(&json!({"title": "b"})), create(&json!({"title": "c"}))], None)
        .await
        .expect("a write");
    store.write(&[Mutation::Delete { id: movie.id, expect: None }], None).await.expect("a write");
    let feed = store.changes(Revision::ZERO, 100).await.expect("changes");
    let rows: Vec<_> =
        feed.value.iter().map(|change| (change.revision.get(), change.kind.as_str())).collect();
    assert_eq!(rows, [(1, "created"), (2, "created"), (2, "created"), (3, "deleted")]);
    assert_eq!(feed.revision, revision(3));
    let page = store.changes(Revision::ZERO, 2).await.expect("changes").value;
    assert_eq!(page.len(), 1, "revision 2 is not cut in two");
    let page = store.changes(revision(1), 1).await.expect("changes").value;
    assert_eq!(page.len(), 2, "but it does come");
    assert!(store.changes(revision(3), 10).await.expect("changes").value.is_empty());
}

async fn old_changes_are_cut_and_asking_for_them_is_an_error(store: TestStore) {
    // The test's store keeps the changes of 50 revisions.
    for n in 0..60 {
        created(&store, &json!({"title": n.to_string()})).await;
    }
    store.housekeeping().await.expect("housekeeping");
    let gone = store.changes(revision(9), 100).await;
    assert!(
        matches!(gone, Err(StoreError::ChangesGone { oldest }) if oldest == revision(10)),
        "{gone:?}"
    );
    assert_eq!(store.changes(revision(10), 100).await.expect("changes").value.len(), 50);
}

async fn a_snapshot_is_one_revision_while_writes_go_on(store: TestStore) {
    let many: Vec<_> = (0..700).map(|n| create(&json!({"title": n.to_string()}))).collect();
    store.write(&many, None).await.expect("a write");
    let mut snapshot = store.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.revision(), revision(1));
    let first = snapshot.next().await.expect("movies");
    let last = store.movies_by_id(None, 1_000).await.expect("movies").value.pop().expect("a movie");
    store.write(&[Mutation::Delete { id: last.id, expect: None }], None).await.expect("a write");
    created(&store, &json!({"title": "later"})).await;
    let mut seen = first.len();
    loop {
        let movies = snapshot.next().await.expect("movies");
        if movies.is_empty() {
            break;
        }
        seen += movies.len();
        assert!(movies.iter().all(|movie| movie.data.title != "later"));
    }
    snapshot.end().await;
    assert_eq!(seen, 700);
    assert_eq!(store.revision().await.expect("a revision"), revision(3));
}
