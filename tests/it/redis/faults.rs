//! A Redis that hangs, vanishes, refuses and is slow.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use marquee::cache::remote::{Lease, Missed, Options, Remote, breaker::State};

use super::{
    MINUTE, at, awaited, bytes, digest, each, eventually, lease, options, server::free_port,
    shared_address, works,
};
use crate::fault_proxy::{FaultProxy, Link, Way};

const DEADLINE: Duration = Duration::from_millis(100);

/// What a busy machine may add to a deadline. The driver's own are from half a second to nine.
const SLACK: Duration = Duration::from_millis(250);

/// A shared cache behind a proxy, with connections to it.
async fn behind_a_proxy() -> (Remote, FaultProxy) {
    let proxy = FaultProxy::new(shared_address()).await;
    let servers = at(&format!("redis://{}", proxy.address));
    let options = Options { deadline: DEADLINE, ..options(servers) };
    let remote = Remote::new(options).unwrap();
    for _ in 0..4 {
        works(&remote).await;
    }
    (remote, proxy)
}

/// Every operation fails, and none takes longer than it may.
async fn all_fail_in_time(remote: &Remote, leases: Vec<Lease>) {
    for lease in leases {
        let since = Instant::now();
        for (name, outcome) in each(remote, lease).await {
            assert!(outcome.is_err(), "{name}");
        }
        assert!(since.elapsed() < 5 * (DEADLINE + SLACK), "{:?}", since.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_ends_in_time_whatever_the_network_does() {
    let slow = Link::Slow(Duration::from_secs(2));
    let one_way = [Link::Swallow(Way::Up), Link::Swallow(Way::Down)];
    for link in [Link::Blackhole, Link::Cut, slow, one_way[0], one_way[1]] {
        let (remote, proxy) = behind_a_proxy().await;
        let leases =
            vec![lease(&remote, 2).await, lease(&remote, 3).await, lease(&remote, 4).await];
        proxy.set(link);
        all_fail_in_time(&remote, leases).await;
        assert_ne!(remote.breaker(), State::Closed, "{link:?}");
        proxy.set(Link::Up);
        works(&remote).await;
        assert_eq!(remote.breaker(), State::Closed, "{link:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_is_under_the_deadline_too() {
    let proxy = FaultProxy::new(shared_address()).await;
    proxy.set(Link::Blackhole);
    let servers = at(&format!("redis://{}", proxy.address));
    let remote = Remote::new(Options { deadline: DEADLINE, ..options(servers) }).unwrap();
    let since = Instant::now();
    assert!(matches!(remote.get(&digest(1)).await, Err(Missed::TimedOut)));
    assert!(since.elapsed() < DEADLINE + SLACK, "{:?}", since.elapsed());
    proxy.set(Link::Up);
    works(&remote).await;
}

#[tokio::test]
async fn one_refused_connection_opens_the_breaker() {
    let remote = super::remote(at(&format!("redis://127.0.0.1:{}", free_port())));
    let refused = remote.get(&digest(1)).await;
    assert!(matches!(&refused, Err(Missed::Failed(error)) if error.is_connection_refusal()));
    assert_eq!(remote.breaker(), State::Open);
    assert!(matches!(remote.get(&digest(1)).await, Err(Missed::Open)));
}

#[tokio::test]
async fn beyond_the_bound_operations_are_refused_at_once() {
    let (remote, proxy) = behind_a_proxy().await;
    drop(remote);
    let servers = at(&format!("redis://{}", proxy.address));
    let bound = Options { deadline: MINUTE, in_flight_max: 3, ..options(servers) };
    let remote = Remote::new(bound).unwrap();
    works(&remote).await;
    proxy.set(Link::Blackhole);
    let key = digest(1);
    let waiting = join_all((0..3).map(|_| remote.get(&key)));
    // Asked after the others, which do not get anywhere.
    let busy = async { remote.get(&key).await };
    tokio::select! {
        biased;
        outcomes = waiting => panic!("{outcomes:?}"),
        outcome = busy => assert!(matches!(outcome, Err(Missed::Busy)), "{outcome:?}"),
    }
    proxy.set(Link::Cut);
    proxy.set(Link::Up);
    works(&remote).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_breaker_lets_one_probe_through_and_closes_after_it() {
    let (remote, proxy) = behind_a_proxy().await;
    proxy.set(Link::Blackhole);
    let key = digest(1);
    let fails = async || remote.get(&key).await;
    eventually("it opens", fails, |_| remote.breaker() == State::Open).await;
    let burst = async || {
        let all = join_all((0..20).map(|_| remote.get(&key))).await;
        all.iter().filter(|outcome| !matches!(outcome, Err(Missed::Open))).count()
    };
    for _ in 0..2 {
        let probes = awaited("a probe", burst, |probes| *probes > 0).await;
        assert_eq!(probes, 1);
        assert_eq!(remote.breaker(), State::Open);
    }
    proxy.set(Link::Up);
    works(&remote).await;
    assert_eq!(remote.breaker(), State::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_never_taken_for_another() {
    let (remote, proxy) = behind_a_proxy().await;
    for n in 0..50 {
        remote.put(&digest(n), &n.to_be_bytes(), MINUTE).await.unwrap();
    }
    for round in 0..5 {
        proxy.set(Link::Slow(DEADLINE + DEADLINE / 4));
        for n in 0..4 {
            let late = remote.get(&digest(n)).await;
            assert!(late.is_err(), "{late:?}");
        }
        proxy.set(Link::Up);
        // The late answers come now.
        let mut answered = 0;
        for n in (0..50).cycle().skip(round).take(100) {
            if let Ok(got) = remote.get(&digest(n)).await {
                assert_eq!(got.expect("it was put"), n.to_be_bytes()[..]);
                answered += 1;
            }
        }
        assert!(answered > 0);
        works(&remote).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_disturbs_nobody() {
    let (remote, _proxy) = behind_a_proxy().await;
    remote.put(&digest(1), &vec![1; 100_000], MINUTE).await.unwrap();
    remote.put(&digest(2), b"two", MINUTE).await.unwrap();
    for n in 0..100 {
        let _ = tokio::time::timeout(Duration::from_micros(n * 10), remote.get(&digest(1))).await;
        assert_eq!(remote.get(&digest(2)).await.unwrap(), Some(bytes("two")));
    }
    assert_eq!(remote.breaker(), State::Closed);
}
