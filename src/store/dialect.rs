//! The few words in which the backends differ.

use super::work::Work;

/// A family of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `MySQL` and `MariaDB`.
    MySql,
    /// `SQLite`.
    Sqlite,
}

/// Microseconds that reading a list takes, as measured with 5 million movies (docs/LISTS.md).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Costs {
    /// Any list.
    pub(crate) any: f64,
    /// A row that is answered.
    pub(crate) row: f64,
    /// What a page comes to, which is read in its order: what is looked for is here and there.
    pub(crate) page: Work,
    /// What a count comes to, which is read about in the order of ids.
    pub(crate) count: Work,
}

impl Dialect {
    /// What reading takes.
    pub(crate) const fn costs(self) -> Costs {
        match self {
            Self::MySql => Costs {
                any: 400.0,
                row: 9.0,
                page: Work { movies: 0.1, links: 0.1, distinct: 0.0, lookups: 4.0 },
                count: Work { movies: 0.1, links: 0.2, distinct: 0.1, lookups: 0.8 },
            },
            Self::Sqlite => Costs {
                any: 400.0,
                row: 9.0,
                page: Work { movies: 0.1, links: 0.1, distinct: 0.0, lookups: 8.0 },
                count: Work { movies: 0.1, links: 0.06, distinct: 0.2, lookups: 0.6 },
            },
        }
    }

    /// Names the index that a table is read by: the plan is part of the query, so that no optimiser
    /// turns a range into a scan.
    pub(crate) fn by_index(self, index: &str) -> String {
        match self {
            Self::MySql => format!("FORCE INDEX ({index})"),
            Self::Sqlite => format!("INDEXED BY {index}"),
        }
    }

    /// Reads a table by its primary key.
    pub(crate) const fn by_primary_key(self) -> &'static str {
        match self {
            Self::MySql => "FORCE INDEX (PRIMARY)",
            Self::Sqlite => "NOT INDEXED",
        }
    }

    /// Joins a table so that the one before it stays the outer one, and its order that of the rows.
    pub(crate) const fn join_in_order(self) -> &'static str {
        match self {
            Self::MySql => "STRAIGHT_JOIN",
            Self::Sqlite => "CROSS JOIN",
        }
    }

    /// Locks the rows that a transaction reads in order to change them; a `SQLite` writer has the
    /// whole database.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::MySql => " FOR UPDATE",
            Self::Sqlite => "",
        }
    }

    /// Begins an INSERT that leaves rows alone whose key exists.
    pub(crate) const fn insert_new(self) -> &'static str {
        match self {
            Self::MySql => "INSERT IGNORE INTO ",
            Self::Sqlite => "INSERT OR IGNORE INTO ",
        }
    }

    /// Ends an INSERT: where the key exists, `column` becomes what was given.
    pub(crate) fn or_set(self, key: &str, column: &str) -> String {
        match self {
            Self::MySql => format!(" ON DUPLICATE KEY UPDATE {column} = VALUES({column})"),
            Self::Sqlite => {
                format!(" ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}")
            }
        }
    }

    /// Ends an INSERT: where the key exists, what was given is added to `column`.
    pub(crate) fn or_add(self, key: &str, column: &str) -> String {
        match self {
            Self::MySql => {
                format!(" ON DUPLICATE KEY UPDATE {column} = {column} + VALUES({column})")
            }
            Self::Sqlite => {
                format!(
                    " ON CONFLICT ({key}) DO UPDATE SET {column} = {column} + excluded.{column}"
                )
            }
        }
    }

    /// Reads rows that a transaction relies on, so that nobody changes them before it ends.
    pub(crate) const fn for_share(self) -> &'static str {
        match self {
            Self::MySql => " LOCK IN SHARE MODE",
            Self::Sqlite => "",
        }
    }

    /// Ends an INSERT: where the key exists, each of these columns is merged with what was given.
    pub(crate) fn or_merge(self, key: &str, columns: &[(&str, Merge)]) -> String {
        let merged = columns.iter().map(|(column, merge)| {
            let given = match self {
                Self::MySql => format!("VALUES({column})"),
                Self::Sqlite => format!("excluded.{column}"),
            };
            match (merge, self) {
                (Merge::Set, _) => format!("{column} = {given}"),
                (Merge::Add, _) => format!("{column} = {column} + {given}"),
                (Merge::Union, _) => format!("{column} = {column} | {given}"),
                (Merge::Most, Self::MySql) => format!("{column} = GREATEST({column}, {given})"),
                (Merge::Most, Self::Sqlite) => format!("{column} = MAX({column}, {given})"),
            }
        });
        let merged = merged.collect::<Vec<_>>().join(", ");
        match self {
            Self::MySql => format!(" ON DUPLICATE KEY UPDATE {merged}"),
            Self::Sqlite => format!(" ON CONFLICT ({key}) DO UPDATE SET {merged}"),
        }
    }
}

/// What becomes of a column where a row is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// What was given.
    Set,
    /// The sum.
    Add,
    /// The bits of both.
    Union,
    /// The larger one.
    Most,
}
