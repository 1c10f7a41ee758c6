//! The rules of one class for one kind of clients, and how a bucket fares under them.

use std::{fmt::Write as _, sync::atomic::AtomicU64};

use super::cell::{Wait, Window};
use crate::domain::{
    clock::Tick,
    rate::{Length, LimitClass, Windows},
};

/// Most windows of a policy; those of a bucket lie side by side.
pub(super) const WINDOWS_MAX: usize = 4;

/// The windows of a client.
pub(super) type Cells = [AtomicU64; WINDOWS_MAX];

/// Windows with their names.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) given: Windows,
    windows: Box<[Window]>,
    /// What `RateLimit` says before the numbers, for each window: `"read-1m";r=`.
    heads: Box<[Box<[u8]>]>,
    /// The value of `RateLimit-Policy`.
    pub(super) text: Box<str>,
    /// Tokens that a replica may have ahead, where replicas share a quota.
    pub(super) lease: i64,
}

/// How it stands: the window that has the least left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) window: usize,
    pub(super) remaining: u32,
}

/// Nothing is left in this window for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Empty {
    pub(super) window: usize,
    pub(super) wait: Wait,
}

impl Policy {
    /// `None` for a class that is not limited.
    pub(super) fn new(class: LimitClass, given: &Windows) -> Option<Self> {
        let rates = given.rates().get(..WINDOWS_MAX).unwrap_or(given.rates());
        let least = rates.iter().map(|rate| i64::from(rate.burst())).min()?;
        let mut text = String::new();
        let mut heads = Vec::with_capacity(rates.len());
        for (n, rate) in rates.iter().enumerate() {
            let name = match n {
                0 => class.name().to_owned(),
                _ => format!("{}-{}", class.name(), Length(rate.window_s())),
            };
            let comma = if n == 0 { "" } else { ", " };
            let (count, window_s) = (rate.count(), rate.window_s());
            let _ = write!(text, "{comma}\"{name}\";q={count};w={window_s}"); // cannot fail
            heads.push(format!("\"{name}\";r=").into_bytes().into());
        }
        Some(Self {
            given: given.clone(),
            windows: rates.iter().map(|rate| Window::new(*rate)).collect(),
            heads: heads.into(),
            text: text.into(),
            lease: (least / 10).max(2).min(least),
        })
    }

    /// Takes one request of every window, or of none.
    #[inline]
    pub(super) fn take(&self, cells: &Cells, now: Tick) -> Result<Left, Empty> {
        let mut left = Left { window: 0, remaining: u32::MAX };
        for (n, (window, cell)) in self.windows.iter().zip(cells).enumerate() {
            let Ok(remaining) = window.take(cell, now) else {
                self.give_back_some(cells, n);
                return Err(self.longest_wait(cells, n, now));
            };
            // Burst or not, there is no more than the quota to tell of.
            let remaining = remaining.min(window.rate.count());
            if remaining < left.remaining {
                left = Left { window: n, remaining };
            }
        }
        Ok(left)
    }

    /// Gives one request back to every window.
    pub(super) fn give_back(&self, cells: &Cells) {
        self.give_back_some(cells, self.windows.len());
    }

    fn give_back_some(&self, cells: &Cells, count: usize) {
        for (window, cell) in self.windows.iter().zip(cells).take(count) {
            window.give_back(cell);
        }
    }

    /// Those before `from` had something.
    #[cold]
    fn longest_wait(&self, cells: &Cells, from: usize, now: Tick) -> Empty {
        let waits = self.windows.iter().zip(cells).map(|(window, cell)| window.wait(cell, now));
        let all = waits.enumerate().skip(from).map(|(window, wait)| Empty { window, wait });
        all.max_by_key(|empty| empty.wait.0).unwrap_or(Empty { window: from, wait: Wait(0) })
    }

    /// Seconds until all of a window is there again.
    #[inline]
    pub(super) fn reset_s(cells: &Cells, window: usize, now: Tick) -> u64 {
        Window::reset_s(&cells[window], now)
    }

    /// Whether a bucket tells no more than a new one, and did so at an instant.
    pub(super) fn is_whole(&self, cells: &Cells, at: Tick) -> bool {
        cells.iter().take(self.windows.len()).all(|cell| Window::is_whole(cell, at))
    }

    /// The cells of a bucket under other rules: windows whose rate stays keep how they stand.
    pub(super) fn carried(&self, before: &Self, cells: &Cells) -> Cells {
        let carried = Cells::default();
        for (window, cell) in self.windows.iter().zip(&carried) {
            let same = before.windows.iter().position(|one| one.rate == window.rate);
            if let Some(same) = same {
                let ordering = std::sync::atomic::Ordering::Acquire;
                cell.store(cells[same].load(ordering), std::sync::atomic::Ordering::Release);
            }
        }
        carried
    }

    /// The windows.
    pub(super) const fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// What `RateLimit` says before the numbers.
    #[inline]
    pub(super) fn head(&self, window: usize) -> &[u8] {
        &self.heads[window]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rate::RateLimits;

    fn policy(read: &str) -> Policy {
        let limits: RateLimits = format!("read={read}").parse().unwrap();
        Policy::new(LimitClass::Read, limits.anonymous.of(LimitClass::Read)).unwrap()
    }

    fn at(ms: u64) -> Tick {
        Tick::from_nanos(3_600_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn windows_are_named_by_class_and_by_length_from_the_second_on() {
        let policy = policy("200/1s,6000/1m,100000/1h");
        assert_eq!(
            &*policy.text,
            "\"read\";q=200;w=1, \"read-1m\";q=6000;w=60, \"read-1h\";q=100000;w=3600"
        );
        assert_eq!(policy.head(1), b"\"read-1m\";r=");
        assert!(Policy::new(LimitClass::Read, &Windows::OFF).is_none());
    }

    #[test]
    fn the_tightest_window_is_told_of() {
        let (policy, cells) = (policy("3/1s,5/1m"), Cells::default());
        let mut told = Vec::new();
        for ms in [0, 0, 2000, 2000, 2000] {
            let left = policy.take(&cells, at(ms)).unwrap();
            told.push((left.window, left.remaining));
        }
        assert_eq!(told, [(0, 2), (0, 1), (0, 2), (0, 1), (0, 0)]);
        let empty = policy.take(&cells, at(4000)).unwrap_err();
        assert_eq!((empty.window, empty.wait.seconds()), (1, 8));
    }

    #[test]
    fn what_is_refused_counts_in_no_window() {
        let (policy, cells) = (policy("2/1s,3/1m"), Cells::default());
        for ms in [0, 0] {
            policy.take(&cells, at(ms)).unwrap();
        }
        for _ in 0..50 {
            assert_eq!(policy.take(&cells, at(0)).unwrap_err().window, 0);
        }
        policy.take(&cells, at(3000)).unwrap(); // one is left of the minute
        for _ in 0..50 {
            assert_eq!(policy.take(&cells, at(3000)).unwrap_err().window, 1);
        }
        policy.take(&cells, at(20_000)).unwrap();
    }

    #[test]
    fn windows_whose_rate_stays_keep_how_they_stand() {
        let (before, cells) = (policy("9/1s,3/1m"), Cells::default());
        for _ in 0..3 {
            before.take(&cells, at(0)).unwrap();
        }
        let carried = policy("99/1s,3/1m").carried(&before, &cells);
        assert_eq!(policy("99/1s,3/1m").take(&carried, at(0)).unwrap_err().window, 1);
        let fresh = policy("9/1s,4/1m").carried(&before, &cells);
        assert_eq!(policy("9/1s,4/1m").take(&fresh, at(0)).unwrap().remaining, 3);
    }
}
