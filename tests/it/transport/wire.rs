//! Raw connections: bytes as they are, under a deadline that only a hang meets.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{app::TestApp, client::Client};

/// Longer than anything here takes on the slowest machine.
pub(super) const HANG: Duration = Duration::from_mins(1);

/// A request that is answered with some body, and after which the connection is kept.
pub(super) const GOOD: &str = "GET /v1/genres HTTP/1.1\r\nHost: marquee\r\n\r\n";

/// Connects, and sends bytes as they are.
pub(super) async fn sent(address: SocketAddr, bytes: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    // The server may have refused it before it has all of it.
    let _ = stream.write_all(bytes.as_ref()).await;
    stream
}

/// Everything until the server closes the connection.
pub(super) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = timeout(HANG, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server closes the connection"); // or resets it
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer, whole: its head, and the body that its length announces.
pub(super) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let reading = async {
        let mut bytes = Vec::new();
        loop {
            bytes.push(stream.read_u8().await.expect("the server answers"));
            if bytes.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        stream.read_exact(&mut body).await.expect("the whole body");
        head + &String::from_utf8_lossy(&body)
    };
    timeout(HANG, reading).await.expect("the server answers")
}

/// The value of a series on the admin listener.
pub(super) async fn metric(admin: Client, series: &str) -> f64 {
    let text = admin.get("/metrics").await.expect(200).text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().expect("a number")
}

/// Waits until a series has at least this value.
pub(super) async fn reached(app: &TestApp, series: &str, value: f64) {
    let waiting = async {
        while metric(app.admin, series).await < value {
            tokio::task::yield_now().await;
        }
    };
    let reached = timeout(HANG, waiting).await;
    reached.unwrap_or_else(|_| panic!("{series} does not reach {value}"));
}

/// Waits until so many connections ended for this reason.
pub(super) async fn closed(app: &TestApp, reason: &str, count: f64) {
    let labels = format!("{{listener=\"public\",reason=\"{reason}\"}}");
    reached(app, &format!("marquee_http_connections_closed_total{labels}"), count).await;
}
