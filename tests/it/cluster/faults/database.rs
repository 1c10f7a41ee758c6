//! Faults of the database and of the ways to it. They permit 503 for misses, for writes, and for all
//! once the cap is passed.

use std::time::Duration;

use tokio::time::sleep;

use super::{Done, Fault, NOTICED, Scene, permits::Trouble};
use crate::{cluster::rig::Truth, fault_proxy::Link};

/// After a replica is ready again: statements that began before have their deadline still.
const GRACE: Duration = Duration::from_millis(1_500);

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    let one = scene.replica();
    let only = matches!(fault, Fault::DatabaseLostByOne | Fault::DatabaseSlow).then_some(one);
    if fault == Fault::DatabaseKilled && !matches!(scene.cluster.truth, Truth::Own { .. }) {
        return Done::No("the database is not the test's own");
    }
    let window = scene.shared.permits.open(Trouble::Database(only));
    match fault {
        Fault::DatabaseCut => {
            links(scene, None, Link::Cut);
            scene.last(300).await;
        }
        Fault::DatabaseSlow => {
            links(scene, only, Link::Late(Duration::from_millis(400)));
            scene.last(900).await;
        }
        Fault::DatabaseKilled => {
            let Truth::Own { server, .. } = &scene.cluster.truth else { unreachable!() };
            server.lock().await.kill();
            scene.outlast_the_bound().await;
            server.lock().await.run().await;
        }
        _ => {
            links(scene, only, Link::Blackhole);
            scene.outlast_the_bound().await;
        }
    }
    links(scene, only, Link::Cut);
    sleep(NOTICED).await;
    links(scene, only, Link::Up);
    scene.cluster.ready().await;
    scene.shared.permits.close(window, GRACE);
    sleep(GRACE).await;
    Done::Yes
}

fn links(scene: &Scene<'_>, only: Option<usize>, link: Link) {
    for (n, node) in scene.cluster.nodes.iter().enumerate() {
        if only.is_none_or(|only| only == n) {
            node.database.set(link);
        }
    }
}
