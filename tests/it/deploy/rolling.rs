//! A rolling restart behind the shipped load balancers fails no request: two replicas, each restarted twice,
//! while clients read and write all the time.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    balancers::Balancer,
    fleet::{Fleet, answered},
    load::Load,
};
use crate::cluster::replica::Replica;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Long enough for HAProxy to notice by its checks, every half second, with a busy machine in between.
const FLAGS: [&str; 3] = ["--drain-delay=3s", "--drain-deadline=30s", "--rate-limit=off"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_haproxy_fails_no_request() {
    let fleet = Fleet::start(&FLAGS).await;
    let balancer = Balancer::haproxy(&fleet.addresses()).await;
    restarts_fail_nothing(&fleet, &balancer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_nginx_fails_no_request() {
    let fleet = Fleet::start(&FLAGS).await;
    let balancer = Balancer::nginx(&fleet.addresses()).await;
    restarts_fail_nothing(&fleet, &balancer).await;
}

async fn restarts_fail_nothing(fleet: &Fleet, balancer: &Balancer) {
    // Before it is under load, until the balancer knows that both are there.
    for replica in &fleet.replicas {
        is_used(fleet, balancer, replica).await;
    }
    let load = Load::start(balancer.address, &fleet.key, 6, 2);
    for replica in fleet.replicas.iter().chain(&fleet.replicas) {
        let before = load.so_far();
        let status = replica.end().await;
        assert!(status.success(), "{status}: {:#?}", replica.log());
        replica.start();
        replica.ready().await;
        // It is in use again, so the next one may go.
        is_used(fleet, balancer, replica).await;
        let after = load.so_far();
        assert!(after.0 > before.0 && after.1 > before.1, "the load stood still");
    }
    let report = load.stop().await;
    assert!(report.failures.is_empty(), "{report:#?}");
    assert!(report.reads > 100 && report.writes > 20, "too few to mean anything: {report:?}");
}

/// Asks the balancer until the replica has answered something; so will the load, where there is some.
async fn is_used(fleet: &Fleet, balancer: &Balancer, replica: &Replica) {
    let since = Instant::now();
    let before = answered(replica).await.unwrap_or_default();
    let probe = Load::start(balancer.address, &fleet.key, 1, 1);
    while answered(replica).await.unwrap_or_default() < before + 5.0 {
        assert!(since.elapsed() < PATIENCE, "the balancer does not use {}", replica.public);
        sleep(Duration::from_millis(50)).await;
    }
    let probed = probe.stop().await;
    assert!(probed.failures.is_empty(), "{probed:#?}");
}
