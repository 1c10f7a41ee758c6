//! Telling connections that they are to end after the answer at hand.
//!
//! Every connection is polled at each of its requests, so what it asks then must cost nothing: a flag.
//! What wakes connections that wait for nothing is looked at once, when they wait for the first time;
//! a task's waker stays the same.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use hyper::{
    Response,
    body::Incoming,
    rt::{Read, Write},
    server::conn::http1::Connection,
    service::HttpService,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::super::response::Body;

/// The end of a listener's connections.
#[derive(Debug)]
pub(super) struct Drain {
    begun: Arc<AtomicBool>,
    wake: CancellationToken,
}

impl Drain {
    pub(super) fn new() -> Self {
        Self { begun: Arc::default(), wake: CancellationToken::new() }
    }

    /// A connection that ends when it is told to. To be polled by one task.
    pub(super) fn watch<I, S>(&self, connection: Connection<I, S>) -> Watched<I, S>
    where
        S: HttpService<Incoming, ResBody = Body>,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        I: Read + Write + Unpin,
    {
        let wake = Box::pin(self.wake.clone().cancelled_owned());
        Watched {
            connection: Box::pin(connection),
            begun: Arc::clone(&self.begun),
            wake,
            state: State::New,
        }
    }

    /// Tells all of them.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.wake.cancel();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing would wake it yet.
    New,
    /// It will be woken.
    Watching,
    /// It was told.
    Told,
}

/// A connection, and how it hears that it is to end.
pub(super) struct Watched<I, S>
where
    S: HttpService<Incoming>,
{
    connection: Pin<Box<Connection<I, S>>>,
    begun: Arc<AtomicBool>,
    wake: Pin<Box<WaitForCancellationFutureOwned>>,
    state: State,
}

impl<I, S> Future for Watched<I, S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    Response<Body>: Sized,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.state == State::New && this.wake.as_mut().poll(context).is_pending() {
            this.state = State::Watching;
        }
        if this.state != State::Told && this.begun.load(Ordering::Acquire) {
            this.connection.as_mut().graceful_shutdown();
            this.state = State::Told;
        }
        this.connection.as_mut().poll(context)
    }
}
