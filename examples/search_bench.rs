//! Measures the search index on a made-up catalogue of any size, as tables in Markdown:
//!
//! ```text
//! cargo run --release --example search_bench -- FOLDER [MOVIES] [SEED]
//! ```
//!
//! Builds an index of so many movies in FOLDER (5,000,000 unless given; what is there is used if it has as
//! many), and tells how long that takes, how large the index is on disk and in memory, and how long single
//! writes take until they are searchable. Then each search is run in turns with the same query straight
//! on tantivy, on the same files mapped into memory: the same terms in the same fields, all matches
//! counted, the first 20 by score, their stored rows read. Figures are medians of [`RUNS`] in milliseconds,
//! and the 99th percentile of all of them together.

#![expect(clippy::print_stdout, reason = "the tables are what it is run for")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use marquee::{
    domain::{
        clock::Moment,
        list::ListQuery,
        movie::{Movie, MovieId},
        revision::Revision,
        search::{SearchQuery, fold, words},
    },
    exchange::synthetic::Synthetic,
    search::{BuildOptions, Change, Folder, Index, Opened},
};
use tantivy::{
    TantivyDocument, Term,
    collector::{Count, TopDocs},
    directory::MmapDirectory,
    query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery},
    schema::IndexRecordOption,
};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const EPOCH: &str = "bench";
const RUNS: usize = 21;
const WRITES: usize = 200;
const FIELDS: [(&str, f32); 5] =
    [("title", 10.0), ("directors", 7.5), ("cast", 6.5), ("genres", 5.0), ("synopsis", 2.0)];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("usage: search_bench FOLDER [MOVIES] [SEED]")?;
    let count = arguments.next().map_or(Ok(5_000_000), |count| count.parse())?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let movies = Synthetic::new(count, seed);
    let path = PathBuf::from(folder);
    let index = index(&path, &movies, count)?;
    let size = index.size()?;
    println!(
        "{} movies in {} segments: {:.2} GB on disk, {} MB held in memory, {} MB resident\n",
        size.movies,
        size.segments,
        gigabytes(size.disk_bytes),
        size.memory_bytes >> 20,
        resident() >> 20,
    );
    searches(&index, &path, &movies)?;
    lists(&index)?;
    writes(&index, &movies, count)?;
    println!("{} MB resident at the end", resident() >> 20);
    Ok(())
}

/// The index in the folder, built where there is none of that size.
fn index(path: &Path, movies: &Synthetic, count: u64) -> anyhow::Result<Index> {
    let folder = Folder::take(path)?;
    let started = Instant::now();
    if let Opened::Ready(index) = folder.open(EPOCH)?
        && index.size()?.movies == count
    {
        println!("opened in {:.2} s", started.elapsed().as_secs_f64());
        return Ok(index);
    }
    let threads = std::thread::available_parallelism()?.get();
    let options = BuildOptions { threads, memory_bytes: 256 << 20 };
    let mut builder = folder.build(EPOCH, options)?;
    let mut making = Duration::ZERO;
    for number in 0..count {
        let before = Instant::now();
        let movie = movie(movies, number)?;
        making += before.elapsed();
        builder.add(&movie)?;
    }
    let index = builder.finish(Revision::new(1).context("a revision")?)?;
    println!(
        "built by {threads} threads in {:.0} s, of which {:.0} s for making up the movies; {} MB resident",
        started.elapsed().as_secs_f64(),
        making.as_secs_f64(),
        resident() >> 20,
    );
    Ok(index)
}

fn movie(movies: &Synthetic, number: u64) -> anyhow::Result<Movie> {
    let raw = i64::try_from(number + 1)?;
    let at = Moment::from_unix_ms(1_700_000_000_000 + raw / 500);
    let id = MovieId::new(raw).context("an id")?;
    Ok(Movie { id, data: movies.movie(number), version: 1, created_at: at, updated_at: at })
}

/// A search, and the same on tantivy alone.
struct Shape {
    name: &'static str,
    text: String,
    filter: &'static str,
}

fn shapes(movies: &Synthetic) -> Vec<Shape> {
    let one =
        (4_242..9_999).map(|number| movies.movie(number)).find(|movie| !movie.directors.is_empty());
    let two = (13..9_999).map(|number| movies.movie(number)).find(|movie| !movie.cast.is_empty());
    let (one, two) = (one.unwrap_or_default(), two.unwrap_or_default());
    let director = one.directors.first().cloned().unwrap_or_default();
    let actor = two.cast.first().cloned().unwrap_or_default();
    let shape = |name, text: &str, filter| Shape { name, text: format!("{text} "), filter };
    vec![
        shape("title", &one.title, ""),
        shape("one word of a title", one.title.split(' ').next_back().unwrap_or_default(), ""),
        shape("director", &director, ""),
        shape("actor", &actor, ""),
        shape("director and genre", &format!("{director} drama"), ""),
        shape("genre", "drama", ""),
        shape("two genres", "comedy romance", ""),
        shape("genre and year", "drama 1999", ""),
        shape("genre, filtered", "drama", "country=France&year_min=1990"),
        shape("actor, filtered", &actor, "genre=Drama"),
    ]
}

fn searches(index: &Index, path: &Path, movies: &Synthetic) -> anyhow::Result<()> {
    let name = std::fs::read_to_string(path.join("current"))?;
    let plain = tantivy::Index::open(MmapDirectory::open(path.join(name.trim()))?)?;
    let searcher = plain.reader()?.searcher();
    println!("| search | found | tantivy | marquee | ratio | with 5 facets | highlighted |");
    println!("|---|---|---|---|---|---|---|");
    let mut ratios = Vec::new();
    let mut all = [const { Vec::new() }; 2];
    for shape in shapes(movies) {
        let query = query(&shape.text, shape.filter, "")?;
        let faceted =
            self::query(&shape.text, shape.filter, "facets=genre,decade,country,language,rating")?;
        let marked = self::query(&shape.text, shape.filter, "highlight=true")?;
        let straight = straight(&plain, &shape)?;
        let collectors = (TopDocs::with_limit(21).order_by_score(), Count);
        let mut times = [const { Vec::new() }; 4];
        let mut found = 0;
        for _ in 0..RUNS {
            times[0].push(timed(|| {
                let (top, _) = searcher.search(&*straight, &collectors)?;
                for (_, address) in top.into_iter().take(20) {
                    std::hint::black_box(searcher.doc::<TantivyDocument>(address)?);
                }
                Ok(())
            })?);
            times[1].push(timed(|| {
                found = index.search(&query)?.value.total;
                Ok(())
            })?);
            times[2].push(timed(|| {
                index.search(&faceted)?;
                Ok(())
            })?);
            times[3].push(timed(|| {
                index.search(&marked)?;
                Ok(())
            })?);
        }
        all[0].extend_from_slice(&times[1]);
        all[1].extend_from_slice(&times[2]);
        let [tantivy, marquee, facets, highlighted] = times.map(median);
        ratios.push(marquee / tantivy);
        println!(
            "| {} | {found} | {tantivy:.2} | {marquee:.2} | {:.2} | {facets:.2} | {highlighted:.2} |",
            shape.name,
            marquee / tantivy
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nmedian ratio {:.2}", ratios[ratios.len() / 2]);
    let [marquee, facets] = all.map(|times| quantile(times, 99));
    println!("p99 of all {marquee:.2} ms, with 5 facets {facets:.2} ms\n");
    println!("| search | found | marquee |");
    println!("|---|---|---|");
    let one =
        (4_242..9_999).map(|number| movies.movie(number)).find(|movie| !movie.directors.is_empty());
    let one = one.unwrap_or_default();
    let typed: String = one.title.chars().take(7).collect();
    let mut swapped: Vec<char> =
        one.directors.first().cloned().unwrap_or_default().chars().collect();
    swapped.swap(2, 3);
    let swapped: String = swapped.into_iter().collect();
    for (name, text) in [
        ("a title while it is typed", typed),
        ("two letters", "th".to_owned()),
        ("a director, misspelt", swapped),
        ("a phrase", format!("\"{}\"", one.title)),
        ("nothing", "xqzvwjk".to_owned()),
        ("one of three words missing", "drama comedy xqzvwjk".to_owned()),
    ] {
        let query = query(&text, "", "")?;
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..RUNS {
            times.push(timed(|| {
                found = index.search(&query)?.value.total;
                Ok(())
            })?);
        }
        println!("| {name} | {found} | {:.2} |", median(times));
    }
    println!();
    Ok(())
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn query(text: &str, filter: &str, more: &str) -> anyhow::Result<SearchQuery> {
    let mut given = pairs(filter);
    given.extend(pairs(more));
    given.push(("q".to_owned(), text.to_owned()));
    Ok(SearchQuery::from_pairs(given)?)
}

/// The same terms in the same fields, scored by tantivy.
fn straight(index: &tantivy::Index, shape: &Shape) -> anyhow::Result<Box<dyn Query>> {
    let schema = index.schema();
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let texts = words(&shape.text).into_iter().flat_map(|word| word.parts).map(|part| part.text);
    for text in texts {
        let mut fields: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (field, weight) in FIELDS {
            let term = Term::from_field_text(schema.get_field(field)?, &text);
            let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
            fields.push((Occur::Should, Box::new(BoostQuery::new(Box::new(query), weight))));
        }
        if let Ok(year) = text.parse::<u64>() {
            let term = Term::from_field_u64(schema.get_field("year")?, year);
            let query = TermQuery::new(term, IndexRecordOption::Basic);
            fields.push((Occur::Should, Box::new(query)));
        }
        clauses.push((Occur::Must, Box::new(BooleanQuery::new(fields))));
    }
    for (name, value) in pairs(shape.filter) {
        if name == "year_min" {
            let first = Term::from_field_u64(schema.get_field("year")?, value.parse()?);
            let range = std::ops::Bound::Included(first);
            let query = tantivy::query::RangeQuery::new(range, std::ops::Bound::Unbounded);
            clauses.push((Occur::Must, Box::new(query)));
        } else {
            let term = Term::from_field_text(schema.get_field(&name)?, &fold(&value));
            let query = TermQuery::new(term, IndexRecordOption::Basic);
            clauses.push((Occur::Must, Box::new(query)));
        }
    }
    if clauses.is_empty() {
        bail!("a search without words");
    }
    Ok(Box::new(BooleanQuery::new(clauses)))
}

fn lists(index: &Index) -> anyhow::Result<()> {
    println!("| list | movies | first page of 50 |");
    println!("|---|---|---|");
    for filter in [
        "",
        "genre=Drama",
        "genre=Drama,Romance",
        "genre=Comedy|Horror",
        "genre=Drama|Comedy,Romance&genre_not=Horror",
        "genre=Horror&country=Japan",
        "genre=Drama&year_min=1990",
        "genre=Drama&country=France&rating_min=7&year_min=1960&year_max=1979",
        "rating_min=9.2",
        "genre=Drama&country=France&sort=title",
        "genre=Drama&country=France&sort=-created",
    ] {
        let query = ListQuery::from_pairs(pairs(filter))?;
        let mut times = Vec::new();
        let mut total = None;
        for _ in 0..RUNS {
            times.push(timed(|| {
                total = Some(index.list(&query)?.value.total);
                Ok(())
            })?);
        }
        let filter = filter.replace('|', "\\|");
        println!("| `{filter}` | {total:?} | {:.2} |", median(times));
    }
    println!();
    Ok(())
}

/// Single writes all over the catalogue, each until it is searchable.
fn writes(index: &Index, movies: &Synthetic, count: u64) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for n in 0..WRITES {
        let number = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % count;
        let mut movie = movie(movies, number)?;
        movie.version += 1;
        movie.data.votes = Some(7);
        let revision = Revision::new(index.revision().get() + 1).context("a revision")?;
        let change = [Change::Put(Box::new(movie))];
        times.push(timed(|| Ok(index.apply(&change, revision)?))?);
    }
    let [middle, slow, most] = [50, 99, 100].map(|part| quantile(times.clone(), part));
    println!(
        "single writes: median {middle:.1} ms, p99 {slow:.1} ms, most {most:.1} ms; {} segments after {WRITES} of them",
        index.size()?.segments,
    );
    Ok(())
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

fn median(times: Vec<f64>) -> f64 {
    quantile(times, 50)
}

/// What so many in a hundred are below.
fn quantile(mut times: Vec<f64>, part: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * part / 100).min(times.len() - 1)]
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Bytes of the process in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}
