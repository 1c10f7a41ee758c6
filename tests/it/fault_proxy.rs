//! A TCP proxy between the service and something that it depends on, which can fail as networks do.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// They arrive.
    Up,
    /// They vanish, and nobody is told: a partition.
    Blackhole,
    /// Those of one way vanish, the others arrive.
    Swallow(Way),
    /// They arrive this much later.
    Slow(Duration),
    /// Those from the server arrive this much later.
    Late(Duration),
    /// Connections are reset, and so are new ones.
    Cut,
}

/// A way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Link {
    /// Takes as long as bytes take.
    pub(crate) async fn pass(self, way: Way) {
        match (self, way) {
            // A connection that lost bytes never comes right again.
            (Self::Blackhole, _) => std::future::pending().await,
            (Self::Swallow(swallowed), _) if swallowed == way => std::future::pending().await,
            (Self::Slow(delay), _) | (Self::Late(delay), Way::Down) => {
                tokio::time::sleep(delay).await;
            }
            (Self::Up | Self::Cut | Self::Late(_) | Self::Swallow(_), _) => {}
        }
    }
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    link: watch::Sender<Link>,
    delayed: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy in front of `target`.
    pub(crate) async fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (link, state) = watch::channel(Link::Up);
        let delayed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&delayed);
        #[expect(clippy::disallowed_methods, reason = "owned by the proxy, which ends it")]
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                if *state.borrow() == Link::Cut {
                    reset(client);
                    continue;
                }
                let state = state.clone();
                connections.spawn(carry(client, target, state, Arc::clone(&counter)));
            }
        });
        Self { address, link, delayed, task }
    }

    /// Changes what becomes of bytes, for old connections and new ones.
    pub(crate) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    /// How many times bytes from the server were made late.
    pub(crate) fn delayed(&self) -> u64 {
        self.delayed.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    state: watch::Receiver<Link>,
    delayed: Arc<AtomicU64>,
) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    // What came in one piece goes on in one piece, and at once. An end that is gone is noticed below.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut cut = state.clone();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        () = pump(Way::Up, from_client, to_server, state.clone(), &delayed) => return,
        () = pump(Way::Down, from_server, to_client, state, &delayed) => return,
        _ = cut.wait_for(|link| *link == Link::Cut) => {}
    }
    reset(client);
    reset(server);
}

/// Ends a connection as a firewall or a rebooted machine would.
fn reset(connection: TcpStream) {
    // One that is closed already needs no reset.
    let _ = connection.set_zero_linger();
    drop(connection);
}

async fn pump(
    way: Way,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    state: watch::Receiver<Link>,
    delayed: &AtomicU64,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        if read == 0 {
            return;
        }
        let link = *state.borrow();
        if let Link::Late(_) = link
            && way == Way::Down
        {
            delayed.fetch_add(1, Ordering::SeqCst);
        }
        link.pass(way).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    tokio::time::sleep(Duration::ZERO).await;
}
