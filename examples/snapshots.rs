//! Looks whether a server's snapshots have every transaction that ended before one that they have, and says how many do
//! not, as they are and as the store reads (docs/decisions/0104-snapshots-are-checked.md):
//!
//! ```text
//! scripts/test-services run sh -c 'cargo run --release --example snapshots -- $TEST_MARIADB_URL [SECONDS]'
//! ```
//!
//! Writers raise a row and insert the number that it has; who reads a number must find all below it. Other
//! transactions stay open, and every processor is kept busy: it is rare where threads are not stopped.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _, raw_sql};
use tokio::task::JoinSet;

const WRITERS: usize = 8;
const READERS: usize = 6;
const OPEN: usize = 120;
/// For each processor.
const BUSY: usize = 2;
/// As many numbers below the last one are looked for.
const LOOKED_FOR: i64 = 20;
const DATABASE: &str = "marquee_snapshots";

#[derive(Debug, Default)]
struct Found {
    snapshots: u64,
    lacking: u64,
    /// Of those that the store would have taken.
    taken: u64,
    taken_lacking: u64,
}

async fn connect(server: &str) -> Result<MySqlConnection> {
    let mut connection = MySqlConnection::connect(server).await?;
    run(&mut connection, &format!("USE {DATABASE}")).await?;
    Ok(connection)
}

async fn run(connection: &mut MySqlConnection, text: &str) -> Result<()> {
    connection.execute(raw_sql(AssertSqlSafe(text.to_owned()))).await?;
    Ok(())
}

async fn numbers(connection: &mut MySqlConnection, text: &str) -> Result<Vec<i64>> {
    let rows = connection.fetch_all(raw_sql(AssertSqlSafe(text.to_owned()))).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn head(connection: &mut MySqlConnection) -> Result<i64> {
    numbers(connection, "SELECT last FROM head").await?.pop().context("a row")
}

async fn write(server: String, end: Instant) -> Result<()> {
    let mut connection = connect(&server).await?;
    while Instant::now() < end {
        for text in [
            "BEGIN",
            "UPDATE head SET last = last + 1",
            "INSERT INTO written SELECT last FROM head",
            "COMMIT",
        ] {
            run(&mut connection, text).await?;
        }
    }
    Ok(())
}

async fn read(server: String, end: Instant) -> Result<Found> {
    let mut connection = connect(&server).await?;
    let (mut found, mut seen) = (Found::default(), 0);
    while Instant::now() < end {
        run(&mut connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        let last = head(&mut connection).await?;
        let from = (last - LOOKED_FOR).max(0);
        let text = format!("SELECT n FROM written WHERE n > {from} AND n <= {last}");
        let there = i64::try_from(numbers(&mut connection, &text).await?.len())?;
        run(&mut connection, "COMMIT").await?;
        let lacks = u64::from(there != last - from);
        found.snapshots += 1;
        found.lacking += lacks;
        if last == seen {
            found.taken += 1;
            found.taken_lacking += lacks;
        } else {
            seen = head(&mut connection).await?;
        }
    }
    Ok(found)
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().context("usage: snapshots SERVER_URL [SECONDS]")?;
    let seconds: u64 = arguments.next().map_or(Ok(90), |seconds| seconds.parse())?;
    let mut control = MySqlConnection::connect(&server).await?;
    for text in [
        format!("DROP DATABASE IF EXISTS {DATABASE}"),
        format!("CREATE DATABASE {DATABASE}"),
        format!("USE {DATABASE}"),
        "CREATE TABLE head (id INT PRIMARY KEY, last BIGINT NOT NULL)".to_owned(),
        "INSERT INTO head VALUES (1, 0)".to_owned(),
        "CREATE TABLE written (n BIGINT PRIMARY KEY)".to_owned(),
        "CREATE TABLE others (n INT PRIMARY KEY)".to_owned(),
    ] {
        run(&mut control, &text).await?;
    }
    let mut open = Vec::new();
    for n in 0..OPEN {
        let mut connection = connect(&server).await?;
        run(&mut connection, &format!("BEGIN; INSERT INTO others VALUES ({n})")).await?;
        open.push(connection);
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let processors = std::thread::available_parallelism()?.get();
    let busy = move || {
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    };
    (0..BUSY * processors).for_each(|_| drop(std::thread::spawn(busy)));
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    (0..WRITERS).for_each(|_| drop(writers.spawn(write(server.clone(), end))));
    (0..READERS).for_each(|_| drop(readers.spawn(read(server.clone(), end))));
    let mut all = Found::default();
    while let Some(found) = readers.join_next().await {
        let found = found??;
        all.snapshots += found.snapshots;
        all.lacking += found.lacking;
        all.taken += found.taken;
        all.taken_lacking += found.taken_lacking;
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    drop(open);
    let written = head(&mut control).await?;
    run(&mut control, &format!("DROP DATABASE {DATABASE}")).await?;
    let version: String = control.fetch_one("SELECT VERSION()").await?.try_get(0)?;
    println!("{version}: {written} transactions, {} snapshots in {seconds} s", all.snapshots);
    println!("{} lack an earlier transaction than one that they have", all.lacking);
    println!(
        "{} of the {} of a number that had been seen before they were taken",
        all.taken_lacking, all.taken
    );
    Ok(())
}
