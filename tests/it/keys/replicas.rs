//! Several replicas, and a database that does not answer.

use std::time::Duration;

use marquee::domain::api_key::Role;

use super::{app_with_keys, created, get, open, post, until, until_refused, until_taken};
use crate::{
    app::TestApp,
    backend::{Database, begin, on_every_backend},
};

on_every_backend! {
    every_replica_hears_of_keys_by_its_polls,
    keys_stay_good_while_the_database_is_away_up_to_the_cap,
}

async fn every_replica_hears_of_keys_by_its_polls(database: Database) {
    let (one, store, _) = app_with_keys(database, &[]).await;
    let other = TestApp::start(one.database.same(), &["--poll-interval=100ms"]).await;
    let (id, secret) = created(&store, Role::Editor).await;
    for app in [&one, &other] {
        until_taken(**app, &secret).await;
        post(**app, &secret).await.expect(201);
    }
    store.revoke_key(id).await.unwrap();
    for app in [&one, &other] {
        until_refused(**app, &secret).await;
    }
}

async fn keys_stay_good_while_the_database_is_away_up_to_the_cap(database: Database) {
    let store = open(&database, begin()).await;
    let (_, secret) = created(&store, Role::Reader).await;
    store.close().await;
    let app = TestApp::start(database, &[]).await;
    get(*app, "/docs", &secret).await.expect(200);
    // The polls fail from here on.
    app.database.edit(&["ALTER TABLE catalog_revisions RENAME TO away".to_owned()]).await;
    app.clock.advance(Duration::from_mins(4));
    get(*app, "/docs", &secret).await.expect(200);
    app.clock.advance(Duration::from_mins(1) + Duration::from_millis(1));
    let answer = until(503, async || get(*app, "/docs", &secret).await).await;
    assert_eq!(answer.header("retry-after"), "1");
    app.get("/docs").await.expect(200);
    app.database.edit(&["ALTER TABLE away RENAME TO catalog_revisions".to_owned()]).await;
    until(200, async || get(*app, "/docs", &secret).await).await;
}
