//! How many operations may be in the database at once: found by how long they take.
//!
//! While the database keeps up, an operation takes as long beside many others as beside few. From some
//! number on it only waits there, longer with each further one, and nothing more gets done. The limit is
//! kept a little above that number: it falls in proportion as operations take longer than alone, and may
//! exceed what that says by its square root.
//!
//! How long they take "alone" (the baseline) is learnt whenever few are in flight, and otherwise by a
//! probe: for a fraction of a second a quarter of the limit is let in. That is what neither the lowest
//! time ever seen (too low where operations differ) nor a long average (rises with the overload that it
//! should tell) gives.
//!
//! A plain state machine: it knows neither the database nor the time, which comes as an argument.
//!
//! **Invariant:** the limit is never outside its bounds, and the floor is at least one.
//! **Invariant:** times of operations that failed are not measured.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::clock::Tick;

/// A window is closed when it is so long and has so many samples …
const WINDOW: (Duration, u32) = (Duration::from_millis(100), 50);
/// … or, where operations are few, this long and has so many.
const WINDOW_OF_FEW: (Duration, u32) = (Duration::from_millis(500), 10);
/// … or, where they are very few, this.
const WINDOW_OF_VERY_FEW: (Duration, u32) = (Duration::from_secs(2), 3);
/// A window that is older says nothing any more, and is begun again.
const WINDOW_MAX: Duration = Duration::from_secs(10);

/// The share of the limit that a probe lets in. With a half, a limit that is twice as high as it should
/// be would find itself confirmed.
const PROBE_SHARE: f64 = 0.25;
/// When a probe ends without having its samples, and how few will do then.
const PROBE_MAX: (Duration, u32) = (Duration::from_secs(1), 5);
/// When a probe ends for which those that were in flight before do not end.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How old a baseline gets before the next probe, and how many times as long as the last probe was: so
/// that probing costs little.
const PROBE_EVERY: (Duration, u32) = (Duration::from_secs(10), 20);
/// The same after a probe that found operations to be this much quicker than was known (of the
/// logarithm), or the first: fewer yet may be quicker yet.
const PROBE_AGAIN: (Duration, f64) = (Duration::from_secs(1), 0.3);

/// The least part of the limit that a window leaves of it.
const SHRINK_MAX: f64 = 0.5;
/// What is left of the limit after a window with failures …
const SHRINK_FAILED: f64 = 0.7;
/// … where there is one failure to so many operations or fewer.
const FAILED_SHARE: u32 = 10;
/// How quickly the baseline follows while few operations are in flight.
const LEARN: f64 = 0.2;
/// After so many windows in a row at the floor, that is how long operations take.
const WINDOWS_AT_FLOOR: u32 = 5;

/// Within what the limit moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    /// The least; at least 1.
    pub(super) floor: u32,
    /// The most.
    pub(super) ceiling: u32,
    /// How many times as long as alone an operation may take before the limit falls.
    pub(super) tolerance: f64,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was done.
    Done,
    /// The database did not answer, or not in time: a sign of overload.
    Failed,
    /// It says nothing of the database's load.
    Unmeasured,
}

/// An operation that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) began: Tick,
    pub(super) now: Tick,
    /// Operations in flight when it began, itself included.
    pub(super) in_flight: usize,
    pub(super) end: End,
}

/// The limit.
#[derive(Debug)]
pub(super) struct Limit {
    bounds: Bounds,
    most: f64,
    /// The mean of the logarithm of nanoseconds that operations take alone: of the logarithm, so that a
    /// few slow kinds of operations do not hide how all others fare.
    baseline: Option<f64>,
    /// When the next probe is due.
    probe_at: Tick,
    window: Window,
    phase: Phase,
    windows_at_floor: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Steady,
    /// Few are let in, to see how long they take.
    Probe {
        since: Tick,
    },
}

#[derive(Debug, Default)]
struct Window {
    began: Tick,
    done: u32,
    failed: u32,
    /// Sum of the logarithms of nanoseconds.
    logarithms: f64,
    /// Sum of the operations that were in flight.
    in_flight: f64,
}

impl Limit {
    /// A limit that begins in the middle of what it may become.
    pub(super) fn new(bounds: Bounds, now: Tick) -> Self {
        let ceiling = bounds.ceiling.max(1);
        let bounds = Bounds { floor: bounds.floor.clamp(1, ceiling), ceiling, ..bounds };
        let most = f64::from(ceiling.midpoint(bounds.floor).min(16).max(bounds.floor));
        let window = Window { began: now, ..Window::default() };
        let (baseline, phase) = (None, Phase::Steady);
        Self { bounds, most, baseline, probe_at: now, window, phase, windows_at_floor: 0 }
    }

    /// How many may be in flight now.
    pub(super) fn now(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within bounds that are u32"
        )]
        let whole = |limit: f64| (limit as usize).max(1);
        match self.phase {
            Phase::Steady => whole(self.most),
            Phase::Probe { .. } => {
                whole((self.most * PROBE_SHARE).max(f64::from(self.bounds.floor)))
            }
        }
    }

    /// Learns from an operation that has ended.
    pub(super) fn ended(&mut self, sample: Sample) {
        if sample.end == End::Unmeasured {
            return;
        }
        let Sample { began, now, in_flight, end } = sample;
        let fresh = || Window { began: now, ..Window::default() };
        match self.phase {
            // What began beside more than the probe lets in began before it.
            Phase::Probe { since } if in_flight > self.now() && end == End::Done => {
                self.window = fresh();
                if now.since(since) >= PROBE_WAIT_MAX {
                    self.end_probe(since, now);
                }
            }
            Phase::Probe { since } => {
                self.window.add(now.since(began), in_flight, end);
                self.end_probe(since, now);
            }
            Phase::Steady => {
                if now.since(self.window.began) > WINDOW_MAX {
                    self.window = fresh();
                }
                self.window.add(now.since(began), in_flight, end);
                if self.window.is_full(now) {
                    self.close(now);
                }
            }
        }
    }

    /// Ends a window: the limit becomes what it says.
    fn close(&mut self, now: Tick) {
        let window =
            std::mem::replace(&mut self.window, Window { began: now, ..Window::default() });
        if window.failed * FAILED_SHARE >= window.done {
            if window.failed > 0 {
                return self.set(self.most * SHRINK_FAILED);
            }
            return;
        }
        let (took, in_flight) = (window.mean_logarithm(), window.mean_in_flight());
        if in_flight < self.most * PROBE_SHARE {
            self.baseline =
                Some(self.baseline.map_or(took, |known| known + LEARN * (took - known)));
            self.probe_at = now.after(PROBE_EVERY.0);
            return;
        }
        let Some(baseline) = self.baseline.filter(|_| now < self.probe_at) else {
            self.phase = Phase::Probe { since: now };
            return;
        };
        if in_flight < self.most / 2.0 {
            return; // what is not used says nothing of what could be
        }
        let share = (baseline + self.bounds.tolerance.ln() - took).exp().clamp(SHRINK_MAX, 1.0);
        self.set(self.most.mul_add(share, self.most.sqrt()));
        let at_floor = share < 1.0 && self.most <= f64::from(self.bounds.floor);
        self.windows_at_floor = if at_floor { self.windows_at_floor + 1 } else { 0 };
        if self.windows_at_floor >= WINDOWS_AT_FLOOR {
            // There are no fewer to compare with: the database has become slower.
            self.windows_at_floor = 0;
            self.baseline = Some(took);
        }
    }

    /// Ends a probe that has what it needs, or has lasted long enough.
    fn end_probe(&mut self, since: Tick, now: Tick) {
        let late =
            now.since(self.window.began) >= PROBE_MAX.0 || now.since(since) >= PROBE_WAIT_MAX;
        if self.window.done < WINDOW.1 && !late && self.window.failed == 0 {
            return;
        }
        let mut pause = PROBE_EVERY.0;
        if self.window.failed == 0 && self.window.done >= PROBE_MAX.1 {
            let took = self.window.mean_logarithm();
            if self.baseline.is_none_or(|known| took < known - PROBE_AGAIN.1) {
                pause = PROBE_AGAIN.0;
            }
            self.baseline = Some(took);
        }
        self.phase = Phase::Steady;
        self.probe_at = now.after(pause.max(now.since(since) * PROBE_EVERY.1));
        self.window = Window { began: now, ..Window::default() };
    }

    fn set(&mut self, limit: f64) {
        self.most = limit.clamp(f64::from(self.bounds.floor), f64::from(self.bounds.ceiling));
    }
}

impl Window {
    fn add(&mut self, took: Duration, in_flight: usize, end: End) {
        if end == End::Failed {
            self.failed += 1;
            return;
        }
        self.done += 1;
        self.logarithms += took.as_secs_f64().max(1e-6).ln();
        self.in_flight += f64::from(u32::try_from(in_flight).unwrap_or(u32::MAX));
    }

    fn is_full(&self, now: Tick) -> bool {
        let (age, samples) = (now.since(self.began), self.done + self.failed);
        let is = |(least, enough)| age >= least && (samples >= enough || self.failed > 0);
        is(WINDOW) || is(WINDOW_OF_FEW) || is(WINDOW_OF_VERY_FEW)
    }

    fn mean_logarithm(&self) -> f64 {
        self.logarithms / f64::from(self.done)
    }

    fn mean_in_flight(&self) -> f64 {
        self.in_flight / f64::from(self.done)
    }
}
