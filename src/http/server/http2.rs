//! A connection of HTTP/2.
//!
//! The library limits what a connection may have open and queued: streams, headers, CONTINUATION
//! frames, resets. What else a client may send is counted by [`super::frames`], and which of its requests
//! it gives up by [`super::slot`].
//!
//! **Invariant:** the tasks of a connection's requests end with it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::http2::{Builder, Connection},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinSet,
};

use super::{
    super::response::Body,
    Handler,
    answer::{Says, answer},
    frames::{Frames, TooMany},
    metrics::Closed,
    open::Server,
    peer::Peer,
    slot::{Order, Phase, Slot},
    transport::Transport,
};

/// What a client may send of one body, and of all, before it is read.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What is kept of one answer's body until the client takes it.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that the client resets before anybody looks at them, and streams that are reset here for
/// the client's faults: more of them end the connection.
const PENDING_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 100;
/// How often the client is asked whether it is there, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(
    server: &Arc<Server<H>>,
    slot: &Arc<Slot>,
    peer: Arc<Peer>,
    transport: Transport,
    begun: Vec<u8>,
) -> hyper::Result<()> {
    slot.enter(Phase::Idle);
    let streams = Streams::default();
    let _end = End(streams.clone());
    let options = &server.options;
    let mut builder = Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(options.http2_streams_max)
        .max_header_list_size(u32::try_from(options.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    let service = {
        let (server, slot) = (Arc::clone(server), Arc::clone(slot));
        service_fn(move |request| {
            slot.enter(Phase::Idle); // it counts from the last request on; an open one is never idle
            answer(&server, &slot, &peer, Says::Nothing, request)
        })
    };
    let frames = Frames::new(Instant::now());
    let stream = Counted { begun, transport, slot: Arc::clone(slot), blocked: false, frames };
    let connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
    let ended = Streamed { connection, slot: Arc::clone(slot), watching: false, told: false }.await;
    if ended.is_err() {
        slot.because(Closed::Protocol);
    }
    ended
}

/// The tasks of a connection's requests.
#[derive(Debug, Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl Streams {
    fn set(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the tasks of a connection's requests when it is dropped: each of them keeps the set.
struct End(Streams);

impl Drop for End {
    fn drop(&mut self) {
        self.0.set().abort_all();
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, request: F) {
        let mut set = self.set();
        while set.try_join_next().is_some() {} // those that have ended
        set.spawn(request);
    }
}

/// A connection that ends when it is told to. To be polled by one task.
struct Streamed<S>
where
    S: HttpService<Incoming, ResBody = Body>,
{
    connection: Pin<Box<Connection<TokioIo<Counted>, S, Streams>>>,
    slot: Arc<Slot>,
    watching: bool,
    told: bool,
}

impl<S> Future for Streamed<S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.watching || this.slot.order() != Order::GoOn {
            this.slot.watch(context); // anew after each order: waking takes the waker
            this.watching = true;
        }
        loop {
            if this.slot.order() == Order::Cut {
                return Poll::Ready(Ok(()));
            }
            let polled = this.connection.as_mut().poll(context);
            if polled.is_ready() || this.told || this.slot.order() == Order::GoOn {
                return polled;
            }
            this.connection.as_mut().graceful_shutdown();
            this.told = true;
        }
    }
}

/// A stream that gives what was read of it already, notes when a write waits, and counts frames.
#[derive(Debug)]
struct Counted {
    begun: Vec<u8>,
    transport: Transport,
    slot: Arc<Slot>,
    blocked: bool,
    frames: Frames,
}

impl Counted {
    fn taken<T>(&mut self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() != self.blocked {
            self.blocked = polled.is_pending();
            self.slot.set_blocked(self.blocked);
        }
        polled
    }

    fn wrote(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.frames.took(bytes);
        }
        self.taken(polled)
    }

    fn poll_begun(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.transport).poll_read(context, buffer);
        }
        let length = self.begun.len().min(buffer.remaining());
        buffer.put_slice(&self.begun[..length]);
        self.begun.drain(..length);
        if self.begun.is_empty() {
            self.begun = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(this.poll_begun(context, buffer))?;
        let came = this.frames.came(&buffer.filled()[before..], Instant::now());
        Poll::Ready(came.map_err(|TooMany| {
            io::Error::new(io::ErrorKind::InvalidData, "more frames than its requests need")
        }))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write(context, bytes);
        this.wrote(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_write_vectored(context, pieces);
        this.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_flush(context);
        this.taken(polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.transport).poll_shutdown(context);
        this.taken(polled)
    }
}
