//! Each step of a hit and of a miss, as something to run again and again: for criterion, which takes the
//! time (`benches/answers.rs`), and for callgrind, which counts instructions (`examples/steps.rs`).
//!
//! **Invariant:** seeds are fixed and the clock stands still.

mod finding;
mod served;
mod service;
mod single;

/// A step.
pub(crate) struct Step {
    /// Its name: `hit/…`, `miss/…`, `search/…`.
    pub(crate) name: &'static str,
    /// Makes what it needs; gives what is measured.
    pub(crate) make: fn() -> Box<dyn FnMut()>,
}

/// Those that are the same instructions each time: the work of one thread.
pub(crate) fn steady() -> Vec<Step> {
    [served::hits(), single::hits(), single::misses(), finding::steps()]
        .into_iter()
        .flatten()
        .collect()
}

/// Those that other threads have a part in.
pub(crate) fn threaded() -> Vec<Step> {
    served::misses()
}
