//! Faults of a replica itself.

use std::time::Duration;

use tokio::time::sleep;

use super::{Done, Fault, Scene, permits::Trouble};

/// After a replica is there again: the load balancer takes a while to know.
const GRACE: Duration = Duration::from_millis(700);

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    if fault == Fault::ClockJumps {
        let Some(clock) = &scene.cluster.clock else {
            return Done::No("its system clock cannot be moved here");
        };
        for offset in ["+1h", "-1h", "+0"] {
            clock.set(offset);
            // The replica looks once a second.
            sleep(Duration::from_millis(1_200)).await;
        }
        return Done::Yes;
    }
    let at = if fault == Fault::ReplicaKilled { scene.mortal() } else { scene.replica() };
    let replica = &scene.cluster.nodes[at].replica;
    let window = scene.shared.permits.open(Trouble::Process(at));
    if fault == Fault::ReplicaKilled {
        // Writes are under way all the time, so this is between commits and their messages too.
        for _ in 0..2 {
            replica.kill();
            replica.start();
            replica.ready().await;
            scene.last(200).await;
        }
    } else {
        replica.signal("STOP");
        sleep(scene.cluster.layout.limits.bound).await;
        scene.last(700).await;
        replica.signal("CONT");
        replica.ready().await;
    }
    scene.shared.permits.close(window, GRACE);
    sleep(GRACE).await;
    Done::Yes
}
