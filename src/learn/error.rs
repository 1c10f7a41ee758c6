//! What can go wrong in learning.

use std::io;

/// Why something was not learnt, or not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The interaction file could not be read to its end.
    #[error("cannot read interactions")]
    Read(#[source] io::Error),
    /// A line of an interaction file makes no sense.
    #[error("line {line}: {detail}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// There is nothing to learn from.
    #[error("too few interactions: {0}")]
    TooFew(&'static str),
    /// Whoever wanted it does not any more.
    #[error("it was stopped")]
    Stopped,
    /// The matrix has no inverse: a weight is not a number.
    #[error("the matrix of {items} items cannot be inverted")]
    Singular {
        /// Rows of the matrix.
        items: usize,
    },
    /// A model file could not be read or written.
    #[error("cannot {doing} the model file")]
    File {
        /// `read` or `write`.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A model file is not one, is of another version, or is damaged.
    #[error("the model file is refused: {0}")]
    Damaged(&'static str),
}
