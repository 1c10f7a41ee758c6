//! A first load does without the indexes of lists until its end.

use marquee::store::error::StoreError;
use serde_json::json;

use super::{created, query};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    without_their_indexes_lists_say_that_the_catalogue_is_being_loaded,
    a_load_that_did_not_end_is_ended_by_the_next_start,
}

const LISTS: [&str; 3] = ["", "genre=drama&sort=title", "year_min=1990&year_max=1991&sort=votes"];

async fn without_their_indexes_lists_say_that_the_catalogue_is_being_loaded(store: TestStore) {
    let movie = created(&store, &json!({"title": "a", "genres": ["Drama"], "year": 1990})).await;
    for text in LISTS {
        store.list(&query(text)).await.expect("a list");
    }
    store.drop_list_indexes().await.expect("no indexes");
    for text in LISTS {
        let list = store.list(&query(text)).await;
        assert!(matches!(list, Err(StoreError::Loading(_))), "{text}: {list:?}");
    }
    assert!(store.movie(movie.id).await.expect("a read").value.is_some());
    created(&store, &json!({"title": "b", "genres": ["Drama"], "year": 1991})).await;
    let mut told = Vec::new();
    store.restore_list_indexes(&mut |made, of| told.push((made, of))).await.expect("indexes");
    assert_eq!((told.first(), told.last()), (Some(&(0, 40)), Some(&(40, 40))));
    for text in LISTS {
        assert_eq!(store.list(&query(text)).await.expect("a list").value.movies.len(), 2, "{text}");
    }
}

async fn a_load_that_did_not_end_is_ended_by_the_next_start(store: TestStore) {
    created(&store, &json!({"title": "a"})).await;
    store.drop_list_indexes().await.expect("no indexes");
    store.migrate().await.expect("a schema");
    for text in LISTS {
        store.list(&query(text)).await.expect("a list");
    }
    let mut told = 0;
    store.restore_list_indexes(&mut |_, _| told += 1).await.expect("nothing to do");
    assert_eq!(told, 0);
}
