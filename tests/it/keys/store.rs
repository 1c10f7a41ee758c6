//! How keys are stored.

use std::time::Duration;

use marquee::{
    domain::{
        api_key::{ApiKey, KeyState, Previous, Role, SecretHash},
        revision::Revision,
    },
    store::KeyChange,
};

use super::{after, created, key};
use crate::backend::{TestStore, on_every_backend};

on_every_backend! {
    a_key_is_read_as_it_was_stored,
    every_change_to_keys_gives_them_another_version_and_no_revision,
    a_revoked_key_stays_as_it_is,
    a_rotated_key_keeps_its_last_secret_for_the_overlap,
    uses_are_noted_and_never_go_back,
    a_row_that_makes_no_sense_leaves_the_others,
    keys_that_are_not_there_are_not_changed,
}

async fn only(store: &TestStore) -> ApiKey {
    let mut keys = store.keys().await.unwrap();
    assert!(keys.bad.is_empty(), "{:?}", keys.bad);
    assert_eq!(keys.keys.len(), 1);
    keys.keys.pop().unwrap()
}

fn done(change: KeyChange) -> ApiKey {
    match change {
        KeyChange::Done(key) => *key,
        other => panic!("{other:?}"),
    }
}

async fn a_key_is_read_as_it_was_stored(store: TestStore) {
    assert_eq!(store.keys().await.unwrap().version, 0);
    let (key, _) = key(Role::Editor);
    let key = ApiKey {
        name: "importer \u{1f3ac}".repeat(7),
        rate_limit: Some("read=2000/1s".into()),
        expires_at: Some(after(Duration::from_hours(1))),
        ..key
    };
    store.create_key(&key).await.unwrap();
    assert_eq!(only(&store).await, key);
}

async fn every_change_to_keys_gives_them_another_version_and_no_revision(store: TestStore) {
    let mut versions = vec![store.keys().await.unwrap().version];
    let (id, _) = created(&store, Role::Reader).await;
    versions.push(store.keys().await.unwrap().version);
    store.rotate_key(id, SecretHash::of(b"x"), Duration::ZERO).await.unwrap();
    versions.push(store.keys().await.unwrap().version);
    store.revoke_key(id).await.unwrap();
    versions.push(store.keys().await.unwrap().version);
    let seen = store.watch(Revision::ZERO).await.unwrap();
    assert_eq!(Some(&seen.keys), versions.last());
    assert_eq!(seen.revision, Revision::ZERO, "what is cached stays good");
    store.note_key_uses(&[(id, after(Duration::from_secs(1)))]).await.unwrap();
    assert_eq!(store.watch(Revision::ZERO).await.unwrap().keys, seen.keys);
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 4);
}

async fn a_revoked_key_stays_as_it_is(store: TestStore) {
    let (id, _) = created(&store, Role::Admin).await;
    let first = done(store.revoke_key(id).await.unwrap());
    assert_eq!(first.revoked_at, Some(store.clock.now()));
    store.clock.advance(Duration::from_secs(1));
    assert_eq!(done(store.revoke_key(id).await.unwrap()), first);
    let rotated = store.rotate_key(id, SecretHash::of(b"x"), Duration::ZERO).await.unwrap();
    assert!(matches!(rotated, KeyChange::Over(KeyState::Revoked)), "{rotated:?}");
    assert_eq!(only(&store).await, first);
}

async fn a_rotated_key_keeps_its_last_secret_for_the_overlap(store: TestStore) {
    let (id, _) = created(&store, Role::Editor).await;
    let first = only(&store).await;
    let hour = Duration::from_hours(1);
    let rotated = done(store.rotate_key(id, SecretHash::of(b"2"), hour).await.unwrap());
    assert_eq!(rotated, only(&store).await);
    assert_eq!(rotated.secret, SecretHash::of(b"2"));
    assert_eq!(rotated.previous, Some(Previous { secret: first.secret, until: after(hour) }));
    let again = done(store.rotate_key(id, SecretHash::of(b"3"), hour).await.unwrap());
    assert_eq!(again.previous.unwrap().secret, rotated.secret, "the first is gone");
    assert_eq!((again.name, again.role), (first.name, first.role));
}

async fn uses_are_noted_and_never_go_back(store: TestStore) {
    let (id, _) = created(&store, Role::Reader).await;
    let (early, late) = (after(Duration::from_secs(1)), after(Duration::from_secs(2)));
    for at in [late, early] {
        store.note_key_uses(&[(id, at)]).await.unwrap();
        assert_eq!(only(&store).await.last_used_at, Some(late));
    }
}

async fn a_row_that_makes_no_sense_leaves_the_others(store: TestStore) {
    let (bad, _) = created(&store, Role::Reader).await;
    let (good, _) = created(&store, Role::Editor).await;
    let edit = format!("UPDATE api_keys SET role = 'emperor' WHERE id = '{bad}'");
    store.database.edit(&[edit]).await;
    let keys = store.keys().await.unwrap();
    assert_eq!(keys.keys.iter().map(|key| key.id).collect::<Vec<_>>(), [good]);
    let told = keys.bad[0].to_string();
    assert!(told.contains(bad.as_str()) && told.contains("role"), "{told}");
}

async fn keys_that_are_not_there_are_not_changed(store: TestStore) {
    let (key, _) = key(Role::Reader);
    let version = store.keys().await.unwrap().version;
    let revoked = store.revoke_key(key.id).await.unwrap();
    let rotated = store.rotate_key(key.id, key.secret, Duration::ZERO).await.unwrap();
    assert!(matches!((revoked, rotated), (KeyChange::NotFound, KeyChange::NotFound)));
    assert_eq!(store.keys().await.unwrap().version, version);
}
