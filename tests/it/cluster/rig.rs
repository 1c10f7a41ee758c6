//! The cluster: replicas behind a load balancer, a database, a Redis, and a proxy on every link.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::{
    balancer_link::BalancerLink,
    check::Limits,
    load::readers::Addresses,
    programs::{Balancer, MariaDb, Redis},
    redis_link::RedisLink,
    replica::Replica,
};
use crate::{
    backend::{Backend, Database},
    fault_proxy::FaultProxy,
};

/// Whether the service uses Redis. Without it the same checks hold, and faults of Redis are nothing.
pub(crate) const HAS_REDIS: bool = true;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) replicas: usize,
    pub(crate) balanced: bool,
    /// A MariaDB of its own, which can be killed.
    pub(crate) own_database: bool,
    /// A system clock of the first replica's own, where that can be had.
    pub(crate) own_clock: bool,
    pub(crate) limits: Limits,
    pub(crate) poll: Duration,
    pub(crate) connections: u32,
    /// More flags for every replica.
    pub(crate) flags: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            replicas: 3,
            balanced: true,
            own_database: false,
            own_clock: false,
            limits: Limits { bound: Duration::from_millis(600), cap: Duration::from_secs(10) },
            poll: Duration::from_millis(150),
            connections: 12,
            flags: Vec::new(),
        }
    }
}

/// A replica and its links.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) replica: Replica,
    pub(crate) database: FaultProxy,
    pub(crate) redis: RedisLink,
    /// The load balancer's way to it.
    pub(crate) balancer: BalancerLink,
}

/// A running cluster; all of it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) layout: Layout,
    // Replicas first: whoever is still connected holds up the end of the database.
    pub(crate) nodes: Vec<Node>,
    pub(crate) balancer: Option<Balancer>,
    pub(crate) redis: Mutex<Redis>,
    pub(crate) truth: Truth,
    /// The first replica's system clock, where it can be moved.
    pub(crate) clock: Option<FakeClock>,
}

/// The database.
#[derive(Debug)]
pub(crate) enum Truth {
    Shared(Database),
    Own { server: Mutex<MariaDb>, url: String, address: SocketAddr },
}

impl Truth {
    /// A new database.
    pub(crate) async fn new(own: bool) -> Self {
        if !own {
            return Self::Shared(Database::new(Backend::MariaDb).await);
        }
        let server = MariaDb::start().await;
        let (address, root) = (server.address, format!("mysql://root@{}", server.address));
        let mut connection = MySqlConnection::connect(&root).await.expect("the database answers");
        connection.execute("CREATE DATABASE marquee").await.expect("a database is made");
        Self::Own { server: Mutex::new(server), url: format!("{root}/marquee"), address }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Shared(database) => &database.url,
            Self::Own { url, .. } => url,
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Shared(database) => {
                let server = database.url.rsplit_once('/').expect("a database's name").0;
                let address = server.rsplit_once('@').map_or(server, |(_, address)| address);
                address.parse().expect("an address")
            }
            Self::Own { address, .. } => *address,
        }
    }

    /// The same database by way of a proxy.
    fn url_by(&self, proxy: SocketAddr) -> String {
        self.url().replacen(&self.address().to_string(), &proxy.to_string(), 1)
    }
}

impl Cluster {
    /// Starts everything and waits until every replica serves.
    pub(crate) async fn start(layout: Layout) -> Self {
        let (truth, redis) = tokio::join!(Truth::new(layout.own_database), Redis::start());
        Self::start_on(layout, truth, redis).await
    }

    /// Starts a cluster on a database and a Redis that there are.
    pub(crate) async fn start_on(layout: Layout, truth: Truth, redis: Redis) -> Self {
        let clock = if layout.own_clock { FakeClock::new() } else { None };
        let mut nodes = Vec::new();
        for n in 0..layout.replicas {
            let database = FaultProxy::new(truth.address()).await;
            let link = RedisLink::new(redis.address).await;
            let flags = flags(&layout, &truth.url_by(database.address), link.address);
            let environment = match &clock {
                Some(clock) if n == 0 => clock.environment(),
                _ => Vec::new(),
            };
            let replica = Replica::new(flags, environment);
            let balancer = BalancerLink::new(&replica).await;
            nodes.push(Node { replica, database, redis: link, balancer });
        }
        // The first one makes the schema, which takes a lock that the others would wait for.
        for node in &nodes {
            node.replica.start();
            node.replica.ready().await;
        }
        let balancer = if layout.balanced {
            let ways: Vec<_> = nodes.iter().map(|node| node.balancer.addresses()).collect();
            Some(Balancer::start(&ways).await)
        } else {
            None
        };
        Self { layout, nodes, balancer, redis: Mutex::new(redis), truth, clock }
    }

    pub(crate) fn addresses(&self) -> Addresses {
        Addresses {
            replicas: self.nodes.iter().map(|node| node.replica.public).collect(),
            balancer: self.balancer.as_ref().map(|balancer| balancer.address),
        }
    }

    /// Waits until every replica is ready.
    pub(crate) async fn ready(&self) {
        for node in &self.nodes {
            node.replica.ready().await;
        }
    }

    /// Ends the replicas and the database, and gives back the Redis as they left it.
    pub(crate) fn into_redis(self) -> Redis {
        for node in &self.nodes {
            node.replica.kill();
        }
        self.redis.into_inner()
    }
}

fn flags(layout: &Layout, database_url: &str, redis: SocketAddr) -> Vec<String> {
    let ms = |duration: Duration| format!("{}ms", duration.as_millis());
    let mut flags = vec![
        format!("--database-url={database_url}"),
        format!("--database-connections={}", layout.connections),
        "--database-acquire-timeout=1s".to_owned(),
        // A busy machine is no fault that permits a failure.
        "--overload-queue-time=2s".to_owned(),
        "--database-statement-timeout=1s".to_owned(),
        "--bundled-catalogue=skip".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    flags.extend([
        format!("--staleness-bound={}", ms(layout.limits.bound)),
        format!("--staleness-cap={}", ms(layout.limits.cap)),
        format!("--poll-interval={}", ms(layout.poll)),
    ]);
    if HAS_REDIS {
        flags.extend([format!("--redis-url=redis://{redis}"), "--redis-prefix=checked".to_owned()]);
    }
    flags.extend(layout.flags.iter().cloned());
    flags
}

/// A system clock that the test moves; the monotonic clock stays right.
#[derive(Debug)]
pub(crate) struct FakeClock {
    library: PathBuf,
    folder: TempDir,
}

impl FakeClock {
    /// `None` where the library that does it (Debian's libfaketime) is not installed.
    fn new() -> Option<Self> {
        let machines = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
        let library = machines
            .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.is_file())?;
        let clock = Self { library, folder: tempfile::tempdir().expect("a temporary folder") };
        clock.set("+0");
        Some(clock)
    }

    /// Moves the clock, as in `+1h` or `-1h`.
    pub(crate) fn set(&self, offset: &str) {
        std::fs::write(self.file(), format!("{offset}\n")).expect("the offset can be written");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    fn environment(&self) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.display().to_string();
        [
            ("LD_PRELOAD", text(self.library.clone())),
            ("FAKETIME_TIMESTAMP_FILE", text(self.file())),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}
