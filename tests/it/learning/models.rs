//! Models on every replica: taken without a restart, checked, and gone back from.

use std::time::Duration;

use marquee::{
    domain::model::{ModelVersion, NewModel},
    store::{Removed, Used},
};
use serde_json::json;
use tokio::time::sleep;

use super::{OPTIONS, Ring, in_force, learn, train, until_in_force};
use crate::{
    app::TestApp,
    backend::{begin, on_every_backend},
    cache::metric,
};

on_every_backend! {
    replicas_take_another_model_without_a_restart,
    a_damaged_model_is_refused_and_the_one_before_stays,
    a_start_goes_back_to_the_last_model_that_is_good,
    a_row_that_makes_no_sense_hides_no_other_model,
    a_model_that_is_too_large_is_not_even_read,
    the_newest_models_stay_and_the_one_in_use,
    a_model_in_use_is_not_removed_and_another_can_be_used,
}

async fn replicas_take_another_model_without_a_restart(ring: Ring) {
    let other = TestApp::start(ring.app.database.same(), &["--poll-interval=100ms"]).await;
    assert_eq!(in_force(other.admin).await, json!(null));
    let first = ring.trained().await;
    until_in_force(other.admin, first).await;
    let status = other.admin.get("/status").await.expect(200).json();
    assert_eq!(status["models"]["items"], 30);
    assert_eq!(status["models"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(status["models"]["made_at"], begin().now().to_string());
    let second = ring.trained().await;
    assert!(second > first);
    // The same bytes: another version of what is in force already.
    assert_eq!(ring.store.use_model(first).await.unwrap(), Used::Done);
}

/// Keeps a model of which a byte changed on its way.
async fn publish_damaged(ring: &Ring) -> ModelVersion {
    let made = learn(&ring.store, &begin()).await.unwrap();
    let mut bytes = made.bytes;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // Of another moment, so that it is not the model that is in force already.
    let made_at = marquee::domain::clock::Moment::from_unix_ms(1);
    let mut checksum = *made.model.checksum.as_bytes();
    checksum[0] ^= 1;
    let checksum = marquee::domain::model::Checksum::new(checksum);
    let model = NewModel { made_at, checksum, ..made.model };
    ring.store.publish_model(&model, &bytes, OPTIONS.keep, &made.of).await.unwrap().unwrap()
}

async fn a_damaged_model_is_refused_and_the_one_before_stays(ring: Ring) {
    let good = ring.trained().await;
    let before = ring.app.get("/v1/movies/3/similar").await.expect(200);
    let bad = publish_damaged(&ring).await;
    let refused = ["reason=\"refused\""];
    while metric(ring.app.admin, "marquee_model_load_failures_total", &refused).await < 1.0 {
        sleep(Duration::from_millis(5)).await;
    }
    let status = ring.app.admin.get("/status").await.expect(200).json();
    assert_eq!(status["models"]["version"], good.get());
    assert_eq!(status["models"]["wanted"], bad.get());
    assert_eq!(status["models"]["refused"], "its checksum is wrong");
    let after = ring.app.get("/v1/movies/3/similar").await.expect(200);
    assert_eq!(before.text(), after.text());
}

async fn a_start_goes_back_to_the_last_model_that_is_good(ring: Ring) {
    let good = ring.trained().await;
    publish_damaged(&ring).await;
    let started = TestApp::start(ring.app.database.same(), &["--poll-interval=100ms"]).await;
    until_in_force(started.admin, good).await;
}

async fn a_row_that_makes_no_sense_hides_no_other_model(ring: Ring) {
    let (_, good) = train(&ring.store, &begin()).await;
    let (_, bad) = train(&ring.store, &begin()).await;
    let spoil = format!("UPDATE models SET sha256 = 'short' WHERE version = {bad}");
    ring.app.database.edit(&[spoil]).await;
    let started = TestApp::start(ring.app.database.same(), &["--poll-interval=100ms"]).await;
    until_in_force(started.admin, good).await;
    let mut status = json!(null);
    while status["models"]["wanted"] != bad.get() {
        sleep(Duration::from_millis(5)).await;
        status = started.admin.get("/status").await.expect(200).json();
    }
    let why = format!("row {bad} of models has a bad sha256: is not 32 bytes");
    assert_eq!(status["models"]["refused"], why);
    let third = ring.trained().await;
    until_in_force(started.admin, third).await;
    let kept = ring.store.kept_models().await.unwrap();
    let versions: Vec<_> = kept.good.iter().map(|model| model.version).collect();
    assert_eq!((kept.in_use, versions), (Some(third), vec![third, good]));
    assert_eq!(kept.bad.iter().map(|row| row.version).collect::<Vec<_>>(), [Some(bad)]);
    // However often it is looked, it is told once.
    let refused = ["reason=\"refused\""];
    let told = metric(started.admin, "marquee_model_load_failures_total", &refused).await;
    assert!((told - 1.0).abs() < f64::EPSILON, "{told}");
}

async fn a_model_that_is_too_large_is_not_even_read(ring: Ring) {
    let mut made = learn(&ring.store, &begin()).await.unwrap();
    made.bytes.resize(17 << 20, 0);
    let flags = ["--poll-interval=100ms", "--model-memory=16MiB"];
    let small = TestApp::start(ring.app.database.same(), &flags).await;
    ring.store.publish_model(&made.model, &made.bytes, OPTIONS.keep, &made.of).await.unwrap();
    let refused = ["reason=\"refused\""];
    while metric(small.admin, "marquee_model_load_failures_total", &refused).await < 1.0 {
        sleep(Duration::from_millis(5)).await;
    }
    let status = small.admin.get("/status").await.expect(200).json();
    let why = status["models"]["refused"].as_str().unwrap();
    assert!(why.contains("--model-memory"), "{why}");
}

async fn the_newest_models_stay_and_the_one_in_use(ring: Ring) {
    let (_, first) = train(&ring.store, &begin()).await;
    for _ in 0..4 {
        train(&ring.store, &begin()).await;
    }
    let models = ring.store.models().await.unwrap();
    assert_eq!(models.len(), OPTIONS.keep);
    assert!(models[0].in_use && models.iter().all(|model| model.version > first));
    let chunks =
        ring.app.database.integers("SELECT COUNT(DISTINCT version) FROM model_chunks").await;
    assert_eq!(chunks, [[3]]);
}

async fn a_model_in_use_is_not_removed_and_another_can_be_used(ring: Ring) {
    let (_, first) = train(&ring.store, &begin()).await;
    let (_, second) = train(&ring.store, &begin()).await;
    let store = &ring.store;
    assert_eq!(store.remove_model(second).await.unwrap(), Removed::InUse);
    assert_eq!(store.use_model(first).await.unwrap(), Used::Done);
    assert_eq!(store.remove_model(second).await.unwrap(), Removed::Done);
    assert_eq!(store.remove_model(second).await.unwrap(), Removed::NotFound);
    assert_eq!(store.use_model(second).await.unwrap(), Used::NotFound);
    let (_, third) = train(&ring.store, &begin()).await;
    assert!(third > second, "no version is given twice");
}
