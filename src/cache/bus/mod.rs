//! The bus: replicas tell each other what was written, so that they need not wait for their next look at
//! the database.
//!
//! It is in a hurry and promises nothing: messages may be lost, late, repeated and out of order. Who
//! listens must be right without them.
//!
//! **Invariant:** publishing never waits. The queue has a bound, and what does not fit is dropped.
//! **Invariant:** a connection on which nothing is heard, or that takes nothing, is noticed and replaced.

mod backoff;
mod health;
mod message;
mod publisher;
mod subscriber;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use self::health::{Counters, Side, count};
pub use self::{
    health::Health,
    message::{Message, SCOPES_MAX, Touched},
};
use super::remote::{Connector, RemoteError, Servers};

/// Most messages that wait to be sent. Without a connection they wait, too, and are sent when there is
/// one again.
const QUEUE: usize = 1024;

/// The bus of one replica.
#[derive(Debug)]
pub struct Bus {
    shared: Shared,
    queue: mpsc::Sender<Message>,
    /// Taken by whoever runs the bus.
    waiting: Mutex<mpsc::Receiver<Message>>,
}

/// What both directions need.
#[derive(Debug)]
struct Shared {
    connector: Connector,
    channel: String,
    sender: u64,
    counters: Counters,
    /// Which node of a cluster is taken first, in one direction. The other one takes the next, so that
    /// a heartbeat that comes back has shown the way between nodes, too.
    first_node: usize,
}

impl Bus {
    /// Makes the bus of replicas whose names in Redis begin with `prefix`. There is no I/O in it, and
    /// none until [`run`](Self::run).
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn new(servers: &Servers, prefix: &str) -> Result<Self, RemoteError> {
        let connector = Connector::new(servers).map_err(RemoteError::Servers)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let chance = || getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        let first_node = usize::from(chance().to_be_bytes()[0]);
        Ok(Self {
            shared: Shared {
                connector,
                channel: format!("{prefix}:bus"),
                sender: chance(),
                counters: Counters::new(),
                first_node,
            },
            queue,
            waiting: Mutex::new(waiting),
        })
    }

    /// A random number for this replica, by which it can tell its own messages from others'.
    #[must_use]
    pub const fn sender(&self) -> u64 {
        self.shared.sender
    }

    /// Tells every replica, this one included. Does not wait: where the queue is full, the message is
    /// dropped and counted.
    pub fn publish(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            count(&self.shared.counters.dropped);
        }
    }

    /// Carries messages in both directions until `stop`, and sends then what waits in the queue, if
    /// that is a matter of an instant. Our own messages come back to `on_message`, too; it must not
    /// block. A second call waits for the first to end.
    ///
    /// Dropping the future ends both connections; messages that were being sent may be lost.
    pub async fn run(&self, on_message: impl Fn(Message) + Send + Sync, stop: CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        // They are large, with a handshake of TLS in them, and the caller's future should not be.
        tokio::select! {
            () = Box::pin(publisher::speak(&self.shared, &mut waiting, &stop)) => {}
            () = Box::pin(subscriber::listen(&self.shared, &on_message)) => {}
        }
        for side in [Side::In, Side::Out] {
            self.shared.counters.set_connected(side, false);
        }
    }

    /// How it is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.counters.health()
    }
}
