//! The gate: who gets leave, who waits, who is sent away, and that all leave comes back.

use std::pin::pin;

use futures_util::FutureExt as _;
use prometheus::Registry;
use tokio_util::task::TaskTracker;

use super::*;
use crate::domain::clock::Moment;

/// Longer than any test takes.
const LONG: Duration = Duration::from_mins(10);

fn overload(limits: Limits, queue_time: Duration) -> Overload {
    let connections = Connections { most: 8, shared: true };
    let clock = Clock::manual(Moment::from_unix_ms(0));
    let options = Options { limits, queue_time, connections };
    Overload::new(options, &Metrics::new(&Registry::new()), &clock)
}

#[test]
fn each_kind_has_a_share_and_some_connections_are_left_to_others() {
    let of = |most, shared| ceilings(Connections { most, shared });
    assert_eq!(of(100, true), [32, 32, 32]);
    assert_eq!(of(8, true), [2, 2, 2]);
    assert_eq!(of(1, true), [1, 1, 1]);
    assert_eq!(of(8, false), [2, 4, 4]);
    for most in 3..200 {
        let [reads, lists, writes] = of(most, true);
        assert!(reads + lists + writes <= most && reads.min(lists).min(writes) >= 1, "{most}");
        let [reads, lists, _] = of(most, false);
        assert!(reads + lists <= most && reads.min(lists) >= 1, "{most}");
    }
}

#[tokio::test]
async fn leave_goes_to_who_waits_and_comes_back_however_it_was_used() {
    let gate = overload(Limits::Fixed(2), LONG);
    let (one, two) = (gate.enter(Kind::List).await.unwrap(), gate.enter(Kind::List).await.unwrap());
    let mut waiting = pin!(gate.enter(Kind::List));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(gate.report().list, Status { limit: 2, in_flight: 2, waiting: 1, shed: 0 });
    one.end(End::Done);
    let three = waiting.await.unwrap();
    assert_eq!(gate.report().list, Status { limit: 2, in_flight: 2, waiting: 0, shed: 0 });
    two.end(End::Failed);
    drop(three);
    assert_eq!(gate.report().list.in_flight, 0);
}

#[tokio::test]
async fn no_kind_keeps_another_out() {
    let gate = overload(Limits::Fixed(3), Duration::from_millis(1));
    let mut permits = Vec::new();
    for (kind, most) in [(Kind::List, 3), (Kind::Read, 1), (Kind::Write, 1)] {
        for _ in 0..most {
            permits.push(gate.enter(kind).await.unwrap());
        }
        assert!(gate.enter(kind).await.is_err(), "{kind:?}");
    }
    let Report { read, list, write } = gate.report();
    assert_eq!([read.shed, list.shed, write.shed], [1; 3]);
}

#[tokio::test]
async fn who_waits_too_long_or_finds_no_place_is_sent_away_for_one_to_three_seconds() {
    let gate = overload(Limits::Fixed(1), Duration::from_millis(1));
    let permit = gate.enter(Kind::List).await.unwrap();
    let shed = gate.enter(Kind::List).await.unwrap_err();
    assert!((1..=3).contains(&shed.retry_after.as_secs()), "{shed:?}");
    assert_eq!(gate.report().list, Status { limit: 1, in_flight: 1, waiting: 0, shed: 1 });
    drop(permit);

    let gate = overload(Limits::Fixed(1), LONG);
    let permit = gate.enter(Kind::List).await.unwrap();
    let places = PLACES[Kind::List as usize] as usize * 2;
    let mut waiting: Vec<_> = (0..places).map(|_| Box::pin(gate.enter(Kind::List))).collect();
    for waiter in &mut waiting {
        assert!(waiter.now_or_never().is_none());
    }
    assert!(gate.enter(Kind::List).await.is_err(), "there is no place");
    assert!(gate.look(Kind::List).is_err() && gate.look(Kind::Write).is_ok());
    assert_eq!(gate.report().list.shed, 2);
    assert_eq!(gate.report().list.waiting, places);
    drop(waiting);
    assert_eq!(gate.report().list.waiting, 0, "who left does not count");
    drop(permit);
    assert!(gate.enter(Kind::List).await.is_ok());
}

#[tokio::test]
async fn leave_that_comes_to_somebody_who_leaves_is_not_lost() {
    let gate = overload(Limits::Fixed(1), LONG);
    let permit = gate.enter(Kind::List).await.unwrap();
    let mut first = Box::pin(gate.enter(Kind::List));
    let mut second = pin!(gate.enter(Kind::List));
    assert!((&mut first).now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    permit.end(End::Done);
    drop(first); // with leave on its way to it
    assert!(second.await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_comes_leaves_and_fails_leaves_nothing_behind() {
    let gate = overload(Limits::Adaptive, Duration::from_millis(2));
    let tasks = TaskTracker::new();
    for n in 0..2_000_u32 {
        let gate = gate.clone();
        let kind = Kind::ALL[n as usize % 3];
        tasks.spawn(async move {
            let entering = gate.enter(kind);
            if n % 7 == 0 {
                // Looked at once, and left.
                drop(entering.now_or_never());
                return;
            }
            let Ok(permit) = entering.await else { return };
            tokio::task::yield_now().await;
            match n % 3 {
                0 => permit.end(End::Done),
                1 => permit.end(End::Failed),
                _ => drop(permit),
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    let Report { read, list, write } = gate.report();
    for status in [read, list, write] {
        assert_eq!((status.in_flight, status.waiting), (0, 0));
    }
}
