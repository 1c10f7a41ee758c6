//! A Redis that is killed, stopped and started again.

use std::time::{Duration, Instant};

use marquee::cache::remote::{Options, Remote, breaker::State};

use super::{
    MINUTE, at, bytes, digest, each, eventually, lease, options, remote, server::Server, works,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_it_is_used_again_soon() {
    let mut server = Server::new(&[]);
    let remote = remote(at(&server.url()));
    for _ in 0..3 {
        works(&remote).await;
        server.kill();
        let fails = async || remote.get(&digest(1)).await;
        eventually("it opens", fails, |_| remote.breaker() == State::Open).await;
        server.start();
        let since = Instant::now();
        works(&remote).await;
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    }
}

#[tokio::test]
async fn connections_that_died_while_nobody_used_them_cost_nothing() {
    let mut server = Server::new(&[]);
    let remote = remote(at(&server.url()));
    for n in 0..8 {
        remote.put(&digest(n), b"one", MINUTE).await.unwrap();
    }
    server.kill();
    server.start();
    for n in 0..8 {
        assert_eq!(remote.get(&digest(n)).await.unwrap(), None);
    }
    assert_eq!(remote.breaker(), State::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_costs_no_more_than_the_deadline() {
    let server = Server::new(&[]);
    let deadline = Duration::from_millis(100);
    let remote = Remote::new(Options { deadline, ..options(at(&server.url())) }).unwrap();
    works(&remote).await;
    remote.put(&digest(9), b"nine", MINUTE).await.unwrap();
    let leases = [lease(&remote, 2).await, lease(&remote, 3).await];
    server.hang();
    for lease in leases {
        let since = Instant::now();
        for (name, outcome) in each(&remote, lease).await {
            assert!(outcome.is_err(), "{name}");
        }
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
    assert_ne!(remote.breaker(), State::Closed);
    server.go_on();
    works(&remote).await;
    assert_eq!(remote.get(&digest(9)).await.unwrap(), Some(bytes("nine")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_thrown_out_come_back() {
    let server = Server::new(&[]);
    let remote = remote(at(&server.url()));
    for _ in 0..10 {
        works(&remote).await;
        let _: u32 = server.ask("CLIENT KILL TYPE normal SKIPME yes").await;
        works(&remote).await;
    }
    assert_eq!(remote.breaker(), State::Closed);
}
