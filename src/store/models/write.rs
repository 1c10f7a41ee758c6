//! Keeping, choosing and removing models. Their bytes are written and deleted a chunk at a time, so that no
//! transaction is large.

use std::time::Duration;

use crate::domain::{
    clock::Moment,
    model::{ModelVersion, NewModel},
};

use super::{
    super::{
        Store,
        activity::Contributors,
        db::Session,
        dialect::Dialect,
        error::StoreError,
        sql::Sql,
        state::MODEL_IN_USE,
        write::{End, Transaction},
    },
    CHUNK_BYTES, in_use_of,
};

/// When a model that is not whole was left behind by somebody who did not come to an end.
const ABANDONED: Duration = Duration::from_hours(1);

/// What came of putting a model in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// It is in use, as it may have been before.
    Done,
    /// There is no such model.
    NotFound,
}

/// What came of removing a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// There is no such model.
    NotFound,
    /// It is in use, and stays.
    InUse,
}

impl Store {
    /// Keeps a model, puts it in use, and removes all but the newest `keep` ones. Nobody sees it before it is
    /// whole. `None` where somebody of whom it was made was erased since: nothing of it stays.
    ///
    /// # Errors
    /// As [`Store::write`]; what was begun is removed by a later call.
    pub async fn publish_model(
        &self,
        model: &NewModel,
        bytes: &[u8],
        keep: usize,
        of: &Contributors,
    ) -> Result<Option<ModelVersion>, StoreError> {
        self.remove_abandoned().await?;
        let version = self.transact(&Begin { model, bytes }).await?;
        let mut chunks = 0;
        for content in bytes.chunks(CHUNK_BYTES) {
            self.transact(&Chunk { version, number: chunks, content }).await?;
            chunks += 1;
        }
        if self.transact(&Finish { version, chunks, of }).await? == Finished::Erased {
            self.remove_rows(version).await?;
            return Ok(None);
        }
        for old in self.models().await?.into_iter().skip(keep.max(1)) {
            if !old.in_use {
                self.remove_model(old.version).await?;
            }
        }
        Ok(Some(version))
    }

    /// Puts a model in use.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn use_model(&self, version: ModelVersion) -> Result<Used, StoreError> {
        self.transact(&Use(version)).await
    }

    /// Removes a model, unless it is in use.
    ///
    /// # Errors
    /// As [`Store::write`]; what is left of it is removed by a later [`Store::publish_model`].
    pub async fn remove_model(&self, version: ModelVersion) -> Result<Removed, StoreError> {
        match self.transact(&Condemn(version)).await? {
            Removed::Done => {}
            other => return Ok(other),
        }
        self.remove_rows(version).await?;
        Ok(Removed::Done)
    }

    /// Removes the rows of a model that is not whole.
    async fn remove_rows(&self, version: ModelVersion) -> Result<(), StoreError> {
        while self.transact(&RemoveChunk(version)).await? {}
        self.transact(&RemoveRow(version)).await
    }

    async fn remove_abandoned(&self) -> Result<(), StoreError> {
        let hour = i64::try_from(ABANDONED.as_millis()).unwrap_or(i64::MAX);
        let mut sql = Sql::new("SELECT version FROM models WHERE whole = 0 AND made_at < ");
        sql.bind(self.clock.now().unix_ms() - hour);
        for row in self.read(sql).await? {
            if let Some(version) = ModelVersion::new(row.integer(0)?) {
                self.remove_rows(version).await?;
            }
        }
        Ok(())
    }
}

struct Begin<'a> {
    model: &'a NewModel,
    bytes: &'a [u8],
}

impl Transaction for Begin<'_> {
    type Value = ModelVersion;

    async fn run(
        &self,
        session: &mut Session,
        _dialect: Dialect,
        now: Moment,
    ) -> Result<End<ModelVersion>, StoreError> {
        let NewModel { checksum, made_from, validation, .. } = self.model;
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let chunks = self.bytes.len().div_ceil(CHUNK_BYTES);
        let validation =
            validation.as_ref().and_then(|figures| serde_json::to_string(figures).ok());
        let mut sql = Sql::new(
            "INSERT INTO models (sha256, bytes, chunks, whole, users, interactions, items, validation, \
             made_at) VALUES (",
        );
        sql.bind(checksum.as_bytes().as_slice()).push(", ");
        sql.bind(count(self.bytes.len() as u64)).push(", ").bind(count(chunks as u64));
        sql.push(", 0, ").bind(count(made_from.users)).push(", ");
        sql.bind(count(made_from.interactions)).push(", ").bind(count(made_from.items));
        sql.push(", ").bind(validation).push(", ").bind(now.unix_ms()).push(")");
        let id = session.run(sql).await?.last_id;
        let version = ModelVersion::new(id).ok_or_else(|| StoreError::BadRow {
            table: "models",
            column: "version",
            key: id.to_string(),
            detail: "is not positive".to_owned(),
        })?;
        Ok(End::Commit(version))
    }
}

struct Chunk<'a> {
    version: ModelVersion,
    number: u32,
    content: &'a [u8],
}

impl Transaction for Chunk<'_> {
    type Value = ();

    async fn run(
        &self,
        session: &mut Session,
        _dialect: Dialect,
        _now: Moment,
    ) -> Result<End<()>, StoreError> {
        let mut sql = Sql::new("INSERT INTO model_chunks (version, number, content) VALUES (");
        sql.bind(self.version.get()).push(", ").bind(self.number).push(", ");
        sql.bind(self.content).push(")");
        session.run(sql).await?;
        Ok(End::Commit(()))
    }
}

struct Finish<'a> {
    version: ModelVersion,
    chunks: u32,
    of: &'a Contributors,
}

/// What came of putting a new model in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finished {
    Done,
    /// Somebody of whom it was made was erased.
    Erased,
}

impl Transaction for Finish<'_> {
    type Value = Finished;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Finished>, StoreError> {
        if self.of.were_erased(session, dialect).await? {
            return Ok(End::RollBack(Finished::Erased));
        }
        // The one who made it is the only one who knows of it, unless it took so long that somebody else
        // took it for abandoned.
        let mut sql = Sql::new("SELECT COUNT(*) FROM model_chunks WHERE version = ");
        sql.bind(self.version.get());
        if session.row(sql).await?.integer(0)? != i64::from(self.chunks) {
            return Err(StoreError::BadRow {
                table: "model_chunks",
                column: "number",
                key: self.version.to_string(),
                detail: "has gaps: the model was taken for abandoned".to_owned(),
            });
        }
        let mut sql = Sql::new("UPDATE models SET whole = 1 WHERE version = ");
        sql.bind(self.version.get());
        session.run(sql).await?;
        put_in_use(session, dialect, self.version).await?;
        Ok(End::Commit(Finished::Done))
    }
}

struct Use(ModelVersion);

impl Transaction for Use {
    type Value = Used;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Used>, StoreError> {
        if !is_whole(session, dialect, self.0).await? {
            return Ok(End::RollBack(Used::NotFound));
        }
        put_in_use(session, dialect, self.0).await?;
        Ok(End::Commit(Used::Done))
    }
}

/// Makes a model one that nobody reads.
struct Condemn(ModelVersion);

impl Transaction for Condemn {
    type Value = Removed;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Removed>, StoreError> {
        if !is_whole(session, dialect, self.0).await? {
            return Ok(End::RollBack(Removed::NotFound));
        }
        let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
        sql.bind(MODEL_IN_USE).push(dialect.for_update());
        let in_use = session.rows(sql).await?.first().map(|row| row.text(0)).transpose()?;
        if in_use_of(in_use)? == Some(self.0) {
            return Ok(End::RollBack(Removed::InUse));
        }
        let mut sql = Sql::new("UPDATE models SET whole = 0 WHERE version = ");
        sql.bind(self.0.get());
        session.run(sql).await?;
        Ok(End::Commit(Removed::Done))
    }
}

/// Removes one chunk; whether there was one.
struct RemoveChunk(ModelVersion);

impl Transaction for RemoveChunk {
    type Value = bool;

    async fn run(
        &self,
        session: &mut Session,
        _dialect: Dialect,
        _now: Moment,
    ) -> Result<End<bool>, StoreError> {
        let mut sql = Sql::new("SELECT MIN(number) FROM model_chunks WHERE version = ");
        sql.bind(self.0.get());
        let Some(first) = session.row(sql).await?.optional_integer(0)? else {
            return Ok(End::RollBack(false));
        };
        let mut sql = Sql::new("DELETE FROM model_chunks WHERE version = ");
        sql.bind(self.0.get()).push(" AND number = ").bind(first);
        session.run(sql).await?;
        Ok(End::Commit(true))
    }
}

struct RemoveRow(ModelVersion);

impl Transaction for RemoveRow {
    type Value = ();

    async fn run(
        &self,
        session: &mut Session,
        _dialect: Dialect,
        _now: Moment,
    ) -> Result<End<()>, StoreError> {
        let mut sql = Sql::new("DELETE FROM models WHERE whole = 0 AND version = ");
        sql.bind(self.0.get());
        session.run(sql).await?;
        Ok(End::Commit(()))
    }
}

/// Whether there is a model that is whole; it stays so until the transaction ends.
async fn is_whole(
    session: &mut Session,
    dialect: Dialect,
    version: ModelVersion,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT whole FROM models WHERE version = ");
    sql.bind(version.get()).push(dialect.for_update());
    match session.rows(sql).await?.first() {
        Some(row) => Ok(row.integer(0)? == 1),
        None => Ok(false),
    }
}

async fn put_in_use(
    session: &mut Session,
    dialect: Dialect,
    version: ModelVersion,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("INSERT INTO catalog_state (name, value) VALUES (");
    sql.bind(MODEL_IN_USE).push(", ").bind(version.to_string()).push(")");
    sql.push(&dialect.or_set("name", "value"));
    session.run(sql).await?;
    Ok(())
}
