//! Connection pools, and what every session of theirs relies on.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Database, Executor as _, MySql, MySqlConnection, Pool,
    Row as _, Sqlite,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::error::StoreError;

/// How the store reaches its database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:<path>` or `mysql://user:password@host:port/database`.
    pub url: String,
    /// Connections at most. With `SQLite` these read; one more writes.
    pub connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long [`Store::watch`](super::Store::watch) may wait for one.
    pub watch_timeout: Duration,
    /// How many revisions of the change feed are kept.
    pub changes_kept: i64,
}

/// The pools.
#[derive(Debug, Clone)]
pub(crate) enum Pools {
    MySql {
        pool: Pool<MySql>,
        watch: Pool<MySql>,
    },
    /// One connection writes, so that writers of this process queue instead of failing as busy.
    Sqlite {
        read: Pool<Sqlite>,
        write: Pool<Sqlite>,
        watch: Pool<Sqlite>,
    },
}

impl Pools {
    /// Connections that requests can have: idle, open, and at most.
    pub(super) fn connections(&self) -> (u32, u32, u32) {
        fn of<DB: Database>(pool: &Pool<DB>) -> (u32, u32, u32) {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            (idle, pool.size(), pool.options().get_max_connections())
        }
        match self {
            Self::MySql { pool, .. } => of(pool),
            Self::Sqlite { read, write, .. } => {
                let (read, write) = (of(read), of(write));
                (read.0 + write.0, read.1 + write.1, read.2 + write.2)
            }
        }
    }

    pub(super) fn open_mysql(options: &Options) -> Result<Self, StoreError> {
        let connect =
            MySqlConnectOptions::from_str(&options.url.replacen("mariadb://", "mysql://", 1))
                .map_err(StoreError::Unavailable)?
                .charset("utf8mb4")
                .statement_cache_capacity(STATEMENTS)
                .disable_statement_logging();
        let seconds = options.statement_timeout.as_secs_f64();
        let pool = |connections| {
            pool_options::<MySql>(MySqlPoolOptions::new(), options)
                .max_connections(connections)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        // The pool keeps trying until its time is up, and then says only that it is.
                        prepare(connection, seconds).await.inspect_err(|error| {
                            tracing::warn!(%error, "a new database session could not be set up");
                        })
                    })
                })
                .connect_lazy_with(connect.clone())
        };
        Ok(Self::MySql { pool: pool(options.connections), watch: pool(1) })
    }

    pub(super) async fn open_sqlite(options: &Options) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::from_str(&options.url)
            .map_err(StoreError::Unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives a power cut, as with the other backend's default.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            .pragma("cache_size", "-16000") // KiB, of each connection
            .pragma("temp_store", "memory")
            // Pages that the system has in memory anyway are read without a call for each.
            .pragma("mmap_size", "1073741824")
            // A page of 500 rows is handed over without the reader waiting for its taker.
            .row_buffer_size(512)
            .statement_cache_capacity(200)
            .disable_statement_logging();
        let write = pool_options::<Sqlite>(SqlitePoolOptions::new(), options)
            .max_connections(1)
            // Writers queue for the one connection; each is bounded by its own statements' deadlines.
            .acquire_timeout(options.statement_timeout)
            // A load writes all of a large file: what of it is mapped would count as its memory.
            .connect_with(connect.clone().pragma("mmap_size", "0"))
            .await
            .map_err(StoreError::Unavailable)?;
        let read = |connections| {
            pool_options::<Sqlite>(SqlitePoolOptions::new(), options)
                .max_connections(connections)
                .idle_timeout(SQLITE_IDLE)
                .connect_lazy_with(connect.clone())
        };
        Ok(Self::Sqlite { read: read(options.connections), write, watch: read(1) })
    }
}

/// When a reader of `SQLite` that has nothing to do is closed: each keeps what it read of the file by itself,
/// and of an idle replica's 65 MB those were 13 (`scripts/bench-scale`).
const SQLITE_IDLE: Duration = Duration::from_secs(5);

/// Statements that a connection to `MySQL` keeps prepared (docs/decisions/0102-few-statements-are-kept-prepared.md). A
/// server has room for 16,382 of all its clients together, unless it is told otherwise (`max_prepared_stmt_count`).
const STATEMENTS: usize = 32;

/// How long `SQLite` itself waits for another process' write before it answers busy.
const SQLITE_BUSY: Duration = Duration::from_millis(500);

fn pool_options<DB: Database>(pool: PoolOptions<DB>, options: &Options) -> PoolOptions<DB> {
    pool.acquire_timeout(options.acquire_timeout)
        .idle_timeout(Duration::from_mins(10))
        .max_lifetime(Duration::from_hours(1))
        // A ping before each use would double the round trips of a miss. A connection that died while
        // idle fails at its first statement, and reads and `begin` are tried again.
        .test_before_acquire(false)
}

async fn prepare(
    connection: &mut MySqlConnection,
    statement_seconds: f64,
) -> Result<(), sqlx::Error> {
    // As text: a server that prepares no more statements still answers these.
    let version: String =
        (&mut *connection).fetch_one(sqlx::raw_sql("SELECT VERSION()")).await?.try_get(0)?;
    let settings = session_settings(&version, statement_seconds);
    (&mut *connection).execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
    let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    connection.execute(sqlx::raw_sql(isolation)).await.map(|_| ())
}

/// How long a transaction that wrote may do nothing before MariaDB ends it. Ours send one statement after
/// the other.
const IDLE_WRITER_SECONDS: u32 = 5;

/// Sets what a session relies on, whatever the server's configuration says.
fn session_settings(version: &str, statement_seconds: f64) -> String {
    // MariaDB bounds every statement, in seconds; MySQL bounds SELECTs, in milliseconds.
    // A writer that was stopped in the middle of a transaction must not keep its locks: MariaDB can end it.
    let bound = if version.contains("MariaDB") {
        format!(
            "max_statement_time = {statement_seconds}, SESSION idle_write_transaction_timeout = \
             {IDLE_WRITER_SECONDS}"
        )
    } else {
        format!("max_execution_time = {:.0}", statement_seconds * 1000.0)
    };
    format!(
        "SET SESSION {bound}, SESSION innodb_lock_wait_timeout = 2, \
         SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
         ERROR_FOR_DIVISION_BY_ZERO,PIPES_AS_CONCAT'"
    )
}
