//! Why a file cannot be read, or not to its end.

use std::{io, sync::Arc};

/// A failure that ends the reading of a file. A bad row is none: see
/// [`Verdict::Rejected`](super::record::Verdict::Rejected).
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The file cannot be opened.
    #[error("cannot open {file}")]
    Open {
        /// The file.
        file: Arc<str>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is of no format that is read here.
    #[error("{file}: {detail}")]
    Format {
        /// The file.
        file: Arc<str>,
        /// What is missing or unknown.
        detail: String,
    },
    /// The files do not make sense together.
    #[error("{0}")]
    Together(String),
    /// The file ended too early or cannot be read on; the rows before that place were read.
    #[error("{file}: broken off in line {line}; the rows before it were read")]
    BrokenOff {
        /// The file.
        file: Arc<str>,
        /// The line that is not whole.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// An [`io::Error`] for a file that ends where its format says that something follows.
pub(super) fn ends_early(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, detail)
}
