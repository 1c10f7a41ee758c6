//! How the bus is doing, counted without locks.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use redis::RedisError;
use serde::{Serialize, Serializer};

/// How the bus is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether messages come in and go out.
    pub connected: bool,
    /// How long ago anything was heard, a heartbeat of our own included. `None` before the first time.
    #[serde(rename = "heard_ms_ago", serialize_with = "milliseconds")]
    pub heard: Option<Duration>,
    /// Messages that Redis took, heartbeats not counted.
    pub published: u64,
    /// Messages that came in, our own included and heartbeats not.
    pub received: u64,
    /// Messages of ours that nobody was told, for want of room in the queue.
    pub dropped: u64,
    /// What came in and was not a message of ours.
    pub rejected: u64,
    /// How often a connection was made anew, both directions counted.
    pub reconnects: u64,
}

#[expect(clippy::ref_option, reason = "that is how serde calls it")]
fn milliseconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_millis()).serialize(to)
}

/// One of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that messages come in on.
    In,
    /// The one that messages go out on.
    Out,
}

impl Side {
    const fn label(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// The counters behind [`Health`].
#[derive(Debug)]
pub(super) struct Counters {
    began: Instant,
    connected: [AtomicBool; 2],
    /// Milliseconds from the beginning to when anything was heard; [`NEVER`] before that.
    heard_ms: AtomicU64,
    published: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) rejected: AtomicU64,
    reconnects: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            connected: [const { AtomicBool::new(false) }; 2],
            heard_ms: AtomicU64::new(NEVER),
            published: AtomicU64::new(0),
            received: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
        }
    }

    pub(super) fn heard_now(&self) {
        self.heard_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    pub(super) fn published_more(&self, messages: usize) {
        let messages = u64::try_from(messages).unwrap_or_default();
        self.published.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn set_connected(&self, side: Side, connected: bool) {
        self.connected[side as usize].store(connected, Ordering::Relaxed);
    }

    pub(super) fn health(&self) -> Health {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let heard = match count(&self.heard_ms) {
            NEVER => None,
            at => Some(Duration::from_millis(self.elapsed_ms().saturating_sub(at))),
        };
        Health {
            connected: self.connected.iter().all(|side| side.load(Ordering::Relaxed)),
            heard,
            published: count(&self.published),
            received: count(&self.received),
            dropped: count(&self.dropped),
            rejected: count(&self.rejected),
            reconnects: count(&self.reconnects),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}

/// Notes when a side comes and goes. Each change is logged once, however many tries lie between two.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    counters: &'a Counters,
    side: Side,
    /// What was said last.
    said: Option<bool>,
    was_connected: bool,
}

impl<'a> Turns<'a> {
    pub(super) const fn new(counters: &'a Counters, side: Side) -> Self {
        Self { counters, side, said: None, was_connected: false }
    }

    /// Something came through.
    pub(super) fn connected(&mut self) {
        self.counters.set_connected(self.side, true);
        if self.was_connected {
            count(&self.counters.reconnects);
        }
        self.was_connected = true;
        let direction = self.side.label();
        match self.said.replace(true) {
            None => tracing::info!(direction, "the bus is connected"),
            Some(false) => tracing::warn!(direction, "the bus is connected again"),
            Some(true) => {}
        }
    }

    /// The connection ended, or could not be made.
    pub(super) fn disconnected(&mut self, error: &RedisError) {
        self.counters.set_connected(self.side, false);
        if self.said.replace(false) != Some(false) {
            tracing::warn!(direction = self.side.label(), %error, "the bus is disconnected");
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
