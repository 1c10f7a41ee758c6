//! Replicas as they are deployed: on MariaDB and Redis, behind a proxy that they trust, with a key.

use std::{net::SocketAddr, process::Command};

use crate::{
    backend::{Backend, Database},
    client::Client,
    cluster::{
        programs::Redis,
        replica::Replica,
        wire::{Repeat, Wire, get},
    },
};

/// Some replicas, all of them ready.
#[derive(Debug)]
pub(crate) struct Fleet {
    // Replicas first: whoever is still connected holds up the end of the database.
    pub(crate) replicas: Vec<Replica>,
    /// An editor's key.
    pub(crate) key: String,
    _redis: Redis,
    _database: Database,
}

impl Fleet {
    /// Starts two, with more flags of the test's own.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let (database, redis) = tokio::join!(Database::new(Backend::MariaDb), Redis::start());
        let key = first_key(&database.url);
        let usual = [
            format!("--database-url={}", database.url),
            "--database-connections=12".to_owned(),
            // More than a busy machine takes.
            "--database-acquire-timeout=10s".to_owned(),
            "--database-statement-timeout=10s".to_owned(),
            "--staleness-bound=20s".to_owned(),
            // Nothing is shed here: that is another matter than restarts.
            "--overload-limit=6".to_owned(),
            "--overload-queue-time=10s".to_owned(),
            format!("--redis-url=redis://{}", redis.address),
            // Balancers ask from there; clients of the tests are at other addresses of this machine.
            "--trusted-proxies=127.0.0.1/32".to_owned(),
        ];
        let flags: Vec<String> =
            usual.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect();
        let replicas: Vec<_> = (0..2).map(|_| Replica::new(flags.clone(), Vec::new())).collect();
        for replica in &replicas {
            replica.start();
            replica.ready().await;
        }
        Self { replicas, key, _redis: redis, _database: database }
    }

    /// Public and admin listener of each.
    pub(crate) fn addresses(&self) -> Vec<(SocketAddr, SocketAddr)> {
        self.replicas.iter().map(|replica| (replica.public, replica.admin)).collect()
    }
}

/// Brings the schema up to date and makes the first key, as the one-shot of deploy/compose does.
fn first_key(database: &str) -> String {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marquee"));
        let done = command.args(arguments).args(["--database-url", database]).env_clear().output();
        let done = done.expect("marquee can be started");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").trim().to_owned()
    };
    run(&["migrate"]);
    run(&["keys", "create", "--name", "first", "--role", "editor"])
}

/// What a replica's `/metrics` has.
pub(crate) async fn scrape(replica: &Replica) -> String {
    Client::new(replica.admin).get("/metrics").await.expect(200).text()
}

/// How many requests a replica has answered since its start; `None` while it is away.
pub(crate) async fn answered(replica: &Replica) -> Option<f64> {
    let scraped = Wire::new(replica.admin).ask(&get("/metrics", &[]), Repeat::Safe).await.ok()?;
    let text = std::str::from_utf8(&scraped.body).ok()?;
    let values = text.lines().filter(|line| line.starts_with("marquee_http_requests_total{"));
    Some(values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
