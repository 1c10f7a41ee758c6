//! What a miss costs: single movies and lists, from an `SQLite` file of synthetic movies.
//!
//! `cargo bench --bench reads` (or `make bench`). `MARQUEE_BENCH_MOVIES` sets how many movies (20,000).
//! Each list is to be compared with `movie` in the same run: the goal is 5 times that at most.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use marquee::{
    domain::{
        clock::Clock,
        list::{ListQuery, Start},
        movie::MovieId,
    },
    exchange::synthetic::Synthetic,
    store::{MUTATIONS_MAX, Options, Store, mutation::Mutation},
};
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const LISTS: &[&str] = &[
    "",
    "sort=title",
    "sort=rating",
    "genre=Drama",
    "genre=Drama&sort=-rating",
    "genre=Horror&sort=title",
    "genre_not=Drama&sort=-votes",
    "year=1999",
    "year_min=1950&year_max=1959&sort=-rating",
    "year_min=1980&sort=-created",
    "rating_min=8&sort=-votes",
    "country=France&sort=year",
    "language=Japanese&sort=-popularity",
    "genre=Drama&country=France&year_min=1990",
];

fn reads(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = runtime.block_on(filled(&format!("sqlite:{}/bench.db", folder.path().display())));
    let mut group = criterion.benchmark_group("store");
    let mut number = 0;
    group.bench_function("movie", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            number = number % 10_000 + 1;
            let id = MovieId::new(number).expect("positive");
            let store = Arc::clone(&store);
            async move { black_box(store.movie(id).await.expect("a read")) }
        });
    });
    for text in LISTS {
        let first = query(text);
        let page = runtime.block_on(store.list(&first)).expect("a list").value;
        let mut second = first.clone();
        if let Some(next) = page.next {
            second.start = Start::At(next);
        }
        for (name, query) in [("first", first), ("second", second)] {
            group.bench_function(format!("list/{text}/{name}"), |bencher| {
                let list = || async { black_box(store.list(&query).await.expect("a list")) };
                bencher.to_async(&runtime).iter(list);
            });
        }
    }
    group.finish();
    runtime.block_on(store.close());
}

async fn filled(url: &str) -> Arc<Store> {
    let options = Options {
        url: url.to_owned(),
        connections: 4,
        acquire_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(10),
        watch_timeout: Duration::from_secs(10),
        changes_kept: 1_000,
    };
    #[expect(clippy::disallowed_methods, reason = "criterion has the command line")]
    let movies = std::env::var("MARQUEE_BENCH_MOVIES").ok().and_then(|text| text.parse().ok());
    let store = Store::open(options, Clock::system()).await.expect("a store");
    store.migrate().await.expect("a schema");
    let synthetic = Synthetic::new(movies.unwrap_or(20_000), 1);
    let mut batch = Vec::with_capacity(MUTATIONS_MAX);
    for data in synthetic.iter() {
        batch.push(Mutation::Create { data: Box::new(data) });
        if batch.len() == MUTATIONS_MAX {
            store.write(&batch, None).await.expect("a write");
            batch.clear();
        }
    }
    store.write(&batch, None).await.expect("a write");
    store.refresh_statistics().await.expect("statistics");
    Arc::new(store)
}

fn query(text: &str) -> ListQuery {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    ListQuery::from_pairs(pairs).expect("a good query")
}

criterion_group!(benches, reads);
criterion_main!(benches);
