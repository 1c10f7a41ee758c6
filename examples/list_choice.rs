//! Reads lists of several filters from the database and from the index, in turns, and tells which was faster and
//! which the service would have asked, the first time and once it has asked a few times, as tables in Markdown:
//!
//! ```text
//! marquee synthesise --movies 5000000 --seed 1 -o movies.jsonl
//! marquee import movies.jsonl --database-url sqlite:five.db
//! marquee serve --database-url sqlite:five.db --index-dir FOLDER   # until /v1/search answers: that makes the index
//! cargo run --release --example list_choice -- sqlite:five.db FOLDER [LISTS] [SEED]
//! ```
//!
//! First come the filters of `docs/LISTS.md` that are combined, then as many as LISTS (200) that are drawn at random:
//! two to four conditions, any order. Each is read both ways, in turns, until the service has learnt which is faster
//! ([`TURNS`]), and some more; each figure is the median of all that, in milliseconds. With `--points`, what was
//! estimated follows for each, for fitting the constants of the choice. A list in place of LISTS
//! (`genre=Drama&year_min=1990`) is the only one, with what was seen of it.

#![expect(clippy::print_stdout, reason = "the tables are what it is run for")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use marquee::{
    domain::{
        clock::Clock,
        list::{ListQuery, Total},
        movie::Movie,
    },
    search::{Folder, Index, Opened},
    service::index::{Took, is_for_index},
    store::{Options, Store},
};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How often what the service chooses is counted.
const RUNS: u32 = 7;
/// The same where the slower one takes less than [`CLOSE`] times as long: which it is takes more to tell.
const RUNS_CLOSE: u32 = 21;
const CLOSE: f64 = 1.5;
/// How often each is read before: a database goes on getting faster, with what it keeps of pages and of lookups.
const WARMING: u32 = 5;
/// How often the service reads a list before it counts what it chooses: as often as it tries both where they are close,
/// and some more.
const TURNS: u32 = 16;
/// As much longer as the better one that a choice may take.
const GOAL: f64 = 1.1;

const FILTERS: &[&str] = &[
    "genre=Comedy|Horror",
    "genre=Drama,Romance",
    "genre=Western,Horror",
    "genre=Drama|Comedy,Romance&genre_not=Horror",
    "genre=Drama&year_min=1990",
    "genre=Drama&year=1999",
    "genre=Horror&country=Japan",
    "genre=Drama&country=United States",
    "genre=Drama&country=Iceland",
    "genre=Comedy&language=English&year_min=1990&year_max=1999",
    "genre=Drama&country=France&rating_min=7&year_min=1960&year_max=1979",
    "genre=Drama&rating_min=8.5",
    "genre=Drama&rating_min=5",
    "country=United States&language=English",
    "country=France&language=English",
    "year_min=1990&year_max=1999&rating_min=7",
];
const GENRES: [&str; 12] = [
    "Drama",
    "Comedy",
    "Thriller",
    "Action",
    "Romance",
    "Horror",
    "Crime",
    "Adventure",
    "Sci-Fi",
    "Fantasy",
    "War",
    "Western",
];
const COUNTRIES: [&str; 7] =
    ["United States", "France", "India", "Japan", "United Kingdom", "Italy", "Iceland"];
const LANGUAGES: [&str; 5] = ["English", "French", "Japanese", "Hindi", "Italian"];
const SORTS: [&str; 12] = [
    "popularity",
    "-popularity",
    "rating",
    "-rating",
    "votes",
    "-votes",
    "year",
    "-year",
    "title",
    "-title",
    "created",
    "-created",
];

/// A small generator (`SplitMix64`), so that a seed gives the same lists everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((n ^ (n >> 31)) % sides as u64).unwrap_or(0)
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.roll(texts.len())]
    }
}

struct Measured {
    text: String,
    movies: u64,
    database: f64,
    index: f64,
    /// Share of what is read from the index after some [`TURNS`].
    by_index: f64,
    /// What is chosen the first time, when nobody has read the list yet.
    at_first: bool,
    points: String,
    took: Took,
}

impl Measured {
    /// How many times as long as the better one what is chosen takes.
    fn regret(&self) -> f64 {
        self.takes(self.by_index) / self.database.min(self.index)
    }

    /// Milliseconds, where this share is read from the index.
    fn takes(&self, by_index: f64) -> f64 {
        by_index * self.index + (1.0 - by_index) * self.database
    }

    fn takes_at_first(&self) -> f64 {
        if self.at_first { self.index } else { self.database }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let points = arguments.iter().position(|argument| argument == "--points");
    if let Some(at) = points {
        arguments.remove(at);
    }
    let [url, folder, rest @ ..] = arguments.as_slice() else {
        bail!("usage: list_choice DATABASE_URL FOLDER [LISTS|LIST] [SEED] [--points]");
    };
    let one = rest.first().filter(|list| list.contains('='));
    let lists = rest.first().filter(|_| one.is_none()).map_or(Ok(200), |lists| lists.parse())?;
    let seed = rest.get(1).map_or(Ok(1), |seed| seed.parse())?;
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
    store.refresh_statistics().await?;
    let epoch = store.snapshot().await?.epoch();
    let index = match Folder::take(Path::new(folder))?.open(&format!("{epoch:016x}"))? {
        Opened::Ready(index) => index,
        other => bail!("there is no index of this database in {folder}: {other:?}"),
    };

    if let Some(list) = one {
        let measured = measure(&store, &index, list.clone()).await?;
        println!("{}\n{}\n{:?}", row(&measured), measured.points, measured.took);
        return Ok(());
    }
    println!("| list | movies | database | index | chosen | × the better one |");
    println!("|---|--:|--:|--:|---|--:|");
    let mut all = Vec::new();
    for filter in FILTERS {
        let mut measured = Vec::new();
        for sort in ["-popularity", "title", "-year"] {
            measured.push(measure(&store, &index, format!("{filter}&sort={sort}")).await?);
        }
        measured.sort_by(|a, b| a.regret().total_cmp(&b.regret()));
        // The order in which the choice is the worst.
        println!("{}", row(&measured[measured.len() - 1]));
        all.extend(measured);
    }
    let mut dice = Dice(seed);
    let mut random = Vec::new();
    for _ in 0..lists {
        random.push(measure(&store, &index, draw(&mut dice)).await?);
    }
    println!();
    summary("filters above", &mut all);
    summary("drawn at random", &mut random);
    println!("\nThe worst of those drawn at random:\n");
    println!("| list | movies | database | index | chosen | × the better one |");
    println!("|---|--:|--:|--:|---|--:|");
    random.iter().rev().take(12).for_each(|measured| println!("{}", row(measured)));
    if points.is_some() {
        println!();
        all.iter().chain(&random).for_each(|measured| println!("{}", measured.points));
    }
    Ok(())
}

fn draw(dice: &mut Dice) -> String {
    let mut text = match dice.roll(4) {
        0 => format!("genre={}|{}", dice.of(&GENRES[..6]), dice.of(&GENRES[6..])),
        1 => format!("genre={},{}", dice.of(&GENRES[..6]), dice.of(&GENRES[6..])),
        _ => format!("genre={}", dice.of(&GENRES)),
    };
    let conditions = 1 + dice.roll(3);
    let mut kinds = [0, 1, 2, 3];
    for n in 0..conditions {
        let other = n + dice.roll(kinds.len() - n);
        kinds.swap(n, other);
        let year = 1920 + dice.roll(100);
        let more = match kinds[n] {
            0 => format!("country={}", dice.of(&COUNTRIES)),
            1 => format!("language={}", dice.of(&LANGUAGES)),
            2 if dice.roll(2) == 0 => format!("year_min={year}"),
            2 => format!("year_min={year}&year_max={}", year + dice.roll(20)),
            _ => format!("rating_min={}.{}", 1 + dice.roll(8), dice.roll(10)),
        };
        text = format!("{text}&{more}");
    }
    format!("{text}&sort={}", dice.of(&SORTS))
}

async fn measure(store: &Store, index: &Index, text: String) -> anyhow::Result<Measured> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query = ListQuery::from_pairs(pairs).with_context(|| text.clone())?;
    let mut times = Both::default();
    for _ in 0..WARMING {
        times.take(store, index, &query).await?;
    }
    times = Both::default();
    let at_first = is_for_index(&query, &store.estimate(&query, None), &Took::default());
    let (mut total, mut took, mut from_index, mut turns) = (None, Took::default(), 0, 0);
    while turns < TURNS + RUNS || turns < TURNS + RUNS_CLOSE && times.are_close() {
        let by_index = is_for_index(&query, &store.estimate(&query, total), &took);
        times.take(store, index, &query).await?;
        took.note(by_index, times.last(by_index));
        total = if by_index { Some(times.movies) } else { times.counted.or(total) };
        from_index += u32::from(by_index && turns >= TURNS);
        turns += 1;
    }
    let estimate = store.estimate(&query, total);
    let by_index = f64::from(from_index) / f64::from(turns - TURNS);
    let (movies, database, index) = (times.movies, median(&times.database), median(&times.index));
    let points = format!("POINT\t{text}\t{movies}\t{database}\t{index}\t{estimate:?}");
    Ok(Measured { text, movies, database, index, by_index, at_first, points, took })
}

/// How long both readers took, in turns.
#[derive(Default)]
struct Both {
    database: Vec<Duration>,
    index: Vec<Duration>,
    movies: u64,
    /// How many the database counted, if it counted them all.
    counted: Option<u64>,
}

impl Both {
    /// The one that the service asks takes as long as here: something else was read in between.
    async fn take(
        &mut self,
        store: &Store,
        index: &Index,
        query: &ListQuery,
    ) -> anyhow::Result<()> {
        let since = Instant::now();
        let stored = store.list(query).await?.value;
        self.database.push(since.elapsed());
        let since = Instant::now();
        let found = index.list(query)?.value;
        self.index.push(since.elapsed());
        let ids =
            |movies: &[Movie]| -> Vec<i64> { movies.iter().map(|movie| movie.id.get()).collect() };
        ensure!(ids(&stored.movies) == ids(&found.movies), "{query:?}: they are not the same");
        self.movies = exact(found.total).context("the index counts all")?;
        self.counted = exact(stored.total);
        Ok(())
    }

    fn last(&self, by_index: bool) -> Duration {
        let times = if by_index { &self.index } else { &self.database };
        times.last().copied().unwrap_or_default()
    }

    fn are_close(&self) -> bool {
        let (database, index) = (median(&self.database), median(&self.index));
        database.max(index) < CLOSE * database.min(index)
    }
}

const fn exact(total: Total) -> Option<u64> {
    match total {
        Total::Exact(total) => Some(total),
        Total::AtLeast(_) => None,
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn row(measured: &Measured) -> String {
    let Measured { text, movies, database, index, by_index, .. } = measured;
    let chosen = match by_index * 100.0 {
        100.0 => "index".to_owned(),
        0.0 => "database".to_owned(),
        share => format!("index {share:.0} %"),
    };
    let text = text.replace('|', "\\|");
    format!(
        "| `{text}` | {movies} | {database:.2} | {index:.2} | {chosen} | {:.2} |",
        measured.regret()
    )
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred lists")]
fn summary(name: &str, measured: &mut [Measured]) {
    measured.sort_by(|a, b| a.regret().total_cmp(&b.regret()));
    let count = measured.len() as f64;
    let share = |within: &dyn Fn(&Measured) -> bool| {
        measured.iter().filter(|measured| within(measured)).count() as f64 / count * 100.0
    };
    let sum = |of: &dyn Fn(&Measured) -> f64| measured.iter().map(of).sum::<f64>();
    let best = sum(&|measured| measured.database.min(measured.index));
    let mut times: Vec<f64> =
        measured.iter().map(|measured| measured.takes(measured.by_index)).collect();
    times.sort_by(f64::total_cmp);
    let p99 = times[(times.len() * 99 / 100).min(times.len() - 1)];
    println!(
        "{name}: {} lists, {:.0} % from the index; the choice is within {:.0} % of the better one for {:.1} % (the \
         first time: {:.1} %), and takes {:.2} times as long in sum (always the database: \
         {:.2}, always the index: {:.2}); p99 {:.1} ms",
        measured.len(),
        share(&|measured| measured.by_index > 0.5),
        (GOAL - 1.0) * 100.0,
        share(&|measured| measured.regret() <= GOAL),
        share(&|measured| {
            measured.takes_at_first() <= GOAL * measured.database.min(measured.index)
        }),
        sum(&|measured| measured.takes(measured.by_index)) / best,
        sum(&|measured| measured.database) / best,
        sum(&|measured| measured.index) / best,
        p99,
    );
}
