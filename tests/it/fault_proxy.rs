//! A TCP proxy between the service and something that it depends on, which can fail as networks do.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
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
    /// Connections are reset, and new ones refused.
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

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    link: watch::Sender<Link>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy in front of `target`.
    pub(crate) async fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (link, state) = watch::channel(Link::Up);
        #[expect(clippy::disallowed_methods, reason = "owned by the proxy, which ends it")]
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() == Link::Cut {
                    continue;
                }
                let state = state.clone();
                connections.spawn(carry(client, target, state));
            }
        });
        Self { address, link, task }
    }

    /// Changes what becomes of bytes, for old connections and new ones.
    pub(crate) fn set(&self, link: Link) {
        self.link.send_replace(link);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, target: SocketAddr, state: watch::Receiver<Link>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pump(Way::Up, from_client, to_server, state.clone());
    let down = pump(Way::Down, from_server, to_client, state.clone());
    let mut cut = state;
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = cut.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pump(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Receiver<Link>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        if read == 0 {
            return;
        }
        let link = *state.borrow();
        // A connection that lost bytes never comes right again.
        if link == Link::Blackhole || link == Link::Swallow(way) {
            std::future::pending::<()>().await;
        }
        if let Link::Slow(delay) = link {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    tokio::time::sleep(Duration::ZERO).await;
}
