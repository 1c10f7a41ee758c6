//! The Unix socket beside the address.

use tokio::{io::AsyncWriteExt as _, net::UnixStream};

use super::wire::{GOOD, answer};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    the_catalogue_is_served_on_a_unix_socket_that_goes_with_it,
}

async fn the_catalogue_is_served_on_a_unix_socket_that_goes_with_it(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marquee.sock");
    let app = TestApp::start(database, &["--listen-unix", path.to_str().unwrap()]).await;
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(GOOD.as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let create = "POST /v1/movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                  Content-Length: 13\r\n\r\n{\"title\":\"M\"}";
    stream.write_all(create.as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 201 "));
    app.get("/v1/genres").await.expect(200);
    app.app.stop().await;
    assert!(!path.exists());
}
