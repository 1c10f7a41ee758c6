//! Collections as the store puts them together.

use marquee::{
    domain::collection::{self, Collection, Naming},
    store::{Assembly, CollectionChange, CollectionOutcome, Store},
};
use serde_json::{Value, json};

use super::created;
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    what_was_searched_for_another_definition_is_not_taken,
    what_is_found_keeps_its_order_and_what_is_gone_is_left_out,
}

async fn put(store: &Store, value: &Value) -> Collection {
    let object = value.as_object().expect("an object");
    let (slug, definition) = collection::read(object, Naming::New).expect("a good collection");
    let change = CollectionChange::Put(Box::new(definition));
    match store.write_collection(&slug, &change, None).await.expect("a write").outcome {
        CollectionOutcome::Created(collection) | CollectionOutcome::Updated(collection) => {
            *collection
        }
        other => panic!("not stored: {other:?}"),
    }
}

async fn what_was_searched_for_another_definition_is_not_taken(store: TestStore) {
    let id = created(&store, &json!({"title": "one"})).await.id;
    let old = put(&store, &json!({"slug": "a", "title": "A", "query": "q=one"})).await;
    let new = put(&store, &json!({"slug": "a", "title": "A", "query": "q=two"})).await;
    for known in [None, Some(&old)] {
        let read = store.assembled_collection(&new.slug, known, &[id]).await.expect("a read");
        match read.value {
            Some(Assembly::Unsearched(stored)) => assert_eq!(*stored, new),
            other => panic!("it was taken: {other:?}"),
        }
    }
    // One that has no search needs none.
    let listed = put(&store, &json!({"slug": "a", "title": "A", "query": "sort=created"})).await;
    let read = store.assembled_collection(&listed.slug, Some(&new), &[]).await.expect("a read");
    let Some(Assembly::Whole(whole)) = read.value else { panic!("it is not whole") };
    assert_eq!((whole.collection, whole.movies.len()), (listed, 1));
}

async fn what_is_found_keeps_its_order_and_what_is_gone_is_left_out(store: TestStore) {
    let mut ids = Vec::new();
    for title in ["one", "two", "three", "four"] {
        ids.push(created(&store, &json!({"title": title})).await.id);
    }
    let value = json!({"slug": "a", "title": "A", "movies": [ids[1]], "query": "q=x&limit=2"});
    let stored = put(&store, &value).await;
    let gone = marquee::domain::movie::MovieId::new(99).expect("an id");
    let found = [ids[3], gone, ids[1], ids[0], ids[2]];
    let read = store.assembled_collection(&stored.slug, Some(&stored), &found).await;
    let Some(Assembly::Whole(whole)) = read.expect("a read").value else { panic!("not whole") };
    let titles: Vec<&str> = whole.movies.iter().map(|movie| movie.data.title.as_str()).collect();
    assert_eq!(titles, ["two", "four", "one"]);
}
