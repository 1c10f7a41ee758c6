//! Times every documented filter with every sort on a catalogue of any size, as a table in Markdown:
//!
//! ```text
//! marquee synthesise --movies 1000000 --seed 1 -o movies.jsonl
//! marquee import movies.jsonl --database-url sqlite:million.db
//! cargo run --release --example list_shapes -- sqlite:million.db
//! ```
//!
//! Each figure is the median of nine reads in milliseconds, beside that of single movies from all over the
//! catalogue, read right before and after; `deep` is the page that follows the first 10,000 rows, reached by
//! cursors. A shape that has fewer rows shows its last page. With `--explain`, the database's own words on
//! each shape follow.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use marquee::{
    domain::{
        clock::Clock,
        list::{ListQuery, SortKey, Start, Total},
        movie::MovieId,
    },
    store::{Options, Store},
};
use tikv_jemallocator::Jemalloc;

/// The service's, for what is in C, too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const RUNS: usize = 9;
const DEEP_ROWS: usize = 10_000;

/// Filters, at most one kind each, and then some that are combined.
const FILTERS: &[&str] = &[
    "",
    "genre=Drama",
    "genre=Western",
    "genre=Comedy|Horror",
    "genre=Drama,Romance",
    "genre_not=Drama",
    "country=United States",
    "country=Iceland",
    "language=Japanese",
    "year=1999",
    "year_min=1990&year_max=1999",
    "year_min=1895&year_max=1915",
    "year_max=1960",
    "rating_min=7.5",
    "rating_min=9.2",
    "rating_max=3",
    "genre=Drama&year_min=1990",
    "genre=Horror&country=Japan",
    "genre=Drama&country=France&rating_min=7&year_min=1960&year_max=1979",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(url) = arguments.first() else { bail!("give the URL of a database") };
    let options = Options {
        url: url.clone(),
        connections: 2,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_mins(1),
        watch_timeout: Duration::from_secs(10),
        changes_kept: 1_000_000,
    };
    let store = Store::open(options, Clock::system()).await?;
    store.migrate().await?;
    if arguments.iter().any(|argument| argument == "--explain") {
        return explain(&store).await;
    }
    table(&store).await
}

fn shapes(filters: &[String]) -> anyhow::Result<Vec<(String, ListQuery)>> {
    let mut shapes = Vec::new();
    for filter in filters {
        for key in SortKey::ALL {
            for sign in ["", "-"] {
                let text = format!("{filter}&sort={sign}{}", key.name());
                shapes.push((text.clone(), query(&text)?));
            }
        }
    }
    Ok(shapes)
}

/// The filters above, and one on the director of the most popular movie.
async fn filters(store: &Store) -> anyhow::Result<Vec<String>> {
    let first = store.list(&query("")?).await?.value;
    ensure!(!first.movies.is_empty(), "the database has no movies");
    let directors = first.movies.iter().flat_map(|movie| &movie.data.directors);
    let director = directors.map(|name| format!("director={name}")).next();
    let ids: Vec<String> = first.movies.iter().map(|movie| movie.id.to_string()).collect();
    let mut filters: Vec<String> = FILTERS.iter().map(|text| (*text).to_owned()).collect();
    filters.extend(director);
    filters.push(format!("ids={}", ids.join(",")));
    Ok(filters)
}

async fn table(store: &Store) -> anyhow::Result<()> {
    println!(
        "| filter | total | sorts | first page, ms (worst sort) | × single | deep page, ms (worst sort) | × single | a single movie, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let movies = match store.list(&query("")?).await?.value.total {
        Total::Exact(total) | Total::AtLeast(total) => i64::try_from(total)?,
    };
    for filter in filters(store).await? {
        let (mut first, mut deep, mut total) = (Vec::new(), Vec::new(), String::new());
        let mut singles = movie_times(store, movies).await?;
        for (_, mut query) in shapes(std::slice::from_ref(&filter))? {
            let page = store.list(&query).await?.value;
            total = match page.total {
                Total::Exact(total) => total.to_string(),
                Total::AtLeast(total) => format!("≥ {total}"),
            };
            first.push(time(store, &query).await?);
            query.start = walk(store, &query).await?;
            deep.push(time(store, &query).await?);
        }
        singles.extend(movie_times(store, movies).await?);
        let single = spread(&singles).0;
        let name = if filter.is_empty() { "none" } else { filter.get(..60).unwrap_or(&filter) };
        let (first, deep) = (spread(&first), spread(&deep));
        let times = |duration: Duration| duration.as_secs_f64() / single.as_secs_f64();
        println!(
            "| `{name}` | {total} | 12 | {:.3} ({:.3}) | {:.1} | {:.3} ({:.3}) | {:.1} | {:.3} |",
            ms(first.0),
            ms(first.1),
            times(first.0),
            ms(deep.0),
            ms(deep.1),
            times(deep.0),
            ms(single),
        );
    }
    Ok(())
}

/// The median and the worst.
fn spread(times: &[Duration]) -> (Duration, Duration) {
    let mut times = times.to_vec();
    times.sort();
    (times[times.len() / 2], times[times.len() - 1])
}

/// The start of the page after the first 10,000 rows, or of the last one.
async fn walk(store: &Store, query: &ListQuery) -> anyhow::Result<Start> {
    let mut steps = ListQuery { limit: 500, ..query.clone() };
    for _ in 0..DEEP_ROWS / 500 {
        match store.list(&steps).await?.value.next {
            Some(next) => steps.start = Start::At(next),
            None => break,
        }
    }
    Ok(steps.start)
}

async fn time(store: &Store, query: &ListQuery) -> anyhow::Result<Duration> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let since = Instant::now();
        store.list(query).await?;
        times.push(since.elapsed());
    }
    Ok(spread(&times).0)
}

/// How long movies take that have nothing to do with each other.
async fn movie_times(store: &Store, movies: i64) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 1..=500 {
        let id = MovieId::new(number * 1_000_003 % movies + 1).context("positive")?;
        let since = Instant::now();
        store.movie(id).await?;
        times.push(since.elapsed());
    }
    Ok(times)
}

async fn explain(store: &Store) -> anyhow::Result<()> {
    for (text, query) in shapes(&filters(store).await?)? {
        println!("{text}");
        for step in store.explain(&query).await? {
            println!("    {step}");
        }
    }
    Ok(())
}

fn query(text: &str) -> anyhow::Result<ListQuery> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    ListQuery::from_pairs(pairs).with_context(|| text.to_owned())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
