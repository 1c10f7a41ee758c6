//! `marquee healthcheck`: for a container's health check, where there is no curl.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{exit::Exit, output};
use crate::config::{admin::AdminSettings, value::duration};

/// More than the answer to a health check ever has.
const ANSWER_BYTES: u64 = 16 * 1024;

/// Arguments of `marquee healthcheck`.
#[derive(Debug, clap::Args)]
pub struct HealthcheckArgs {
    /// Where the service's admin listener is.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Longest wait for the answer.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "3s",
        value_parser = duration(Duration::from_millis(1), Duration::from_mins(5)),
        help_heading = "Options"
    )]
    pub timeout: Duration,
}

pub(super) async fn run(arguments: &HealthcheckArgs) -> anyhow::Result<Exit> {
    let address = reachable(arguments.admin.admin_listen);
    let problem = match timeout(arguments.timeout, ask(address)).await {
        Ok(Ok(200)) => return Ok(Exit::Ok),
        Ok(Ok(status)) => format!("not ready: {address} answers {status}"),
        Ok(Err(error)) => format!("not ready: {error:#}"),
        Err(_) => format!("not ready: {address} did not answer within {:?}", arguments.timeout),
    };
    output::complain(problem);
    Ok(Exit::No)
}

/// Where to reach a listener: one that listens on every address is reached on loopback.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

/// The status that `/readyz` is answered with.
async fn ask(address: SocketAddr) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("cannot send the request")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await.context("cannot read the answer")?;
    match status(&answer) {
        Some(status) => Ok(status),
        None => bail!("{address} does not answer in HTTP"),
    }
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

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        let of = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(of("[::]:9090"), "[::1]:9090");
        assert_eq!(of("10.0.0.7:9090"), "10.0.0.7:9090");
    }
}
