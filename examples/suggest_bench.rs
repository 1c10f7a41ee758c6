//! Measures suggestions: how long a build takes, how much memory it needs, and how many requests one
//! core answers, by kind of request.
//!
//! ```text
//! cargo run --profile quick --example suggest_bench -- data/catalog.jsonl.gz
//! cargo run --profile quick --example suggest_bench -- 5000000          # a made-up catalogue
//! cargo run --profile quick --example suggest_bench -- 5000000 words    # with 1 M different words
//! cargo run --profile quick --example suggest_bench -- data/catalog.jsonl.gz ask "the god" kuros
//! ```
//!
//! Requests are made of the catalogue's own titles and names, each asked for once, so that nothing is
//! answered by what the processor has at hand from the same request before. `popular` are made of the
//! 1,000 best-known movies, all others of any.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]

use std::{
    fs::File,
    hint::black_box,
    io::{BufRead as _, BufReader},
    time::Duration,
};

use anyhow::Context as _;
use flate2::read::GzDecoder;
use marquee::{
    domain::{
        movie::{MovieData, MovieId},
        movie_json::{Reading, read},
        suggest::{SuggestQuery, fold},
    },
    exchange::synthetic::Synthetic,
    search::suggest::{Options, Suggester},
};

/// As in the service, whose allocator this is.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SEED: u64 = 7;
/// Requests of each kind.
const REQUESTS: usize = 20_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let source = arguments.first().context("give a file, or a number of movies")?;
    let how = arguments.get(1).map(String::as_str);
    let suggester = Suggester::new(Options::default());
    let before = resident();
    let start = processor_time();
    let mut making = Duration::ZERO;
    let mut sample = Vec::new();
    let mut builder = suggester.builder();
    for (number, movie) in (1..).zip(movies(source, how == Some("words"))?) {
        let made = processor_time();
        let movie = movie?;
        if number % 100 == 1 || movie.popularity.is_some_and(|popularity| popularity > 80.0) {
            sample.push(movie.clone());
        }
        let id = MovieId::new(number).context("an id")?;
        making += processor_time().saturating_sub(made);
        builder.add(id, &movie);
    }
    let added = processor_time().saturating_sub(start + making);
    let peak = resident();
    let sorting = processor_time();
    anyhow::ensure!(builder.publish(), "another build has begun");
    let sorted = processor_time().saturating_sub(sorting);
    let size = suggester.size();
    if how == Some("ask") {
        arguments[2..].iter().for_each(|text| ask(&suggester, text));
        return Ok(());
    }
    println!("{} movies and {} people, {} MB by count", size.movies, size.people, size.bytes >> 20);
    println!(
        "built in {:.1} s of processor time: {:.1} s taking movies, {:.1} s sorting; resident {} MB \
         more, {} MB before sorting, {} MB at the most",
        (added + sorted).as_secs_f64(),
        added.as_secs_f64(),
        sorted.as_secs_f64(),
        resident().saturating_sub(before) >> 10,
        peak.saturating_sub(before) >> 10,
        status("VmHWM:").saturating_sub(before) >> 10,
    );
    println!("\n| request | per second | median µs | p99 µs | rows |\n|---|---|---|---|---|");
    for (name, requests) in requests(sample) {
        measure(&suggester, name, &requests);
    }
    Ok(())
}

/// The movies of a file, or made-up ones.
fn movies(source: &str, many_words: bool) -> anyhow::Result<Movies> {
    if let Ok(count) = source.parse::<u64>() {
        let synthetic = Synthetic::new(count, SEED);
        return Ok(Box::new((0..count).map(move |number| {
            let mut movie = synthetic.movie(number);
            if many_words {
                movie.title = respelled(&movie.title, number);
                for (n, name) in (1..).zip(movie.cast.iter_mut().chain(&mut movie.directors)) {
                    let person = name.bytes().fold(n / 4, |sum, byte| sum * 31 + u64::from(byte));
                    *name = respelled(name, person);
                }
            }
            Ok(movie)
        })));
    }
    let lines = BufReader::new(GzDecoder::new(File::open(source)?)).lines();
    Ok(Box::new(lines.map(|line| {
        let object: serde_json::Value = serde_json::from_str(&line?)?;
        let object = object.as_object().context("an object")?;
        Ok(read(object, Reading::Strict)?.data)
    })))
}

type Movies = Box<dyn Iterator<Item = anyhow::Result<MovieData>>>;

/// Made-up catalogues have some 1,000 words; real ones have 1,000 times as many, most of them rare.
/// This gives one word in four another spelling, one of a few thousand.
fn respelled(text: &str, number: u64) -> String {
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
    let words = text.split(' ').map(|word| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if random >> 62 != 0 || !word.is_ascii() || word.len() < 3 {
            return word.to_owned();
        }
        let share = ((random >> 32 & 0x3fff) * (random >> 40 & 0x3fff)) >> 14;
        let (mut rest, mut tail) = (share, String::new());
        while rest > 0 {
            tail.push(char::from(b"aeinorstlmkdu"[usize::try_from(rest % 13).unwrap_or_default()]));
            rest /= 13;
        }
        let cut = word.len() / 2 + 1;
        format!("{}{tail}{}", &word[..cut], &word[cut..])
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Requests by kind.
fn requests(mut sample: Vec<MovieData>) -> Vec<(&'static str, Vec<String>)> {
    sample.sort_by(|a, b| b.popularity.unwrap_or(0.0).total_cmp(&a.popularity.unwrap_or(0.0)));
    let popular: Vec<String> =
        sample.iter().take(1000).map(|movie| fold(&movie.title).text).collect();
    let step = (sample.len() / REQUESTS).max(1);
    let any: Vec<&MovieData> = sample.iter().step_by(step).collect();
    let titles: Vec<String> = any.iter().map(|movie| fold(&movie.title).text).collect();
    let names: Vec<String> = any
        .iter()
        .flat_map(|movie| movie.directors.iter().chain(movie.cast.iter().take(1)))
        .map(|name| fold(name).text)
        .take(REQUESTS)
        .collect();
    let first = |text: &String, letters: usize| text.chars().take(letters).collect::<String>();
    let each = |texts: &[String], letters: usize| {
        texts.iter().map(|text| first(text, letters)).collect::<Vec<_>>()
    };
    let long = |texts: &[String]| {
        texts.iter().filter(|text| text.chars().count() > 7).cloned().collect::<Vec<_>>()
    };
    let word = |texts: &[String], least: usize| {
        let words = texts.iter().filter_map(|text| {
            text.split(' ').find(|word| word.chars().count() >= least).map(str::to_owned)
        });
        words.collect::<Vec<_>>()
    };
    let typing: Vec<String> = popular
        .iter()
        .flat_map(|text| (1..=text.chars().count().min(20)).map(|n| first(text, n)))
        .take(REQUESTS)
        .collect();
    let mistyped = |texts: Vec<String>, slips: usize| {
        let texts = (0..)
            .zip(texts)
            .map(|(n, text)| (0..slips).fold(text, |text, slip| mistype(&text, n + slip, slip)));
        texts.collect::<Vec<_>>()
    };
    vec![
        ("popular titles, each letter of typing them", typing),
        ("titles, 1 letter", each(&titles, 1)),
        ("titles, 3 letters", each(&titles, 3)),
        ("titles, 6 letters", each(&titles, 6)),
        ("titles, 12 letters", each(&titles, 12)),
        ("titles, whole", titles.clone()),
        ("names, 4 letters", each(&names, 4)),
        ("names, whole", names.clone()),
        ("a word of 4, one slip", mistyped(word(&titles, 4), 1)),
        ("a word of 8, two slips", mistyped(word(&titles, 8), 2)),
        ("titles, one slip", mistyped(long(&titles), 1)),
        ("titles, two slips", mistyped(long(&titles), 2)),
        ("names, one slip", mistyped(long(&names), 1)),
        ("words that are nowhere", titles.iter().map(|text| scrambled(text)).collect()),
    ]
}

/// Makes a slip of one of four kinds, after the first letter and in the `part`th half.
fn mistype(text: &str, n: usize, part: usize) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let half = (letters.len() / 2).max(1);
    let at = 1 + (n * 7 + part * half) % (letters.len().max(3) - 2);
    let at = at.min(letters.len() - 1);
    match n % 4 {
        0 => _ = letters.remove(at),
        1 => letters.insert(at, 'e'),
        2 => letters[at] = 'x',
        _ => letters.swap(at - 1, at),
    }
    letters.into_iter().collect()
}

fn scrambled(text: &str) -> String {
    text.chars().rev().map(|c| if c == 'e' { 'q' } else { c }).collect()
}

fn measure(suggester: &Suggester, name: &str, requests: &[String]) {
    let queries: Vec<SuggestQuery> =
        requests.iter().filter_map(|text| SuggestQuery::new(text)).collect();
    let mut times: Vec<Duration> = Vec::with_capacity(queries.len());
    let mut rows = 0;
    let start = processor_time();
    for query in &queries {
        let asked = processor_time();
        rows += black_box(suggester.suggest(query)).len();
        times.push(processor_time().saturating_sub(asked));
    }
    let took = processor_time().saturating_sub(start);
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "a table for people")]
    let (per_second, rows) =
        (queries.len() as f64 / took.as_secs_f64(), rows as f64 / queries.len() as f64);
    println!("| {name} | {per_second:.0} | {:.1} | {:.1} | {rows:.1} |", at(50), at(99));
}

/// Time that this thread had a processor: what others do on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

fn ask(suggester: &Suggester, text: &str) {
    let Some(query) = SuggestQuery::new(text) else { return println!("{text}: nothing to ask") };
    let rows: Vec<String> = suggester
        .suggest(&query)
        .into_iter()
        .map(|row| match row.year {
            Some(year) => format!("{} ({year})", row.text),
            None => format!("*{}*", row.text),
        })
        .collect();
    println!("{text}: {}", rows.join(" · "));
}

/// Resident memory in kB.
fn resident() -> u64 {
    status("VmRSS:")
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
