//! The accept loop.
//!
//! **Invariant:** it never spins: what the machine cannot give is asked for again after a pause.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Drained, Handler, Options,
    listen::{Listening, of_the_client},
    metrics::Connections,
    open::Server,
    peer::Peer,
    slots::{Slots, Taken},
    transport::Transport,
};

/// How long accepting rests when the machine has no file or memory left for another connection, and
/// how long a connection that was told to make room may take to do so.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the last packet of a handshake that has begun may take on a machine that is busy, before
/// the listener is closed.
const HANDSHAKE: Duration = Duration::from_millis(5);

pub(super) async fn serve<H: Handler>(
    sockets: Vec<Listening>,
    handler: Arc<H>,
    options: Options,
    stop: CancellationToken,
) -> Drained {
    let places = Arc::new(Semaphore::new(options.connections_max));
    let slots = Slots::new(&options);
    let drain_timeout = options.drain_timeout;
    let counters = options.connections.clone();
    let server = Arc::new(Server::new(handler, options));
    let mut watch = JoinSet::new();
    watch.spawn(Arc::clone(&slots).watch());
    let mut connections = JoinSet::new(); // dropped, it cuts off every connection
    loop {
        let next = async {
            let (stream, peer) = accept(&sockets, &slots, &counters).await;
            (stream, peer, place(&places, &slots).await)
        };
        let (stream, peer, place) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => break,
        };
        while connections.try_join_next().is_some() {} // those that have ended
        connections.spawn(connection(Arc::clone(&server), stream, peer, slots.take(), place));
    }
    // Refuse new clients before waiting for old ones. Those whom the system has let in already do not
    // know that they are new, and may have sent a request that they do not dare to send again.
    sleep(HANDSHAKE).await;
    for (stream, peer) in sockets.into_iter().flat_map(Listening::close) {
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
        connections.spawn(connection(Arc::clone(&server), stream, peer, slots.take(), place));
    }
    slots.drain();
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(drain_timeout, ended).await.is_ok() {
        return Drained::Clean;
    }
    while connections.try_join_next().is_some() {}
    let cut_off = connections.len();
    connections.shutdown().await;
    Drained::Aborted { connections: cut_off }
}

async fn connection<H: Handler>(
    server: Arc<Server<H>>,
    stream: Transport,
    peer: Peer,
    taken: Taken,
    place: OwnedSemaphorePermit,
) {
    server.connection(stream, peer, &taken.slot).await;
    drop((taken, place));
}

/// The next connection. An error is either that client's own, or the machine's, which a pause cures,
/// and that some clients that wait are sent away.
async fn accept(sockets: &[Listening], slots: &Slots, counters: &Connections) -> (Transport, Peer) {
    loop {
        let next = poll_fn(|context| {
            let mut polls = sockets.iter().map(|socket| socket.poll_accept(context));
            polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        match next.await {
            Ok(accepted) => return accepted,
            Err(error) if of_the_client(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                counters.accept_failures.inc();
                let ended = slots.make_room();
                tracing::warn!(%error, ended, "accept failed");
                sleep(PAUSE).await;
            }
        }
    }
}

/// A place for a connection, one that another had to leave if need be.
async fn place(places: &Arc<Semaphore>, slots: &Slots) -> OwnedSemaphorePermit {
    let mut place = Box::pin(Arc::clone(places).acquire_owned());
    loop {
        if places.available_permits() == 0 {
            slots.make_room();
        }
        if let Ok(place) = timeout(PAUSE, &mut place).await {
            return place.expect("the semaphore is never closed");
        }
    }
}
