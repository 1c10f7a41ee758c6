//! A database of its own for each test, on every backend.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use marquee::{
    domain::clock::{Clock, Moment},
    store::{Options, Store},
};
use sqlx::{Connection as _, Executor as _, MySqlConnection, Row as _, SqliteConnection};
use tempfile::TempDir;

use crate::fault_proxy::FaultProxy;

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

/// What a fact takes.
pub(crate) trait Fixture: Sized {
    /// Makes it, on a new database.
    async fn on(backend: Backend) -> Self;
}

/// The clock of tests: it stands still until the test moves it.
pub(crate) fn begin() -> Clock {
    Clock::manual(Moment::from_unix_ms(1_795_490_000_000))
}

/// A new database; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) url: String,
    place: Place,
}

/// Where a database is, for its end.
#[derive(Debug)]
enum Place {
    Folder {
        _folder: TempDir,
    },
    Server {
        server: String,
        name: String,
    },
    /// Somebody else sees to its end.
    Elsewhere {
        server: bool,
    },
}

impl Database {
    /// Where the server is, for a proxy before it.
    pub(crate) fn server(&self) -> std::net::SocketAddr {
        let (server, _) = self.url.rsplit_once('/').expect("a database's name");
        let (_, address) = server.rsplit_once('@').expect("a user");
        address.parse().expect("an address")
    }

    /// Its URL with another server's address.
    pub(crate) fn url_at(&self, address: std::net::SocketAddr) -> String {
        self.url.replacen(&self.server().to_string(), &address.to_string(), 1)
    }

    pub(crate) async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite:{}/marquee.db", folder.path().display());
                Self { url, place: Place::Folder { _folder: folder } }
            }
            Backend::MariaDb => Self::on_server("TEST_MARIADB_URL").await,
            #[cfg(feature = "test-mysql")]
            Backend::MySql => Self::on_server("TEST_MYSQL_URL").await,
        }
    }

    /// The same database once more; it goes with the first.
    pub(crate) fn same(&self) -> Self {
        Self { url: self.url.clone(), place: Place::Elsewhere { server: self.is_on_server() } }
    }

    const fn is_on_server(&self) -> bool {
        matches!(self.place, Place::Server { .. } | Place::Elsewhere { server: true })
    }

    async fn on_server(variable: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "the test script says where the server is")]
        let server = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run the tests with `make test`"));
        let server = server.trim_end_matches('/').to_owned();
        let name =
            format!("marquee_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let text = format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}");
        administer(&server, text).await.expect("a new database");
        Self { url: format!("{server}/{name}"), place: Place::Server { server, name } }
    }

    /// A proxy before the server, to be broken, and the setting by which a service takes the database through it.
    pub(crate) async fn behind_a_proxy(&self) -> (FaultProxy, String) {
        let (server, name) = self.url.rsplit_once('/').expect("a server's database");
        let (user, target) = server.rsplit_once('@').expect("a user");
        let proxy = FaultProxy::new(target.parse().expect("an address")).await;
        let setting = format!("--database-url={user}@{}/{name}", proxy.address);
        (proxy, setting)
    }

    /// Asks the database itself, past the service, for rows of integers.
    pub(crate) async fn integers(&self, sql: &'static str) -> Vec<Vec<i64>> {
        macro_rules! ask {
            ($connection:ty) => {{
                let mut connection = <$connection>::connect(&self.url).await.expect("a database");
                let rows = connection.fetch_all(sql).await.expect("a good statement");
                rows.iter().map(|row| (0..row.len()).map(|n| row.get(n)).collect()).collect()
            }};
        }
        if self.is_on_server() { ask!(MySqlConnection) } else { ask!(SqliteConnection) }
    }

    /// Changes the database by hand, past the service and past foreign keys.
    pub(crate) async fn edit(&self, statements: &[String]) {
        macro_rules! edit {
            ($connection:ty, $first:literal) => {{
                let mut connection = <$connection>::connect(&self.url).await.expect("a database");
                connection.execute($first).await.expect("a setting");
                for text in statements {
                    let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(text.clone()));
                    connection.execute(statement).await.expect(text);
                }
                connection.close().await.expect("an end");
            }};
        }
        if self.is_on_server() {
            edit!(MySqlConnection, "SET SESSION foreign_key_checks = 0");
        } else {
            edit!(SqliteConnection, "PRAGMA foreign_keys = OFF");
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server { server, name } = &self.place else { return };
        // Whoever is still connected may hold a lock, and must not hold up the test.
        let text = format!("SET SESSION lock_wait_timeout = 2; DROP DATABASE IF EXISTS {name}");
        let drop = administer(server, text);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        thread::scope(|threads| {
            // A runtime cannot be started within another one's thread.
            threads.spawn(|| runtime.map(|runtime| runtime.block_on(drop)));
        });
    }
}

async fn administer(server: &str, text: String) -> Result<(), sqlx::Error> {
    let mut connection = MySqlConnection::connect(server).await?;
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await?;
    connection.close().await
}

impl Fixture for Database {
    async fn on(backend: Backend) -> Self {
        Self::new(backend).await
    }
}

/// A store on a new database, with a clock that the test moves.
#[derive(Debug)]
pub(crate) struct TestStore {
    store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
}

impl TestStore {
    pub(crate) async fn new(backend: Backend) -> Self {
        let database = Database::new(backend).await;
        let clock = begin();
        let options = Options {
            url: database.url.clone(),
            connections: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(20),
            watch_timeout: Duration::from_secs(10),
            changes_kept: 50,
        };
        let store = Store::open(options, clock.clone()).await.expect("a store");
        store.migrate().await.expect("a schema");
        Self { store: Arc::new(store), clock, database }
    }
}

impl Fixture for TestStore {
    async fn on(backend: Backend) -> Self {
        Self::new(backend).await
    }
}

impl Deref for TestStore {
    type Target = Arc<Store>;

    fn deref(&self) -> &Arc<Store> {
        &self.store
    }
}

/// Holds a fact on a new fixture.
pub(crate) async fn hold<F: Fixture>(backend: Backend, fact: impl AsyncFnOnce(F)) {
    fact(F::on(backend).await).await;
}

/// Makes a test of each fact (an async function of a [`Fixture`]) on every backend.
macro_rules! on_every_backend {
    ($($fact:ident),+ $(,)?) => {
        $crate::backend::on_backend! { sqlite Sqlite: $($fact)+ }
        $crate::backend::on_backend! { mariadb MariaDb: $($fact)+ }
        #[cfg(feature = "test-mysql")]
        $crate::backend::on_backend! { mysql MySql: $($fact)+ }
    };
}

/// Makes a test of each fact on `SQLite` alone, where the kind of database cannot matter.
macro_rules! on_sqlite {
    ($($fact:ident),+ $(,)?) => {
        $crate::backend::on_backend! { sqlite Sqlite: $($fact)+ }
    };
}

macro_rules! on_backend {
    ($module:ident $backend:ident: $($fact:ident)+) => {
        mod $module {
            use $crate::backend::Backend;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                $crate::backend::hold(Backend::$backend, super::$fact).await;
            })+
        }
    };
}

pub(crate) use {on_backend, on_every_backend, on_sqlite};
