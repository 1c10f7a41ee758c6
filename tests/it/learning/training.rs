//! Training: repeatable, by one replica, and without whoever was erased.

use std::time::Duration;

use marquee::{
    domain::{activity::Signal, model::TrainingOutcome},
    learn::error::LearnError,
    service::training::TrainError,
};
use tokio::time::sleep;

use super::{Ring, did, in_force, learn, open, store_all, walk};
use crate::{
    app::TestApp,
    backend::{Database, begin, on_every_backend},
    cache::metric,
};

on_every_backend! {
    the_same_interactions_make_the_same_model_bit_for_bit,
    too_little_makes_no_model,
    an_erased_user_leaves_no_trace_in_the_next_model,
    one_of_two_replicas_trains_and_both_recommend_by_what_it_made,
}

async fn the_same_interactions_make_the_same_model_bit_for_bit(ring: Ring) {
    let one = learn(&ring.store, &begin()).await.unwrap();
    let two = learn(&ring.store, &begin()).await.unwrap();
    assert_eq!(one.bytes, two.bytes);
    assert_eq!(one.model, two.model);
    let validation = one.model.validation.expect("users were asked about");
    assert!(validation.hit_rate > 0.9, "{validation:?}");
    assert!(validation.gain > validation.popular_gain, "{validation:?}");
}

async fn too_little_makes_no_model(database: Database) {
    let store = open(&database, begin()).await;
    for users in [0, 5] {
        walk(&store, users).await;
        let outcome = learn(&store, &begin()).await.map(|made| made.model);
        assert!(matches!(&outcome, Err(TrainError::Learn(LearnError::TooFew(_)))), "{outcome:?}");
    }
}

async fn an_erased_user_leaves_no_trace_in_the_next_model(ring: Ring) {
    let before = learn(&ring.store, &begin()).await.unwrap();
    // Somebody who links what nobody else does.
    let odd = (0..20).map(|n| did("odd", 1 + n * 7 % 30, Signal::Like, 2_000 + n));
    store_all(&ring.store, odd.collect()).await;
    let with = learn(&ring.store, &begin()).await.unwrap();
    assert_ne!(before.bytes, with.bytes);
    ring.store.erase_user(&"odd".parse().unwrap()).await.unwrap();
    let after = learn(&ring.store, &begin()).await.unwrap();
    assert!(before.bytes == after.bytes, "the model is that of a world without the user");
}

async fn one_of_two_replicas_trains_and_both_recommend_by_what_it_made(ring: Ring) {
    let Ring { app, store, .. } = ring;
    let flags = ["--train-every=1m", "--poll-interval=100ms"];
    // Their clocks stand still, so that it is time for one training.
    let one = TestApp::start(app.database.same(), &flags).await;
    let two = TestApp::start(app.database.same(), &flags).await;
    while in_force(one.admin).await.is_null() || in_force(two.admin).await.is_null() {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(in_force(one.admin).await, in_force(two.admin).await);
    let run = loop {
        match store.training().await.unwrap() {
            Some(run) if run.outcome.is_some() => break run,
            _ => sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(run.outcome, Some(TrainingOutcome::Made));
    let mut trained = 0.0;
    for replica in [&one, &two] {
        trained += metric(replica.admin, "marquee_trainings_total", &["made"]).await;
    }
    assert!((trained - 1.0).abs() < f64::EPSILON, "{trained} trainings");
    assert_eq!(store.models().await.unwrap().len(), 1);
}
