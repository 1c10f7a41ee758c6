//! `marquee healthcheck`: for a container's health check, where there is no curl.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::time::timeout;

use super::{ask::ask, exit::Exit, output};
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
    let problem =
        match timeout(arguments.timeout, ask(address, "GET", "/readyz", "", ANSWER_BYTES)).await {
            Ok(Ok((200, _))) => return Ok(Exit::Ok),
            Ok(Ok((status, _))) => format!("not ready: {address} answers {status}"),
            Ok(Err(error)) => format!("not ready: {error:#}"),
            Err(_) => format!("not ready: {address} did not answer within {:?}", arguments.timeout),
        };
    output::complain(problem);
    Ok(Exit::No)
}

/// Where to reach a listener: one that listens on every address is reached on loopback.
pub(super) fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        let of = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(of("[::]:9090"), "[::1]:9090");
        assert_eq!(of("10.0.0.7:9090"), "10.0.0.7:9090");
    }
}
