//! Models: their bytes in chunks, what is said of them, and which one is in use.
//!
//! **Invariant:** a model that is whole never changes, and its version is never given again.
//! **Invariant:** what is in use is whole. No revision is raised by it: what is kept of the catalogue stays
//! good, and replicas hear of it by their polls.

mod write;

use crate::domain::{
    clock::Moment,
    model::{Checksum, MadeFrom, ModelVersion, NewModel, StoredModel},
};

use super::{
    Store,
    error::StoreError,
    sql::{Row, Sql},
    state::MODEL_IN_USE,
};

pub use write::{Removed, Used};

/// Bytes of a chunk: less than any server's largest packet.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

const COLUMNS: &str =
    "version, sha256, bytes, chunks, users, interactions, items, validation, made_at";

impl Store {
    /// Every model that is whole, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn models(&self) -> Result<Vec<StoredModel>, StoreError> {
        let in_use = in_use_of(self.state(MODEL_IN_USE).await?)?;
        let sql =
            Sql::new(format!("SELECT {COLUMNS} FROM models WHERE whole = 1 ORDER BY version DESC"));
        self.read(sql).await?.iter().map(|row| model(row, in_use)).collect()
    }

    /// A chunk of a model's bytes; `None` where there is no such.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn model_chunk(
        &self,
        version: ModelVersion,
        number: u32,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut sql = Sql::new("SELECT content FROM model_chunks WHERE version = ");
        sql.bind(version.get()).push(" AND number = ").bind(number);
        self.read(sql).await?.first().map(|row| row.bytes(0)).transpose()
    }
}

/// The version in a value of `catalog_state`.
pub(super) fn in_use_of(text: Option<String>) -> Result<Option<ModelVersion>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    let version = text.parse().map_err(|()| StoreError::BadRow {
        table: "catalog_state",
        column: "value",
        key: MODEL_IN_USE.into(),
        detail: format!("{text:?} is no version of a model"),
    })?;
    Ok(Some(version))
}

fn model(row: &Row, in_use: Option<ModelVersion>) -> Result<StoredModel, StoreError> {
    let key = row.integer(0)?;
    let bad = |column, detail: &str| StoreError::BadRow {
        table: "models",
        column,
        key: key.to_string(),
        detail: detail.to_owned(),
    };
    let count =
        |column, name| u64::try_from(row.integer(column)?).map_err(|_| bad(name, "is negative"));
    let version = ModelVersion::new(key).ok_or_else(|| bad("version", "is not positive"))?;
    let validation = row.optional_text(7)?.map(|text| serde_json::from_str(&text));
    let validation = validation.transpose().map_err(|_| bad("validation", "makes no sense"))?;
    Ok(StoredModel {
        version,
        bytes: count(2, "bytes")?,
        chunks: u32::try_from(row.integer(3)?).map_err(|_| bad("chunks", "is no count"))?,
        model: NewModel {
            checksum: Checksum::from_slice(&row.bytes(1)?)
                .ok_or_else(|| bad("sha256", "is not 32 bytes"))?,
            made_from: MadeFrom {
                users: count(4, "users")?,
                interactions: count(5, "interactions")?,
                items: count(6, "items")?,
            },
            validation,
            made_at: Moment::from_unix_ms(row.integer(8)?),
        },
        in_use: in_use == Some(version),
    })
}
