//! The bundled catalogue: loaded once, and to its end.

use marquee::service::bundled;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::created;
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    the_bundled_catalogue_is_loaded_to_its_end_however_often_loading_is_stopped,
    a_catalogue_that_has_movies_stays_as_it_is,
}

const FILMS: u64 = 17_027;

async fn the_bundled_catalogue_is_loaded_to_its_end_however_often_loading_is_stopped(
    store: TestStore,
) {
    let stop = CancellationToken::new();
    let stopping = async {
        while store.revision().await.unwrap().get() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (loaded, ()) = tokio::join!(bundled::load(&store, &stop), stopping);
    let first = loaded.unwrap().expect("a part was loaded");
    assert!((2_000..FILMS).contains(&first.created), "{first:?}");

    let second = bundled::load(&store, &CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!((second.created, second.unchanged), (FILMS - first.created, first.created));
    assert_eq!((second.updated, second.rejected, second.broken), (0, 0, 0));

    assert_eq!(bundled::load(&store, &CancellationToken::new()).await.unwrap(), None);
}

async fn a_catalogue_that_has_movies_stays_as_it_is(store: TestStore) {
    created(&store, &json!({"title": "Stalker"})).await;
    assert_eq!(bundled::load(&store, &CancellationToken::new()).await.unwrap(), None);
    assert_eq!(store.revision().await.unwrap().get(), 1);
}
