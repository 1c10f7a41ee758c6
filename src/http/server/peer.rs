//! The other end of a connection.

use std::net::SocketAddr;

/// Who opened a connection. What its requests say of their clients is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The address; an IPv4 address is never in its IPv6 form.
    pub address: SocketAddr,
}

impl Peer {
    /// The peer at an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address: SocketAddr::new(address.ip().to_canonical(), address.port()) }
    }
}
