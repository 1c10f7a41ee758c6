//! Measures what it costs to record what people do.
//!
//! ```text
//! activity note                                  nanoseconds that a hit pays to be noted
//! activity run [DATABASE-URL] [--events 15000000] [--rate 200000] [--movies 100000] [--clients 1000000]
//! ```
//!
//! `run` notes so many looks at movies (Zipf), so many a second, on two threads, into a new database (an SQLite
//! file in a temporary folder unless given), and tells what became of them, what the database had to do,
//! and how much memory that took.

#![expect(clippy::print_stdout, reason = "whoever starts it reads the figures")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "they are figures to be read"
)]

use std::{
    fs,
    hint::black_box,
    net::Ipv4Addr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use marquee::{
    domain::{clock::Clock, movie::MovieId},
    service::activity::{Activity, Client, Metrics, Options, Subject, Visitor, Wish},
    store::{self, Store},
};
use prometheus::Registry;
use rustix::time::{ClockId, clock_gettime};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Calls of one batch, of which the least is told.
const BATCH: u32 = 2_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str, default: u64| -> anyhow::Result<u64> {
        match arguments.iter().position(|one| one == name) {
            Some(at) => Ok(arguments.get(at + 1).context("a number")?.parse()?),
            None => Ok(default),
        }
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match arguments.first().map(String::as_str) {
        Some("note") => runtime.block_on(note()),
        Some("run") => {
            let url = arguments.get(1).filter(|one| one.contains(':')).cloned();
            let load = Load {
                events: value("--events", 15_000_000)?,
                rate: value("--rate", 200_000)?,
                movies: value("--movies", 100_000)?,
                clients: value("--clients", 1_000_000)?,
            };
            runtime.block_on(run(url, load))
        }
        _ => bail!(
            "activity note | activity run [DATABASE-URL] [--events N] [--rate N] [--movies N] [--clients N]"
        ),
    }
}

struct Service {
    activity: Activity,
    registry: Registry,
    clock: Clock,
    store: Arc<Store>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

async fn service(url: Option<String>) -> anyhow::Result<Service> {
    let folder = tempfile::tempdir()?;
    let url = url.unwrap_or_else(|| format!("sqlite:{}/activity.db", folder.path().display()));
    let options = store::Options {
        url,
        connections: 8,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(30),
        watch_timeout: Duration::from_secs(5),
        changes_kept: 1_000,
    };
    let (clock, registry, tasks) = (Clock::system(), Registry::new(), TaskTracker::new());
    let store = Arc::new(Store::open(options, clock.clone()).await?);
    store.migrate().await?;
    store.register_metrics(&registry);
    let metrics = Metrics::new(&registry);
    let activity = Activity::new(
        Arc::clone(&store),
        clock.clone(),
        Options::default(),
        metrics,
        tasks.clone(),
    );
    let stop = CancellationToken::new();
    tasks.spawn(activity.clone().run(stop.clone()));
    Ok(Service { activity, registry, clock, store, tasks, stop, _folder: folder })
}

fn visitor(number: u64, user: Option<&str>, wish: Wish) -> Visitor {
    let address = Ipv4Addr::from_bits(number as u32);
    let user = user.and_then(|user| user.parse().ok());
    Visitor { client: Client::new(address.into(), None), user, wish }
}

async fn note() -> anyhow::Result<()> {
    let Service { activity, clock, .. } = service(None).await?;
    let movie = Subject::Movie(MovieId::new(42).context("an id")?);
    let slug = Subject::Collection("halloween".into());
    let rows: [(&str, &Subject, Option<&str>, Wish); 4] = [
        ("a movie", &movie, None, Wish::Unsaid),
        ("a collection", &slug, None, Wish::Unsaid),
        ("a movie, with a pseudonym", &movie, Some("u-4711"), Wish::Unsaid),
        ("a movie, opted out", &movie, None, Wish::OptedOut),
    ];
    let now = clock.tick();
    for (name, subject, user, wish) in rows {
        for threads in [1, 2] {
            let least = thread::scope(|scope| {
                let measured: Vec<_> = (0..threads)
                    .map(|_| {
                        scope.spawn(|| {
                            least(|n| activity.note(subject, visitor(n, user, wish), now))
                        })
                    })
                    .collect();
                measured.into_iter().filter_map(|one| one.join().ok()).fold(0.0_f64, f64::max)
            });
            println!("{name}, {threads} threads: {least:.1} ns");
        }
    }
    Ok(())
}

/// The least time of a call, over many batches, between which the writer has time to empty the buffer.
fn least(work: impl Fn(u64)) -> f64 {
    let mut least = f64::MAX;
    for round in 0..100_u64 {
        let began = Instant::now();
        for n in 0..u64::from(BATCH) {
            work(black_box(round * 31 + n % 64));
        }
        least = least.min(began.elapsed().as_nanos() as f64 / f64::from(BATCH));
        thread::sleep(Duration::from_millis(20));
    }
    least
}

struct Load {
    events: u64,
    rate: u64,
    movies: u64,
    clients: u64,
}

const THREADS: u64 = 2;

async fn run(url: Option<String>, load: Load) -> anyhow::Result<()> {
    let Service { activity, registry, clock, store, tasks, stop, _folder } = service(url).await?;
    let (before, cpu_before) = (resident(), cpu(ClockId::ProcessCPUTime));
    let began = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let (activity, clock) = (activity.clone(), clock.clone());
            let Load { events, rate, movies, clients } = load;
            thread::spawn(move || {
                sent(&activity, &clock, n, events / THREADS, rate / THREADS, movies, clients)
            })
        })
        .collect();
    let mut most = before;
    while threads.iter().any(|thread| !thread.is_finished()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident());
    }
    let (mut sent, mut noting) = (0, Duration::ZERO);
    for (events, cpu) in threads.into_iter().filter_map(|thread| thread.join().ok()) {
        sent += events;
        noting += cpu;
    }
    let took = began.elapsed();
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let storing = cpu(ClockId::ProcessCPUTime).saturating_sub(noting + cpu_before);
    let value = |name: &str, labels: &[&str]| value(&registry, name, labels);
    println!(
        "sent           {sent} in {:.1} s ({:.0} a second)",
        took.as_secs_f64(),
        sent as f64 / took.as_secs_f64()
    );
    println!("noted          {:.0}", value("marquee_activity_events_total", &[]));
    println!("stored         {:.0}", value("marquee_activity_stored_total", &[]));
    for reason in ["queue_full", "backlog", "refused", "ended"] {
        println!(
            "dropped        {:.0} ({reason})",
            value("marquee_activity_dropped_total", &[reason])
        );
    }
    println!("rows           {:.0}", value("marquee_activity_rows_total", &[]));
    let batches = value("marquee_activity_batches_total", &["stored"]);
    let seconds = value("marquee_activity_store_seconds", &[]);
    println!(
        "batches        {batches:.0}, {:.1} ms each, {:.1} % of the time",
        seconds / batches * 1e3,
        seconds / took.as_secs_f64() * 100.0
    );
    let statements = value("marquee_database_statement_seconds", &["count"]);
    println!("statements     {statements:.0} ({:.1} a second)", statements / took.as_secs_f64());
    println!(
        "CPU            {:.0} ns an event to make it up and note it, {:.0} ns to count and store it",
        noting.as_nanos() as f64 / sent as f64,
        storing.as_nanos() as f64 / sent as f64
    );
    println!("resident       {before} MiB before, {most} MiB at most");
    store.close().await;
    Ok(())
}

fn sent(
    activity: &Activity,
    clock: &Clock,
    thread: u64,
    events: u64,
    rate: u64,
    movies: u64,
    clients: u64,
) -> (u64, Duration) {
    const AT_ONCE: u64 = 500;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread + 1);
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let began = Instant::now();
    for n in 0..events {
        if n % AT_ONCE == 0 {
            let due = Duration::from_secs_f64(n as f64 / rate as f64);
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
        // Zipf, near enough: ranks spread evenly by their logarithm.
        let share = (next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (movies as f64).powf(share) as i64;
        let Some(movie) = MovieId::new(rank.max(1)) else { continue };
        let visitor = visitor(next() % clients, None, Wish::Unsaid);
        activity.note(&Subject::Movie(movie), visitor, clock.tick());
    }
    (events, cpu(ClockId::ThreadCPUTime))
}

/// A metric's value, added up; of a histogram the sum, or the count where that is asked for.
fn value(registry: &Registry, name: &str, labels: &[&str]) -> f64 {
    let mut sum = 0.0;
    for family in registry.gather().iter().filter(|family| family.name() == name) {
        for metric in family.get_metric() {
            let has = |label: &&str| metric.get_label().iter().any(|pair| pair.value() == *label);
            let histogram = metric.get_histogram();
            match labels {
                ["count"] => sum += histogram.get_sample_count() as f64,
                labels if labels.iter().all(has) => {
                    sum += metric.get_counter().get_value() + metric.get_gauge().get_value();
                    sum += histogram.get_sample_sum();
                }
                _ => {}
            }
        }
    }
    sum
}

/// Processor time that was used.
fn cpu(of: ClockId) -> Duration {
    let time = clock_gettime(of);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Resident memory in MiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
