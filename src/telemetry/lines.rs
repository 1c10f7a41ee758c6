//! Lines of the log on their way to standard error.
//!
//! Whoever reads standard error may be slow, or stopped, and a write to a full pipe waits for it. So a
//! thread of its own writes, and takes lines from a queue with a bound; what does not fit is dropped and
//! counted. A request never waits for the log.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait at most.
const LINES_MAX: usize = 16_384;
/// Bytes of them at most.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that are written at once.
const BATCH: usize = 64 * 1024;
/// How long the end of the program waits for what is left.
const FLUSH: Duration = Duration::from_secs(1);

/// The queue. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    sender: SyncSender<Message>,
    /// Bytes that wait.
    queued: Arc<AtomicUsize>,
    dropped: IntCounter,
}

#[derive(Debug)]
enum Message {
    Line(Box<[u8]>),
    /// Somebody waits until all before it is written.
    Flush(SyncSender<()>),
}

impl Lines {
    /// A queue whose lines a thread writes to `into`.
    ///
    /// # Errors
    /// The system's, when there is no other thread to be had.
    pub(super) fn to(into: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(LINES_MAX);
        let dropped = IntCounter::new(
            "marquee_log_lines_dropped_total",
            "Lines of the log that were dropped, since standard error took them too slowly.",
        );
        let dropped = dropped.expect("the name is valid");
        let lines = Self { sender, queued: Arc::default(), dropped };
        let (queued, dropped) = (Arc::clone(&lines.queued), lines.dropped.clone());
        let writer = Writer { receiver, into, queued, dropped };
        // Ends with the process: the log outlives everybody who might wait for it.
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        Ok(lines)
    }

    /// The counter of lines that were dropped.
    pub(super) const fn dropped(&self) -> &IntCounter {
        &self.dropped
    }

    /// Waits until what was logged so far is written, or some time has passed.
    pub(super) fn flush(&self) {
        let end = Instant::now() + FLUSH;
        let (sender, done) = sync_channel(1);
        let mut message = Message::Flush(sender);
        while let Err(full) = self.sender.try_send(message) {
            if Instant::now() >= end {
                return;
            }
            thread::sleep(Duration::from_millis(1));
            message = match full {
                std::sync::mpsc::TrySendError::Full(message) => message,
                std::sync::mpsc::TrySendError::Disconnected(_) => return,
            };
        }
        let left = end.saturating_duration_since(Instant::now());
        let (Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) =
            done.recv_timeout(left);
    }
}

impl Write for Lines {
    /// Takes a line, which comes whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let bytes = line.len();
        let before = self.queued.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > BYTES_MAX || self.sender.try_send(Message::Line(line.into())).is_err() {
            self.queued.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.inc();
        }
        Ok(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

struct Writer<W> {
    receiver: Receiver<Message>,
    into: W,
    queued: Arc<AtomicUsize>,
    dropped: IntCounter,
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut told = 0;
        while let Ok(first) = self.receiver.recv() {
            let mut next = Ok(first);
            let mut waiting = Vec::new();
            loop {
                match next {
                    Ok(Message::Line(line)) => {
                        self.queued.fetch_sub(line.len(), Ordering::Relaxed);
                        batch.extend_from_slice(&line);
                    }
                    Ok(Message::Flush(done)) => waiting.push(done),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
                if batch.len() >= BATCH {
                    break;
                }
                next = self.receiver.try_recv();
            }
            // Standard error may be gone: then there is nobody to tell about it.
            let _ = self.into.write_all(&batch);
            batch.clear();
            let dropped = self.dropped.get();
            if dropped > told {
                // Comes back here, behind what waits.
                tracing::warn!(lines = dropped - told, "lines of the log were dropped");
                told = dropped;
            }
            for done in waiting {
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc::sync_channel};

    use super::*;

    /// Writes that wait for leave, each.
    struct Slow {
        leave: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.leave.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_writer_that_is_stuck_and_what_is_dropped_is_counted() {
        let (go, leave) = sync_channel(1);
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut lines = Lines::to(Slow { leave, written: Arc::clone(&written) }).unwrap();
        for _ in 0..3 * LINES_MAX {
            lines.write_all(b"a line\n").unwrap(); // would never end if it waited
        }
        let dropped = lines.dropped().get();
        assert!(dropped >= u64::try_from(LINES_MAX).unwrap(), "{dropped}");
        drop(go); // from here on each write is let through
        lines.flush();
        let kept = written.lock().unwrap().len() / b"a line\n".len();
        assert_eq!(kept, 3 * LINES_MAX - usize::try_from(lines.dropped().get()).unwrap());
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let (_go, leave) = sync_channel(1);
        let mut lines = Lines::to(Slow { leave, written: Arc::default() }).unwrap();
        let long = vec![b'x'; 1024 * 1024];
        for _ in 0..20 {
            lines.write_all(&long).unwrap();
        }
        assert!(lines.dropped().get() >= 10, "{}", lines.dropped().get());
    }

    #[test]
    fn a_flush_ends_though_nothing_is_written() {
        let (_go, leave) = sync_channel(1);
        let mut lines = Lines::to(Slow { leave, written: Arc::default() }).unwrap();
        lines.write_all(b"never\n").unwrap();
        lines.flush();
    }
}
