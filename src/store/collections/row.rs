//! Collections as rows.

use serde_json::{Map, Value, json};

use crate::domain::{
    clock::Moment,
    collection::{self, Collection, Definition, Naming, Slug},
    revision::Revision,
};

use super::super::{error::StoreError, sql::Row};

const TABLE: &str = "collections";

/// The columns that [`collection`] reads.
pub(super) const COLUMNS: &str =
    "slug, title, description, definition, version, revision, created_at, updated_at";

/// What the column `definition` has.
pub(super) fn definition(definition: &Definition) -> String {
    let Definition { movies, query, exclude, seasons, .. } = definition;
    let query = query.as_ref().map(ToString::to_string);
    json!({"movies": movies, "query": query, "exclude": exclude, "seasons": seasons}).to_string()
}

pub(super) fn slug(text: &str) -> Result<Slug, StoreError> {
    text.parse().map_err(|()| bad(text, "slug", "is none".to_owned()))
}

/// Whether a row of [`COLUMNS`] is a collection as it was read before. Revisions are given once, except
/// after a restore, where the time tells; and who edits a row by hand changes neither.
pub(super) fn is(row: &Row, known: &Collection) -> Result<bool, StoreError> {
    let Collection { version, revision, created_at, updated_at, definition: said, .. } = known;
    let numbers = [*version, revision.get(), created_at.unix_ms(), updated_at.unix_ms()];
    Ok([row.integer(4)?, row.integer(5)?, row.integer(6)?, row.integer(7)?] == numbers
        && row.text(1)? == said.title
        && row.optional_text(2)? == said.description
        && row.text(3)? == definition(said))
}

/// The version of a row of [`COLUMNS`], and when it was created, whether or not the rest makes sense.
pub(super) fn head(row: &Row) -> Result<(i64, Moment), StoreError> {
    Ok((row.integer(4)?, Moment::from_unix_ms(row.integer(6)?)))
}

/// Reads a row of [`COLUMNS`].
pub(super) fn collection(row: &Row) -> Result<Collection, StoreError> {
    let key = row.text(0)?;
    let slug = slug(&key)?;
    let mut object: Map<String, Value> = serde_json::from_str(&row.text(3)?)
        .map_err(|error| bad(&key, "definition", error.to_string()))?;
    object.insert("title".to_owned(), row.text(1)?.into());
    object.insert("description".to_owned(), row.optional_text(2)?.into());
    let (slug, definition) = collection::read(&object, Naming::Known(&slug))
        .map_err(|invalid| bad(&key, "definition", invalid.to_string()))?;
    let revision = Revision::new(row.integer(5)?);
    Ok(Collection {
        slug,
        definition,
        version: row.integer(4)?,
        revision: revision.ok_or_else(|| bad(&key, "revision", "is negative".to_owned()))?,
        created_at: Moment::from_unix_ms(row.integer(6)?),
        updated_at: Moment::from_unix_ms(row.integer(7)?),
    })
}

fn bad(key: &str, column: &'static str, detail: String) -> StoreError {
    StoreError::BadRow { table: TABLE, column, key: key.to_owned(), detail }
}

impl StoreError {
    /// Whether it is a stored collection that makes no sense. A write puts another in its place.
    pub(crate) fn is_bad_collection(&self) -> bool {
        matches!(self, Self::BadRow { table, .. } if *table == TABLE)
    }
}
