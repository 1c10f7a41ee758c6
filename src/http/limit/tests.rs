use std::net::IpAddr;

use super::*;
use crate::{domain::clock::Moment, http::client::Via};

fn clock() -> Clock {
    Clock::manual(Moment::from_unix_ms(0))
}

fn limits_of(rules: &str, clients_max: usize, clock: &Clock) -> Limits {
    let rules = rules.parse().unwrap();
    let options = Options { rules, clients_max, cluster: None };
    Limits::new(options, clock.clone(), &Registry::new())
}

fn client(address: &str) -> Client {
    Client { address: address.parse().unwrap(), via: Via::Direct, is_local: false, is_near: false }
}

/// How many of `count` requests of a client are admitted.
fn admitted(limits: &Limits, who: &Who<'_>, class: LimitClass, count: usize) -> usize {
    let verdicts = (0..count).map(|_| limits.check(who, class));
    verdicts.filter(|verdict| !matches!(verdict, Verdict::Refused(_))).count()
}

fn reads(limits: &Limits, address: &str, count: usize) -> usize {
    admitted(limits, &Who::anonymous(&client(address)), LimitClass::Read, count)
}

fn decisions(limits: &Limits, class: LimitClass) -> [u64; 3] {
    [Decision::Allowed, Decision::Limited, Decision::OverflowLimited]
        .map(|decision| limits.metrics.decided_so_far(class, decision))
}

#[test]
fn each_client_has_its_own_quota_for_each_class() {
    let limits = limits_of("read=5/1s; search=3/1s; write=2/1s", 100, &clock());
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        let client = client(address);
        let who = Who::anonymous(&client);
        let counts = LimitClass::ALL.map(|class| admitted(&limits, &who, class, 10));
        assert_eq!(counts, [5, 3, 2], "{address}");
    }
    assert_eq!(decisions(&limits, LimitClass::Read), [15, 15, 0]);
    assert_eq!(LimitClass::ALL.map(|class| limits.clients(class)), [3, 3, 3]);
}

#[test]
fn addresses_of_one_network_of_64_bits_are_one_client() {
    let limits = limits_of("read=5/1s", 100, &clock());
    let rotating = (0..10).map(|n| reads(&limits, &format!("2001:db8:1:2:{n:x}::{n:x}"), 1));
    assert_eq!(rotating.sum::<usize>(), 5);
    assert_eq!(reads(&limits, "2001:db8:1:3::1", 10), 5);
    assert_eq!(limits.clients(LimitClass::Read), 2);
}

#[test]
fn quota_comes_back_with_time() {
    let clock = clock();
    let limits = limits_of("read=10/1s", 100, &clock);
    assert_eq!(reads(&limits, "192.0.2.1", 20), 10);
    clock.advance(Duration::from_millis(250));
    assert_eq!(reads(&limits, "192.0.2.1", 20), 2);
    clock.advance(Duration::from_mins(1));
    assert_eq!(reads(&limits, "192.0.2.1", 20), 10);
}

#[test]
fn a_standing_tells_of_all_windows_and_how_the_tightest_is() {
    let clock = clock();
    let limits = limits_of("read=2/1s,3/1m", 100, &clock);
    let client = client("192.0.2.1");
    let who = Who::anonymous(&client);
    let told = |verdict| match verdict {
        Verdict::Allowed(standing) => standing.limit.to_str().unwrap().to_owned(),
        Verdict::Refused(standing) => {
            assert_eq!(standing.policy, "\"read\";q=2;w=1, \"read-1m\";q=3;w=60");
            let refusal = standing.refusal();
            assert_eq!(refusal.kind().status(), 429);
            format!("{:?} {}", standing.limit, standing.retry_after_s.unwrap())
        }
        Verdict::Off => "off".to_owned(),
    };
    let next = || told(limits.check(&who, LimitClass::Read));
    assert_eq!(next(), "\"read\";r=1;t=1");
    assert_eq!(next(), "\"read\";r=0;t=1");
    assert_eq!(next(), "\"\\\"read\\\";r=0;t=1\" 1");
    clock.advance(Duration::from_secs(2));
    assert_eq!(next(), "\"read-1m\";r=0;t=58");
    assert_eq!(next(), "\"\\\"read-1m\\\";r=0;t=58\" 18");
}

#[test]
fn off_is_off_and_leaves_nothing_behind() {
    let limits = limits_of("read=off; write=1/1s", 100, &clock());
    let client = client("192.0.2.1");
    assert_eq!(limits.check(&Who::anonymous(&client), LimitClass::Read), Verdict::Off);
    assert_eq!(limits.clients(LimitClass::Read), 0);
    assert_eq!(admitted(&limits, &Who::anonymous(&client), LimitClass::Write, 9), 1);
}

#[test]
fn the_default_spares_local_clients_and_rules_that_are_given_nobody() {
    let local = Client { is_near: true, ..client("127.0.0.1") };
    let of = |rules| {
        let limits = limits_of(rules, 100, &clock());
        admitted(&limits, &Who::anonymous(&local), LimitClass::Read, 1000)
    };
    assert_eq!(of("default"), 1000);
    assert_eq!(of("read=200/1s"), 200);
    let limits = limits_of("default", 100, &clock());
    assert_eq!(reads(&limits, "127.0.0.1", 1000), 400, "by a proxy that is believed");
}

#[test]
fn keys_have_quotas_of_their_own_wherever_they_come_from() {
    let limits = limits_of("read=2/1s; key.read=5/1s; key.write=off", 0, &clock());
    let (one, other) = (client("192.0.2.1"), client("2001:db8::1"));
    let holder = |id, rates| Some(KeyHolder { id, rates });
    let who = Who { client: &one, key: holder(1, None) };
    assert_eq!(admitted(&limits, &who, LimitClass::Read, 3), 3);
    let elsewhere = Who { client: &other, key: holder(1, None) };
    assert_eq!(admitted(&limits, &elsewhere, LimitClass::Read, 9), 2);
    let another = Who { client: &one, key: holder(1 << 64, None) };
    assert_eq!(admitted(&limits, &another, LimitClass::Read, 9), 5);
    assert_eq!(admitted(&limits, &another, LimitClass::Write, 9), 9);

    let own: Arc<KeyRates> = Arc::new("read=7/1s; write=1/1s".parse().unwrap());
    let special = Who { client: &one, key: holder(3, Some(&own)) };
    let counts = LimitClass::ALL.map(|class| admitted(&limits, &special, class, 10));
    assert_eq!(counts, [7, 10, 1]);
    let more: Arc<KeyRates> = Arc::new("read=9/1s; write=off".parse().unwrap());
    let changed = Who { client: &one, key: holder(3, Some(&more)) };
    assert_eq!(admitted(&limits, &changed, LimitClass::Read, 10), 9);
    assert_eq!(admitted(&limits, &changed, LimitClass::Write, 10), 10);
}

#[test]
fn a_flood_of_addresses_shares_one_quota_and_locks_out_nobody_who_is_known() {
    let clock = clock();
    let limits = limits_of("read=5/1m", 100, &clock);
    for n in 0..100_u32 {
        assert_eq!(reads(&limits, &IpAddr::from(n.to_be_bytes()).to_string(), 1), 1);
    }
    let flood =
        (1000..2000_u32).map(|n| reads(&limits, &IpAddr::from(n.to_be_bytes()).to_string(), 1));
    assert_eq!(flood.sum::<usize>(), 5);
    assert_eq!(limits.clients(LimitClass::Read), 100);
    assert_eq!(decisions(&limits, LimitClass::Read), [105, 0, 995]);
    for n in 0..100_u32 {
        assert_eq!(reads(&limits, &IpAddr::from(n.to_be_bytes()).to_string(), 9), 4);
    }
}

#[test]
fn the_sweep_forgets_who_has_all_of_its_quota_and_makes_room() {
    let clock = clock();
    let limits = limits_of("read=6/1m", 10, &clock);
    for n in 0..10 {
        reads(&limits, &format!("192.0.2.{n}"), if n < 4 { 6 } else { 1 });
    }
    clock.advance(Duration::from_secs(10));
    limits.sweep();
    assert_eq!(limits.clients(LimitClass::Read), 4);
    assert_eq!(limits.metrics.evictions.get(), 6);
    assert_eq!(reads(&limits, "192.0.2.0", 9), 1, "this one is remembered");
    assert_eq!(reads(&limits, "192.0.2.9", 9), 6, "this one begins anew");
    for n in 10..15 {
        assert_eq!(reads(&limits, &format!("192.0.2.{n}"), 9), 6, "there is room");
    }
}

#[test]
fn a_thread_with_a_forgotten_bucket_at_hand_takes_the_new_one() {
    let clock = clock();
    let limits = limits_of("read=5/1s", 10, &clock);
    assert_eq!(reads(&limits, "192.0.2.1", 5), 5);
    clock.advance(Duration::from_secs(1));
    limits.sweep();
    let elsewhere =
        std::thread::scope(|scope| scope.spawn(|| reads(&limits, "192.0.2.1", 3)).join().unwrap());
    assert_eq!(elsewhere + reads(&limits, "192.0.2.1", 9), 5);
}

#[test]
fn other_rules_hold_at_once_and_windows_that_stay_keep_how_they_stand() {
    let clock = clock();
    let limits = limits_of("read=5/1s,8/1m; write=2/1s", 10, &clock);
    let client = client("192.0.2.1");
    let who = Who::anonymous(&client);
    assert_eq!(admitted(&limits, &who, LimitClass::Read, 9), 5);
    assert_eq!(admitted(&limits, &who, LimitClass::Write, 9), 2);
    let before = limits.replace("read=100/1s,8/1m; write=2/1s".parse().unwrap());
    assert!(before.to_string().starts_with("read=5/1s,8/1m; "), "{before}");
    assert_eq!(admitted(&limits, &who, LimitClass::Read, 9), 3);
    assert_eq!(admitted(&limits, &who, LimitClass::Write, 9), 0);
    limits.replace(RateLimits::off());
    assert_eq!(admitted(&limits, &who, LimitClass::Read, 1000), 1000);
    assert_eq!(limits.clients(LimitClass::Read), 0);
    limits.replace("read=2/1s".parse().unwrap());
    assert_eq!(admitted(&limits, &who, LimitClass::Read, 9), 2);
}

#[test]
fn a_hit_that_is_refused_was_not_counted() {
    let clock = clock();
    let limits = limits_of("read=1/1s", 10, &clock);
    let client = client("192.0.2.1");
    let who = Who::anonymous(&client);
    assert!(limits.pass(&who, LimitClass::Read, clock.tick()).unwrap().is_some());
    assert!(limits.pass(&who, LimitClass::Read, clock.tick()).is_none());
    assert_eq!(decisions(&limits, LimitClass::Read), [1, 0, 0]);
    limits.replace(RateLimits::off());
    assert_eq!(limits.pass(&who, LimitClass::Read, clock.tick()), Some(None));
}

#[test]
fn many_threads_that_make_and_forget_and_change_lose_no_count_of_clients() {
    let clock = clock();
    let limits = limits_of("read=1/1s", 1000, &clock);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let limits = &limits;
            scope.spawn(move || {
                for n in 0..2000 {
                    reads(limits, &format!("10.{}.0.{}", n % 7, (n + thread) % 100), 1);
                }
            });
        }
        for n in 0..50 {
            clock.advance(Duration::from_secs(2));
            limits.sweep();
            limits.replace(format!("read={}/1s", n % 3 + 1).parse().unwrap());
        }
    });
    clock.advance(Duration::from_secs(9));
    limits.sweep();
    assert_eq!(limits.clients(LimitClass::Read), 0);
    assert!(!limits.table.is_crowded());
}
