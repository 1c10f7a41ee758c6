//! A quota that two replicas share by way of Redis.

use std::time::Duration;

use tokio::time::timeout;

use super::{admitted, read_for};
use crate::{
    app::TestApp,
    backend::{Backend, Database},
    fault_proxy::{FaultProxy, Link},
    redis::{prefix, shared_address, shared_url},
};

/// Longer than anything here takes on the slowest machine.
const HANG: Duration = Duration::from_mins(1);

const QUOTA: usize = 60;
/// What a replica may have ahead of that quota.
const LEASE: usize = 6;

async fn replicas(url: &str) -> [TestApp; 2] {
    let (url, prefix) = (format!("--redis-url={url}"), format!("--redis-prefix={}", prefix()));
    let rules = format!("--rate-limit=read={QUOTA}/1d");
    let flags = [
        &*rules,
        &url,
        &prefix,
        "--rate-limit-cluster=on",
        "--trusted-proxies=loopback",
        "--redis-deadline=5s",
    ];
    let database = Database::new(Backend::Sqlite).await;
    let other = database.same();
    let one = TestApp::start(database, &flags).await;
    [one, TestApp::start(other, &flags).await]
}

/// Asks these replicas in turn until they have admitted the quota, then some hundred times more, and
/// counts what they admit.
async fn admitted_by(replicas: &[&TestApp], address: &str) -> usize {
    let (mut total, mut more) = (0, 300);
    let asking = async {
        while total < QUOTA || more > 0 {
            more -= usize::from(total >= QUOTA);
            for app in replicas {
                total += admitted(app, address, 1).await;
                // So that a replica asks for tokens again. A day's quota comes back more slowly.
                app.clock.advance(Duration::from_millis(1));
            }
        }
    };
    timeout(HANG, asking).await.expect("the quota is admitted");
    total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_admit_no_more_than_the_quota_and_a_lease_each() {
    let [one, other] = &replicas(&shared_url()).await;
    let total = admitted_by(&[one, other], "192.0.2.1").await;
    assert!(total <= QUOTA + 2 * LEASE, "{total}");
    let refused = read_for(one, "192.0.2.1").await.expect(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Another client has a quota of its own, and gets it at one replica alone, too.
    assert_eq!(admitted_by(&[other], "192.0.2.2").await, QUOTA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_replica_goes_by_its_own_quota() {
    let proxy = FaultProxy::new(shared_address()).await;
    proxy.set(Link::Cut);
    let replicas =
        replicas(&shared_url().replace(&shared_address().to_string(), &proxy.address.to_string()))
            .await;
    for app in &replicas {
        assert_eq!(admitted_by(&[app], "192.0.2.1").await, QUOTA);
    }
}
