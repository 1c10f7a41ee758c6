//! A first load does without the indexes of lists until its end.

use marquee::store::error::StoreError;
use serde_json::json;

use super::{created, query};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    without_their_indexes_lists_say_that_the_catalogue_is_being_loaded,
    a_load_that_did_not_end_is_ended_by_the_next_start,
    a_load_under_way_is_left_alone_by_others,
}

const LISTS: [&str; 3] = ["", "genre=drama&sort=title", "year_min=1990&year_max=1991&sort=votes"];

async fn without_their_indexes_lists_say_that_the_catalogue_is_being_loaded(store: TestStore) {
    let movie = created(&store, &json!({"title": "a", "genres": ["Drama"], "year": 1990})).await;
    for text in LISTS {
        store.list(&query(text)).await.expect("a list");
    }
    let load = store.drop_list_indexes().await.expect("no indexes").expect("the only load");
    for text in LISTS {
        let list = store.list(&query(text)).await;
        assert!(matches!(list, Err(StoreError::Loading(_))), "{text}: {list:?}");
    }
    assert!(store.movie(movie.id).await.expect("a read").value.is_some());
    created(&store, &json!({"title": "b", "genres": ["Drama"], "year": 1991})).await;
    let mut told = Vec::new();
    let mut tell = |made, of| told.push((made, of));
    store.restore_list_indexes(load, &mut tell).await.expect("indexes");
    assert_eq!((told.first(), told.last()), (Some(&(0, 40)), Some(&(40, 40))));
    for text in LISTS {
        assert_eq!(store.list(&query(text)).await.expect("a list").value.movies.len(), 2, "{text}");
    }
}

async fn a_load_that_did_not_end_is_ended_by_the_next_start(store: TestStore) {
    created(&store, &json!({"title": "a"})).await;
    drop(store.drop_list_indexes().await.expect("no indexes"));
    // The lock goes with its connection, which the server notices a moment later.
    for _ in 0..100 {
        store.migrate().await.expect("a schema");
        if store.list(&query("")).await.is_ok() {
            break;
        }
    }
    for text in LISTS {
        store.list(&query(text)).await.expect("a list");
    }
}

async fn a_load_under_way_is_left_alone_by_others(store: TestStore) {
    created(&store, &json!({"title": "a"})).await;
    let load = store.drop_list_indexes().await.expect("no indexes").expect("the only load");
    store.migrate().await.expect("a schema");
    store.housekeeping().await.expect("housekeeping");
    assert!(store.drop_list_indexes().await.expect("an answer").is_none());
    assert!(matches!(store.list(&query("")).await, Err(StoreError::Loading(_))));
    store.restore_list_indexes(load, &mut |_, _| {}).await.expect("indexes");
    assert_eq!(store.list(&query("")).await.expect("a list").value.movies.len(), 1);
}
