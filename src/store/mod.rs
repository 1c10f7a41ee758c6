//! The truth: movies, genres, revisions and the change feed in a relational database.
//!
//! **Invariant:** nothing above this module knows of SQL, and nothing in it knows of HTTP.
//! **Invariant:** each read is one statement, or one snapshot: what it answers is one state of the
//! catalogue, with that state's revision; `whole` sees to it that nothing before that revision is missing.
//! **Invariant:** each write is one transaction of rows, changes and revisions; see `transaction`.

pub mod error;
pub mod mutation;
pub mod original;

mod activity;
mod changes;
mod collections;
mod count;
mod db;
mod dialect;
mod estimate;
mod explain;
mod facet;
mod genres;
mod idempotency;
mod indexes;
mod keys;
mod lists;
mod metrics;
mod migrate;
mod models;
mod movies;
mod plan;
mod play;
mod pools;
mod prepared;
mod range;
mod rebuild;
mod row;
mod snapshot;
mod sql;
mod state;
mod statement;
mod statistics;
mod training;
mod transaction;
mod watch;
mod whole;
mod work;
mod write;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use crate::domain::clock::Clock;

pub use activity::{
    ActivityBatch, CollectionViews, Contributors, EventKey, InteractionCursor, InteractionPage,
    Interest, MovieViews, OpenedFromSearch, Recorded, Salt, SearchKey, SearchOpened,
    SearchOpenedCursor, SearchOpenedPage, Searches, Stored, WriterId,
};
pub use changes::Changed;
pub use collections::{
    Assembled, Assembly, CollectionChange, CollectionOutcome, StoredCollections, WrittenCollection,
};
pub use estimate::Estimate;
pub use idempotency::{Once, OnceKey};
pub use indexes::Load;
pub use keys::{KeyChange, StoredKeys};
pub use models::{Removed, Used};
pub use pools::Options;
pub use rebuild::{News, Rebuilt};
pub use snapshot::Snapshot;
pub use state::BundledCatalogue;
pub use training::Elected;
pub use watch::Seen;
pub use work::Work;
pub use write::MUTATIONS_MAX;

use db::{Db, Purpose, Session};
use error::StoreError;
use sql::{Row, Sql};
use statistics::Statistics;
use whole::SeenRevision;

/// The store.
#[derive(Debug)]
pub struct Store {
    db: Db,
    clock: Clock,
    options: Options,
    statistics: ArcSwap<Statistics>,
    /// The last revision that was seen here.
    seen: SeenRevision,
}

impl Store {
    /// Opens the store, creating an `SQLite` file that does not exist. Connections are made when they
    /// are first needed: call [`Store::migrate`] before anything else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a URL that makes no sense or a file that cannot be opened.
    pub async fn open(options: Options, clock: Clock) -> Result<Self, StoreError> {
        let db = Db::open(&options).await?;
        let (statistics, seen) = (ArcSwap::from(Arc::default()), SeenRevision::default());
        Ok(Self { db, clock, options, statistics, seen })
    }

    /// Ends all connections, after the statements that they are running.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Lets `registry` read what is counted here.
    ///
    /// # Panics
    /// For a registry that has it already.
    pub fn register_metrics(&self, registry: &prometheus::Registry) {
        self.db.metrics.register(registry, &self.db.pools);
    }

    async fn session(&self, purpose: Purpose) -> Result<Session, StoreError> {
        self.db.session(purpose, self.options.statement_timeout).await
    }

    /// Answers a query. A connection that had died while idle is replaced: nothing was done on it.
    async fn read(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        Ok(self.read_timed(sql).await?.0)
    }

    /// The same, and how long that took since there was a connection.
    async fn read_timed(&self, sql: Sql) -> Result<(Vec<Row>, Duration), StoreError> {
        let give_up = Instant::now() + DEAD_CONNECTIONS;
        loop {
            let mut session = self.session(Purpose::Read).await?;
            let began = Instant::now();
            match session.rows(sql.clone()).await {
                Err(error) if error.is_dead_connection() && Instant::now() < give_up => {
                    self.db.metrics.retried();
                }
                answer => return Ok((answer?, began.elapsed())),
            }
        }
    }

    async fn read_row(&self, sql: Sql) -> Result<Row, StoreError> {
        self.read(sql).await?.pop().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }
}

/// How long dead connections are replaced: after a restart of the database each pooled one fails once.
const DEAD_CONNECTIONS: Duration = Duration::from_millis(500);
