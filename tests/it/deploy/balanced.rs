//! What the shipped load balancers make of clients and of caching headers.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use super::{balancers::Balancer, fleet::Fleet};

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// An answer's head.
struct Head(String);

impl Head {
    fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    fn header(&self, name: &str) -> &str {
        let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}: "));
        self.0.lines().find(named).map_or("", |line| &line[name.len() + 2..])
    }
}

/// Asks from an address of this machine.
async fn ask(from: Ipv4Addr, balancer: SocketAddr, target: &str, headers: &str) -> Head {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is this machine's");
    let mut stream = socket.connect(balancer).await.expect("the balancer accepts");
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: marquee\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the balancer reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the balancer answers");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Head(answer.split("\r\n\r\n").next().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_go_by_the_address_that_balancers_see_and_not_by_what_clients_say() {
    let fleet = Fleet::start(&["--rate-limit=read=4/1m"]).await;
    let addresses = fleet.addresses();
    // The same two clients, on one replica by way of both.
    let one = &addresses[..1];
    let haproxy = Balancer::haproxy(&[one[0], one[0]]).await;
    let nginx = Balancer::nginx(&[one[0], one[0]]).await;
    let (mut refused, mut turn) = (0, 0);
    for balancer in [haproxy.address, nginx.address] {
        for _ in 0..6 {
            turn += 1;
            // Whatever it says, it is one client.
            let said = format!(
                "X-Forwarded-For: 198.51.100.{turn}\r\nForwarded: for=198.51.100.{turn}\r\n\
                 X-Real-IP: 198.51.100.{turn}\r\n"
            );
            let target = format!("/v1/movies?limit={turn}");
            refused += u16::from(ask(ONE, balancer, &target, &said).await.status() == 429);
        }
    }
    assert!(refused >= 12 - 4 - 1, "only {refused} of 12 were refused");
    for balancer in [haproxy.address, nginx.address] {
        turn += 1;
        let target = format!("/v1/movies?limit={turn}");
        let answer = ask(OTHER, balancer, &target, "").await;
        assert_eq!(answer.status(), 200, "another client has a quota of its own: {}", answer.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_keeps_what_marquee_lets_it_keep_and_answers_it_when_no_replica_does() {
    let fleet =
        Fleet::start(&["--cache-control-lists=public, max-age=1, stale-if-error=600"]).await;
    let nginx = Balancer::nginx(&fleet.addresses()).await;
    let cache = async |target: &str, headers: &str| {
        let answer = ask(ONE, nginx.address, target, headers).await;
        assert_eq!(answer.status(), 200, "{}", answer.0);
        answer.header("x-cache").to_owned()
    };
    let list = "/v1/movies?limit=3";
    assert_eq!(cache(list, "").await, "MISS");
    // Within a second if the machine is not too busy; it is kept in any case.
    assert!(["HIT", "REVALIDATED", "EXPIRED"].contains(&cache(list, "").await.as_str()));
    assert_eq!(cache(list, "Accept-Encoding: gzip\r\n").await, "MISS", "each coding is an answer");
    // Whoever asks for a revision, or as somebody, is answered by Marquee.
    assert_eq!(cache(list, "Min-Catalog-Revision: 0\r\n").await, "BYPASS");
    let key = format!("Authorization: Bearer {}\r\n", fleet.key);
    assert_eq!(cache(list, &key).await, "BYPASS");
    // The change feed may be kept only if it is asked about each time.
    assert_ne!(cache("/v1/changes?since=0", "").await, "HIT");
    assert_ne!(cache("/v1/changes?since=0", "").await, "HIT");

    for replica in &fleet.replicas {
        replica.kill();
    }
    let answer = ask(ONE, nginx.address, list, "").await;
    assert_eq!(answer.status(), 200, "{}", answer.0);
    assert!(["STALE", "HIT"].contains(&answer.header("x-cache")), "{}", answer.0);
    let answer = ask(ONE, nginx.address, "/v1/movies?limit=4", "").await;
    assert_eq!(answer.status(), 502, "what it does not have it cannot answer");
}
