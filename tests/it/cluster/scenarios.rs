//! Promises that a random run does not show for certain, each in a small cluster with just its fault.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{
    check::Limits,
    faults::permits::Trouble,
    load::{readers::Via, shapes},
    rig::{Cluster, Layout},
    run::Stage,
    truth::ShapeId,
    wire::{Coding, Reply},
};
use crate::fault_proxy::Link;

const BOUND: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_millis(2_500);

async fn stage() -> Stage {
    let layout = Layout {
        replicas: 1,
        balanced: false,
        limits: Limits { bound: BOUND, cap: CAP },
        poll: Duration::from_millis(100),
        ..Layout::default()
    };
    Stage::set(Cluster::start(layout).await, 20, 1).await
}

/// Reads a question until `enough` says so; gives what the answers were and when, as often as they changed.
async fn watch(
    stage: &Stage,
    shape: ShapeId,
    enough: impl Fn(State) -> bool,
) -> Vec<(State, Duration)> {
    let mut reader = stage.reader(0);
    let (began, mut seen) = (Instant::now(), Vec::<(State, Duration)>::new());
    loop {
        let reply = reader.ask(shape, Via::Replica(0), Coding::Identity, false, 0).await;
        let (now, at) = (State::of(reply.as_ref()), began.elapsed());
        if seen.last().is_none_or(|(last, _)| *last != now) {
            seen.push((now, at));
        }
        // A healthy replica takes a fraction of this.
        if enough(now) || at > Duration::from_secs(20) {
            return seen;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Marked,
    Refused,
}

impl State {
    fn of(reply: Option<&Reply>) -> Self {
        match reply {
            Some(reply) if reply.is_marked() => Self::Marked,
            Some(_) => Self::Fresh,
            None => Self::Refused,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_hits_go_on_marked_up_to_the_cap_and_all_is_well_soon_after() {
    let stage = stage().await;
    let shape = shapes::list(&stage.checker, "limit=10");
    watch(&stage, shape, |now| now == State::Fresh).await;
    stage.shared.permits.open(Trouble::Database(None));
    let database = &stage.cluster.nodes[0].database;
    database.set(Link::Blackhole);
    let seen = watch(&stage, shape, |now| now == State::Refused).await;
    let states: Vec<State> = seen.iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [State::Fresh, State::Marked, State::Refused], "{seen:?}");
    database.set(Link::Cut);
    sleep(Duration::from_millis(20)).await;
    database.set(Link::Up);
    let seen = watch(&stage, shape, |now| now == State::Fresh).await;
    assert!(seen.last().is_some_and(|(state, _)| *state == State::Fresh), "{seen:?}");
    let report = stage.strike().await;
    assert_eq!(report.violated, 0, "{report}");
}
