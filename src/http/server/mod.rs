//! Connections: bounded, never ended by a client alone, and drained under a deadline.
//!
//! `accept` takes them, `open` finds out what they speak (PROXY header, TLS, HTTP/2 or HTTP/1.1),
//! `http1` and `http2` serve them. `slots` knows what each waits for and ends those that are late.
//! HTTP/1 requests are read twice: by `guard`, which lets pass what has one reading, and by the parser.
//! Those that are byte for byte like earlier ones may be answered from within the guard.
//!
//! **Invariant:** every connection is a task of the set in [`Bound::serve`], so none outlives it.
//! **Invariant:** it knows of connections only; what requests mean is the [`Handler`]'s.
//! **Invariant:** a request pays for no timer: what waits notes since when, and one task looks at all.

mod accept;
mod answer;
mod chunks;
mod frames;
mod guard;
mod head;
mod http1;
mod http2;
mod listen;
pub mod metrics;
mod open;
pub mod peer;
mod proxy_protocol;
mod refusal;
pub mod slot;
mod slots;
pub mod tls;
mod transport;

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use hyper::{Request, Response, body::Incoming};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use self::{
    listen::{Listening, Share},
    metrics::Connections,
    peer::Peer,
    tls::Tls,
};
use super::response::Body;

/// Clients that wait in the system until they are accepted, if it allows that many.
pub const BACKLOG: u32 = 4096;

/// Bounds of a listener.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections open at once. Beyond it, those that wait longest for a request make room; where all
    /// have one, further clients wait in the system's backlog.
    pub connections_max: usize,
    /// From the first byte of a request head to its last, and for everything before the first request.
    pub header_timeout: Duration,
    /// Bytes of a request head; more is answered 431. Their number is limited to 100.
    pub header_bytes_max: usize,
    /// Bytes of a request's target; more is answered 414.
    pub target_bytes_max: usize,
    /// For the next request on a connection that is kept alive.
    pub idle_timeout: Duration,
    /// A connection whose client takes nothing of an answer for so long is cut off.
    pub write_timeout: Duration,
    /// Connections end at this age, or up to a tenth before it.
    pub connection_age_max: Option<Duration>,
    /// Requests of a connection.
    pub requests_max: Option<u32>,
    /// Requests at once on a connection of HTTP/2.
    pub http2_streams_max: u32,
    /// How long open requests may take to end once the listener is told to stop.
    pub drain_timeout: Duration,
    /// Who the service is, where TCP connections are encrypted.
    pub tls: Option<Arc<Tls>>,
    /// The proxies that tell their clients' addresses by the PROXY protocol, where it is required.
    pub proxies: Option<Vec<IpNet>>,
    /// What is counted.
    pub connections: Connections,
    /// Set when the listener is about to stop: it goes on, and each answer ends its connection, so that
    /// none is left which a client would send anything on in the instant in which it is closed.
    pub retiring: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout: Duration::from_secs(10),
            header_bytes_max: 32 * 1024,
            target_bytes_max: 8 * 1024,
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            connection_age_max: None,
            requests_max: None,
            http2_streams_max: 100,
            drain_timeout: Duration::from_secs(20),
            tls: None,
            proxies: None,
            connections: Connections::default(),
            retiring: Arc::default(),
        }
    }
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The answer to a request of HTTP/1.1 without a body, by nothing but the bytes of its head: the
    /// answer's head is put behind what is in `out`, and its body is given. `None`, and nothing is in
    /// `out`, where the parser must read the head.
    fn by_bytes(&self, head: &[u8], peer: &Peer, out: &mut Vec<u8>) -> Option<Bytes> {
        let _ = (head, peer, out);
        None
    }

    /// A head that the parser is about to read, since [`Handler::by_bytes`] has no answer to it.
    fn learn(&self, head: &[u8]) {
        let _ = head;
    }

    /// The answer to a request that can be given at once.
    fn quick(&self, request: &Request<Incoming>, peer: &Peer) -> Option<Response<Body>> {
        let _ = (request, peer);
        None
    }

    /// The answer to a request from `peer`. Dropped when the client leaves.
    fn handle(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// How the connections of a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Each by itself.
    Clean,
    /// Some had to be cut off at the deadline.
    Aborted {
        /// How many.
        connections: usize,
    },
}

/// A listener that has its addresses and does not accept yet.
#[derive(Debug)]
pub struct Bound {
    sockets: Vec<Listening>,
    address: SocketAddr,
}

/// Takes an address; port 0 is any free one.
///
/// # Errors
/// The system's, when the address is not free or not ours.
pub async fn bind(address: SocketAddr) -> io::Result<Bound> {
    bind_with(address, BACKLOG).await
}

/// The same; so many clients may wait until they are accepted.
///
/// # Errors
/// The system's, when the address is not free or not ours.
#[expect(clippy::unused_async, reason = "a listener belongs to the runtime that makes it")]
pub async fn bind_with(address: SocketAddr, backlog: u32) -> io::Result<Bound> {
    listen_on(address, backlog, Share::Alone)
}

/// Takes an address beside other listeners that were bound by this: the system spreads connections among
/// them, and each can be served by a runtime of its own.
///
/// # Errors
/// The system's, when the address is not ours or somebody has it alone.
#[expect(clippy::unused_async, reason = "a listener belongs to the runtime that makes it")]
pub async fn bind_beside(address: SocketAddr, backlog: u32) -> io::Result<Bound> {
    listen_on(address, backlog, Share::Spread)
}

fn listen_on(address: SocketAddr, backlog: u32, share: Share) -> io::Result<Bound> {
    let listener = listen::tcp(address, backlog, share)?;
    let address = listener.local_addr()?;
    Ok(Bound { sockets: vec![Listening::Tcp(listener)], address })
}

impl Bound {
    /// Takes the path of a Unix socket, too. Its file has mode 0660, and is removed at the end.
    ///
    /// # Errors
    /// The system's; where something listens on the path, or it is not a socket.
    pub fn and_unix(mut self, path: &Path, backlog: u32) -> io::Result<Self> {
        let (listener, file) = listen::unix(path, backlog)?;
        self.sockets.push(Listening::Unix { listener, _file: file });
        Ok(self)
    }

    /// The address, with the actual port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves HTTP until `stop` is cancelled and the connections have ended.
    ///
    /// Dropping the future cuts off every connection.
    pub async fn serve<H: Handler>(
        self,
        handler: Arc<H>,
        options: Options,
        stop: CancellationToken,
    ) -> Drained {
        accept::serve(self.sockets, handler, options, stop).await
    }
}

#[cfg(test)]
mod tests;
