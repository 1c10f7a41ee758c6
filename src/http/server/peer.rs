//! The other end of a connection.

use std::{net::SocketAddr, sync::Arc};

/// Who opened a connection. What its requests say of their clients is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; an IPv4 address is never in its IPv6 form. `None` on a Unix socket, and
    /// where a proxy speaks for itself.
    pub address: Option<SocketAddr>,
    /// The proxy that told the client's address by the PROXY protocol.
    pub via: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whose certificate the client showed, like `CN=loader,O=Films`. It was checked.
    pub subject: Option<Arc<str>>,
}

impl Peer {
    /// The peer at an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address: Some(canonical(address)), ..Self::LOCAL }
    }

    /// A peer on this machine without an address: on a Unix socket.
    pub const LOCAL: Self = Self { address: None, via: None, tls: false, subject: None };

    /// Whether it is a program on this machine, and not one that speaks for somebody else.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.via.is_none() && self.address.is_none_or(|address| address.ip().is_loopback())
    }
}

/// An address whose IPv4 is never in its IPv6 form.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_by_their_shortest_form() {
        let peer = Peer::at("[::ffff:192.0.2.1]:80".parse().unwrap());
        assert_eq!(peer.address, Some("192.0.2.1:80".parse().unwrap()));
    }

    #[test]
    fn who_comes_by_a_proxy_is_not_local() {
        assert!(Peer::LOCAL.is_local());
        let local = Peer::at("127.0.0.1:80".parse().unwrap());
        assert!(local.is_local());
        assert!(!Peer::at("192.0.2.1:80".parse().unwrap()).is_local());
        assert!(!Peer { via: local.address, ..local }.is_local());
    }
}
