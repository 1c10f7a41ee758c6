//! How long to wait before the next try to connect.

use std::time::Duration;

use super::super::remote::{fraction, spread};

/// The first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Share of a pause by which it is longer or shorter, so that replicas do not come back together.
const SPREAD: f64 = 0.3;

/// Pauses that double.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: PAUSE.0 }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = spread(self.next, SPREAD, fraction());
        self.next = (self.next * 2).min(PAUSE.1);
        pause
    }

    /// It works again: the next pause is a short one.
    pub(super) const fn reset(&mut self) {
        self.next = PAUSE.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds_and_start_anew() {
        let mut backoff = Backoff::new();
        for about in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let pause = backoff.pause().as_millis();
            assert!((about * 7 / 10..=about * 13 / 10).contains(&pause), "{pause} {about}");
        }
        backoff.reset();
        assert!(backoff.pause() < Duration::from_millis(66));
    }
}
