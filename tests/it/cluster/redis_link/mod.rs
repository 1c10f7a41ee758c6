//! A proxy between one replica and Redis that tells the connections of the cache from those of the bus,
//! can lose, double and reorder messages, and can catch one before it is sent.

mod frames;
mod trap;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use self::{
    frames::{frame_length, message},
    trap::Trap,
};
use crate::fault_proxy::{Link, Way};

/// What becomes of messages on their way to this replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Post {
    Delivered,
    Lost,
    Doubled,
    /// Each one comes after the one that was sent next.
    Reordered,
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct RedisLink {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    cache: watch::Sender<Link>,
    bus: watch::Sender<Link>,
    post: watch::Sender<Post>,
    lost: AtomicU64,
    delivered: AtomicU64,
    /// The last message, as it was published.
    last: Mutex<Bytes>,
    /// On the way of messages from this replica.
    trap: Trap,
}

impl RedisLink {
    /// A proxy in front of the Redis at `target`.
    pub(crate) async fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            cache: watch::Sender::new(Link::Up),
            bus: watch::Sender::new(Link::Up),
            post: watch::Sender::new(Post::Delivered),
            lost: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            last: Mutex::default(),
            trap: Trap::new(),
        });
        let state = Arc::clone(&shared);
        #[expect(clippy::disallowed_methods, reason = "owned by the proxy, which ends it")]
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                // What the connection is for is not known yet.
                if *state.cache.borrow() == Link::Cut && *state.bus.borrow() == Link::Cut {
                    continue;
                }
                connections.spawn(carry(client, target, Arc::clone(&state)));
            }
        });
        Self { address, shared, task }
    }

    /// Changes what becomes of the cache's bytes.
    pub(crate) fn set_cache(&self, link: Link) {
        self.shared.cache.send_replace(link);
    }

    /// Changes what becomes of the bus's bytes.
    pub(crate) fn set_bus(&self, link: Link) {
        self.shared.bus.send_replace(link);
    }

    /// Changes what becomes of all bytes.
    pub(crate) fn set(&self, link: Link) {
        self.set_cache(link);
        self.set_bus(link);
    }

    /// Changes what becomes of messages to this replica.
    pub(crate) fn set_post(&self, post: Post) {
        self.shared.post.send_replace(post);
    }

    /// How many messages were lost on their way to this replica.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// How many messages were handed to this replica.
    pub(crate) fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::SeqCst)
    }

    /// The last message that came this way, as it was published.
    pub(crate) fn last(&self) -> Bytes {
        self.shared.last.lock().expect("no panic").clone()
    }

    /// From now on the first message of a write that this replica sends does not reach Redis, and neither does
    /// any other that follows.
    pub(crate) fn set_trap(&self) {
        self.shared.trap.set();
    }

    /// Waits until a message was caught.
    pub(crate) async fn sprung(&self) {
        self.shared.trap.sprung().await;
    }

    /// From now on messages of this replica reach Redis again.
    pub(crate) fn take_trap_away(&self) {
        self.shared.trap.take_away();
    }
}

impl Drop for RedisLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Unknown,
    Cache,
    Bus,
}

impl Use {
    /// What a connection with this command is for.
    fn of(commands: &[u8]) -> Self {
        let has = |name: &[u8]| {
            commands.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name))
        };
        if has(b"SUBSCRIBE\r\n") || has(b"PUBLISH\r\n") {
            Self::Bus
        } else if [&b"\r\nGET\r\n"[..], b"\r\nSET\r\n", b"\r\nEVAL", b"\r\nMGET\r\n"]
            .iter()
            .any(|name| has(name))
        {
            Self::Cache
        } else {
            Self::Unknown
        }
    }
}

async fn carry(client: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Commands and replies are passed on one by one; none waits for the one before it to be acknowledged.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (of, used) = watch::channel(Use::Unknown);
    let up = upwards(from_client, to_server, of, &shared);
    let down = downwards(from_server, to_client, used.clone(), &shared);
    tokio::select! {
        () = up => {}
        () = down => {}
        () = cut(used, &shared) => {}
    }
}

/// The state of the link that a connection belongs to. One that has said nothing of its own yet (it
/// logs in) belongs to both.
fn link(used: Use, shared: &Shared) -> Link {
    let (cache, bus) = (*shared.cache.borrow(), *shared.bus.borrow());
    match used {
        Use::Cache => cache,
        Use::Bus => bus,
        Use::Unknown if cache == bus => cache,
        Use::Unknown => Link::Up,
    }
}

/// Ends when the connection is to be cut.
async fn cut(mut used: watch::Receiver<Use>, shared: &Shared) {
    let (mut cache, mut bus) = (shared.cache.subscribe(), shared.bus.subscribe());
    loop {
        let known = *used.borrow_and_update();
        let ended = match known {
            Use::Cache => cache.wait_for(|link| *link == Link::Cut).await.is_ok(),
            Use::Bus => bus.wait_for(|link| *link == Link::Cut).await.is_ok(),
            Use::Unknown => used.changed().await.is_err(),
        };
        if ended {
            return;
        }
    }
}

/// Reads what is there, with room for a large entry.
async fn read_more(from: &mut OwnedReadHalf, bytes: &mut BytesMut) -> std::io::Result<usize> {
    bytes.reserve(16 * 1024);
    from.read_buf(bytes).await
}

async fn upwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    of: watch::Sender<Use>,
    shared: &Shared,
) {
    let mut bytes = BytesMut::new();
    while let Ok(read) = read_more(&mut from, &mut bytes).await {
        if read == 0 {
            return;
        }
        if *of.borrow() == Use::Unknown {
            let used = Use::of(&bytes);
            if used != Use::Unknown {
                of.send_replace(used);
            }
        }
        let used = *of.borrow();
        link(used, shared).pass(Way::Up).await;
        let (passing, caught) = match used {
            Use::Bus => commands(&bytes, shared),
            Use::Cache | Use::Unknown => (bytes.len(), Caught::Nothing),
        };
        if to.write_all(&bytes.split_to(passing)).await.is_err() {
            return;
        }
        if caught == Caught::Message {
            return hear_out(from).await;
        }
    }
}

/// Whether the trap has caught something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caught {
    Nothing,
    Message,
}

/// How many of these bytes are whole commands that may pass.
fn commands(bytes: &[u8], shared: &Shared) -> (usize, Caught) {
    let mut passing = 0;
    while let Some(length) = frame_length(&bytes[passing..]) {
        if shared.trap.catches(&bytes[passing..passing + length]) {
            return (passing, Caught::Message);
        }
        passing += length;
    }
    (passing, Caught::Nothing)
}

/// Lets the sender believe that its words arrive, until it closes the connection.
async fn hear_out(mut from: OwnedReadHalf) {
    let mut bytes = [0; 4 * 1024];
    while matches!(from.read(&mut bytes).await, Ok(1..)) {}
}

async fn downwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    used: watch::Receiver<Use>,
    shared: &Shared,
) {
    let mut bytes = BytesMut::new();
    let mut held: Option<Bytes> = None;
    while let Ok(read) = read_more(&mut from, &mut bytes).await {
        if read == 0 {
            return;
        }
        let of = *used.borrow();
        link(of, shared).pass(Way::Down).await;
        if of != Use::Bus {
            if to.write_all(&bytes.split()).await.is_err() {
                return;
            }
            continue;
        }
        while let Some(length) = frame_length(&bytes) {
            let frame = bytes.split_to(length).freeze();
            for frame in treat(frame, &mut held, shared) {
                if to.write_all(&frame).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The frames that are handed on for one that came.
fn treat(frame: Bytes, held: &mut Option<Bytes>, shared: &Shared) -> Vec<Bytes> {
    let Some(payload) = message(&frame) else { return vec![frame] };
    *shared.last.lock().expect("no panic") = frame.slice(payload);
    let post = *shared.post.borrow();
    let frames = match post {
        Post::Lost => {
            shared.lost.fetch_add(1, Ordering::SeqCst);
            return Vec::new();
        }
        Post::Doubled => vec![frame.clone(), frame],
        Post::Reordered => match held.take() {
            None => {
                *held = Some(frame);
                Vec::new()
            }
            Some(earlier) => vec![frame, earlier],
        },
        Post::Delivered => held.take().into_iter().chain([frame]).collect(),
    };
    shared.delivered.fetch_add(frames.len() as u64, Ordering::SeqCst);
    frames
}
