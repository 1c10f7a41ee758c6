//! Whether statements may be kept prepared: a server has room for so many of all its clients together.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// For how long none are kept once there was no room.
const SCARCE: Duration = Duration::from_secs(10);

/// What is known of a server's room. `MySQL` and `MariaDB` refuse to prepare a statement, be it only for a moment, when
/// `max_prepared_stmt_count` (16,382 unless told otherwise) are prepared, most of them by connections with nothing to do.
#[derive(Debug)]
pub(super) struct Prepared {
    began: Instant,
    /// Milliseconds since then.
    scarce_until: AtomicU64,
}

impl Default for Prepared {
    fn default() -> Self {
        Self { began: Instant::now(), scarce_until: AtomicU64::new(0) }
    }
}

impl Prepared {
    /// How long a statement that was refused waits before each time that it is prepared again.
    pub(super) const PAUSES: [Duration; 4] = [
        Duration::ZERO,
        Duration::from_millis(2),
        Duration::from_millis(10),
        Duration::from_millis(50),
    ];

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The server had no room.
    pub(super) fn note_scarce(&self) {
        let scarce = u64::try_from(SCARCE.as_millis()).unwrap_or(u64::MAX);
        self.scarce_until.store(self.millis().saturating_add(scarce), Ordering::Relaxed);
    }

    /// Whether it had none a moment ago.
    pub(super) fn is_scarce(&self) -> bool {
        match self.scarce_until.load(Ordering::Relaxed) {
            0 => false,
            until => self.millis() < until,
        }
    }
}
