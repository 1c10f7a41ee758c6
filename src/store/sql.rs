//! Statements: text with its values, and rows, the same for every backend.

use sqlx::{Row as _, mysql::MySqlRow, sqlite::SqliteRow};

use super::{dialect::Dialect, error::StoreError};

/// A value bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Number(Option<f64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($convert:expr),)+) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant($convert(value))
            }
        })+
    };
}

value_from! {
    i64 => Integer(Some),
    i32 => Integer(|value| Some(i64::from(value))),
    i16 => Integer(|value| Some(i64::from(value))),
    u32 => Integer(|value| Some(i64::from(value))),
    Option<i64> => Integer(|value| value),
    Option<i32> => Integer(|value: Option<i32>| value.map(i64::from)),
    Option<i16> => Integer(|value: Option<i16>| value.map(i64::from)),
    f64 => Number(Some),
    Option<f64> => Number(|value| value),
    &str => Text(|value: &str| Some(value.to_owned())),
    String => Text(Some),
    Option<String> => Text(|value| value),
    Vec<u8> => Bytes(|value| value),
    &[u8] => Bytes(|value: &[u8]| value.to_vec()),
}

/// A statement and the values of its `?` marks, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
}

impl Sql {
    /// A statement without values so far.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Appends text, which never comes from a caller of the service.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a mark and its value.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Appends another statement's text and values.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values);
        self
    }

    /// Appends `(?, ?, …)`.
    pub(crate) fn bind_list(
        &mut self,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> &mut Self {
        self.text.push('(');
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self.text.push(')');
        self
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(crate) enum Row {
    MySql(MySqlRow),
    Sqlite(SqliteRow),
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident -> $type:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&self, column: usize) -> Result<$type, StoreError> {
            match self {
                Self::MySql(row) => row.try_get(column),
                // SQLite's types belong to values, not to columns: a sum or a null has none.
                Self::Sqlite(row) => row.try_get_unchecked(column),
            }
            .map_err(StoreError::Refused)
        }
    };
}

impl Row {
    getter!(#[doc = "An integer."] integer -> i64);
    getter!(#[doc = "An integer or null."] optional_integer -> Option<i64>);
    getter!(#[doc = "A number or null."] optional_number -> Option<f64>);
    getter!(#[doc = "Text."] text -> String);
    getter!(#[doc = "Text or null."] optional_text -> Option<String>);
    getter!(#[doc = "Bytes."] bytes -> Vec<u8>);
    getter!(#[doc = "Bytes or null."] optional_bytes -> Option<Vec<u8>>);

    /// A row of EXPLAIN as a line: the table, how it is read, by which index, what else is done.
    pub(crate) fn described(&self, dialect: Dialect) -> Result<String, StoreError> {
        if dialect == Dialect::Sqlite {
            return self.text(3);
        }
        let Self::MySql(row) = self else { return Ok(String::new()) };
        let cell = |name: &str| {
            let text = row.try_get::<Option<String>, _>(name).ok().flatten();
            let number = || row.try_get_unchecked::<Option<i64>, _>(name).ok().flatten();
            text.or_else(|| number().map(|number| number.to_string()))
                .unwrap_or_else(|| "-".to_owned())
        };
        let cells = ["select_type", "table", "type", "key", "rows", "Extra"].map(cell);
        Ok(cells.join(" | "))
    }
}
