//! Connection pools and sessions: every statement has a deadline, and a connection whose statement
//! did not finish is never used again.
//!
//! **Invariant:** `on_pool!`-like matches over the two backends are in this file, in [`dialect`] and in
//! [`sql`], and nowhere else.
//!
//! [`dialect`]: super::dialect
//! [`sql`]: super::sql

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Database, Executor as _, MySql, MySqlConnection, Pool,
    Sqlite,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
    pool::{PoolConnection, PoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    dialect::Dialect,
    error::StoreError,
    sql::{Row, Sql, Value},
};

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
    /// How many revisions of the change feed are kept.
    pub changes_kept: i64,
}

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    /// Connections on their way back to the pool.
    returns: TaskTracker,
}

/// The pools.
#[derive(Debug, Clone)]
pub(crate) enum Pools {
    MySql(Pool<MySql>),
    /// One connection writes, so that writers of this process queue instead of failing as busy.
    Sqlite {
        read: Pool<Sqlite>,
        write: Pool<Sqlite>,
    },
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

impl Db {
    /// Makes the pools; a connection is made when it is first needed, except that an `SQLite` file is
    /// created.
    pub(crate) async fn open(options: &Options) -> Result<Self, StoreError> {
        let pools = if options.url.starts_with("sqlite:") {
            Pools::open_sqlite(options).await?
        } else {
            Pools::open_mysql(options)?
        };
        Ok(Self { pools, returns: TaskTracker::new() })
    }

    /// The words in which this backend differs.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::MySql(_) => Dialect::MySql,
            Pools::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Takes a connection.
    pub(crate) async fn session(
        &self,
        purpose: Purpose,
        statement: Duration,
    ) -> Result<Session, StoreError> {
        let connection = match &self.pools {
            Pools::MySql(pool) => Connection::MySql(pool.acquire().await.map_err(unavailable)?),
            Pools::Sqlite { read, write } => {
                let pool = if purpose == Purpose::Read { read } else { write };
                let mut connection = pool.acquire().await.map_err(unavailable)?;
                if purpose == Purpose::Read {
                    // SQLite has no statement time-out; it asks this every few thousand steps instead.
                    let end = Instant::now() + statement;
                    let mut handle = connection.lock_handle().await.map_err(unavailable)?;
                    handle.set_progress_handler(4_000, move || Instant::now() < end);
                }
                Connection::Sqlite(connection)
            }
        };
        let (connection, state, returns) = (Some(connection), State::Clean, self.returns.clone());
        Ok(Session { connection, state, statement, returns })
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::MySql(pool) => pool.close().await,
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Pools {
    fn open_mysql(options: &Options) -> Result<Self, StoreError> {
        let connect =
            MySqlConnectOptions::from_str(&options.url.replacen("mariadb://", "mysql://", 1))
                .map_err(StoreError::Unavailable)?
                .charset("utf8mb4")
                .statement_cache_capacity(200)
                .disable_statement_logging();
        let seconds = options.statement_timeout.as_secs_f64();
        let pool = pool_options::<MySql>(MySqlPoolOptions::new(), options)
            .max_connections(options.connections)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    // The pool keeps trying until its time is up, and then says only that it is.
                    prepare(connection, seconds).await.inspect_err(|error| {
                        tracing::warn!(%error, "a new database session could not be set up");
                    })
                })
            })
            .connect_lazy_with(connect);
        Ok(Self::MySql(pool))
    }

    async fn open_sqlite(options: &Options) -> Result<Self, StoreError> {
        let connect = SqliteConnectOptions::from_str(&options.url)
            .map_err(StoreError::Unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives a power cut, as with the other backend's default.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            .pragma("cache_size", "-16000") // KiB, and the same again for each reader
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
            .connect_with(connect.clone().pragma("cache_size", "-64000"))
            .await
            .map_err(StoreError::Unavailable)?;
        let read = pool_options::<Sqlite>(SqlitePoolOptions::new(), options)
            .max_connections(options.connections)
            .connect_lazy_with(connect);
        Ok(Self::Sqlite { read, write })
    }
}

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
    let version: String =
        sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *connection).await?;
    let settings = session_settings(&version, statement_seconds);
    (&mut *connection).execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
    let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    connection.execute(sqlx::raw_sql(isolation)).await.map(|_| ())
}

/// Sets what a session relies on, whatever the server's configuration says.
fn session_settings(version: &str, statement_seconds: f64) -> String {
    // MariaDB bounds every statement, in seconds; MySQL bounds SELECTs, in milliseconds.
    let bound = if version.contains("MariaDB") {
        format!("max_statement_time = {statement_seconds}")
    } else {
        format!("max_execution_time = {:.0}", statement_seconds * 1000.0)
    };
    format!(
        "SET SESSION {bound}, SESSION innodb_lock_wait_timeout = 2, \
         SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
         ERROR_FOR_DIVISION_BY_ZERO,PIPES_AS_CONCAT'"
    )
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error)
}

#[derive(Debug)]
enum Connection {
    MySql(PoolConnection<MySql>),
    Sqlite(PoolConnection<Sqlite>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    Clean,
    /// Between statements of a transaction.
    Open,
    /// Nothing is under way, but its settings are not those of the pool's sessions.
    Spent,
    /// A statement has not finished.
    Broken,
}

/// What a statement did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Rows that it changed.
    pub(crate) rows: u64,
    /// The id that the database gave: of the first row of an INSERT on `MySQL`, of the last on `SQLite`.
    pub(crate) last_id: i64,
}

/// A borrowed connection. Dropped in the middle of a statement or a transaction, it closes the
/// connection rather than giving it back: a late answer to an abandoned statement would otherwise be
/// taken for the answer to the next one.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Option<Connection>,
    state: State,
    statement: Duration,
    returns: TaskTracker,
}

/// Runs `$body` with `$connection` and `$row`, the backend's row in [`Row`], under the deadline.
macro_rules! on_connection {
    ($session:expr, $connection:ident, $row:ident => $body:expr) => {{
        let session: &mut Session = $session;
        let before = session.state;
        session.state = State::Broken;
        let limit = session.statement;
        let outcome = match session.connection.as_mut() {
            Some(Connection::MySql($connection)) => {
                let $row = Row::MySql;
                timeout(limit, $body).await
            }
            Some(Connection::Sqlite($connection)) => {
                let $row = Row::Sqlite;
                timeout(limit, $body).await
            }
            None => return Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
        };
        session.settle(before, outcome)
    }};
}

impl Session {
    /// Rows of a query.
    pub(crate) async fn rows(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        let Sql { text, values } = sql;
        on_connection!(self, connection, row => async {
            let mut query = sqlx::query(AssertSqlSafe(text));
            for value in values {
                query = match value {
                    Value::Integer(value) => query.bind(value),
                    Value::Number(value) => query.bind(value),
                    Value::Text(value) => query.bind(value),
                    Value::Bytes(value) => query.bind(value),
                };
            }
            query.fetch_all(&mut **connection).await.map(|rows| rows.into_iter().map(row).collect())
        })
    }

    /// The only row of a query.
    pub(crate) async fn row(&mut self, sql: Sql) -> Result<Row, StoreError> {
        self.rows(sql).await?.pop().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }

    /// Runs a statement that answers no rows.
    pub(crate) async fn run(&mut self, sql: Sql) -> Result<Done, StoreError> {
        let Sql { text, values } = sql;
        // A statement for many rows comes in as many lengths: it is not worth a place in the cache.
        let persistent = values.len() <= 64;
        on_connection!(self, connection, _row => async {
            let mut query = sqlx::query(AssertSqlSafe(text)).persistent(persistent);
            for value in values {
                query = match value {
                    Value::Integer(value) => query.bind(value),
                    Value::Number(value) => query.bind(value),
                    Value::Text(value) => query.bind(value),
                    Value::Bytes(value) => query.bind(value),
                };
            }
            query.execute(&mut **connection).await.map(|done| done_of(&done))
        })
    }

    /// The ids that an INSERT of `rows` rows was given, in their order.
    pub(crate) async fn first_id(
        &mut self,
        last_id: i64,
        rows: usize,
    ) -> Result<impl Iterator<Item = i64> + use<>, StoreError> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let (first, step) = match self.connection {
            // SQLite names the last row; AUTOINCREMENT counts by one under the writer's lock.
            Some(Connection::Sqlite(_)) => (last_id - (rows - 1), 1),
            // MySQL names the first; an INSERT whose number of rows is known has its ids in a row in
            // every lock mode, in the step that clusters set.
            _ if rows > 1 => {
                let step =
                    self.row(Sql::new("SELECT CAST(@@auto_increment_increment AS SIGNED)")).await?;
                (last_id, step.integer(0)?)
            }
            _ => (last_id, 1),
        };
        Ok((0..rows).map(move |n| first + n * step))
    }

    /// Prepares this session for statements that take as long as they take. It is not used again
    /// afterwards.
    pub(crate) async fn for_maintenance(&mut self) -> Result<(), StoreError> {
        let text = match self.connection {
            // Sorting is done in files, with some memory.
            Some(Connection::Sqlite(_)) => {
                "PRAGMA temp_store = FILE; PRAGMA cache_size = -262144; PRAGMA threads = 2"
            }
            // The comment is a statement to MariaDB, which bounds all statements.
            _ => {
                "SET SESSION lock_wait_timeout = 60, SESSION wait_timeout = 604800 /*M! , SESSION max_statement_time = 0 */"
            }
        };
        self.control(text).await?;
        self.statement = Duration::from_hours(24);
        self.state = State::Spent;
        Ok(())
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let text = match self.connection {
            Some(Connection::Sqlite(_)) => "BEGIN IMMEDIATE",
            _ => "START TRANSACTION",
        };
        self.control(text).await?;
        self.state = State::Open;
        Ok(())
    }

    /// Begins a transaction that reads one snapshot, however long.
    pub(crate) async fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        if let Some(Connection::Sqlite(_)) = self.connection {
            self.control("BEGIN DEFERRED").await?;
        } else {
            self.control("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
            self.control("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        }
        self.state = State::Open;
        Ok(())
    }

    /// Lets this session run for longer than one statement may; each statement still has its deadline.
    pub(crate) async fn lift_deadline(&mut self) -> Result<(), StoreError> {
        if let Some(Connection::Sqlite(connection)) = &mut self.connection {
            connection.lock_handle().await.map_err(unavailable)?.remove_progress_handler();
        }
        Ok(())
    }

    /// Commits. After an error it is unknown whether the transaction stands.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.control("COMMIT").await?;
        self.state = State::Clean;
        Ok(())
    }

    /// Rolls back; a connection on which that fails is closed.
    pub(crate) async fn roll_back(&mut self) {
        if self.state == State::Open && self.control("ROLLBACK").await.is_ok() {
            self.state = State::Clean;
        }
    }

    async fn control(&mut self, text: &'static str) -> Result<(), StoreError> {
        on_connection!(self, connection, _row => async {
            (&mut **connection).execute(sqlx::raw_sql(text)).await.map(|_| ())
        })
    }

    /// Notes how a statement ended.
    fn settle<T>(
        &mut self,
        before: State,
        outcome: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, StoreError> {
        match outcome {
            Ok(Ok(value)) => {
                self.state = before;
                Ok(value)
            }
            // The server answered, so the connection is in step.
            Ok(Err(error @ sqlx::Error::Database(_))) => {
                self.state = before;
                Err(StoreError::from_database(error, self.statement))
            }
            Ok(Err(error)) => Err(StoreError::Unavailable(error)),
            Err(_) => Err(StoreError::TimedOut(self.statement)),
        }
    }
}

trait IsDone {
    fn done(&self) -> Done;
}

impl IsDone for sqlx::mysql::MySqlQueryResult {
    fn done(&self) -> Done {
        let last_id = i64::try_from(self.last_insert_id()).unwrap_or(i64::MAX);
        Done { rows: self.rows_affected(), last_id }
    }
}

impl IsDone for sqlx::sqlite::SqliteQueryResult {
    fn done(&self) -> Done {
        Done { rows: self.rows_affected(), last_id: self.last_insert_rowid() }
    }
}

fn done_of(result: &impl IsDone) -> Done {
    result.done()
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match (connection, self.state == State::Clean) {
            (Connection::MySql(connection), true) => self.give_back(connection),
            (Connection::Sqlite(connection), true) => self.give_back(connection),
            (Connection::MySql(connection), false) => drop(connection.detach()),
            (Connection::Sqlite(connection), false) => drop(connection.detach()),
        }
    }
}

impl Session {
    /// Returns a connection to its pool. The pool pings it first and waits for the answer for ever, so
    /// that a partition at that instant would cost the pool a connection until it is restarted.
    fn give_back<DB: Database>(&self, mut connection: PoolConnection<DB>) {
        let returned = connection.return_to_pool();
        self.returns.spawn(timeout(RETURN_TIMEOUT, returned));
    }
}

/// How long a connection may take to answer a ping before it is closed instead of kept.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);
