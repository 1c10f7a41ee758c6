//! Where an import's rows come from: a thread that reads files, or a task that reads the original
//! service's database. Either stays a few batches ahead of the store.

use std::{io, mem, thread};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::moved;
use crate::{
    exchange::{
        error::ExchangeError,
        plan::Rows,
        record::{RAW_MAX_BYTES, Record, Verdict},
    },
    store::{MUTATIONS_MAX, error::StoreError, original::Original},
};

/// Batches that wait to be written.
const AHEAD: usize = 2;

/// A batch is full at so many bytes, or at [`MUTATIONS_MAX`] rows: large enough to spread the cost of
/// a transaction, small enough for others to get their turn.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What comes from a feed.
#[derive(Debug)]
pub enum Delivery {
    /// Rows.
    Batch(Batch),
    /// A file that ended too early; others may follow.
    Broken(ExchangeError),
    /// The original service's database cannot be read on; nothing follows.
    Failed(StoreError),
}

/// Rows that are written together.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) records: Vec<Record>,
    /// Rows that were left out.
    pub(super) skipped: u64,
    /// Rows beside the movies that belong to none, with the reason as their verdict.
    pub(super) orphans: Vec<Record>,
}

/// Reads files on a thread of their own, which ends when they end or the receiver is dropped.
///
/// # Errors
/// When no thread can be started.
pub fn files(files: Vec<Rows>) -> io::Result<mpsc::Receiver<Delivery>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    // Not the runtime's: one that hangs in a read from a pipe must not hold up the program's end.
    let thread = thread::Builder::new().name("import-reader".to_owned());
    thread.spawn(move || _ = read(files, &sender))?;
    Ok(receiver)
}

/// Nobody wants the rows any more.
struct NotWanted;

fn read(files: Vec<Rows>, sender: &mpsc::Sender<Delivery>) -> Result<(), NotWanted> {
    let send = |delivery| sender.blocking_send(delivery).map_err(|_| NotWanted);
    let mut batch = Batch::default();
    let mut bytes = 0;
    for row in files.into_iter().flatten() {
        match row {
            Ok(record) if record.verdict == Verdict::Skipped => batch.skipped += 1,
            Ok(record) => {
                bytes += weight(&record);
                batch.records.push(record);
            }
            Err(error) => {
                send(Delivery::Batch(mem::take(&mut batch)))?;
                bytes = 0;
                send(Delivery::Broken(error))?;
            }
        }
        let is_full = batch.records.len() >= MUTATIONS_MAX || bytes >= BATCH_BYTES;
        if is_full || batch.skipped >= MANY_SKIPPED {
            bytes = 0;
            send(Delivery::Batch(mem::take(&mut batch)))?;
        }
    }
    send(Delivery::Batch(batch))
}

/// Rows that are skipped before this is told.
const MANY_SKIPPED: u64 = 100_000;

/// About how many bytes a row takes. The text of a long one is cut, but a movie that keeps the rules
/// has not more than a few times as much.
fn weight(record: &Record) -> usize {
    let length = record.raw.len();
    if length < RAW_MAX_BYTES { length } else { 4 * RAW_MAX_BYTES }
}

/// Reads the original service's database in a task of `tasks`, which ends when it was read or the
/// receiver is dropped.
#[must_use]
pub fn original(mut original: Original, tasks: &TaskTracker) -> mpsc::Receiver<Delivery> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tasks.spawn(async move {
        let file = format!("{}/movies", original.place()).into();
        let genres = format!("{}/movies_genres", original.place()).into();
        loop {
            let delivery = match original.next().await {
                Ok(None) => break,
                Ok(Some(rows)) => {
                    moved::batches(rows, &file, &genres).map(Delivery::Batch).collect()
                }
                Err(error) => vec![Delivery::Failed(error)],
            };
            for delivery in delivery {
                if sender.send(delivery).await.is_err() {
                    return; // a snapshot is not worth a good-bye
                }
            }
        }
        original.close().await;
    });
    receiver
}
