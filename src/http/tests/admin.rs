use super::*;
use crate::http::admin::{Admin, Phase};
use serde_json::json;
use tokio::sync::watch;

/// The admin listener beside a test server's public one.
async fn admin(server: &TestServer, phase: &watch::Sender<Phase>) -> TestServer {
    let Api { catalogue, cache, .. } = &*server.api;
    let (catalogue, cache) = (catalogue.clone(), cache.clone());
    let bound = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = bound.address();
    let stop = CancellationToken::new();
    let handler =
        Arc::new(Admin::new(catalogue, cache, server.registry.clone(), phase.subscribe()));
    server.tasks.spawn(bound.serve(handler, server::Options::default(), stop.clone()));
    TestServer {
        address,
        api: Arc::clone(&server.api),
        store: Arc::clone(&server.store),
        registry: server.registry.clone(),
        clock: server.clock.clone(),
        tasks: server.tasks.clone(),
        _stop: stop.drop_guard(),
        _folder: tempfile::tempdir().unwrap(),
    }
}

#[tokio::test]
async fn ready_from_its_start_until_it_drains() {
    let server = TestServer::start().await;
    let phase = watch::Sender::new(Phase::Starting);
    let admin = admin(&server, &phase).await;
    let starts = admin.get("/readyz").await;
    assert_eq!((starts.status.as_u16(), starts.json()), (503, json!({"status": "starting"})));
    phase.send_replace(Phase::Running);
    assert_eq!(admin.get("/livez").await.json(), json!({"status": "live"}));
    let ready = admin.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()),
        (200, json!({"status": "ready", "revision": 0}))
    );
    phase.send_replace(Phase::Draining);
    let drains = admin.get("/readyz").await;
    assert_eq!((drains.status.as_u16(), drains.json()), (503, json!({"status": "draining"})));
    assert_eq!(admin.get("/livez").await.status, 200);
}

#[tokio::test]
async fn ready_without_the_truth_until_the_cap() {
    let server = TestServer::start().await;
    let admin = admin(&server, &watch::Sender::new(Phase::Running)).await;
    server.store.close().await;
    server.clock.advance(Duration::from_secs(299));
    let ready = admin.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(admin.get("/readyz").await.status, 503);
    assert_eq!(admin.get("/livez").await.status, 200);
}

#[tokio::test]
async fn the_version_is_told_and_nothing_else_is_there() {
    let server = TestServer::start().await;
    let admin = admin(&server, &watch::Sender::new(Phase::Running)).await;
    assert_eq!(admin.get("/version").await.json()["version"], env!("CARGO_PKG_VERSION"));
    admin.get("/v1/movies").await.problem(404, &[]);
    admin.send("POST", "/livez", &[], b"").await.problem(405, &[]);
}
