//! What can go wrong in the store.

use std::time::Duration;

/// A failure of the store. That something does not exist is no failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection was free, or none could be made, in time.
    #[error("the database is not reachable")]
    Unavailable(#[source] sqlx::Error),
    /// The database did not answer in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(Duration),
    /// A transaction lost against others more often than it is retried.
    #[error("gave up after {attempts} attempts that other writers won")]
    Contended {
        /// How often it was tried.
        attempts: u32,
        /// How the last attempt ended.
        #[source]
        last: sqlx::Error,
    },
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
    /// A row that makes no sense: someone else wrote it, or a bug.
    #[error("row {key} of {table} has a bad {column}: {detail}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong.
        detail: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The change feed no longer reaches back to the revision asked for.
    #[error("changes are kept from revision {oldest} on")]
    ChangesGone {
        /// The oldest `since` that can be answered.
        oldest: crate::domain::revision::Revision,
    },
}
