//! Messages between replicas.

use std::{sync::Arc, time::Duration};

use marquee::{
    cache::{
        bus::{Bus, Health, Message, Touched},
        remote::Servers,
    },
    domain::revision::{Revision, Scope},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    HANG, at, awaited, eventually, prefix,
    server::{Server, ask},
    shared_address, shared_url,
};
use crate::fault_proxy::{FaultProxy, Link, Way};

/// A bus that runs until this is dropped.
pub(super) struct Running {
    pub(super) bus: Arc<Bus>,
    heard: UnboundedReceiver<Message>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    _end: DropGuard,
}

impl Running {
    pub(super) fn new(servers: &Servers, prefix: &str) -> Self {
        let bus = Arc::new(Bus::new(servers, prefix).expect("a bus"));
        let (sender, heard) = unbounded_channel();
        let stop = CancellationToken::new();
        let (running, until) = (Arc::clone(&bus), stop.clone());
        #[expect(clippy::disallowed_methods, reason = "owned by the test, which ends it")]
        let task = tokio::spawn(async move {
            running.run(move |message| drop(sender.send(message)), until).await;
        });
        Self { bus, heard, task, _end: stop.clone().drop_guard(), stop }
    }

    /// One that is connected.
    pub(super) async fn connected(servers: &Servers, prefix: &str) -> Self {
        let running = Self::new(servers, prefix);
        running.is_well().await;
        running
    }

    pub(super) async fn is_well(&self) -> Health {
        let health = async || self.bus.health();
        awaited("the bus is connected", health, |health| health.connected).await
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Message {
        timeout(HANG, self.heard.recv()).await.expect("a message in time").expect("a running bus")
    }

    pub(super) fn publish(&self, revision: i64) -> Message {
        let message = message(self.bus.sender(), revision);
        self.bus.publish(message.clone());
        message
    }

    /// Publishes and hears until what was published comes back, as it does when all is well.
    pub(super) async fn works(&mut self) {
        let since = std::time::Instant::now();
        for revision in 1_000.. {
            let sent = self.publish(revision);
            while let Ok(heard) = timeout(Duration::from_millis(500), self.heard.recv()).await {
                if heard.expect("a running bus") == sent {
                    return;
                }
            }
            assert!(since.elapsed() < HANG, "never: {:?}", self.bus.health());
        }
    }
}

fn message(sender: u64, revision: i64) -> Message {
    let scopes = vec![Scope::All, Scope::Genre("sci-fi".into()), Scope::Item(42)];
    let revision = Revision::new(revision).unwrap();
    Message { epoch: 7, sender, revision, touched: Touched::of(scopes) }
}

#[tokio::test]
async fn a_message_reaches_every_replica() {
    let (servers, prefix) = (at(&shared_url()), prefix());
    let mut one = Running::connected(&servers, &prefix).await;
    let mut other = Running::connected(&servers, &prefix).await;
    let mut stranger = Running::connected(&servers, &super::prefix()).await;
    for revision in 1..=100 {
        let sent = one.publish(revision);
        assert_eq!(one.next().await, sent);
        assert_eq!(other.next().await, sent);
    }
    let own = stranger.publish(1);
    assert_eq!(stranger.next().await, own, "another prefix has another channel");
    let health = one.is_well().await;
    assert_eq!((health.published, health.received, health.dropped), (100, 100, 0));
    assert_eq!((health.rejected, health.reconnects), (0, 0));
    assert_ne!(one.bus.sender(), other.bus.sender());
}

#[tokio::test]
async fn garbage_is_counted_and_ignored() {
    let prefix = prefix();
    let mut bus = Running::connected(&at(&shared_url()), &prefix).await;
    for garbage in ["x", "mqb", "hello_there", "{}"] {
        let heard_by: u32 = ask(&shared_url(), &format!("PUBLISH {prefix}:bus {garbage}")).await;
        assert_eq!(heard_by, 1);
    }
    let sent = bus.publish(1);
    assert_eq!(bus.next().await, sent);
    assert_eq!(bus.bus.health().rejected, 4);
}

#[tokio::test]
async fn a_full_queue_drops_messages_and_does_not_wait() {
    let bus = Bus::new(&at(&shared_url()), &prefix()).unwrap();
    for revision in 0..1_030 {
        bus.publish(message(1, revision));
    }
    let health = bus.health();
    assert_eq!((health.dropped, health.published, health.connected), (6, 0, false));
    assert_eq!(health.heard, None);
}

#[tokio::test]
async fn what_waited_for_a_connection_is_sent_when_there_is_one() {
    let mut server = Server::new(&[]);
    server.kill();
    let mut bus = Running::new(&at(&server.url()), &prefix());
    let sent = bus.publish(1);
    server.start();
    bus.works().await;
    // It may have gone out before anybody listened, but not been lost on the way out.
    let health = bus.is_well().await;
    assert_eq!(health.dropped, 0);
    assert!(health.published > 1, "{health:?} {sent:?}");
}

#[tokio::test]
async fn a_bus_that_is_stopped_sends_what_waits() {
    let (servers, prefix) = (at(&shared_url()), prefix());
    let mut other = Running::connected(&servers, &prefix).await;
    let one = Running::connected(&servers, &prefix).await;
    let sent: Vec<_> = (1..=200).map(|revision| one.publish(revision)).collect();
    one.stop.cancel();
    timeout(HANG, one.task).await.expect("it stops").expect("no panic");
    assert!(!one.bus.health().connected);
    for sent in sent {
        assert_eq!(other.next().await, sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_fall_silent_are_replaced() {
    for link in [Link::Blackhole, Link::Swallow(Way::Up), Link::Swallow(Way::Down), Link::Cut] {
        let proxy = FaultProxy::new(shared_address()).await;
        let servers = at(&format!("redis://{}", proxy.address));
        let mut bus = Running::connected(&servers, &prefix()).await;
        bus.works().await;
        proxy.set(link);
        let health = async || bus.bus.health();
        eventually("it is noticed", health, |health| !health.connected).await;
        proxy.set(Link::Up);
        bus.works().await;
        let health = bus.is_well().await;
        assert!(health.reconnects > 0, "{link:?} {health:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_messages_come_again() {
    let mut server = Server::new(&[]);
    let mut bus = Running::connected(&at(&server.url()), &prefix()).await;
    for _ in 0..2 {
        bus.works().await;
        server.kill();
        let health = async || bus.bus.health();
        eventually("it is noticed", health, |health| !health.connected).await;
        server.start();
        bus.works().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_noticed_and_found_again() {
    let server = Server::new(&[]);
    let mut bus = Running::connected(&at(&server.url()), &prefix()).await;
    server.hang();
    let health = async || bus.bus.health();
    eventually("it is noticed", health, |health| !health.connected).await;
    server.go_on();
    bus.works().await;
}

#[tokio::test]
async fn heartbeats_tell_how_long_ago_anything_was_heard() {
    let bus = Running::connected(&at(&shared_url()), &prefix()).await;
    let health = async || bus.bus.health().heard.expect("it heard itself");
    let (some, little) = (Duration::from_millis(400), Duration::from_millis(200));
    eventually("no heartbeat for a while", health, |heard| *heard > some).await;
    eventually("another heartbeat", health, |heard| *heard < little).await;
    assert_eq!(bus.bus.health().received, 0);
}
