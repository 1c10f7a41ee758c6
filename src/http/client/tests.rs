use std::net::SocketAddr;

use hyper::header::HeaderValue;

use super::*;

const PROXIES: [&str; 3] = ["10.0.0.0/8", "127.0.0.0/8", "2001:db8:ffff::/48"];

fn behind(told: Told) -> Clients {
    Clients { trusted: PROXIES.map(|net| net.parse().unwrap()).to_vec(), told }
}

fn peer(address: &str) -> Peer {
    Peer::at(SocketAddr::new(address.parse().unwrap(), 4711))
}

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn seen(clients: &Clients, from: &str, given: &[(&'static str, &str)]) -> String {
    clients.identify(&peer(from), &headers(given)).address.to_string()
}

#[test]
fn a_peer_that_is_not_trusted_is_believed_nothing() {
    let clients = behind(Told::InEither);
    for from in ["192.0.2.7", "2001:db8::7"] {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            assert_eq!(seen(&clients, from, &[(name, "for=198.51.100.1")]), from);
            assert_eq!(seen(&clients, from, &[(name, "198.51.100.1")]), from);
        }
    }
    let nobody = Clients::default();
    assert_eq!(seen(&nobody, "127.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "127.0.0.1");
}

#[test]
fn a_list_is_read_from_the_near_end_to_the_first_hop_that_is_not_trusted() {
    let clients = behind(Told::InEither);
    for (list, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1, 10.1.1.1,10.0.0.2", "192.0.2.1"),
        ("10.9.9.9, 192.0.2.1, 10.1.1.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]:443, 10.0.0.2", "2001:db8::1"),
        // every hop is trusted: the farthest
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ] {
        assert_eq!(seen(&clients, "10.0.0.1", &[("x-forwarded-for", list)]), client, "{list}");
    }
}

#[test]
fn several_lines_are_one_list() {
    let lines = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "192.0.2.1, 10.0.0.3"),
        ("x-forwarded-for", "10.0.0.2"),
    ];
    assert_eq!(seen(&behind(Told::InEither), "10.0.0.1", &lines), "192.0.2.1");
}

#[test]
fn where_a_hop_cannot_be_made_out_the_one_that_told_of_it_is_the_client() {
    let clients = behind(Told::InEither);
    for (name, list, client) in [
        ("x-forwarded-for", "192.0.2.1, garbage", "10.0.0.1"),
        ("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("x-forwarded-for", "", "10.0.0.1"),
        ("forwarded", "for=192.0.2.1, for=_hidden", "10.0.0.1"),
        ("forwarded", "for=192.0.2.1, for=\"\\1\", for=10.0.0.2", "10.0.0.2"),
        ("forwarded", "proto=https", "10.0.0.1"),
    ] {
        assert_eq!(seen(&clients, "10.0.0.1", &[(name, list)]), client, "{list}");
    }
}

#[test]
fn forwarded_is_read_like_the_other() {
    let clients = behind(Told::InEither);
    let list = "for=198.51.100.1, for=\"[2001:db8::1]:1\";proto=https, for=10.0.0.2;by=_x";
    assert_eq!(seen(&clients, "10.0.0.1", &[("forwarded", list)]), "2001:db8::1");
}

#[test]
fn a_header_that_the_proxy_only_passed_on_does_not_choose_the_client() {
    let both = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(seen(&behind(Told::InEither), "10.0.0.1", &both), "10.0.0.1");
    assert_eq!(seen(&behind(Told::InXForwardedFor), "10.0.0.1", &both), "192.0.2.1");
    assert_eq!(seen(&behind(Told::InForwarded), "10.0.0.1", &both), "198.51.100.1");
    let same = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(seen(&behind(Told::InEither), "10.0.0.1", &same), "192.0.2.1");
    let other = [("forwarded", "for=198.51.100.1")];
    assert_eq!(seen(&behind(Told::InXForwardedFor), "10.0.0.1", &other), "10.0.0.1");
}

#[test]
fn local_is_who_reaches_loopback_and_speaks_for_nobody() {
    let nobody = Clients::default();
    let is_local = |clients: &Clients, from: &str, given: &[(&'static str, &str)]| {
        clients.identify(&peer(from), &headers(given)).is_local
    };
    let plain = [("accept", "*/*"), ("x-forwarded-fou", "x"), ("x-request-id", "x")];
    for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert!(is_local(&nobody, here, &plain), "{here}");
        for name in FORWARDING {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("x"))]);
            assert!(!nobody.identify(&peer(here), &headers).is_local, "{headers:?}");
        }
    }
    assert!(!is_local(&nobody, "192.0.2.1", &[]));
    // A proxy on this machine that says nothing may speak for anybody.
    assert!(!is_local(&behind(Told::InEither), "127.0.0.1", &[]));
    let told = [("x-forwarded-for", "127.0.0.1")];
    assert!(!is_local(&behind(Told::InEither), "10.0.0.1", &told));
}
