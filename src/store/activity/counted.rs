//! Rows that count: how often, and by about how many distinct clients.
//!
//! What is given is merged with what is there: numbers are added, sketches united. No row is locked
//! before it is written, so that replicas which count the same movies do not wait for each other's
//! batches.

use crate::domain::activity::{Sketch, WORDS};

use super::super::{
    db::Session,
    dialect::{Dialect, Merge},
    error::StoreError,
    sql::{Row, Sql, Value},
};

/// The columns of a sketch.
pub(super) const SKETCH: [&str; WORDS] = ["sketch_0", "sketch_1", "sketch_2", "sketch_3"];
/// Rows of one statement.
pub(super) const ROWS: usize = 500;

/// A table of counts.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns of its key. The first is the day or the hour.
    pub(super) key: &'static [&'static str],
    /// Its other columns but for the sketch, and how they are merged.
    pub(super) columns: &'static [(&'static str, Merge)],
    /// Whether it has `clients`, the sketch as a number.
    pub(super) clients: Clients,
}

/// Whether a table has the sketch as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    /// For an index. Its key has two columns.
    Indexed,
    /// It has not.
    None,
}

/// A row of one.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) key: Vec<Value>,
    pub(super) values: Vec<Value>,
    pub(super) clients: Sketch,
}

/// The words of a sketch, from the column `first` on.
pub(super) fn sketch(row: &Row, first: usize) -> Result<Sketch, StoreError> {
    let mut words = [0; WORDS];
    for (n, word) in words.iter_mut().enumerate() {
        *word = row.integer(first + n)?;
    }
    Ok(Sketch::from_words(words))
}

/// A number of clients as it is stored.
fn rounded(clients: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a sketch ends at some thousands")]
    let rounded = clients.round() as i64;
    rounded
}

/// Merges rows into a table. They are given in the order of their keys, so that two who merge take their
/// locks in one order.
pub(super) async fn merge(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
    rows: &[Counted],
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS) {
        let there = match table.clients {
            Clients::Indexed => there(session, table, rows).await?,
            Clients::None => Vec::new(),
        };
        insert(session, dialect, table, rows, &there).await?;
    }
    Ok(())
}

/// What the sketches of these rows are already, in their order.
async fn there(
    session: &mut Session,
    table: &Table,
    rows: &[Counted],
) -> Result<Vec<Sketch>, StoreError> {
    let mut known = vec![Sketch::default(); rows.len()];
    let [time, id] = table.key else { return Ok(known) };
    let mut first = 0;
    while first < rows.len() {
        let end =
            first + rows[first..].iter().take_while(|row| row.key[0] == rows[first].key[0]).count();
        let mut sql = Sql::new(format!("SELECT {}, {id} FROM {}", SKETCH.join(", "), table.name));
        sql.push(&format!(" WHERE {time} = ")).bind(rows[first].key[0].clone());
        sql.push(&format!(" AND {id} IN "))
            .bind_list(rows[first..end].iter().map(|row| row.key[1].clone()));
        for found in session.rows(sql).await? {
            let id = match &rows[first].key[1] {
                Value::Bytes(_) => Value::Bytes(found.bytes(WORDS)?),
                _ => Value::from(found.integer(WORDS)?),
            };
            let at = rows[first..end].iter().position(|row| row.key[1] == id);
            if let Some(at) = at {
                known[first + at] = sketch(&found, 0)?;
            }
        }
        first = end;
    }
    Ok(known)
}

async fn insert(
    session: &mut Session,
    dialect: Dialect,
    table: &Table,
    rows: &[Counted],
    there: &[Sketch],
) -> Result<(), StoreError> {
    let mut columns: Vec<(&str, Merge)> = table.columns.to_vec();
    if table.clients == Clients::Indexed {
        columns.push(("clients", Merge::Most));
    }
    columns.extend(SKETCH.map(|word| (word, Merge::Union)));
    let names = columns.iter().map(|(name, _)| *name);
    let names: Vec<&str> = table.key.iter().copied().chain(names).collect();
    let mut sql = Sql::new(format!("INSERT INTO {} ({}) VALUES ", table.name, names.join(", ")));
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            sql.push(", ");
        }
        let mut values: Vec<Value> = row.key.iter().chain(&row.values).cloned().collect();
        if let Some(there) = there.get(n) {
            let mut all = *there;
            all.merge(&row.clients);
            values.push(rounded(all.estimate()).into());
        }
        values.extend(row.clients.words().iter().map(|word| Value::from(*word)));
        sql.bind_list(values);
    }
    sql.push(&dialect.or_merge(&table.key.join(", "), &columns));
    session.run(sql).await?;
    Ok(())
}
