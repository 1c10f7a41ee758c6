//! What validation chooses, and what the operator does.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};

use super::error::LearnError;

/// By which a training is told to stop, from another thread. It does so between two steps, each of which may
/// take seconds.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// [`LearnError::Stopped`].
    pub(super) fn check(&self) -> Result<(), LearnError> {
        if self.0.load(Ordering::Relaxed) { Err(LearnError::Stopped) } else { Ok(()) }
    }
}

/// What training may take, and what a model keeps.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes that dense matrices may take while training. Items beyond those that fit are learnt sparsely.
    pub memory_bytes: usize,
    /// Links that a model keeps for each item; small catalogues (up to 512 items) keep all.
    pub neighbours: usize,
    /// Links that it keeps in all, so that it has a bound however many items there are.
    pub links_max: usize,
    /// Threads to work with; makes no difference to what is made.
    pub threads: usize,
    /// By which it is told to stop.
    pub stop: Stop,
}

impl Default for Options {
    fn default() -> Self {
        let threads = super::parallel::available();
        Self {
            memory_bytes: 2 << 30,
            neighbours: 128,
            links_max: usize::MAX,
            threads,
            stop: Stop::default(),
        }
    }
}

impl Options {
    /// How many items the dense matrices may have: two of doubles and one of floats are there at once.
    #[must_use]
    pub fn dense_items(&self) -> usize {
        (self.memory_bytes / 20).isqrt()
    }
}

/// Chosen on the validation split; what each means is in `docs/LEARNING.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Whether times tell an order. Without one nothing of a history's order counts.
    pub ordered: bool,
    /// The regression of items on items.
    pub together: Together,
    /// The regression of what came next on what was before; `None` where it did not help.
    pub next: Option<Next>,
    /// How much a standard deviation of value above a user's mean adds to an event's weight of 1.
    pub liking: f32,
    /// The standard deviation of values from their user's mean.
    pub value_deviation: f32,
    /// Popularity of late; `None` where it did not help.
    pub trend: Option<Trend>,
}

/// EASE with denoising: `B = I - P / diag(P)`, `P = (G + ridge I + denoise diag(G))^-1`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// Added to the diagonal.
    pub ridge: f64,
    /// Share of the diagonal that is added to it.
    pub denoise: f64,
    /// Weight of an event, relative to the next later one.
    pub recency: f32,
    /// What scores are multiplied by.
    pub weight: f32,
}

/// The regression of the decayed future on the decayed past.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Next {
    /// Added to the diagonal.
    pub ridge: f64,
    /// Weight of a past event, relative to the next later one, while training.
    pub past: f64,
    /// Weight of a future event, relative to the next earlier one, while training.
    pub future: f64,
    /// Weight of an event in the history that is asked about, relative to the next later one.
    pub recency: f32,
    /// What scores are multiplied by.
    pub weight: f32,
}

/// Popularity that decays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Time after which an event counts half, in the unit of times.
    pub half_life: f64,
    /// What `ln(1 + 10 count)` is multiplied by.
    pub weight: f32,
}
