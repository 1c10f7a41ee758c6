//! The PROXY protocol: a header is required of trusted proxies, and nobody else is served.

use std::net::Ipv4Addr;

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use super::wire::{GOOD, answer, closed, rest, sent};
use crate::{
    app::TestApp,
    backend::{Database, on_sqlite},
};

on_sqlite! {
    both_versions_of_the_header_are_read,
    a_header_in_pieces_is_read,
    a_health_check_of_the_proxy_itself_is_answered,
    a_connection_without_a_header_is_closed,
    a_header_that_never_ends_is_closed,
    a_client_that_is_no_trusted_proxy_is_closed,
}

const V1: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(command: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, 0x11], &length, rest].concat()
}

fn client() -> Vec<u8> {
    v2(0x21, &[192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0, 80])
}

async fn start(database: Database) -> TestApp {
    TestApp::start(
        database,
        &["--proxy-protocol=required", "--trusted-proxies=127.0.0.1", "--header-timeout=500ms"],
    )
    .await
}

async fn both_versions_of_the_header_are_read(database: Database) {
    let app = start(database).await;
    for header in [V1.to_vec(), client(), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut stream = sent(app.address(), [&header, GOOD.as_bytes()].concat()).await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

async fn a_header_in_pieces_is_read(database: Database) {
    let app = start(database).await;
    for header in [V1.to_vec(), client()] {
        let mut stream = sent(app.address(), "").await;
        stream.set_nodelay(true).unwrap();
        for byte in header.iter().chain(GOOD.as_bytes()) {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

async fn a_health_check_of_the_proxy_itself_is_answered(database: Database) {
    let app = start(database).await;
    let mut stream = sent(app.address(), [&v2(0x20, &[]), GOOD.as_bytes()].concat()).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

async fn a_connection_without_a_header_is_closed(database: Database) {
    let app = start(database).await;
    let bad = [GOOD.as_bytes(), &v2(0x31, &[0; 12]), &v2(0x21, &[0; 3]), &v2(0x21, &[0; 4000])];
    for bytes in bad {
        let mut stream = sent(app.address(), [bytes, GOOD.as_bytes()].concat()).await;
        assert_eq!(rest(&mut stream).await, "");
    }
    closed(&app, "protocol", 4.0).await;
}

async fn a_header_that_never_ends_is_closed(database: Database) {
    let app = start(database).await;
    let long = format!("PROXY TCP4 {}", "1".repeat(200));
    assert_eq!(rest(&mut sent(app.address(), long).await).await, "");
    assert_eq!(rest(&mut sent(app.address(), "PROXY TCP4 192").await).await, "");
    closed(&app, "head_timeout", 1.0).await;
}

async fn a_client_that_is_no_trusted_proxy_is_closed(database: Database) {
    let app = start(database).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
    let mut stream: TcpStream = socket.connect(app.address()).await.unwrap();
    let _ = stream.write_all(&[V1, GOOD.as_bytes()].concat()).await;
    assert_eq!(rest(&mut stream).await, "");
    closed(&app, "protocol", 1.0).await;
}
