//! The two migrations make the same tables.

use std::collections::{BTreeMap, BTreeSet};

/// A table: its columns with whether they may be null, and its indexes with their columns.
#[derive(Debug, PartialEq, Eq, Default)]
struct Table {
    columns: Vec<(String, bool)>,
    primary_key: Vec<String>,
    foreign_keys: BTreeSet<String>,
    indexes: BTreeMap<String, String>,
}

const MYSQL: &str = concat!(
    include_str!("../../../migrations/mysql/0001_catalogue.sql"),
    include_str!("../../../migrations/mysql/0002_api_keys.sql"),
    include_str!("../../../migrations/mysql/0003_collections.sql"),
    include_str!("../../../migrations/mysql/0004_activity.sql"),
    include_str!("../../../migrations/mysql/0005_models.sql"),
);
const SQLITE: &str = concat!(
    include_str!("../../../migrations/sqlite/0001_catalogue.sql"),
    include_str!("../../../migrations/sqlite/0002_api_keys.sql"),
    include_str!("../../../migrations/sqlite/0003_collections.sql"),
    include_str!("../../../migrations/sqlite/0004_activity.sql"),
    include_str!("../../../migrations/sqlite/0005_models.sql"),
);

#[test]
fn the_migrations_of_both_backends_make_the_same_tables() {
    let (mysql, sqlite) = (tables(MYSQL), tables(SQLITE));
    assert_eq!(mysql.keys().collect::<Vec<_>>(), sqlite.keys().collect::<Vec<_>>());
    for (name, table) in &mysql {
        assert_eq!(Some(table), sqlite.get(name), "{name}");
    }
    assert_eq!(mysql.len(), 27);
    let indexes: usize = mysql.values().map(|table| table.indexes.len()).sum();
    assert!(indexes > 40, "{indexes} indexes were read");
}

/// Reads the statements of a migration; they are written one column or key a line. `MySQL`'s has its
/// indexes within the tables, which is many times faster there; `SQLite` has no words for that.
fn tables(text: &str) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            let name = rest.trim_end_matches(" (").to_owned();
            tables.insert(name.clone(), Table::default());
            open = Some(name);
        } else if let Some(at) = line.find(" INDEX ") {
            let unique = line.contains("UNIQUE");
            let (name, rest) = line[at + 7..].split_once(" ON ").expect("an index on a table");
            let (table, columns) = rest.split_once(' ').expect("columns");
            let columns = columns.trim_end_matches(';');
            let columns = format!("{}{columns}", if unique { "unique " } else { "" });
            tables.get_mut(table).expect("a table").indexes.insert(name.to_owned(), columns);
        } else if line.starts_with(')') {
            open = None;
        } else if let Some(table) = open.as_ref().and_then(|name| tables.get_mut(name)) {
            column(table, line.trim_end_matches(','));
        }
    }
    tables
}

fn column(table: &mut Table, line: &str) {
    if line.is_empty() {
        return;
    }
    let unique = line.strip_prefix("UNIQUE KEY ").map(|key| (key, "unique "));
    if let Some((key, unique)) = unique.or(line.strip_prefix("KEY ").map(|key| (key, ""))) {
        let (name, columns) = key.split_once(' ').expect("columns");
        table.indexes.insert(name.to_owned(), format!("{unique}{columns}"));
    } else if let Some(columns) = line.strip_prefix("PRIMARY KEY ") {
        table.primary_key.push(columns.to_owned());
    } else if line.starts_with("FOREIGN KEY") {
        table.foreign_keys.insert(line.to_owned());
    } else {
        let name = line.split(' ').next().expect("a name");
        table.columns.push((name.to_owned(), line.contains("NOT NULL")));
        if line.contains("PRIMARY KEY") {
            table.primary_key.push(name.to_owned());
        }
    }
}
