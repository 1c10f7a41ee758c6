//! Why the service could not do what it was asked.

use std::time::Duration;

use crate::store::error::StoreError;

use super::overload::Shed;

/// A failure. "Not found" and other outcomes of writes are
/// [`Outcome`](crate::store::mutation::Outcome)s, not failures.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More was asked of the database than it does, and this was not begun.
    #[error("more is asked of the database than it does")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The index cannot be asked now: it is being built.
    #[error("the index is being built")]
    IndexUnready {
        /// When to try again.
        retry_after: Duration,
    },
    /// The index does not include yet what the answer must include.
    #[error("the index does not have yet what was written")]
    IndexBehind,
    /// This replica keeps no index.
    #[error("there is no index")]
    IndexOff,
    /// A search took too long, waiting for its turn included.
    #[error("the search took too long")]
    SearchTimedOut,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The task that did the work ended without an answer (a bug: the log has the panic).
    #[error("the work ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}

impl From<Shed> for ServiceError {
    fn from(Shed { retry_after }: Shed) -> Self {
        Self::Overloaded { retry_after }
    }
}
