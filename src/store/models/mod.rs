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

/// Models that are whole.
#[derive(Debug)]
pub struct KeptModels {
    /// The one that is to be used, whether its row makes sense or not.
    pub in_use: Option<ModelVersion>,
    /// Those whose rows make sense, the newest first.
    pub good: Vec<StoredModel>,
    /// Those whose rows make none.
    pub bad: Vec<BadModel>,
}

/// A model whose row makes no sense.
#[derive(Debug)]
pub struct BadModel {
    /// Which one; `None` where not even that is known.
    pub version: Option<ModelVersion>,
    /// What is wrong with it: [`StoreError::BadRow`].
    pub fault: StoreError,
}

impl Store {
    /// Every model that is whole. A row that makes no sense keeps no other from being read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_models(&self) -> Result<KeptModels, StoreError> {
        let in_use = in_use_of(self.state(MODEL_IN_USE).await?)?;
        let sql =
            Sql::new(format!("SELECT {COLUMNS} FROM models WHERE whole = 1 ORDER BY version DESC"));
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for row in self.read(sql).await? {
            match model(&row, in_use) {
                Ok(model) => good.push(model),
                Err(fault) => {
                    let version = row.integer(0).ok().and_then(ModelVersion::new);
                    bad.push(BadModel { version, fault });
                }
            }
        }
        Ok(KeptModels { in_use, good, bad })
    }

    /// Every model that is whole and whose row makes sense, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn models(&self) -> Result<Vec<StoredModel>, StoreError> {
        Ok(self.kept_models().await?.good)
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
    let key = row.integer(0).map_or_else(|_| "?".to_owned(), |key| key.to_string());
    let bad = |column, detail: &str| StoreError::BadRow {
        table: "models",
        column,
        key: key.clone(),
        detail: detail.to_owned(),
    };
    let bad = &bad;
    let unread = |column| move |_: StoreError| bad(column, "is of another type");
    let integer = |place, column| row.integer(place).map_err(unread(column));
    let count = |place, column| {
        u64::try_from(integer(place, column)?).map_err(|_| bad(column, "is negative"))
    };
    let version = ModelVersion::new(integer(0, "version")?);
    let version = version.ok_or_else(|| bad("version", "is not positive"))?;
    let validation = row.optional_text(7).map_err(unread("validation"))?;
    let validation = validation.map(|text| serde_json::from_str(&text)).transpose();
    Ok(StoredModel {
        version,
        bytes: count(2, "bytes")?,
        chunks: u32::try_from(integer(3, "chunks")?).map_err(|_| bad("chunks", "is no count"))?,
        model: NewModel {
            checksum: Checksum::from_slice(&row.bytes(1).map_err(unread("sha256"))?)
                .ok_or_else(|| bad("sha256", "is not 32 bytes"))?,
            made_from: MadeFrom {
                users: count(4, "users")?,
                interactions: count(5, "interactions")?,
                items: count(6, "items")?,
            },
            validation: validation.map_err(|_| bad("validation", "makes no sense"))?,
            made_at: Moment::from_unix_ms(integer(8, "made_at")?),
        },
        in_use: in_use == Some(version),
    })
}
