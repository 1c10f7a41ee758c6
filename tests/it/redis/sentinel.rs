//! Redis servers that Sentinels watch.

use marquee::cache::remote::breaker::State;

use super::{
    MINUTE, at, bus::Running, bytes, digest, eventually, prefix, remote, server::Server, works,
};

/// A master, a replica of it, and a Sentinel that is enough for itself.
struct Watched {
    master: Server,
    replica: Server,
    sentinel: Server,
}

impl Watched {
    async fn new() -> Self {
        let password = ["--requirepass", "pw", "--masterauth", "pw"];
        // An empty new replica is synchronised at once instead of after five seconds.
        let fast = ["--repl-diskless-sync-delay", "0"];
        let usual = [&password[..], &fast].concat();
        let master = Server::new(&usual);
        let port = master.port.to_string();
        let replica = Server::new(&[&usual[..], &["--replicaof", "127.0.0.1", &port]].concat());
        let settings = format!(
            "sentinel monitor films 127.0.0.1 {port} 1\n\
             sentinel auth-pass films pw\n\
             sentinel down-after-milliseconds films 500\n\
             sentinel failover-timeout films 2000"
        );
        let sentinel = Server::sentinel(&settings);
        // It asks its servers how they are each ten seconds otherwise.
        let (): () = sentinel.ask("SENTINEL DEBUG INFO-PERIOD 100").await;
        let watched = Self { master, replica, sentinel };
        let replicas = async || watched.sentinel.ask::<String>("INFO sentinel").await;
        eventually("it knows the replica", replicas, |info| info.contains("slaves=1")).await;
        let url = format!("redis://:pw@127.0.0.1:{}", watched.replica.port);
        let link = async || super::server::ask::<String>(&url, "INFO replication").await;
        eventually("it follows", link, |info| info.contains("master_link_status:up")).await;
        let suitable =
            async || watched.sentinel.ask::<Vec<Vec<String>>>("SENTINEL REPLICAS films").await;
        let linked = |replicas: &Vec<Vec<String>>| {
            let mut facts = replicas[0].chunks(2);
            facts.any(|fact| fact == ["master-link-status", "ok"])
        };
        eventually("the Sentinel knows that", suitable, linked).await;
        watched
    }

    fn url(&self, others: &str) -> String {
        format!("redis-sentinel://:pw@{others}127.0.0.1:{}/films", self.sentinel.port)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_followed() {
    let mut watched = Watched::new().await;
    let servers = at(&watched.url(""));
    let remote = remote(servers.clone());
    let mut bus = Running::connected(&servers, &prefix()).await;
    works(&remote).await;
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    bus.works().await;

    watched.master.kill();
    works(&remote).await;
    assert_eq!(remote.breaker(), State::Closed);
    bus.works().await;

    let url = format!("redis://:pw@127.0.0.1:{}", watched.replica.port);
    let role: String = super::server::ask(&url, "INFO replication").await;
    assert!(role.contains("role:master"), "{role}");
    assert!(remote.get(&digest(1)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_was_demoted_is_left() {
    let watched = Watched::new().await;
    let servers = at(&watched.url(""));
    let remote = remote(servers.clone());
    let mut bus = Running::connected(&servers, &prefix()).await;
    works(&remote).await;

    let (): () = watched.sentinel.ask("SENTINEL FAILOVER films").await;
    let question = "SENTINEL GET-MASTER-ADDR-BY-NAME films";
    let master = async || watched.sentinel.ask::<Vec<String>>(question).await;
    let next = watched.replica.port.to_string();
    eventually("the other one is promoted", master, |address| address[1] == next).await;
    // What the Sentinel does to the former master, which it takes its time for.
    let url = format!("redis://:pw@127.0.0.1:{}", watched.master.port);
    let (): () = super::server::ask(&url, &format!("REPLICAOF 127.0.0.1 {next}")).await;
    let _: u32 = super::server::ask(&url, "CLIENT KILL TYPE pubsub").await;
    let _: u32 = super::server::ask(&url, "CLIENT KILL TYPE normal SKIPME yes").await;

    works(&remote).await;
    bus.works().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_that_wants_the_password_gets_it() {
    let watched = Watched::new().await;
    let (): () = watched.sentinel.ask("ACL SETUSER default resetpass >pw").await;
    let remote = remote(at(&watched.url("")));
    works(&remote).await;
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("one")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_that_is_away_is_passed_over() {
    let watched = Watched::new().await;
    let gone = format!("127.0.0.1:{},", super::server::free_port());
    let remote = remote(at(&watched.url(&gone)));
    works(&remote).await;
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("one")));
}
