//! Why the service could not do what it was asked.

use crate::store::error::StoreError;

/// A failure. "Not found" and other outcomes of writes are
/// [`Outcome`](crate::store::mutation::Outcome)s, not failures.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The task that did the work ended without an answer (a bug: the log has the panic).
    #[error("the work ended without an answer")]
    Lost(#[source] tokio::task::JoinError),
}
