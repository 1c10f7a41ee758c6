//! Who calls: the address that limits, rules and logs go by.
//!
//! What a request says of its client is believed only where a trusted proxy sent it, and then only
//! as far as the first hop that is not trusted, read from the near end: everything beyond was
//! written by somebody unknown.
//!
//! **Invariant:** nobody chooses the address that he is known by, but trusted proxies.
//! **Invariant:** what cannot be made out is the trusted hop's own doing: it is the client then.

mod hops;

use std::net::{IpAddr, Ipv4Addr};

use hyper::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;

use self::hops::{forwarded_node, from_the_near_end, plain_node};
use super::server::peer::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that proxies add, in the order of their lengths.
const FORWARDING: [HeaderName; 7] = [
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
    X_FORWARDED_FOR,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-server"),
];

/// In which header trusted proxies say whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Told {
    /// In either. A proxy that sets one may pass the other on as it came, so where both are there,
    /// they must agree.
    #[default]
    InEither,
    /// In `X-Forwarded-For`; `Forwarded` is not looked at.
    InXForwardedFor,
    /// In `Forwarded` (RFC 7239); `X-Forwarded-For` is not looked at.
    InForwarded,
}

/// Tells who calls.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// Proxies that are believed.
    pub trusted: Vec<IpNet>,
    /// Where they say it.
    pub told: Told,
}

/// How a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// From the client itself, as far as can be seen.
    Direct,
    /// By way of proxies: it has this header, be it believed or not.
    Forwarded(HeaderName),
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The address; an IPv4 address is never in its IPv6 form.
    pub address: IpAddr,
    /// How the request came. Not looked at for peers on other machines that are no proxies.
    pub via: Via,
    /// Whether the client is on this machine, and nothing shows that it speaks for another.
    pub is_local: bool,
    /// Whether the connection is from this machine, and not from a proxy that is believed. For whom it
    /// speaks, if for anybody, is not known.
    pub is_near: bool,
}

impl Clients {
    /// Who sent a request with these headers over a connection from `peer`.
    ///
    /// Allocates nothing, and costs next to nothing for a peer on another machine that is no proxy.
    #[inline]
    #[must_use]
    pub fn identify(&self, peer: &Peer, headers: &HeaderMap) -> Client {
        // Whoever is at a Unix socket is on this machine; a proxy that speaks for itself is the client.
        let (own, here) = (peer.address.or(peer.via), peer.is_local());
        let address = own.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
        let trusted = self.trusts(address);
        if !here && !trusted {
            return Client { address, via: Via::Direct, is_local: false, is_near: false };
        }
        let is_near = here && !trusted;
        let Some(name) = forwarding(headers) else {
            return Client { address, via: Via::Direct, is_local: is_near, is_near };
        };
        let address = if trusted { self.told_by(address, headers) } else { address };
        Client { address, via: Via::Forwarded(name), is_local: false, is_near }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The client that the proxy at `peer` speaks for; the proxy itself where that cannot be told.
    fn told_by(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let plain = || self.follow(peer, headers, &X_FORWARDED_FOR, plain_node);
        let forwarded = || self.follow(peer, headers, &header::FORWARDED, forwarded_node);
        let told = match self.told {
            Told::InXForwardedFor => plain(),
            Told::InForwarded => forwarded(),
            Told::InEither => match (plain(), forwarded()) {
                (Some(one), Some(other)) => (one == other).then_some(one),
                (one, other) => one.or(other),
            },
        };
        told.unwrap_or(peer)
    }

    /// The nearest hop of a header that is not trusted; where one cannot be made out, the hop that
    /// told of it; where all are trusted, the farthest. `None` without the header.
    fn follow(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        node: fn(&[u8]) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let mut hops = headers
            .get_all(name)
            .iter()
            .rev() // several lines are one list
            .flat_map(|line| from_the_near_end(line.as_bytes()))
            .peekable();
        hops.peek()?;
        let mut told_by = peer;
        for hop in hops {
            match node(hop) {
                Some(address) if self.trusts(address) => told_by = address,
                Some(address) => return Some(address),
                None => break,
            }
        }
        Some(told_by)
    }
}

/// A header that proxies add, if there is any. One walk over all headers: most have few, and a look-up
/// of seven names costs more.
fn forwarding(headers: &HeaderMap) -> Option<HeaderName> {
    headers.keys().find(|name| is_forwarding(name)).cloned()
}

fn is_forwarding(name: &HeaderName) -> bool {
    let text = name.as_str();
    match text.len() {
        9 => *text == *"forwarded" || *text == *"x-real-ip",
        15..=18 => text.starts_with("x-forwarded-") && FORWARDING.contains(name),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
