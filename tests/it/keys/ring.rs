//! Keys in memory.

use std::{sync::Arc, time::Duration};

use marquee::{
    domain::api_key::{ApiKey, Role, SecretHash},
    service::keys::{KeyRing, Refused},
};

use super::{after, created, key};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    uses_are_stored_by_the_ring,
    a_key_ends_when_its_time_is_over,
    both_secrets_of_a_rotated_key_are_good_for_the_overlap,
    no_key_is_good_when_the_truth_was_not_reached_for_longer_than_the_cap,
    a_secret_is_good_as_a_whole_only,
    revoked_and_expired_keys_still_say_that_there_are_keys,
}

const CAP: Duration = Duration::from_mins(5);

async fn ring(store: &TestStore) -> KeyRing {
    let ring = KeyRing::new(Arc::clone(store), store.clock.clone(), CAP);
    ring.load().await.unwrap();
    ring
}

fn why(ring: &KeyRing, secret: &str) -> Option<Refused> {
    ring.verify(secret.as_bytes()).err()
}

async fn uses_are_stored_by_the_ring(store: TestStore) {
    let (id, secret) = created(&store, Role::Reader).await;
    let ring = ring(&store).await;
    ring.store_uses().await.unwrap();
    assert_eq!(store.keys().await.unwrap().keys[0].last_used_at, None);
    assert_eq!(ring.verify(secret.as_bytes()).unwrap().id, id);
    ring.store_uses().await.unwrap();
    assert_eq!(store.keys().await.unwrap().keys[0].last_used_at, Some(store.clock.now()));
}

async fn a_key_ends_when_its_time_is_over(store: TestStore) {
    let hour = Duration::from_hours(1);
    let (key, secret) = key(Role::Editor);
    store.create_key(&ApiKey { expires_at: Some(after(hour)), ..key }).await.unwrap();
    let ring = KeyRing::new(Arc::clone(&store), store.clock.clone(), 2 * hour);
    ring.load().await.unwrap();
    assert!(ring.has_active(Role::Editor) && !ring.has_active(Role::Admin));
    store.clock.advance(hour.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!((why(&ring, &secret), ring.active()), (None, 1));
    store.clock.advance(Duration::from_millis(1));
    assert!(matches!(why(&ring, &secret), Some(Refused::Expired(_))));
    assert!(!ring.has_active(Role::Reader) && ring.active() == 0);
}

async fn both_secrets_of_a_rotated_key_are_good_for_the_overlap(store: TestStore) {
    let (id, first) = created(&store, Role::Editor).await;
    let (_, second) = key(Role::Reader);
    // A secret that says it is of another key does not get there.
    store.rotate_key(id, SecretHash::of(second.as_bytes()), CAP / 2).await.unwrap();
    let Ok(secret) = marquee::domain::api_key::Secret::random(id, &mut super::fill);
    let ring = ring(&store).await;
    assert_eq!(why(&ring, &first), None);
    assert!(matches!(why(&ring, &second), Some(Refused::Unknown(_))));
    store.rotate_key(id, secret.hash(), CAP / 2).await.unwrap();
    ring.load().await.unwrap();
    assert!(matches!(why(&ring, &first), Some(Refused::Unknown(_))), "two rotations ago");
    assert_eq!(why(&ring, secret.expose()), None);
    let before = secret;
    let Ok(secret) = marquee::domain::api_key::Secret::random(id, &mut super::fill);
    store.rotate_key(id, secret.hash(), CAP / 2).await.unwrap();
    ring.load().await.unwrap();
    assert_eq!((why(&ring, before.expose()), why(&ring, secret.expose())), (None, None));
    store.clock.advance(CAP / 2);
    assert!(matches!(why(&ring, before.expose()), Some(Refused::Expired(_))));
    assert_eq!(why(&ring, secret.expose()), None);
}

async fn no_key_is_good_when_the_truth_was_not_reached_for_longer_than_the_cap(store: TestStore) {
    let (id, secret) = created(&store, Role::Admin).await;
    let ring = ring(&store).await;
    store.clock.advance(CAP);
    assert_eq!(why(&ring, &secret), None);
    store.clock.advance(Duration::from_millis(1));
    assert_eq!(why(&ring, &secret), Some(Refused::Unverified(id)));
    ring.load().await.unwrap();
    assert_eq!(why(&ring, &secret), None);
}

async fn a_secret_is_good_as_a_whole_only(store: TestStore) {
    let (id, secret) = created(&store, Role::Admin).await;
    let ring = ring(&store).await;
    for n in 0..secret.len() {
        let mut other = secret.clone().into_bytes();
        other[n] = if other[n] == b'a' { b'b' } else { b'a' };
        let refused = ring.verify(&other).unwrap_err();
        assert_eq!(refused, Refused::Malformed, "{n}");
    }
    let Ok(other) = marquee::domain::api_key::Secret::random(id, &mut super::fill);
    assert_eq!(why(&ring, other.expose()), Some(Refused::Unknown(Some(id))));
    for part in ["", "mq_", &secret[..59], &secret.to_uppercase()] {
        assert_eq!(why(&ring, part), Some(Refused::Malformed), "{part}");
    }
}

async fn revoked_and_expired_keys_still_say_that_there_are_keys(store: TestStore) {
    let ring = ring(&store).await;
    assert!(!ring.any());
    let (id, secret) = created(&store, Role::Admin).await;
    store.revoke_key(id).await.unwrap();
    ring.load().await.unwrap();
    assert!(ring.any() && !ring.has_active(Role::Reader));
    assert_eq!(why(&ring, &secret), Some(Refused::Revoked(id)));
}
