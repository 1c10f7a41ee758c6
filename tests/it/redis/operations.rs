//! What the shared cache does while Redis is well.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use marquee::cache::remote::{Look, Missed, Remote, breaker::State};

use super::{
    MINUTE, at, awaited, bytes, digest, eventually, options, remote, server::Server, shared_url,
};

fn shared() -> Remote {
    remote(at(&shared_url()))
}

#[tokio::test]
async fn what_was_put_is_got_and_nothing_else() {
    let remote = shared();
    assert_eq!(remote.get(&digest(1)).await.unwrap(), None);
    remote.put(&digest(1), b"\0one\xff", MINUTE).await.unwrap();
    remote.put(&digest(2), b"", MINUTE).await.unwrap();
    assert_eq!(remote.get(&digest(1)).await.unwrap().unwrap(), &b"\0one\xff"[..]);
    assert_eq!(remote.get(&digest(2)).await.unwrap().unwrap(), "");
    assert_eq!(remote.get(&digest(3)).await.unwrap(), None);
    remote.put(&digest(1), b"another", MINUTE).await.unwrap();
    assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("another")));
    assert_eq!(remote.breaker(), State::Closed);
}

#[tokio::test]
async fn an_entry_goes_when_its_time_is_up() {
    let remote = shared();
    remote.put(&digest(1), b"one", Duration::ZERO).await.unwrap();
    let gone = async || remote.get(&digest(1)).await.unwrap();
    eventually("the entry is gone", gone, Option::is_none).await;
}

#[tokio::test]
async fn prefixes_share_nothing() {
    let (one, other) = (shared(), shared());
    one.put(&digest(1), b"one", MINUTE).await.unwrap();
    assert_eq!(other.get(&digest(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_is_for_one_at_a_time() {
    let options = options(at(&shared_url()));
    let (one, other) = (Remote::new(options.clone()).unwrap(), Remote::new(options).unwrap());
    let lease = one.lease(&digest(1), MINUTE).await.unwrap().expect("nobody has it");
    assert_eq!(other.lease(&digest(1), MINUTE).await.unwrap(), None);
    assert_eq!(one.lease(&digest(1), MINUTE).await.unwrap(), None);
    assert!(other.lease(&digest(2), MINUTE).await.unwrap().is_some(), "another key");
    one.release(lease).await.unwrap();
    assert!(other.lease(&digest(1), MINUTE).await.unwrap().is_some());
}

#[tokio::test]
async fn of_many_who_want_a_lease_one_gets_it() {
    let remote = shared();
    let all = join_all((0..50).map(|_| async { remote.lease(&digest(1), MINUTE).await })).await;
    assert_eq!(all.into_iter().filter_map(Result::unwrap).count(), 1);
}

#[tokio::test]
async fn only_its_holder_releases_a_lease() {
    let remote = shared();
    let late = remote.lease(&digest(1), Duration::ZERO).await.unwrap().expect("nobody has it");
    let again = async || remote.lease(&digest(1), MINUTE).await.unwrap();
    let next = awaited("the first lease ran out", again, Option::is_some).await.unwrap();
    remote.release(late).await.unwrap();
    assert!(remote.look(&digest(1)).await.unwrap().leased, "it is the next one's");
    remote.release(next).await.unwrap();
    assert!(!remote.look(&digest(1)).await.unwrap().leased);
}

#[tokio::test]
async fn a_look_tells_entry_and_lease() {
    let remote = shared();
    let look = async || remote.look(&digest(1)).await.unwrap();
    assert_eq!(look().await, Look { entry: None, leased: false });
    let lease = remote.lease(&digest(1), MINUTE).await.unwrap().unwrap();
    assert_eq!(look().await, Look { entry: None, leased: true });
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    assert_eq!(look().await, Look { entry: Some(bytes("one")), leased: true });
    remote.release(lease).await.unwrap();
    assert_eq!(look().await, Look { entry: Some(bytes("one")), leased: false });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_operations_share_few_connections() {
    let server = Server::new(&[]);
    let remote = Arc::new(remote(at(&server.url())));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let remote = Arc::clone(&remote);
        tasks.spawn(async move {
            remote.put(&digest(n), &n.to_be_bytes(), MINUTE).await.unwrap();
            assert_eq!(remote.get(&digest(n)).await.unwrap().unwrap(), n.to_be_bytes()[..]);
        });
    }
    tasks.join_all().await;
    // The question had one, too.
    assert_eq!(connections_ever(&server).await, 5);
}

#[tokio::test]
async fn connections_can_be_made_before_they_are_needed() {
    let server = Server::new(&[]);
    let remote = remote(at(&server.url()));
    remote.connect();
    let mut questions = 0;
    let others = async || {
        questions += 1;
        connections_ever(&server).await - questions
    };
    eventually("they are there", others, |others| *others == 4).await;
}

async fn connections_ever(server: &Server) -> u32 {
    let stats: String = server.ask("INFO stats").await;
    let ever = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    ever.and_then(|ever| ever.parse().ok()).expect("it is counted")
}

#[tokio::test]
async fn a_full_redis_costs_puts_and_nothing_else() {
    let server = Server::new(&["--maxmemory-policy", "noeviction"]);
    let remote = remote(at(&server.url()));
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    let (): () = server.ask("CONFIG SET maxmemory 1").await;
    for _ in 0..20 {
        let put = remote.put(&digest(2), b"two", MINUTE).await;
        assert!(matches!(&put, Err(Missed::Failed(error)) if error.code() == Some("OOM")));
    }
    assert_eq!(remote.breaker(), State::Closed);
    assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("one")));
}

#[tokio::test]
async fn a_socket_is_as_good_as_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock").display().to_string();
    let _server = Server::new(&["--unixsocket", &socket]);
    let remote = remote(at(&format!("redis+unix://{socket}")));
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    assert_eq!(remote.get(&digest(1)).await.unwrap(), Some(bytes("one")));
}

#[tokio::test]
async fn users_and_databases_of_the_address_are_used() {
    let user = ["--user", "films", "on", ">se/cret", "~test:*", "&test:*", "+@all"];
    let server = Server::new(&[&user[..], &["--requirepass", "other"]].concat());
    let url = format!("redis://films:se%2Fcret@127.0.0.1:{}/3", server.port);
    let remote = remote(at(&url));
    remote.put(&digest(1), b"one", MINUTE).await.unwrap();
    let admin = format!("redis://:other@127.0.0.1:{}", server.port);
    let keys = |database| format!("{admin}/{database}");
    assert_eq!(super::server::ask::<u32>(&keys(3), "DBSIZE").await, 1);
    assert_eq!(super::server::ask::<u32>(&keys(0), "DBSIZE").await, 0);
}
