//! Making the next model from what people did.
//!
//! | | |
//! |---|---|
//! | `material` | what is learnt from, read from the truth |
//! | `work` | learning on a thread of its own, and the model kept |
//! | `schedule` | who trains, and when: one replica at a time |
//!
//! **Invariant:** training takes no thread that answers requests, and as much memory as it is given.
//! **Invariant:** what is learnt from is read anew each time: whoever was erased is in no later model.

mod material;
mod schedule;
mod work;

pub use material::{Material, from_interactions};
pub use schedule::{Schedule, Times};
pub use work::{Made, Priority, TrainError, Trainer};

/// What training may take, and what becomes of models.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes for matrices, and as many again for what is learnt from, at most.
    pub memory_bytes: usize,
    /// Bytes of a model, at most.
    pub model_bytes_max: usize,
    /// Threads to learn with.
    pub threads: usize,
    /// Models that are kept.
    pub keep: usize,
}
