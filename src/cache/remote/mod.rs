//! The cache that replicas share: opaque bytes in Redis, under a deadline.
//!
//! What the bytes mean, and whether they may still be served, is not known here.
//!
//! **Invariant:** each operation, connecting included, ends within the deadline, or as soon after it as a busy
//! process gets to it.
//! **Invariant:** no operation waits for another one: beyond the bound it is refused at once.
//! **Invariant:** a failure is a named outcome, and never more than that.

pub mod breaker;
mod breakers;
mod connect;
mod jitter;
mod lease;
mod missed;
mod pool;
mod servers;
mod slots;
mod tokens;

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use redis::{Cmd, FromRedisValue, RedisError};
use tokio::{
    sync::Semaphore,
    task::yield_now,
    time::{Instant as Deadline, error::Elapsed, timeout_at},
};

use self::{
    breakers::Breakers,
    connect::Connection,
    lease::{Kept, RELEASE, key, tag},
    missed::failure,
    pool::Pool,
    slots::Slots,
};
pub(super) use self::{
    connect::{CONNECT_DEADLINE, Connector, late},
    jitter::{fraction, spread},
};
pub use self::{
    lease::Lease,
    missed::Missed,
    servers::{Host, Secret, Servers, Tls, Topology},
    tokens::{Granted, TokenWindow},
};

/// The name of an answer: a hash of what was asked.
pub type Digest = [u8; 16];

/// How often everybody else has a turn before an operation is late: one to see that its answer came, one
/// to read it, one to hand it over.
const TURNS: u32 = 3;

/// What the shared cache is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where Redis is.
    pub servers: Servers,
    /// What the names of keys begin with.
    pub prefix: String,
    /// Longest time for one operation.
    pub deadline: Duration,
    /// Most operations at once.
    pub in_flight_max: usize,
    /// Connections to each server.
    pub connections: usize,
}

/// Why the shared cache cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The servers are described in a way that the driver does not take.
    #[error("the address of Redis, or the file of authorities, is of no use")]
    Servers(#[source] RedisError),
}

/// The shared cache. Clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    prefix: String,
    deadline: Duration,
    places: Semaphore,
    breakers: Breakers,
    slots: Slots,
}

/// What is known of an answer, by [`Remote::look`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The answer, if there is one.
    pub entry: Option<Bytes>,
    /// Whether somebody holds the lease, and so loads it anew.
    pub leased: bool,
}

impl Remote {
    /// Makes the shared cache. There is no I/O in it; connections are made by [`connect`](Self::connect)
    /// or by the first operations.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn new(options: Options) -> Result<Self, RemoteError> {
        let Options { servers, prefix, deadline, in_flight_max, connections } = options;
        let connector = Connector::new(&servers).map_err(RemoteError::Servers)?;
        let pool =
            Pool::new(connector, connections, in_flight_max).map_err(RemoteError::Servers)?;
        Ok(Self(Arc::new(Inner {
            prefix,
            deadline,
            places: Semaphore::new(in_flight_max.min(Semaphore::MAX_PERMITS)),
            breakers: if pool.is_cluster() {
                Breakers::of_cluster()
            } else {
                Breakers::of_server()
            },
            slots: Slots::new(pool, connections),
        })))
    }

    /// Starts to connect, and does not wait for it: a handshake may take longer than the deadline of the
    /// first operations. Must be called in a runtime.
    pub fn connect(&self) {
        self.0.slots.connect_all();
    }

    /// The bytes that were [put](Self::put) last, unless they ran out or were pushed out.
    ///
    /// This and the other operations may be dropped at any time; what was sent may still be done.
    ///
    /// # Errors
    /// [`Missed`].
    pub async fn get(&self, digest: &Digest) -> Result<Option<Bytes>, Missed> {
        let tag = tag(digest);
        let mut command = redis::cmd("GET");
        command.arg(self.key(&tag, Kept::Entry));
        self.run(&tag, &command).await
    }

    /// The bytes, and whether somebody is loading them, as of one instant.
    ///
    /// # Errors
    /// [`Missed`].
    pub async fn look(&self, digest: &Digest) -> Result<Look, Missed> {
        let tag = tag(digest);
        let mut command = redis::cmd("MGET");
        command.arg(self.key(&tag, Kept::Entry)).arg(self.key(&tag, Kept::Lease));
        let (entry, lease): (Option<Bytes>, Option<Bytes>) = self.run(&tag, &command).await?;
        Ok(Look { entry, leased: lease.is_some() })
    }

    /// Keeps bytes for `ttl`, which is at least a millisecond, in place of what was there.
    ///
    /// # Errors
    /// [`Missed`].
    pub async fn put(&self, digest: &Digest, bytes: &[u8], ttl: Duration) -> Result<(), Missed> {
        let tag = tag(digest);
        let mut command = redis::cmd("SET");
        command.arg(self.key(&tag, Kept::Entry)).arg(bytes).arg("PX").arg(milliseconds(ttl));
        self.run(&tag, &command).await
    }

    /// Leave to load an answer for up to `ttl`, or `None` if somebody else has it.
    ///
    /// # Errors
    /// [`Missed`].
    pub async fn lease(&self, digest: &Digest, ttl: Duration) -> Result<Option<Lease>, Missed> {
        // Without chance there are no tokens, and nobody waits for anybody.
        let Some(lease) = Lease::new(*digest) else { return Ok(None) };
        let tag = tag(digest);
        let mut command = redis::cmd("SET");
        command.arg(self.key(&tag, Kept::Lease)).arg(&lease.token[..]);
        command.arg("NX").arg("PX").arg(milliseconds(ttl));
        let taken: Option<()> = self.run(&tag, &command).await?;
        Ok(taken.map(|()| lease))
    }

    /// Gives a lease back, so that nobody waits for the rest of its time. One that ran out and went to
    /// another one stays theirs.
    ///
    /// # Errors
    /// [`Missed`]; the lease then runs out by itself.
    pub async fn release(&self, lease: Lease) -> Result<(), Missed> {
        let tag = tag(&lease.key);
        let mut command = redis::cmd("EVAL");
        command.arg(RELEASE).arg(1).arg(self.key(&tag, Kept::Lease)).arg(&lease.token[..]);
        self.run(&tag, &command).await
    }

    /// What the breaker lets through; of a cluster, in the part that is worst off.
    #[must_use]
    pub fn breaker(&self) -> breaker::State {
        self.0.breakers.state()
    }

    fn key(&self, tag: &str, kept: Kept) -> String {
        key(&self.0.prefix, tag, kept)
    }

    /// Runs one command on keys with this tag. It may be run twice.
    async fn run<T: FromRedisValue>(&self, tag: &str, command: &Cmd) -> Result<T, Missed> {
        let inner = &*self.0;
        let Ok(_place) = inner.places.try_acquire() else { return Err(Missed::Busy) };
        let now = Instant::now();
        let Some(trial) = inner.breakers.admit(tag, now) else { return Err(Missed::Open) };
        let outcome = inner.run(command, Deadline::from_std(now + inner.deadline)).await;
        trial.end(&outcome);
        outcome
    }
}

impl Inner {
    async fn run<T: FromRedisValue>(&self, command: &Cmd, by: Deadline) -> Result<T, Missed> {
        let mut dead = 0;
        loop {
            let held = in_time(by, self.slots.hold()).await.map_err(|_| Missed::TimedOut)?;
            let mut held = held.map_err(Missed::Failed)?;
            let answer = match &mut held.connection {
                Connection::Server(one) => in_time(by, command.query_async(one)).await,
                Connection::Cluster(all) => in_time(by, command.query_async(all)).await,
            };
            match answer {
                Ok(Ok(value)) => {
                    Slots::worked(&held);
                    return Ok(value);
                }
                Ok(Err(error)) => {
                    if failure(&error).is_none() {
                        Slots::worked(&held);
                        return Err(Missed::Failed(error));
                    }
                    self.slots.failed(&held);
                    // It may have died while nobody used it, and so may the others. Those of a
                    // cluster are looked after by the driver.
                    if !self.slots.can_be_dead(&error) || dead == self.slots.len() {
                        return Err(Missed::Failed(error));
                    }
                    dead += 1;
                }
                Err(_) => {
                    self.slots.failed(&held);
                    return Err(Missed::TimedOut);
                }
            }
        }
    }
}

/// What a future gives by then. In a crowd an answer may have come in time, and the task that reads it
/// not have had its turn: only what is not there once it had one is late.
async fn in_time<F: Future>(by: Deadline, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut outcome = timeout_at(by, &mut future).await;
    for _ in 0..TURNS {
        if outcome.is_ok() {
            break;
        }
        yield_now().await; // until sockets were looked at, and tasks that waited longer had their turn
        outcome = timeout_at(by, &mut future).await;
    }
    outcome
}

/// A time to live as Redis takes it: whole milliseconds, and never none.
fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 42)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        sync::oneshot,
    };
    use tokio_util::task::TaskTracker;

    use super::*;

    /// An operation whose answer is in the socket before its deadline, on a thread that is busy until after it.
    #[tokio::test(flavor = "current_thread")]
    async fn an_answer_that_came_in_time_is_in_time_on_a_busy_thread() {
        let (mut server, mut client) = UnixStream::pair().unwrap();
        let (sender, receiver) = oneshot::channel();
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            sender.send(client.read_u8().await.unwrap()).unwrap();
        });
        yield_now().await;
        server.write_u8(7).await.unwrap();
        let by = Deadline::now() + Duration::from_millis(5);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(in_time(by, receiver).await.expect("in time").unwrap(), 7);
    }

    #[tokio::test]
    async fn what_never_comes_is_late() {
        let by = Deadline::now() + Duration::from_millis(5);
        in_time(by, std::future::pending::<()>()).await.unwrap_err();
    }
}
