//! One request to a service's admin listener.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends a request and reads the answer: its status, and at most `bytes_max` bytes of head and body.
///
/// # Errors
/// Nobody is there, or does not answer in HTTP.
pub(super) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
    bytes_max: u64,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !body.is_empty() {
        request.push_str("Content-Type: application/json\r\n");
        let _ = write!(request, "Content-Length: {}\r\n", body.len()); // cannot fail
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.context("cannot send the request")?;
    let mut answer = Vec::new();
    stream.take(bytes_max).read_to_end(&mut answer).await.context("cannot read the answer")?;
    let Some(status) = status(&answer) else { bail!("{address} does not answer in HTTP") };
    let head =
        answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok((status, answer.split_off(head)))
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|&byte| byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 503 Service Unavailable\r\nx: 200\r\n\r\n"), Some(503));
        assert_eq!(status(b"SSH-2.0-OpenSSH_9.6\r\n"), None);
        assert_eq!(status(b""), None);
    }
}
