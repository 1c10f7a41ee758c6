//! The indexes that lists are read by, which a large first load does without until its end.
//!
//! Rows that come in no order cost a write to a random place in each of some sixty indexes: a million
//! of them take hours. Sorted once at the end, the same indexes take minutes. While they are away
//! lists answer [`StoreError::Loading`]; everything else goes on. A process that ends in between
//! leaves a note, and loses the lock that kept others from making them: whoever opens the store next,
//! or cleans it, does.

use std::{collections::BTreeMap, fs::File, path::PathBuf, str::FromStr as _};

use futures_util::{StreamExt as _, stream};
use sqlx::sqlite::SqliteConnectOptions;

use super::{
    Store,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    sql::Sql,
    state::LIST_INDEXES,
};

/// Measured beside one at a time, on two processors; more were not tried.
const LOADS_AT_ONCE: u32 = 2;

/// One of the indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Index {
    name: &'static str,
    table: &'static str,
    columns: &'static str,
}

/// Reads the indexes out of the migration, so that it stays the only place that names them. The unique
/// ones and `movies_identity` are left out: writes need those.
fn all() -> impl Iterator<Item = Index> {
    const MIGRATION: &str = include_str!("../../migrations/sqlite/0001_catalogue.sql");
    MIGRATION.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("CREATE INDEX ")?.split_once(" ON ")?;
        let (table, columns) = rest.trim_end_matches(';').split_once(' ')?;
        let of_lists = table.starts_with("movie") && name != "movies_identity";
        of_lists.then_some(Index { name, table, columns })
    })
}

/// The right to load without the indexes of lists. Nobody else has it, and it goes with its process.
#[derive(Debug)]
pub struct Load {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    /// A lock on a file beside the database. The empty file stays: others may be about to lock it.
    File { _file: File },
    /// A connection with a named lock.
    Connection { _session: Box<Session> },
}

impl Store {
    /// Takes the right to load, unless someone has it.
    async fn claim_load(&self) -> Result<Option<Load>, StoreError> {
        if self.db.dialect() == Dialect::Sqlite {
            let io = |error| StoreError::Unavailable(sqlx::Error::Io(error));
            let file = File::create(self.load_file()?).map_err(io)?;
            let is_ours = file.try_lock().is_ok();
            return Ok(is_ours.then(|| Load { _held: Held::File { _file: file } }));
        }
        let mut session = self.session(Purpose::Write).await?;
        session.for_maintenance().await?;
        // A lock's name has at most 64 characters, as many as a database's.
        let text = "SELECT CAST(GET_LOCK(CONCAT('marquee.load.', LEFT(SHA2(DATABASE(), 256), 40)), 0) AS SIGNED)";
        let is_ours = session.row(Sql::new(text)).await?.optional_integer(0)? == Some(1);
        let session = Box::new(session);
        Ok(is_ours.then(|| Load { _held: Held::Connection { _session: session } }))
    }

    fn load_file(&self) -> Result<PathBuf, StoreError> {
        let options =
            SqliteConnectOptions::from_str(&self.options.url).map_err(StoreError::Unavailable)?;
        let mut name = options.get_filename().as_os_str().to_owned();
        name.push(".load");
        Ok(PathBuf::from(name))
    }

    /// How many transactions of a load, or tables of indexes, get on faster together than one after the
    /// other: a `SQLite` database has one writer, and a connection is the load's own.
    #[must_use]
    pub fn loads_at_once(&self) -> usize {
        match self.db.dialect() {
            Dialect::Sqlite => 1,
            Dialect::MySql => {
                LOADS_AT_ONCE.min(self.options.connections.saturating_sub(1)).max(1) as usize
            }
        }
    }

    /// Takes the indexes of lists away, for the first load of an empty catalogue. `None` if another
    /// process is at it, or there is no connection to keep others from it with; they stay then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_list_indexes(&self) -> Result<Option<Load>, StoreError> {
        if self.db.dialect() == Dialect::MySql && self.options.connections < 2 {
            return Ok(None);
        }
        let Some(load) = self.claim_load().await? else { return Ok(None) };
        self.set_state(LIST_INDEXES, "away").await?;
        let mut session = self.session(Purpose::Write).await?;
        session.for_maintenance().await?;
        match self.db.dialect() {
            Dialect::Sqlite => {
                for index in all() {
                    session.run(Sql::new(format!("DROP INDEX IF EXISTS {}", index.name))).await?;
                }
            }
            Dialect::MySql => {
                for (table, indexes) in by_table(all()) {
                    let drops: Vec<_> =
                        indexes.iter().map(|index| format!("DROP INDEX {}", index.name)).collect();
                    let text = format!("ALTER TABLE {table} {}", drops.join(", "));
                    session.run(Sql::new(text)).await?;
                }
            }
        }
        Ok(Some(load))
    }

    /// Makes the indexes of a load that did not come to its end, unless it is still under way.
    pub(super) async fn restore_abandoned_indexes(&self) -> Result<(), StoreError> {
        if self.state(LIST_INDEXES).await?.as_deref() != Some("away") {
            return Ok(());
        }
        let Some(load) = self.claim_load().await? else {
            tracing::info!("another process loads the catalogue: lists come when that is done");
            return Ok(());
        };
        let mut told =
            |made, of| tracing::info!(made, of, "making the indexes of a load that did not end");
        self.restore_list_indexes(load, &mut told).await
    }

    /// Makes those indexes again that are away, telling `progress` how many of how many are made.
    ///
    /// # Errors
    /// [`StoreError`]; the next start goes on then.
    pub async fn restore_list_indexes(
        &self,
        load: Load,
        progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<(), StoreError> {
        let dialect = self.db.dialect();
        let mut session = self.session(Purpose::Write).await?;
        let there = present(&mut session, dialect).await?;
        // Two tables at once are a deadlock in MySQL 9's own dictionary (error 1213).
        let is_mariadb = dialect == Dialect::MySql
            && session.row(Sql::new("SELECT VERSION()")).await?.text(0)?.contains("MariaDB");
        drop(session);
        let at_once = if is_mariadb { self.loads_at_once() } else { 1 };
        let missing: Vec<Index> =
            all().filter(|index| !there.iter().any(|name| name == index.name)).collect();
        // MySQL reads the table once for all of its indexes; SQLite makes them one by one.
        let mut parts = Vec::new();
        for (table, indexes) in by_table(missing.iter().copied()) {
            let of_one = if dialect == Dialect::MySql { indexes.len() } else { 1 };
            parts.extend(
                indexes.chunks(of_one).map(|part| (create(dialect, table, part), part.len())),
            );
        }
        parts.reverse(); // the table with the most of them first
        let mut making = stream::iter(parts)
            .map(|(statement, indexes)| async move {
                let mut session = self.session(Purpose::Write).await?;
                session.for_maintenance().await?;
                session.run(Sql::new(statement)).await?;
                Ok::<_, StoreError>(indexes)
            })
            .buffer_unordered(at_once);
        let mut made = 0;
        progress(made, missing.len());
        while let Some(indexes) = making.next().await {
            made += indexes?;
            progress(made, missing.len());
        }
        drop(making);
        self.set_state(LIST_INDEXES, "there").await?;
        drop(load);
        Ok(())
    }
}

fn create(dialect: Dialect, table: &str, indexes: &[Index]) -> String {
    if let (Dialect::Sqlite, [index]) = (dialect, indexes) {
        return format!("CREATE INDEX IF NOT EXISTS {} ON {table} {}", index.name, index.columns);
    }
    let add = |index: &Index| format!("ADD INDEX {} {}", index.name, index.columns);
    let adds: Vec<_> = indexes.iter().map(add).collect();
    format!("ALTER TABLE {table} {}", adds.join(", "))
}

fn by_table(indexes: impl Iterator<Item = Index>) -> BTreeMap<&'static str, Vec<Index>> {
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for index in indexes {
        tables.entry(index.table).or_default().push(index);
    }
    tables
}

async fn present(session: &mut Session, dialect: Dialect) -> Result<Vec<String>, StoreError> {
    let text = match dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        Dialect::MySql => {
            "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
        }
    };
    session.rows(Sql::new(text)).await?.iter().map(|row| row.text(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_of_lists_is_known_and_none_that_writes_need() {
        let names: Vec<_> = all().map(|index| index.name).collect();
        assert_eq!(names.len(), 16 + 4 * 6, "{names:?}");
        assert!(!names.iter().any(|name| name.contains("imdb_id") || name.contains("identity")));
    }
}
