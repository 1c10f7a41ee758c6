//! The database: where it is, and how long it may take.

use std::time::Duration;

use super::{
    database_url::{DatabaseKind, DatabaseUrl},
    value::{count, duration},
};

/// Settings of the database.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// The database: `sqlite:PATH` for a file of its own, which is created when it is missing, or
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE` for MySQL or MariaDB.
    #[arg(
        long,
        env = "MARQUEE_DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite:marquee.db",
        hide_env_values = true
    )]
    pub database_url: DatabaseUrl,

    /// Most connections to the database at once; with SQLite, most readers at once. Default: 100
    /// with MySQL and MariaDB, 8 with SQLite.
    #[arg(
        long,
        env = "MARQUEE_DATABASE_CONNECTIONS",
        value_name = "NUMBER",
        value_parser = count(1, 10_000)
    )]
    pub database_connections: Option<u32>,

    /// Longest wait for a free connection. A request that waits longer is answered by 503.
    #[arg(
        long,
        env = "MARQUEE_DATABASE_ACQUIRE_TIMEOUT",
        value_name = "DURATION",
        default_value = "250ms",
        value_parser = duration(Duration::from_millis(1), Duration::from_mins(1))
    )]
    pub database_acquire_timeout: Duration,

    /// Longest time for one statement. The database ends it then, and the request is answered by 503; a
    /// list is read again without its total, which is what takes long.
    #[arg(
        long,
        env = "MARQUEE_DATABASE_STATEMENT_TIMEOUT",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = duration(Duration::from_millis(10), Duration::from_mins(10))
    )]
    pub database_statement_timeout: Duration,

    /// Number of revisions that the change feed (`/v1/changes`) reaches back.
    #[arg(
        long,
        env = "MARQUEE_CHANGES_KEPT",
        value_name = "REVISIONS",
        default_value = "1000000",
        value_parser = count(1, 1_000_000_000)
    )]
    pub changes_kept: u32,
}

impl DatabaseSettings {
    /// Most connections at once: as set, or as fits the kind of database.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.database_connections.unwrap_or(match self.database_url.kind() {
            DatabaseKind::MySql => 100,
            DatabaseKind::Sqlite { .. } => 8,
        })
    }
}
