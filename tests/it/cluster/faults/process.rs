//! Faults of a replica itself.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Done, Fault, Scene, permits::Trouble};

/// After a replica is there again: the load balancer takes a while to know.
const GRACE: Duration = Duration::from_millis(700);
/// A replica that has nothing to tell of for so long is not written to.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) async fn strike(fault: Fault, scene: &mut Scene<'_>) -> Done {
    match fault {
        Fault::ClockJumps => jump(scene).await,
        Fault::ReplicaKilled => kill(scene).await,
        Fault::ReplicaKilledUnheard => kill_unheard(scene).await,
        _ => stop(scene).await,
    }
}

async fn jump(scene: &Scene<'_>) -> Done {
    let Some(clock) = &scene.cluster.clock else {
        return Done::No("its system clock cannot be moved here");
    };
    for offset in ["+1h", "-1h", "+0"] {
        clock.set(offset);
        // The replica looks once a second.
        sleep(Duration::from_millis(1_200)).await;
    }
    Done::Yes
}

async fn kill(scene: &mut Scene<'_>) -> Done {
    let at = scene.mortal();
    let replica = &scene.cluster.nodes[at].replica;
    let window = scene.shared.permits.open(Trouble::Process(at));
    // Writes are under way all the time, so this is in the middle of some.
    for _ in 0..2 {
        replica.kill();
        replica.start();
        replica.ready().await;
        scene.last(200).await;
    }
    over(scene, window).await
}

/// Kills a replica when it has committed a write and is about to tell the others, who must find out themselves.
async fn kill_unheard(scene: &mut Scene<'_>) -> Done {
    let at = scene.mortal();
    let node = &scene.cluster.nodes[at];
    node.redis.set_trap();
    if timeout(SILENCE, node.redis.sprung()).await.is_err() {
        node.redis.take_trap_away();
        return Done::No("the trap for a message did not spring");
    }
    let window = scene.shared.permits.open(Trouble::Process(at));
    node.replica.kill();
    // Whoever would have sent the message again is dead.
    node.redis.take_trap_away();
    scene.checker.report(|report| report.killed_unheard += 1);
    node.replica.start();
    node.replica.ready().await;
    scene.last(200).await;
    over(scene, window).await
}

async fn stop(scene: &mut Scene<'_>) -> Done {
    let at = scene.replica();
    let replica = &scene.cluster.nodes[at].replica;
    let window = scene.shared.permits.open(Trouble::Process(at));
    replica.signal("STOP");
    sleep(scene.cluster.layout.limits.bound).await;
    scene.last(700).await;
    replica.signal("CONT");
    replica.ready().await;
    over(scene, window).await
}

async fn over(scene: &Scene<'_>, window: usize) -> Done {
    scene.shared.permits.close(window, GRACE);
    sleep(GRACE).await;
    Done::Yes
}
