//! The load balancer's way to one replica: a proxy for requests, and one for the balancer's own checks of the
//! replica's health, which fail together.

use std::net::SocketAddr;

use super::replica::Replica;
use crate::fault_proxy::{FaultProxy, Link};

/// Running proxies; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct BalancerLink {
    public: FaultProxy,
    admin: FaultProxy,
}

impl BalancerLink {
    /// Proxies in front of a replica's two listeners.
    pub(crate) async fn new(replica: &Replica) -> Self {
        let public = FaultProxy::new(replica.public).await;
        let admin = FaultProxy::new(replica.admin).await;
        Self { public, admin }
    }

    /// Where the load balancer finds the replica's public listener, and its admin listener.
    pub(crate) const fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.public.address, self.admin.address)
    }

    /// Changes what becomes of bytes, for old connections and new ones.
    pub(crate) fn set(&self, link: Link) {
        self.public.set(link);
        self.admin.set(link);
    }
}
