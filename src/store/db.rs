//! Sessions: every statement has a deadline, and a connection whose statement did not finish is never
//! used again.
//!
//! **Invariant:** what is done once for each backend is in this file, in `pools`, in
//! `dialect` and in `sql`, or is a `match` on [`Dialect`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Database, Executor as _, MySql, Sqlite, pool::PoolConnection,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{
    dialect::Dialect,
    error::StoreError,
    metrics::Metrics,
    pools::{Options, Pools},
    prepared::Prepared,
    sql::{Row, Sql, Value},
};

/// The database.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    pub(super) metrics: Arc<Metrics>,
    prepared: Arc<Prepared>,
    /// Connections on their way back to the pool.
    returns: TaskTracker,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
    /// Asking what has changed.
    Watch,
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
        let (metrics, prepared) = (Arc::new(Metrics::new()), Arc::default());
        Ok(Self { pools, metrics, prepared, returns: TaskTracker::new() })
    }

    /// The words in which this backend differs.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::MySql { .. } => Dialect::MySql,
            Pools::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Takes a connection.
    pub(crate) async fn session(
        &self,
        purpose: Purpose,
        statement: Duration,
    ) -> Result<Session, StoreError> {
        let began = Instant::now();
        let connection = self.connection(purpose, statement).await;
        match connection {
            Ok(_) => self.metrics.acquired(began.elapsed()),
            Err(_) => self.metrics.not_acquired(began.elapsed()),
        }
        Ok(Session {
            connection: Some(connection?),
            state: State::Clean,
            statement,
            purpose,
            pools: self.pools.clone(),
            metrics: Arc::clone(&self.metrics),
            prepared: Arc::clone(&self.prepared),
            returns: self.returns.clone(),
        })
    }

    async fn connection(
        &self,
        purpose: Purpose,
        statement: Duration,
    ) -> Result<Connection, StoreError> {
        Ok(match &self.pools {
            Pools::MySql { pool, watch } => {
                let pool = if purpose == Purpose::Watch { watch } else { pool };
                Connection::MySql(pool.acquire().await.map_err(unavailable)?)
            }
            Pools::Sqlite { read, write, watch } => {
                let pool = match purpose {
                    Purpose::Read => read,
                    Purpose::Write => write,
                    Purpose::Watch => watch,
                };
                let mut connection = pool.acquire().await.map_err(unavailable)?;
                if purpose != Purpose::Write {
                    // SQLite has no statement time-out; it asks this every few thousand steps instead.
                    let end = Instant::now() + statement;
                    let mut handle = connection.lock_handle().await.map_err(unavailable)?;
                    handle.set_progress_handler(4_000, move || Instant::now() < end);
                }
                Connection::Sqlite(connection)
            }
        })
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::MySql { pool, watch } => {
                watch.close().await;
                pool.close().await;
            }
            Pools::Sqlite { read, write, watch } => {
                watch.close().await;
                read.close().await;
                write.close().await;
            }
        }
    }
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

/// How much longer than its limit a statement is waited for.
const GRACE: Duration = Duration::from_millis(250);

/// A borrowed connection. Dropped in the middle of a statement or a transaction, it closes the
/// connection rather than giving it back: a late answer to an abandoned statement would otherwise be
/// taken for the answer to the next one.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Option<Connection>,
    state: State,
    statement: Duration,
    purpose: Purpose,
    pools: Pools,
    pub(super) metrics: Arc<Metrics>,
    prepared: Arc<Prepared>,
    returns: TaskTracker,
}

/// Runs `$body` with `$connection` and `$row`, the backend's row in [`Row`], under the deadline.
macro_rules! on_connection {
    ($session:expr, $connection:ident, $row:ident => $body:expr) => {{
        let session: &mut Session = $session;
        let before = session.state;
        session.state = State::Broken;
        let limit = session.waits();
        let began = Instant::now();
        let span = tracing::trace_span!(target: "spans", "statement");
        let outcome = match session.connection.as_mut() {
            Some(Connection::MySql($connection)) => {
                let $row = Row::MySql;
                timeout(limit, $body).instrument(span).await
            }
            Some(Connection::Sqlite($connection)) => {
                let $row = Row::Sqlite;
                timeout(limit, $body).instrument(span).await
            }
            None => return Err(StoreError::Unavailable(sqlx::Error::PoolClosed)),
        };
        session.settle(before, began.elapsed(), outcome)
    }};
}

/// Runs a statement, which is `$kept` prepared if that is worth it and there is room. Where the server prepares no more
/// of them, nothing was done: then room is made, and it is run again.
macro_rules! prepared {
    ($session:expr, $kept:ident if $worth:expr => $run:expr) => {{
        let mut outcome;
        let mut pauses = Prepared::PAUSES.into_iter();
        loop {
            let $kept = $session.may_keep_prepared().await? && $worth;
            outcome = $run;
            if !outcome.as_ref().is_err_and(StoreError::is_too_many_prepared) {
                break;
            }
            let Some(pause) = pauses.next() else { break };
            $session.make_room();
            tokio::time::sleep(pause).await;
        }
        outcome
    }};
}

/// Binds values to a statement of either backend.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Integer(value) => query.bind(value),
                Value::Number(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Session {
    /// How long it waits for a statement: the database ends one that takes too long, and says so. Asking what
    /// has changed has a shorter limit, of which the database knows nothing.
    fn waits(&self) -> Duration {
        self.statement + if self.purpose == Purpose::Watch { Duration::ZERO } else { GRACE }
    }

    /// The words in which its backend differs.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.connection {
            Some(Connection::Sqlite(_)) => Dialect::Sqlite,
            Some(Connection::MySql(_)) | None => Dialect::MySql,
        }
    }

    /// Rows of a query.
    pub(crate) async fn rows(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        let Sql { text, values } = sql;
        let text = Arc::new(text);
        prepared!(self, kept if true => on_connection!(self, connection, row => async {
            let query = sqlx::query(AssertSqlSafe(Arc::clone(&text))).persistent(kept);
            let rows = bound!(query, &values).fetch_all(&mut **connection).await?;
            Ok(rows.into_iter().map(row).collect())
        }))
    }

    /// What is made of each row of a query, for one that has many: no more of them are held than come at once.
    pub(crate) async fn each_row<T>(
        &mut self,
        sql: Sql,
        mut make: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let Sql { text, values } = sql;
        let (text, worth) = (Arc::new(text), is_worth_a_place(&values));
        let all = prepared!(self, kept if worth => on_connection!(self, connection, row => async {
            let query = sqlx::query(AssertSqlSafe(Arc::clone(&text))).persistent(kept);
            let (mut rows, mut all) = (bound!(query, &values).fetch(&mut **connection), Vec::new());
            while let Some(found) = rows.try_next().await? {
                all.push(make(&row(found)));
            }
            Ok(all)
        }));
        all?.into_iter().collect()
    }

    /// Whether statements are kept prepared; where there is no room for them, those that this connection keeps are closed.
    async fn may_keep_prepared(&mut self) -> Result<bool, StoreError> {
        let Some(Connection::MySql(connection)) = &self.connection else { return Ok(true) };
        if !self.prepared.is_scarce() {
            return Ok(true);
        }
        if connection.cached_statements_size() > 0 {
            on_connection!(self, connection, _row => connection.clear_cached_statements())?;
        }
        Ok(false)
    }

    /// Makes room on a server that prepares no more statements: for a while none are kept, and those of connections with nothing
    /// to do are closed.
    fn make_room(&self) {
        self.metrics.has_no_room();
        self.prepared.note_scarce();
        let Pools::MySql { pool, .. } = &self.pools else { return };
        let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
        for mut connection in idle {
            self.returns.spawn(async move {
                let closed = timeout(RETURN_TIMEOUT, connection.clear_cached_statements()).await;
                // Where it is not done, it may be in the middle of it.
                if matches!(closed, Ok(Ok(()))) {
                    let _ = timeout(RETURN_TIMEOUT, connection.return_to_pool()).await;
                } else {
                    drop(connection.detach());
                }
            });
        }
    }

    /// The only row of a query.
    pub(crate) async fn row(&mut self, sql: Sql) -> Result<Row, StoreError> {
        self.rows(sql).await?.pop().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }

    /// Runs a statement that answers no rows.
    pub(crate) async fn run(&mut self, sql: Sql) -> Result<Done, StoreError> {
        let Sql { text, values } = sql;
        let (text, worth) = (Arc::new(text), is_worth_a_place(&values));
        prepared!(self, kept if worth => on_connection!(self, connection, _row => async {
            let query = sqlx::query(AssertSqlSafe(Arc::clone(&text))).persistent(kept);
            bound!(query, &values).execute(&mut **connection).await.map(|done| done_of(&done))
        }))
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
            // Sorting is done in files, by two threads beside this one, with so much memory each: little enough
            // that 500,000 movies need as much as 5 million.
            Some(Connection::Sqlite(_)) => {
                "PRAGMA temp_store = FILE; PRAGMA cache_size = -8192; PRAGMA threads = 2"
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
        took: Duration,
        outcome: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, StoreError> {
        let outcome = match outcome {
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
            Err(_) => Err(StoreError::Unanswered(self.statement)),
        };
        self.metrics.ran(self.purpose, took, outcome.as_ref().err());
        outcome
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

/// Whether a statement with these values is kept prepared: one for many rows comes in as many lengths, each of
/// which would take the place of another one.
const fn is_worth_a_place(values: &[Value]) -> bool {
    values.len() <= 64
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
