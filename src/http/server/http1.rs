//! A connection of HTTP/1.
//!
//! Every connection is polled at each of its requests, so what it asks then must cost nothing: a flag.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    body::Incoming,
    server::conn::http1::{Builder, Connection},
    service::{HttpService, service_fn},
};
use hyper_util::rt::TokioIo;

use super::{
    super::response::Body,
    Handler, Options,
    answer::{Says, answer},
    guard::{ByBytes, Guard},
    head::Bounds,
    open::Server,
    peer::Peer,
    slot::{Order, Phase, Slot},
    transport::Transport,
};

/// How connections are read. They have no timers: see [`super::slots`].
pub(super) fn builder(options: &Options) -> Builder {
    let mut builder = Builder::new();
    // The guard has its bound, so the parser never meets one that is larger.
    builder.header_read_timeout(None).max_header_size(options.header_bytes_max.max(8192) + 1);
    builder
}

/// What heads may be.
pub(super) fn bounds(options: &Options) -> Bounds {
    Bounds { bytes_max: options.header_bytes_max, target_max: options.target_bytes_max }
}

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(
    server: &Arc<Server<H>>,
    slot: &Arc<Slot>,
    peer: Arc<Peer>,
    transport: Transport,
    begun: Vec<u8>,
) -> hyper::Result<()> {
    let by_bytes =
        Short { server: Arc::clone(server), slot: Arc::clone(slot), peer: Arc::clone(&peer) };
    let stream = Guard::new(transport, by_bytes, Arc::clone(slot), bounds(&server.options), begun);
    let service = {
        let (server, slot) = (Arc::clone(server), Arc::clone(slot));
        service_fn(move |request| answer(&server, &slot, &peer, Says::Close, request))
    };
    let connection = Box::pin(server.http1.serve_connection(TokioIo::new(stream), service));
    Watched { connection, slot: Arc::clone(slot), state: State::New }.await
}

/// The short way of a connection's requests: past the parser.
struct Short<H> {
    server: Arc<Server<H>>,
    slot: Arc<Slot>,
    peer: Arc<Peer>,
}

impl<H: Handler> ByBytes for Short<H> {
    #[inline]
    fn answer(&self, head: &[u8], out: &mut Vec<u8>) -> Option<Bytes> {
        let options = &self.server.options;
        // The last answer of a connection says so, which is the long way's to do.
        let last = |most| self.slot.requests().0.saturating_add(1) >= most;
        if options.requests_max.is_some_and(last) || options.retiring.load(Ordering::Relaxed) {
            return None;
        }
        let body = self.server.handler.by_bytes(head, &self.peer, out)?;
        self.slot.count_request();
        Some(body)
    }

    #[inline]
    fn learn(&self, head: &[u8]) {
        self.server.handler.learn(head);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Nothing would wake it yet.
    New,
    /// It will be woken.
    Watching,
    /// It was told to finish.
    Told,
}

/// A connection's stream, as the HTTP library gets it.
type Guarded<B> = TokioIo<Guard<Transport, B>>;

/// A connection that ends when it is told to. To be polled by one task.
struct Watched<B, S>
where
    S: HttpService<Incoming>,
{
    connection: Pin<Box<Connection<Guarded<B>, S>>>,
    slot: Arc<Slot>,
    state: State,
}

impl<B, S> Future for Watched<B, S>
where
    B: ByBytes + Unpin,
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.state == State::New || this.slot.order() != Order::GoOn {
            this.slot.watch(context); // anew after each order: waking takes the waker
            this.state = this.state.max(State::Watching);
        }
        loop {
            if this.slot.order() == Order::Cut {
                return Poll::Ready(Ok(()));
            }
            // First what has arrived: a request that is here is answered.
            let polled = this.connection.as_mut().poll(context);
            this.slot.settle();
            if polled.is_ready()
                || this.state == State::Told
                || this.slot.order() != Order::Finish
                // The parser knows nothing of a head that is not whole: it would close.
                || this.slot.phase().0 == Phase::Head
            {
                return polled;
            }
            this.connection.as_mut().graceful_shutdown();
            this.state = State::Told;
        }
    }
}
