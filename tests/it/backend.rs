//! A database of its own for each test, on every backend.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use marquee::{
    domain::clock::{Clock, Moment},
    store::{Options, Store},
};
use sqlx::{Connection as _, Executor as _, MySqlConnection};
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Backend {
    Sqlite,
    /// At `TEST_MARIADB_URL`.
    MariaDb,
    /// At `TEST_MYSQL_URL`; its tests are there only with the feature `test-mysql`.
    #[cfg(feature = "test-mysql")]
    MySql,
}

/// A new database; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

impl Database {
    pub(crate) async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite:{}/marquee.db", folder.path().display());
                Self { url, _folder: Some(folder) }
            }
            Backend::MariaDb => Self::on_server("TEST_MARIADB_URL").await,
            #[cfg(feature = "test-mysql")]
            Backend::MySql => Self::on_server("TEST_MYSQL_URL").await,
        }
    }

    async fn on_server(variable: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "the test script says where the server is")]
        let server = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `make test`"));
        let server = server.trim_end_matches('/').to_owned();
        let name =
            format!("marquee_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut connection = MySqlConnection::connect(&server).await.expect("a database server");
        let text = format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}");
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.expect("a new database");
        Self { url: format!("{server}/{name}"), _folder: None }
    }
}

/// A store on a new database, with a clock that the test moves.
#[derive(Debug)]
pub(crate) struct TestStore {
    store: Arc<Store>,
    pub(crate) clock: Clock,
    _database: Database,
}

impl TestStore {
    pub(crate) async fn new(backend: Backend) -> Self {
        let database = Database::new(backend).await;
        let clock = Clock::manual(Moment::from_unix_ms(1_795_490_000_000));
        let options = Options {
            url: database.url.clone(),
            connections: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(20),
            changes_kept: 50,
        };
        let store = Store::open(options, clock.clone()).await.expect("a store");
        store.migrate().await.expect("a schema");
        Self { store: Arc::new(store), clock, _database: database }
    }
}

impl Deref for TestStore {
    type Target = Arc<Store>;

    fn deref(&self) -> &Arc<Store> {
        &self.store
    }
}

/// Makes a test of each fact (an async function of a [`TestStore`]) on every backend.
macro_rules! on_every_backend {
    ($($fact:ident,)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let store = $crate::backend::TestStore::new($crate::backend::Backend::Sqlite).await;
                super::$fact(store).await;
            })+
        }

        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let store = $crate::backend::TestStore::new($crate::backend::Backend::MariaDb).await;
                super::$fact(store).await;
            })+
        }

        #[cfg(feature = "test-mysql")]
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let store = $crate::backend::TestStore::new($crate::backend::Backend::MySql).await;
                super::$fact(store).await;
            })+
        }
    };
}

pub(crate) use on_every_backend;
