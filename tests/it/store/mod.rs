//! Facts about the store, each held on every backend.

mod bundled;
mod collections;
mod faults;
mod feed;
mod indexes;
mod lists;
pub(crate) mod model;
mod prepared;
mod rebuild;
mod schema;
mod whole;
mod writes;

use marquee::{
    domain::{
        list::ListQuery,
        movie::{Movie, MovieData},
        movie_json::{self, Reading},
    },
    store::{
        Store,
        mutation::{Mutation, Outcome},
    },
};
use serde_json::Value;

/// A movie's values from JSON.
pub(crate) fn data(value: &Value) -> MovieData {
    let object = value.as_object().expect("an object");
    movie_json::read(object, Reading::Strict).expect("a good movie").data
}

/// A wish for a new movie.
pub(crate) fn create(value: &Value) -> Mutation {
    Mutation::Create { data: Box::new(data(value)) }
}

/// Creates one movie.
pub(crate) async fn created(store: &Store, value: &Value) -> Movie {
    let mut written = store.write(&[create(value)], None).await.expect("a write");
    match written.outcomes.pop() {
        Some(Outcome::Created(movie)) => *movie,
        other => panic!("not created: {other:?}"),
    }
}

/// A list's query from `name=value` pairs.
pub(crate) fn query(text: &str) -> ListQuery {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').expect("a pair"));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    ListQuery::from_pairs(pairs).expect("a good query")
}
