//! Asks the cache for millions of keys that are asked for once, among a set that is asked for again and
//! again, and says how much memory it takes and how many of the latter it still has.
//!
//! `cargo run --release --example random_urls -- [KEYS] [L1_MIB]`: 10,000,000 keys and 64 MiB unless
//! told otherwise. Nothing is loaded from a database: made-up answers of 200 bytes stand for what is
//! found. It takes a quarter of an hour, most of it for what is evicted again.

#![expect(clippy::print_stdout, reason = "it is what the program is for")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use marquee::{
    cache::{
        entry::{Lasting, Made, Payload, Within},
        key::Key,
        known::Known,
        lease::Bounds,
        metrics::Metrics,
        outcome::Outcome,
        rule::Rules,
        tiers::{Ask, Options, Tiers},
    },
    domain::{
        clock::{Clock, Moment},
        revision::{Revision, Scope},
    },
};
use tokio_util::task::TaskTracker;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Keys that are asked for again and again, each as often as the others.
const HOT: u64 = 20_000;
/// Requests for hot keys for each that is asked for once.
const HOT_SHARE: u64 = 1;
const ANSWER_BYTES: usize = 200;

#[derive(Debug)]
struct Answer(Bytes);

impl Payload for Answer {
    const SCHEMA: u64 = 0;

    fn weight(&self) -> usize {
        self.0.len()
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.0);
    }

    fn read(bytes: Bytes) -> Option<Self> {
        Some(Self(bytes))
    }
}

type Cache = Arc<Tiers<Answer, Infallible>>;

async fn ask(cache: &Cache, key: String) -> bool {
    let ask = Ask {
        key: Key::new(key),
        scopes: vec![Scope::All],
        route: 0,
        at_least: Revision::ZERO,
        is_shared: true,
        within: Within::ALWAYS,
        lasting: Lasting::Usual,
    };
    let load = async |()| {
        let payload = Answer(Bytes::from(vec![b'x'; ANSWER_BYTES]));
        Ok(Made { tag: Revision::ZERO, scopes: None, keep: true, is_read: true, payload })
    };
    let answer = cache.get(ask, (), |()| Ok(()), load).await.expect("a made-up answer");
    answer.outcome == Outcome::L1Hit
}

fn resident_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0 / 1_048_576.0
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise| {
        arguments.next().map_or(otherwise, |text| text.parse::<u64>().expect("a number"))
    };
    let (keys, l1_mib) = (number(10_000_000), number(64));
    let clock = Clock::manual(Moment::from_unix_ms(0));
    let bounds = Bounds { staleness: Duration::from_secs(1), cap: Duration::from_secs(1) };
    let known = Arc::new(Known::new(bounds, clock, Rules::default()));
    known.begin_life(known.begin_poll(), 1, Revision::ZERO, &[]);
    let metrics = Arc::new(Metrics::new(&prometheus::Registry::new(), &["made_up"]));
    let options = Options {
        l1_bytes: l1_mib << 20,
        l1_ttl: Duration::from_hours(1),
        season_ttl: Duration::from_hours(1),
        catch_up: Duration::from_secs(1),
    };
    let cache: Cache = Arc::new(Tiers::new(known, None, metrics, TaskTracker::new(), options));

    let at_start = resident_mib();
    let hot = |n: u64| format!("/v1/movies?genre=hot-{}", n.wrapping_mul(0x9E37_79B9) % HOT);
    let mut before = 0;
    for n in 0..HOT * 10 {
        before += u64::from(ask(&cache, hot(n)).await && n >= HOT * 9);
    }
    println!("before: {:.2} % of hot requests hit", before as f64 * 100.0 / HOT as f64);
    let (mut hits, mut asked, mut most) = (0_u64, 0_u64, 0.0_f64);
    for n in 0..keys {
        ask(&cache, format!("/v1/movies?genre=random-{n}")).await;
        for _ in 0..HOT_SHARE {
            hits += u64::from(ask(&cache, hot(asked)).await);
            asked += 1;
        }
        if n % (keys / 10).max(1) == 0 {
            most = most.max(resident_mib());
            let l1 = cache.status(None).l1;
            println!(
                "{n:>9} random keys: {:.2} % of hot requests hit; {} entries of {:.1} MiB; \
                 {:.1} MiB resident",
                hits as f64 * 100.0 / asked.max(1) as f64,
                l1.entries,
                l1.bytes as f64 / 1_048_576.0,
                resident_mib(),
            );
        }
    }
    most = most.max(resident_mib());
    println!(
        "after {keys} random keys: {:.2} % of hot requests hit; resident {most:.1} MiB at most, \
         {at_start:.1} MiB before the first; the bound is {l1_mib} MiB",
        hits as f64 * 100.0 / asked as f64,
    );
}
