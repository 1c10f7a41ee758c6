//! The shared cache and the bus, on real Redis servers.

mod bus;
mod cluster;
mod faults;
mod log;
mod operations;
mod restarts;
mod sentinel;
mod server;
mod tls;

use std::{
    fmt::Debug,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use marquee::{
    app::redis::servers,
    cache::remote::{Digest, Lease, Missed, Options, Remote, Servers},
    config::redis_url::RedisUrl,
};

/// Longer than anything here takes on the slowest machine.
const HANG: Duration = Duration::from_secs(30);

const MINUTE: Duration = Duration::from_mins(1);

/// The servers at an address.
fn at(url: &str) -> Servers {
    servers(&url.parse::<RedisUrl>().expect("an address of Redis"), None)
}

/// The address of the Redis that tests share.
pub(crate) fn shared_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test script says where the server is")]
    std::env::var("TEST_REDIS_URL")
        .unwrap_or_else(|_| panic!("TEST_REDIS_URL is not set: run the tests with `make test`"))
}

/// Where the Redis that tests share listens.
pub(crate) fn shared_address() -> SocketAddr {
    let url = shared_url();
    let place = url.trim_start_matches("redis://").trim_end_matches('/');
    place.rsplit('@').next().and_then(|place| place.parse().ok()).expect("an address of Redis")
}

/// Names that no other test has on the same Redis.
pub(crate) fn prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test:{}:{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// What most facts are about; a deadline far beyond what a busy machine needs.
fn options(servers: Servers) -> Options {
    Options {
        servers,
        prefix: prefix(),
        deadline: Duration::from_secs(2),
        in_flight_max: 256,
        connections: 4,
    }
}

fn remote(servers: Servers) -> Remote {
    Remote::new(options(servers)).expect("a shared cache")
}

fn digest(n: u32) -> Digest {
    let mut digest = [0; 16];
    digest[..4].copy_from_slice(&n.to_be_bytes());
    digest
}

/// Asks until the answer is as wanted.
async fn eventually<T: Debug>(
    what: &str,
    ask: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) {
    let _ = awaited(what, ask, wanted).await;
}

/// Asks until the answer is as wanted, and gives it.
async fn awaited<T: Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let since = Instant::now();
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        assert!(since.elapsed() < HANG, "never: {what}; at last {answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the shared cache takes and gives, by a key that no test has.
async fn works(remote: &Remote) {
    let key = digest(u32::MAX);
    eventually(
        "the shared cache works",
        async || {
            remote.put(&key, b"works", MINUTE).await?;
            remote.get(&key).await
        },
        |got| matches!(got, Ok(Some(bytes)) if bytes == "works"),
    )
    .await;
}

/// A lease that nobody has, to be released when all goes wrong.
async fn lease(remote: &Remote, n: u32) -> Lease {
    remote.lease(&digest(n), MINUTE).await.expect("all is well").expect("nobody has it")
}

/// Every operation once, by name.
async fn each(remote: &Remote, lease: Lease) -> [(&'static str, Result<(), Missed>); 5] {
    let key = digest(1);
    [
        ("get", remote.get(&key).await.map(drop)),
        ("look", remote.look(&key).await.map(drop)),
        ("put", remote.put(&key, b"x", MINUTE).await),
        ("lease", remote.lease(&key, MINUTE).await.map(drop)),
        ("release", remote.release(lease).await),
    ]
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}
