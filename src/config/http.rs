//! The public listener: where it listens, and what a client may cost it.

use std::{net::SocketAddr, time::Duration};

use super::value::{Bytes, Rule, count, duration};

/// Settings of the public listener.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Public listener")]
pub struct HttpSettings {
    /// Address and port of the public listener. One that other machines can reach needs an editor's
    /// key first (`marquee keys create`), or `--jwks-file`. Port 0 takes a free port.
    #[arg(
        long,
        env = "MARQUEE_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080",
        value_parser = address
    )]
    pub listen: SocketAddr,

    /// Most connections at once. Beyond it, those that wait longest for a request make room for new
    /// ones; where all have one, further clients wait in the system's backlog.
    #[arg(
        long,
        env = "MARQUEE_MAX_CONNECTIONS",
        value_name = "NUMBER",
        default_value = "10000",
        value_parser = count(1, 1_000_000)
    )]
    pub max_connections: u32,

    /// Longest time from the first byte of a request's head to its last, for the first byte on a new
    /// connection, and for a TLS handshake.
    #[arg(
        long,
        env = "MARQUEE_HEADER_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(1))
    )]
    pub header_timeout: Duration,

    /// Longest wait for the whole body of a request.
    #[arg(
        long,
        env = "MARQUEE_BODY_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(1))
    )]
    pub body_timeout: Duration,

    /// Most bytes of a request's body, a batch's apart.
    #[arg(
        long,
        env = "MARQUEE_BODY_LIMIT",
        value_name = "BYTES",
        default_value = "1MiB",
        value_parser = Bytes::from_1_kib_to_1_gib
    )]
    pub body_limit: Bytes,

    /// Most bytes of a batch's body.
    #[arg(
        long,
        env = "MARQUEE_BATCH_BODY_LIMIT",
        value_name = "BYTES",
        default_value = "16MiB",
        value_parser = Bytes::from_1_kib_to_1_gib
    )]
    pub batch_body_limit: Bytes,

    /// Longest time that a client of an export may take nothing before the export ends.
    #[arg(
        long,
        env = "MARQUEE_EXPORT_STALL_TIMEOUT",
        value_name = "DURATION",
        default_value = "1m",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(1))
    )]
    pub export_stall_timeout: Duration,

    /// How long the service still accepts connections after it was told to end and reports itself as
    /// not ready. Give a load balancer the time to notice.
    #[arg(
        long,
        env = "MARQUEE_DRAIN_DELAY",
        value_name = "DURATION",
        default_value = "0s",
        value_parser = duration(Duration::ZERO, Duration::from_mins(10))
    )]
    pub drain_delay: Duration,

    /// Longest time for requests in flight to finish once no more connections are accepted.
    #[arg(
        long,
        env = "MARQUEE_DRAIN_DEADLINE",
        value_name = "DURATION",
        default_value = "20s",
        value_parser = duration(Duration::ZERO, Duration::from_hours(1))
    )]
    pub drain_deadline: Duration,
}

/// Reads an address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, Rule> {
    text.parse().map_err(|_| {
        Rule::new("must be an IP address and a port, like 127.0.0.1:8080 or [::1]:8080")
    })
}
