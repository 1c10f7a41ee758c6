//! Faults of the load balancer's way to one replica. They permit failures of requests that go through it, and
//! none of those that go to replicas directly.

use std::time::Duration;

use tokio::time::sleep;

use super::{Done, Fault, NOTICED, Scene, permits::Trouble};
use crate::fault_proxy::Link;

/// After the way is open again: the load balancer may try a connection once more that it has not seen end.
const GRACE: Duration = Duration::from_millis(200);
/// Each way. A check of the replica's health takes twice that, and still ends in time.
const SLOW: Duration = Duration::from_millis(150);

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    if scene.cluster.balancer.is_none() {
        return Done::No("there is no load balancer");
    }
    let at = scene.replica();
    let way = &scene.cluster.nodes[at].balancer;
    if fault == Fault::BalancerSlow {
        // Nothing is lost, so this permits no failure.
        way.set(Link::Slow(SLOW));
        scene.last(600).await;
        way.set(Link::Up);
        return Done::Yes;
    }
    let window = scene.shared.permits.open(Trouble::Balancer);
    if fault == Fault::BalancerHangs {
        way.set(Link::Blackhole);
        // Longer than the load balancer takes to know.
        scene.last(1_500).await;
    }
    way.set(Link::Cut);
    if fault == Fault::BalancerCut {
        scene.last(300).await;
    }
    sleep(NOTICED).await;
    way.set(Link::Up);
    scene.shared.permits.close(window, GRACE);
    sleep(GRACE).await;
    Done::Yes
}
