//! Connections of the public listener: how many, how long, and how they are spoken to.

use std::{path::PathBuf, time::Duration};

use super::{
    bad_setting::BadSetting,
    limits::LimitSettings,
    value::{count, duration},
};

/// Settings of the public listener's connections.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionSettings {
    /// Path of a Unix socket to listen on, too. The service's user and group may connect. A socket that
    /// nobody listens on is replaced.
    #[arg(long, env = "MARQUEE_LISTEN_UNIX", value_name = "PATH")]
    pub listen_unix: Option<PathBuf>,

    /// Clients that may wait in the system until they are accepted. The system has a bound of its own
    /// (`net.core.somaxconn`).
    #[arg(
        long,
        env = "MARQUEE_LISTEN_BACKLOG",
        value_name = "NUMBER",
        default_value = "4096",
        value_parser = count(1, 1_000_000)
    )]
    pub listen_backlog: u32,

    /// Whether connections begin with a header of the PROXY protocol (version 1 or 2) that names the
    /// client. `required` takes connections of `--trusted-proxies` only.
    #[arg(
        long,
        env = "MARQUEE_PROXY_PROTOCOL",
        value_name = "WHEN",
        default_value = "off",
        value_enum
    )]
    pub proxy_protocol: ProxyProtocol,

    /// Longest wait for the next request on a connection that is kept.
    #[arg(
        long,
        env = "MARQUEE_IDLE_TIMEOUT",
        value_name = "DURATION",
        default_value = "75s",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(24))
    )]
    pub idle_timeout: Duration,

    /// Longest time that a client may take nothing of an answer before its connection is cut off.
    #[arg(
        long,
        env = "MARQUEE_WRITE_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(1))
    )]
    pub write_timeout: Duration,

    /// Age at which connections end after the answers at hand, so that clients spread over new
    /// replicas; up to a tenth earlier. 0 for none.
    #[arg(
        long,
        env = "MARQUEE_MAX_CONNECTION_AGE",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = duration(Duration::ZERO, Duration::from_hours(24 * 30))
    )]
    pub max_connection_age: Duration,

    /// Most requests on a connection. 0 for any number.
    #[arg(
        long,
        env = "MARQUEE_MAX_REQUESTS_PER_CONNECTION",
        value_name = "NUMBER",
        default_value = "0",
        value_parser = count(0, 1_000_000_000)
    )]
    pub max_requests_per_connection: u32,

    /// Most requests at once on a connection of HTTP/2.
    #[arg(
        long,
        env = "MARQUEE_HTTP2_MAX_STREAMS",
        value_name = "NUMBER",
        default_value = "100",
        value_parser = count(1, 10_000)
    )]
    pub http2_max_streams: u32,
}

impl ConnectionSettings {
    /// Refuses a PROXY protocol that nobody may speak.
    pub(super) fn check(&self, limits: &LimitSettings) -> Result<(), BadSetting> {
        let nobody = limits.trusted_proxies.as_slice().is_empty();
        if self.proxy_protocol == ProxyProtocol::Off || !nobody {
            return Ok(());
        }
        let rule = "needs --trusted-proxies: the header is taken from those alone";
        Err(BadSetting::new("--proxy-protocol", "MARQUEE_PROXY_PROTOCOL", rule, "required"))
    }
}

/// When connections begin with a header of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyProtocol {
    /// Never.
    Off,
    /// Always.
    Required,
}
