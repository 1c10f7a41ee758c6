//! What can go wrong in the store.

use std::time::Duration;

/// A failure of the store. That something does not exist is no failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection was free, or none could be made, in time.
    #[error("the database is not reachable")]
    Unavailable(#[source] sqlx::Error),
    /// The database ended a statement that took too long.
    #[error("the database did not finish a statement within {0:?}")]
    TimedOut(Duration),
    /// The database did not answer in time, not even that it ended a statement.
    #[error("the database did not answer within {0:?}")]
    Unanswered(Duration),
    /// A transaction lost against others more often than it is retried.
    #[error("gave up after {attempts} attempts that other writers won")]
    Contended {
        /// How often it was tried.
        attempts: u32,
        /// How the last attempt ended.
        #[source]
        last: sqlx::Error,
    },
    /// A first load is under way, and lists cannot be read before its end.
    #[error("the catalogue is being loaded")]
    Loading(#[source] sqlx::Error),
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

impl StoreError {
    /// Tells a statement that ran too long from one that was refused.
    pub(crate) fn from_database(error: sqlx::Error, limit: Duration) -> Self {
        // MySQL 3024 and MariaDB 1969 name the time-out, 1317 is a killed statement; SQLite answers
        // "interrupted" when its progress handler says no.
        match code(&error) {
            Some(Code::MySql(3024 | 1969 | 1317) | Code::Sqlite(9)) => Self::TimedOut(limit),
            // All of them together keep as many statements prepared as the server allows.
            Some(Code::MySql(TOO_MANY_PREPARED)) => Self::Unavailable(error),
            // The index that a list names is away.
            Some(Code::MySql(1176)) => Self::Loading(error),
            Some(Code::Sqlite(1)) if error.to_string().contains("no such index") => {
                Self::Loading(error)
            }
            _ => Self::Refused(error),
        }
    }

    /// Whether another writer won, so that the same transaction may well succeed when it is run again
    /// from its beginning.
    pub(crate) fn is_contention(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        match code(error) {
            // Deadlock (the transaction is rolled back), lock wait (only the statement is: the caller
            // rolls back), changed since it was read (MariaDB), a duplicate key that was not there a
            // moment ago, and a record that a foreign key lost.
            Some(Code::MySql(number)) => matches!(number, 1213 | 1205 | 1020 | 1062 | 1452),
            // Busy, locked, and a duplicate key; the high byte of the code says more.
            Some(Code::Sqlite(number)) => {
                matches!(number & 0xff, 5 | 6) || matches!(number, 2067 | 1555)
            }
            None => false,
        }
    }

    /// Whether the server prepares no more statements, so that nothing was done.
    pub(crate) fn is_too_many_prepared(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        matches!(code(error), Some(Code::MySql(TOO_MANY_PREPARED)))
    }

    /// Whether the connection was already dead when it was used, so that nothing was done.
    pub(crate) const fn is_dead_connection(&self) -> bool {
        matches!(self, Self::Unavailable(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)))
    }
}

/// `ER_MAX_PREPARED_STMT_COUNT_REACHED`, of `MySQL` and `MariaDB`.
const TOO_MANY_PREPARED: u16 = 1461;

enum Code {
    MySql(u16),
    Sqlite(u32),
}

fn code(error: &sqlx::Error) -> Option<Code> {
    let sqlx::Error::Database(error) = error else { return None };
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(Code::MySql(error.number()));
    }
    error.code()?.parse().ok().map(Code::Sqlite)
}
