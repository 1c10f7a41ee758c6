//! Health, as container runtimes and load balancers ask for it.

use std::{net::TcpListener, time::Duration};

use tokio::task::spawn_blocking;

use super::{Process, output};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    a_running_service_is_live_and_ready,
    healthcheck_says_that_a_running_service_is_ready,
    a_port_that_is_taken_is_exit_69,
}

async fn a_running_service_is_live_and_ready(app: TestApp) {
    app.admin.get("/livez").await.expect(200);
    app.admin.get("/readyz").await.expect(200);
}

async fn healthcheck_says_that_a_running_service_is_ready(database: Database) {
    let process = Process::serve(&database, &["--bundled-catalogue=skip"]).await;
    let admin = process.admin.address().to_string();
    let output = spawn_blocking(move || output(&["healthcheck", "--admin-listen", &admin]));
    assert_eq!(output.await.unwrap().status.code(), Some(0));
}

async fn a_port_that_is_taken_is_exit_69(database: Database) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = database.url.clone();
    let output = spawn_blocking(move || {
        output(&["serve", "--admin-listen", &address, "--database-url", &url])
    });
    assert_eq!(output.await.unwrap().status.code(), Some(69));
}

#[test]
fn healthcheck_of_nobody_is_exit_1() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let output = output(&["healthcheck", "--admin-listen", &address]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn healthcheck_does_not_wait_for_ever() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let output = output(&["healthcheck", "--admin-listen", &address, "--timeout", "50ms"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    let wait = Duration::from_millis(50);
    assert_eq!(
        complaint,
        format!("marquee: not ready: {address} did not answer within {wait:?}\n")
    );
}
