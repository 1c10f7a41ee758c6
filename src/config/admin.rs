//! The admin listener: health, for operators and their machines only.

use std::net::SocketAddr;

use super::http::address;

/// Settings of the admin listener.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Admin listener")]
pub struct AdminSettings {
    /// Address and port of the admin listener (`/livez`, `/readyz`). Keep it from the public. Port 0
    /// takes a free port.
    #[arg(
        long,
        env = "MARQUEE_ADMIN_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:9090",
        value_parser = address
    )]
    pub admin_listen: SocketAddr,
}
