//! Asks a running service for more than its database does, and says what comes of it:
//!
//! ```text
//! overload ADDRESS [--seconds 10] [--rounds 3] [--hits 500] [--times 1,2,3] [--rows 21]
//! ```
//!
//! First the capacity of misses is measured: lists that nobody asked for before, by more and more clients
//! that each ask when they are answered; as many as get the most done are asked again at the beginning of
//! each round, since the machine may be faster or slower by then. Then misses come at a constant rate,
//! whatever becomes of them, at so many times the capacity. All the while others ask for lists that are kept,
//! at a constant rate too. A miss has `--rows` rows and up to 29 more. Times are from the moment at which a
//! request was due.
//!
//! Exits with 1 where less than 90 % of the capacity gets done under overload, by the median of the rounds,
//! or anything but 200 and 503 is answered. `scripts/bench-overload` starts a service and runs it.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::task::TaskTracker;

/// Clients of the measurement of capacity, one after the other.
const CLIENTS: [usize; 4] = [4, 8, 16, 32];
/// Lists that are kept.
const KEPT: u64 = 20;
/// Most requests under way of one stream; what is due beyond them is not sent, and said.
const UNDER_WAY_MAX: usize = 4_000;
/// No answer takes longer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Part of the capacity that must get done.
const GOAL: f64 = 0.9;

struct Arguments {
    address: SocketAddr,
    each: Duration,
    rounds: usize,
    hits: f64,
    times: Vec<f64>,
    rows: u64,
}

/// Connections that wait for their next request, and how many requests are under way.
#[derive(Debug)]
struct Client {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Empty<Bytes>>>>,
    tasks: TaskTracker,
}

/// What came of the requests of one stream.
#[derive(Debug, Default)]
struct Tally {
    /// Milliseconds, by status.
    took: Mutex<BTreeMap<u16, Vec<f64>>>,
    failed: AtomicU64,
    not_sent: AtomicU64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { address, each, rounds, hits, times, rows } = Arguments::read()?;
    let client = Arc::new(Client::new(address));
    for n in 0..KEPT * 3 {
        let status = client.ask(&kept(n)).await.context("the service does not answer")?;
        ensure!(status == StatusCode::OK, "{} is {status}", kept(n));
    }

    let (mut most, mut best) = (0.0, 0);
    let mut next = 0;
    for clients in CLIENTS {
        let (done, all) = saturate(&client, clients, each / 2, rows, &mut next).await;
        println!("{clients} clients in turn: {done:.0} misses a second, {all:.0} answers");
        if done > most {
            (most, best) = (done, clients);
        }
    }
    ensure!(best > 0, "no miss was answered");
    println!("capacity: what {best} clients get\n");

    println!(
        "| load | offered/s | 200/s | of capacity | shed | 200: p50 | p99 | 503: p99 | hits/s | of offered | hits: p50 | p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut goal_missed = false;
    let mut parts: Vec<Vec<f64>> = vec![Vec::new(); times.len()];
    for round in 0..rounds {
        let (capacity, _) = saturate(&client, best, each, rows, &mut next).await;
        ensure!(capacity > 0.0, "no miss was answered");
        println!("| round {} | {capacity:.0} is the capacity |", round + 1);
        for (load, parts) in times.iter().zip(&mut parts) {
            let (misses, kept) = (Arc::new(Tally::default()), Arc::new(Tally::default()));
            let first = next;
            let streams = (
                stream(&client, &misses, capacity * load, each, move |n| cold(first + n, rows)),
                stream(&client, &kept, hits, each, self::kept),
            );
            let (sent, _) = tokio::join!(streams.0, streams.1);
            next += sent;
            let part = misses.count(200) / each.as_secs_f64() / capacity;
            parts.push(part);
            println!("{}", row(*load, capacity, hits, each, &misses, &kept));
            goal_missed |= misses.is_bad() || kept.is_bad() || kept.count(503) > 0.0;
        }
    }
    println!();
    for (load, parts) in times.iter().zip(&mut parts) {
        parts.sort_by(f64::total_cmp);
        let median = parts[parts.len() / 2];
        println!("{load} ×: {:.0} % of the capacity, median of {rounds} rounds", median * 100.0);
        goal_missed |= *load > 1.0 && median < GOAL;
    }
    println!("times in milliseconds; {hits:.0} hits offered a second; {} s each", each.as_secs());
    Ok(if goal_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A row of the table.
fn row(
    load: f64,
    capacity: f64,
    hits: f64,
    each: Duration,
    misses: &Tally,
    kept: &Tally,
) -> String {
    let seconds = each.as_secs_f64();
    let (done, shed) = (misses.count(200), misses.count(503));
    let odd = misses.odd() + &kept.odd();
    format!(
        "| {load} × | {:.0} | {:.0} | {:.0} % | {:.0} % | {} | {} | {} | {:.0} | {:.1} % | {} | {} |{}",
        capacity * load,
        done / seconds,
        done / seconds / capacity * 100.0,
        shed / (done + shed).max(1.0) * 100.0,
        misses.quantile(200, 0.5),
        misses.quantile(200, 0.99),
        misses.quantile(503, 0.99),
        kept.count(200) / seconds,
        kept.count(200) / seconds / hits * 100.0,
        kept.quantile(200, 0.5),
        kept.quantile(200, 0.99),
        if odd.is_empty() { String::new() } else { format!(" {odd}") },
    )
}

/// A list that is kept.
fn kept(n: u64) -> String {
    format!("/v1/movies?limit={}", 1 + n % KEPT)
}

/// A list that nobody asked for before: one genre, any order, two bounds. Neighbours differ in all of them.
fn cold(n: u64, rows: u64) -> String {
    const GENRES: [&str; 8] =
        ["Drama", "Comedy", "Action", "Thriller", "Romance", "Horror", "Crime", "Adventure"];
    const SORTS: [&str; 6] = ["popularity", "rating", "votes", "year", "title", "created"];
    // A walk through all combinations that meets each once, by a step that has no factor in common with
    // their number.
    const COMBINATIONS: u64 = 8 * 6 * 2 * 60 * 50 * 30;
    let n = n.wrapping_mul(7_368_787) % COMBINATIONS;
    let index = |n: u64, of: usize| usize::try_from(n % of as u64).unwrap_or(0);
    let (genre, n) = (GENRES[index(n, 8)], n / 8);
    let (sort, n) = (SORTS[index(n, 6)], n / 6);
    let (minus, n) = (["", "-"][index(n, 2)], n / 2);
    let (year, n) = (1920 + n % 60, n / 60);
    let (rating, n) = (n % 50, n / 50);
    let limit = rows + n % 30;
    format!(
        "/v1/movies?genre={genre}&sort={minus}{sort}&year_min={year}&rating_min={}.{}&limit={limit}",
        rating / 10,
        rating % 10
    )
}

/// Lets so many clients ask one miss after the other: misses that were answered, and all answers, a
/// second.
async fn saturate(
    client: &Arc<Client>,
    clients: usize,
    each: Duration,
    rows: u64,
    next: &mut u64,
) -> (f64, f64) {
    let (tally, numbers) = (Arc::new(Tally::default()), Arc::new(AtomicU64::new(*next)));
    let (end, tasks) = (Instant::now() + each, TaskTracker::new());
    for _ in 0..clients {
        let (client, tally, numbers) =
            (Arc::clone(client), Arc::clone(&tally), Arc::clone(&numbers));
        tasks.spawn(async move {
            while Instant::now() < end {
                let target = cold(numbers.fetch_add(1, Ordering::Relaxed), rows);
                tally.ask(&client, &target, Instant::now()).await;
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    *next = numbers.load(Ordering::Relaxed);
    let (done, shed) = (tally.count(200), tally.count(503));
    (done / each.as_secs_f64(), (done + shed) / each.as_secs_f64())
}

/// Sends requests at a constant rate, whatever becomes of them; waits for all answers. Gives how many
/// were due.
async fn stream(
    client: &Arc<Client>,
    tally: &Arc<Tally>,
    rate: f64,
    each: Duration,
    target: impl Fn(u64) -> String,
) -> u64 {
    if rate <= 0.0 {
        tokio::time::sleep(each).await;
        return 0;
    }
    let (began, tasks) = (Instant::now(), TaskTracker::new());
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut sent = 0;
    loop {
        let due =
            began + Duration::from_secs_f64(f64::from(u32::try_from(sent).unwrap_or(0)) / rate);
        if due >= began + each {
            break;
        }
        while Instant::now() < due {
            ticks.tick().await;
        }
        if tasks.len() < UNDER_WAY_MAX {
            let (client, tally, target) = (Arc::clone(client), Arc::clone(tally), target(sent));
            tasks.spawn(async move { tally.ask(&client, &target, due).await });
        } else {
            tally.not_sent.fetch_add(1, Ordering::Relaxed);
        }
        sent += 1;
        if sent % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    tasks.close();
    tasks.wait().await;
    sent
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// Asks on a connection that is free, or a new one, and reads the answer whole.
    async fn ask(&self, target: &str) -> anyhow::Result<StatusCode> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut sender = match idle {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                self.tasks.spawn(async move { drop(connection.await) });
                sender
            }
        };
        let request = Request::get(target).header(header::HOST, self.address.to_string());
        let response = sender.send_request(request.body(Empty::new())?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        sender.ready().await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        Ok(status)
    }
}

impl Tally {
    async fn ask(&self, client: &Client, target: &str, due: Instant) {
        let Ok(Ok(status)) = timeout(ANSWER_MAX, client.ask(target)).await else {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let took = due.elapsed().as_secs_f64() * 1e3;
        let mut all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(status.as_u16()).or_default().push(took);
    }

    fn count(&self, status: u16) -> f64 {
        let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let count = took.get(&status).map_or(0, Vec::len);
        f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place in a list of thousands"
    )]
    fn quantile(&self, status: u16, part: f64) -> String {
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(took) = took.get_mut(&status).filter(|took| !took.is_empty()) else {
            return "-".to_owned();
        };
        took.sort_by(f64::total_cmp);
        let place = ((took.len() - 1) as f64 * part).round() as usize;
        format!("{:.2}", took[place])
    }

    /// Whether anything but 200 and 503 was answered.
    fn is_bad(&self) -> bool {
        let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        self.failed.load(Ordering::Relaxed) > 0
            || took.keys().any(|status| ![200, 503].contains(status))
    }

    /// What was neither 200 nor 503.
    fn odd(&self) -> String {
        let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let mut odd: Vec<String> = took
            .iter()
            .filter(|(status, _)| ![200, 503].contains(*status))
            .map(|(status, took)| format!("{status}: {}", took.len()))
            .collect();
        for (name, count) in [("failed", &self.failed), ("not sent", &self.not_sent)] {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                odd.push(format!("{name}: {count}"));
            }
        }
        odd.join(" ")
    }
}

impl Arguments {
    fn read() -> anyhow::Result<Self> {
        let mut given = std::env::args().skip(1);
        let (mut address, mut each) = (None, Duration::from_secs(10));
        let (mut rounds, mut hits, mut rows) = (3, 500.0, 21);
        let mut times = vec![1.0, 2.0, 3.0];
        while let Some(argument) = given.next() {
            let mut value = || given.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--seconds" => each = Duration::from_secs(value()?.parse()?),
                "--rounds" => rounds = value()?.parse()?,
                "--hits" => hits = value()?.parse()?,
                "--rows" => rows = value()?.parse()?,
                "--times" => {
                    times = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                _ if address.is_none() => address = Some(argument.parse()?),
                _ => bail!("what is {argument}?"),
            }
        }
        let address = address.context("give the address of a service, like 127.0.0.1:8080")?;
        ensure!((21..=471).contains(&rows), "rows are from 21 (fewer are kept) to 471");
        ensure!(rounds > 0, "there must be a round");
        Ok(Self { address, each, rounds, hits, times, rows })
    }
}
