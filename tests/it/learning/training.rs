//! Training: repeatable, by one replica, and without whoever was erased.

use std::{sync::Arc, time::Duration};

use marquee::{
    domain::{
        activity::Signal,
        clock::{Clock, Moment},
        model::TrainingOutcome,
    },
    learn::{error::LearnError, parameters::Stop},
    service::training::{Options, Priority, TrainError, Trainer},
};
use tokio::time::sleep;

use super::{OPTIONS, Ring, did, in_force, learn, open, store_all, walk};
use crate::{
    app::TestApp,
    backend::{Database, begin, on_every_backend},
    cache::metric,
};

on_every_backend! {
    the_same_interactions_make_the_same_model_bit_for_bit,
    too_little_makes_no_model,
    an_erased_user_leaves_no_trace_in_the_next_model,
    a_model_of_somebody_who_is_erased_while_it_is_made_is_not_used,
    one_of_two_replicas_trains_and_both_recommend_by_what_it_made,
}

async fn the_same_interactions_make_the_same_model_bit_for_bit(ring: Ring) {
    let one = learn(&ring.store, &begin()).await.unwrap();
    // At another time, with more threads.
    let later = Clock::manual(Moment::from_unix_ms(begin().now().unix_ms() + 60_000));
    let options = Options { threads: 2, ..OPTIONS };
    let trainer = Trainer::new(Arc::clone(&ring.store), later, options);
    let material = trainer.material().await.unwrap();
    let two = trainer.learn(material, Priority::Usual, Stop::default(), || {}).await.unwrap();
    assert!(one.bytes == two.bytes, "the bytes are those of the same model");
    assert_eq!(one.model.checksum, two.model.checksum);
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

async fn a_model_of_somebody_who_is_erased_while_it_is_made_is_not_used(ring: Ring) {
    let odd = (0..20).map(|n| did("odd", 1 + n * 7 % 30, Signal::Like, 2_000 + n));
    store_all(&ring.store, odd.collect()).await;
    let trainer = Trainer::new(Arc::clone(&ring.store), begin(), OPTIONS);
    let with = learn(&ring.store, &begin()).await.unwrap();
    // Somebody who has no part in it is no reason.
    ring.store.erase_user(&"nobody".parse().unwrap()).await.unwrap();
    let version = trainer.publish(&with).await.unwrap();
    ring.store.erase_user(&"odd".parse().unwrap()).await.unwrap();
    assert!(matches!(trainer.publish(&with).await, Err(TrainError::Erased)));
    let models = ring.store.models().await.unwrap();
    assert_eq!(models.iter().map(|model| model.version).collect::<Vec<_>>(), [version]);
    let chunks = "SELECT COUNT(DISTINCT version) FROM model_chunks";
    assert_eq!(ring.app.database.integers(chunks).await, [[1]], "nothing of it stays");
    let without = learn(&ring.store, &begin()).await.unwrap();
    trainer.publish(&without).await.unwrap();
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
