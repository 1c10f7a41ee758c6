//! The accept loop: bounded, never ended by a client, and drained under a deadline.
//!
//! **Invariant:** every connection is a task of the set here, so none outlives [`Bound::serve`].
//! **Invariant:** it knows of connections only; what requests mean is the [`Handler`]'s.

mod drain;
pub mod peer;
mod refusal;
mod timer;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::{Either, ready};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{drain::Drain, peer::Peer, refusal::Explained, timer::LazyTimer};
use super::response::Body;

/// How long accepting rests when the machine has no file or memory left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of a listener.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections open at once; further clients wait in the kernel's backlog.
    pub connections_max: usize,
    /// For a whole request head, and for the next one on a connection that is kept alive.
    pub header_timeout: Duration,
    /// Bytes of a request head; more is answered 431. Their number is limited to 100.
    pub header_bytes_max: usize,
    /// How long open requests may take to end once the listener is told to stop.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_timeout: Duration::from_secs(10),
            header_bytes_max: 32 * 1024,
            drain_timeout: Duration::from_secs(20),
        }
    }
}

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
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

/// A listener that has its address and does not accept yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes an address; port 0 is any free one.
///
/// # Errors
/// The system's, when the address is not free or not ours.
pub async fn bind(address: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address, with the actual port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves HTTP/1.1 until `stop` is cancelled and the connections have ended.
    ///
    /// Dropping the future cuts off every connection.
    ///
    /// # Panics
    /// Never: the semaphore of connections is not closed.
    pub async fn serve<H: Handler>(
        self,
        handler: Arc<H>,
        options: Options,
        stop: CancellationToken,
    ) -> Drained {
        let Self { listener, .. } = self;
        let slots = Arc::new(Semaphore::new(options.connections_max));
        let drain = Drain::new();
        let mut connections = JoinSet::new(); // dropped, it cuts off every connection
        let mut builder = http1::Builder::new();
        builder
            .timer(LazyTimer)
            .header_read_timeout(options.header_timeout)
            .max_header_size(options.header_bytes_max);
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot.expect("the semaphore is never closed"),
                () = stop.cancelled() => break,
            };
            let (stream, peer) = tokio::select! {
                accepted = accept(&listener) => accepted,
                () = stop.cancelled() => break,
            };
            let handler = Arc::clone(&handler);
            let from = Arc::new(Peer::at(peer));
            let service = service_fn(move |request| {
                if let Some(response) = handler.quick(&request, &from) {
                    return Either::Left(ready(Ok::<_, Infallible>(response)));
                }
                let (handler, from) = (Arc::clone(&handler), Arc::clone(&from));
                // On the heap, so that a connection is small.
                let answer = async move { Ok(handler.handle(request, from).await) };
                Either::Right(Box::pin(answer))
            });
            let stream = TokioIo::new(Explained::new(stream));
            let connection = drain.watch(builder.serve_connection(stream, service));
            while connections.try_join_next().is_some() {} // those that have ended
            connections.spawn(async move {
                let _slot = slot;
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, %error, "connection failed");
                }
            });
        }
        drop(listener); // refuse new clients before waiting for old ones
        drain.begin();
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(options.drain_timeout, ended).await.is_ok() {
            return Drained::Clean;
        }
        while connections.try_join_next().is_some() {}
        let cut_off = connections.len();
        connections.shutdown().await;
        Drained::Aborted { connections: cut_off }
    }
}

/// The next connection. An error is either that client's own, or the machine's, which a pause cures.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting for more to send would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) if of_the_client(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
