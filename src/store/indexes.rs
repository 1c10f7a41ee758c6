//! The indexes that lists are read by, which a large first load does without until its end.
//!
//! Rows that come in no order cost a write to a random place in each of some sixty indexes: a million
//! of them take hours. Sorted once at the end, the same indexes take minutes. While they are away
//! lists answer [`StoreError::Loading`]; everything else goes on. A process that ends in between
//! leaves a note, and whoever opens the store next makes them again.

use std::collections::BTreeMap;

use super::{
    Store,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    sql::Sql,
    state::LIST_INDEXES,
};

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

impl Store {
    /// Takes the indexes of lists away, if the catalogue is empty but for the movies that the caller
    /// has just created.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_list_indexes(&self) -> Result<(), StoreError> {
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
        Ok(())
    }

    /// Makes those indexes again that are away, telling `progress` how many of how many are made.
    ///
    /// # Errors
    /// [`StoreError`]; calling it again goes on.
    pub async fn restore_list_indexes(
        &self,
        progress: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Result<(), StoreError> {
        if self.state(LIST_INDEXES).await?.as_deref() != Some("away") {
            return Ok(());
        }
        let mut session = self.session(Purpose::Write).await?;
        session.for_maintenance().await?;
        let dialect = self.db.dialect();
        let there = present(&mut session, dialect).await?;
        let missing: Vec<Index> =
            all().filter(|index| !there.iter().any(|name| name == index.name)).collect();
        let mut made = 0;
        for (table, indexes) in by_table(missing.iter().copied()) {
            // MySQL reads the table once for all of its indexes; SQLite makes them one by one.
            let at_once = if dialect == Dialect::MySql { indexes.len() } else { 1 };
            for part in indexes.chunks(at_once) {
                progress(made, missing.len());
                session.run(Sql::new(create(dialect, table, part))).await?;
                made += part.len();
            }
        }
        progress(made, missing.len());
        drop(session);
        self.set_state(LIST_INDEXES, "there").await
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
