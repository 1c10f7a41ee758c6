//! Steps that need no service.

use std::{convert::Infallible, hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use marquee::{
    cache::{
        entry::{Lasting, Made as MadeEntry, Payload, Within},
        key::Key,
        known::Known,
        lease::Bounds,
        metrics::Metrics,
        rule::Rules,
        tiers::{Ask, Options, Tiers},
    },
    domain::{
        clock::{Clock, Moment},
        list::{ListPage, ListQuery, Total},
        movie::{Movie, MovieId},
        movie_json::{Reading, read},
        revision::{AsOf, Revision, Scope},
    },
    exchange::synthetic::Synthetic,
    http::measure::{Made, coding, name_of_list, tag},
};
use tokio_util::task::TaskTracker;

use super::Step;

const LIST: &str = "genre=Drama&year_min=1990&sort=-rating&limit=20";

/// Of a hit.
pub(super) fn hits() -> Vec<Step> {
    vec![
        Step { name: "hit/query to name", make: name },
        Step { name: "hit/name to digest", make: digest },
        Step { name: "hit/coding", make: negotiate },
        Step { name: "hit/tiers", make: tiers },
    ]
}

/// Of a miss.
pub(super) fn misses() -> Vec<Step> {
    vec![
        Step { name: "miss/page to answer", make: render },
        Step { name: "miss/tag", make: etag },
        Step { name: "miss/answer to shared", make: to_shared },
        Step { name: "miss/shared to answer", make: of_shared },
        Step { name: "write/JSON to movie", make: movie },
    ]
}

fn name() -> Box<dyn FnMut()> {
    Box::new(|| {
        black_box(name_of_list(black_box(LIST)));
    })
}

fn digest() -> Box<dyn FnMut()> {
    let key = name_of_list(LIST).expect("a list");
    Box::new(move || {
        black_box(black_box(&key).digest());
    })
}

fn negotiate() -> Box<dyn FnMut()> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
    Box::new(move || {
        black_box(coding(black_box(&headers)));
    })
}

/// Looking up, judging and counting what the process has.
fn tiers() -> Box<dyn FnMut()> {
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
    let clock = Clock::manual(Moment::from_unix_ms(0));
    let bounds = Bounds { staleness: Duration::from_secs(1), cap: Duration::from_secs(1) };
    let known = Arc::new(Known::new(bounds, clock, Rules::default()));
    known.begin_life(known.begin_poll(), 1, Revision::ZERO, &[]);
    let metrics = Arc::new(Metrics::new(&prometheus::Registry::new(), &["list"]));
    let options = Options {
        l1_bytes: 1 << 20,
        l1_ttl: Duration::from_hours(1),
        season_ttl: Duration::from_hours(1),
        catch_up: Duration::from_secs(1),
    };
    let cache: Arc<Tiers<Answer, Infallible>> =
        Arc::new(Tiers::new(known, None, metrics, TaskTracker::new(), options));
    let key = Key::new("/v1/movies?genre=drama");
    let runtime = runtime();
    Box::new(move || {
        let ask = Ask {
            key: key.clone(),
            scopes: vec![Scope::Genre("drama".to_owned())],
            route: 0,
            at_least: Revision::ZERO,
            is_shared: true,
            within: Within::ALWAYS,
            lasting: Lasting::Usual,
        };
        let load = async |()| {
            let payload = Answer(Bytes::from_static(&[b'x'; 4096]));
            Ok(MadeEntry { tag: Revision::ZERO, scopes: None, keep: true, is_read: true, payload })
        };
        black_box(runtime.block_on(cache.get(ask, (), |()| Ok(()), load)).expect("an answer"));
    })
}

/// The first list of made-up movies.
fn page() -> (ListQuery, AsOf<ListPage>) {
    let pairs = LIST.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let synthetic = Synthetic::new(1_000, 1);
    let movies = synthetic.iter().take(20).zip(1..).map(|(data, id)| {
        let at = Moment::from_unix_ms(1_700_000_000_000);
        let id = MovieId::new(id).expect("positive");
        Movie { id, data, version: 1, created_at: at, updated_at: at }
    });
    let value =
        ListPage { movies: movies.collect(), total: Total::Exact(1_203), next: None, prev: None };
    (ListQuery::from_pairs(pairs).expect("a list"), AsOf { revision: Revision::ZERO, value })
}

fn render() -> Box<dyn FnMut()> {
    let (query, page) = page();
    Box::new(move || {
        black_box(Made::of_list(black_box(&query), black_box(&page)));
    })
}

fn etag() -> Box<dyn FnMut()> {
    let (query, page) = page();
    let made = Made::of_list(&query, &page);
    Box::new(move || {
        black_box(tag(black_box(made.body())));
    })
}

fn to_shared() -> Box<dyn FnMut()> {
    let (query, page) = page();
    let made = Made::of_list(&query, &page);
    Box::new(move || {
        black_box(black_box(&made).shared());
    })
}

fn of_shared() -> Box<dyn FnMut()> {
    let (query, page) = page();
    let bytes = Made::of_list(&query, &page).shared();
    Box::new(move || {
        black_box(Made::of_shared(black_box(bytes.clone())).expect("an answer"));
    })
}

fn movie() -> Box<dyn FnMut()> {
    const JSON: &str = r#"{"title":"The Wizard of Oz","year":1939,"released":"1939-08-25",
        "runtime_minutes":102,"directors":["Victor Fleming"],"genres":["Adventure","Fantasy"],
        "cast":["Judy Garland"],"countries":["United States"],"languages":["English"],
        "rating":8.3,"votes":83,"popularity":83.0,"imdb_id":"tt0032138"}"#;
    Box::new(|| {
        let value: serde_json::Value = serde_json::from_str(black_box(JSON)).expect("JSON");
        let object = value.as_object().expect("an object");
        black_box(read(object, Reading::Strict).expect("a movie"));
    })
}

/// A runtime of the thread that measures.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
