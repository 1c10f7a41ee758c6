//! A Redis Cluster.

use std::time::Duration;

use futures_util::future::join_all;
use marquee::cache::remote::{Options, Remote, Servers};

use super::{
    MINUTE, at,
    bus::Running,
    bytes, digest, eventually, options, prefix, remote,
    server::{Server, free_port},
};

/// Three masters without replicas.
struct Cluster(Vec<Server>);

impl Cluster {
    async fn new() -> Self {
        let node = |_| {
            let bus = free_port().to_string();
            let timeout = ["--cluster-node-timeout", "1000"];
            // Slots of a node that is away do not take the others with them.
            let part = ["--cluster-require-full-coverage", "no"];
            let on = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            Server::new(&[&on[..], &timeout, &part].concat())
        };
        let cluster = Self((0..3).map(node).collect());
        let first = &cluster.0[0];
        for (node, slots) in cluster.0.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
            let (): () = node.ask(&format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
            let bus: Vec<String> = node.ask("CONFIG GET cluster-port").await;
            let bus = &bus[1];
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port);
            let (): () = first.ask(&meet).await;
        }
        for node in &cluster.0 {
            let info = async || node.ask::<String>("CLUSTER INFO").await;
            let whole = |info: &String| {
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            eventually("the cluster is whole", info, whole).await;
        }
        cluster
    }

    fn servers(&self, known: usize) -> Servers {
        let nodes = self.0.iter().take(known).map(|node| format!("127.0.0.1:{}", node.port));
        at(&format!("redis-cluster://{}", nodes.collect::<Vec<_>>().join(",")))
    }
}

const KEYS: u32 = 30;

/// Puts and gets every key, all at once; tells how many came back.
async fn round_trips(remote: &Remote) -> u32 {
    let round_trip = async |n: u32| {
        let put = remote.put(&digest(n), &n.to_be_bytes(), MINUTE).await;
        let Ok(Some(got)) = remote.get(&digest(n)).await else { return 0 };
        assert_eq!(got, n.to_be_bytes()[..]);
        u32::from(put.is_ok())
    };
    join_all((0..KEYS).map(round_trip)).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_finds_its_node() {
    let cluster = Cluster::new().await;
    let remote = remote(cluster.servers(1));
    for n in 0..100 {
        let key = digest(n);
        let lease = remote.lease(&key, MINUTE).await.unwrap().expect("nobody has it");
        assert_eq!(remote.lease(&key, MINUTE).await.unwrap(), None);
        remote.put(&key, b"one", MINUTE).await.unwrap();
        let look = remote.look(&key).await.unwrap();
        assert_eq!((look.entry, look.leased), (Some(bytes("one")), true));
        remote.release(lease).await.unwrap();
        let look = remote.look(&key).await.unwrap();
        assert_eq!((look.entry, look.leased), (Some(bytes("one")), false));
        assert_eq!(remote.get(&key).await.unwrap(), Some(bytes("one")));
    }
    for node in &cluster.0 {
        assert!(node.ask::<u32>("DBSIZE").await > 0, "keys are spread over all nodes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_cross_the_cluster() {
    let mut cluster = Cluster::new().await;
    let prefix = prefix();
    let mut buses = Vec::new();
    for known in [1, 2, 3, 3] {
        buses.push(Running::connected(&cluster.servers(known), &prefix).await);
    }
    let sent = buses[0].publish(1);
    for bus in &mut buses {
        assert_eq!(bus.next().await, sent);
    }
    // Any node that is there will do.
    cluster.0[0].kill();
    buses[3].works().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_costs_its_own_keys_only() {
    let mut cluster = Cluster::new().await;
    let deadline = Duration::from_millis(200);
    let options = Options { deadline, ..options(cluster.servers(3)) };
    let remote = Remote::new(options).unwrap();
    assert_eq!(round_trips(&remote).await, KEYS);
    let all = async || round_trips(&remote).await;
    let on_others = |on_it: u32| KEYS - on_it;

    let others = on_others(cluster.0[1].ask("DBSIZE").await);
    cluster.0[1].hang();
    // Some breakers are for slots of two nodes; and whoever waits while the machine is busy may be late once.
    for _ in 0..5 {
        eventually("only its own keys are lost", all, |good| (others - 3..=others).contains(good))
            .await;
    }
    cluster.0[1].go_on();
    eventually("all keys are found again", all, |good| *good == KEYS).await;

    let others = on_others(cluster.0[2].ask("DBSIZE").await);
    cluster.0[2].kill();
    // Some breakers are for slots of two nodes; and whoever waits while the machine is busy may be late once.
    for _ in 0..5 {
        eventually("only its own keys are lost", all, |good| (others - 3..=others).contains(good))
            .await;
    }
    cluster.0[2].start();
    eventually("all keys are found again", all, |good| *good == KEYS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_away_is_found_again() {
    let mut cluster = Cluster::new().await;
    let remote = remote(cluster.servers(3));
    assert_eq!(round_trips(&remote).await, KEYS);
    cluster.0.iter_mut().for_each(Server::kill);
    assert_eq!(round_trips(&remote).await, 0);
    cluster.0.iter_mut().for_each(Server::start);
    let all = async || round_trips(&remote).await;
    eventually("all keys are found again", all, |good| *good == KEYS).await;
}
