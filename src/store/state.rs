//! Single facts about the catalogue, and what is done to it now and then.

use super::{
    Store, changes::delete_before, db::Purpose, error::StoreError, idempotency::KEPT, sql::Sql,
};

/// The name of the oldest revision that the change feed still reaches back to.
pub(super) const CHANGES_FLOOR: &str = "changes_floor";
/// Whether the indexes that lists are read by are `there` or `away`.
pub(super) const LIST_INDEXES: &str = "list_indexes";
/// The revision at which `marquee bump --rebuild` last corrected the counts.
pub(super) const COUNTS_REBUILT: &str = "counts_rebuilt";
/// The name of the random number that tells lives of the catalogue apart.
pub(super) const EPOCH: &str = "epoch";
/// The name of the random number that changes with the API keys.
pub(super) const API_KEYS_VERSION: &str = "api_keys_version";
/// The name of the number of the last erasure of a user.
pub(super) const ERASURES: &str = "erasures";
/// The version of the model that replicas are to recommend by.
pub(super) const MODEL_IN_USE: &str = "model_in_use";
/// The last scheduled training, as JSON.
pub(super) const TRAINING: &str = "training";
const BUNDLED: &str = "bundled_catalogue";

/// How far the bundled catalogue was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundledCatalogue {
    /// Nothing was ever written to this database.
    Untouched,
    /// Loading began and did not end.
    Loading,
    /// It is loaded, or the database has other movies.
    Settled,
}

impl Store {
    pub(super) async fn state(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
        sql.bind(name);
        self.read(sql).await?.first().map(|row| row.text(0)).transpose()
    }

    pub(super) async fn set_state(
        &self,
        name: &'static str,
        value: &str,
    ) -> Result<(), StoreError> {
        let mut sql = Sql::new("INSERT INTO catalog_state (name, value) VALUES (");
        sql.bind(name)
            .push(", ")
            .bind(value)
            .push(")")
            .push(&self.db.dialect().or_set("name", "value"));
        self.session(Purpose::Write).await?.run(sql).await?;
        Ok(())
    }

    /// Gives the catalogue a random epoch, unless it has one.
    pub(super) async fn settle_epoch(&self) -> Result<(), StoreError> {
        // Looked up first: a start must not wait for whoever is writing.
        if self.state(EPOCH).await?.is_some() {
            return Ok(());
        }
        let epoch = getrandom::u64().unwrap_or_default();
        let mut sql = Sql::new(self.db.dialect().insert_new());
        sql.push("catalog_state (name, value) VALUES (").bind(EPOCH).push(", ");
        sql.bind(format!("{epoch:016x}")).push(")");
        self.session(Purpose::Write).await?.run(sql).await?;
        Ok(())
    }

    /// Begins another life of the catalogue, unless somebody has since `epoch`: what caches have of the
    /// old one is not taken for this one's. For a database that was restored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_epoch(&self, epoch: u64) -> Result<(), StoreError> {
        let mut sql = Sql::new("UPDATE catalog_state SET value = ");
        let new = getrandom::u64().unwrap_or_else(|_| epoch.wrapping_add(1));
        sql.bind(format!("{new:016x}")).push(" WHERE name = ").bind(EPOCH);
        sql.push(" AND value = ").bind(format!("{epoch:016x}"));
        self.session(Purpose::Write).await?.run(sql).await?;
        Ok(())
    }

    /// How far the bundled catalogue was loaded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bundled_catalogue(&self) -> Result<BundledCatalogue, StoreError> {
        match self.state(BUNDLED).await?.as_deref() {
            Some("loading") => Ok(BundledCatalogue::Loading),
            None if self.revision().await?.get() == 0 => Ok(BundledCatalogue::Untouched),
            Some(_) | None => Ok(BundledCatalogue::Settled),
        }
    }

    /// Notes how far the bundled catalogue is loaded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_bundled_catalogue(&self, state: BundledCatalogue) -> Result<(), StoreError> {
        let value = if state == BundledCatalogue::Settled { "settled" } else { "loading" };
        self.set_state(BUNDLED, value).await
    }

    /// Deletes what is no longer needed: idempotency keys after a day, and the old end of the change
    /// feed. Makes the indexes that a load left away which did not end. To be called every minute or so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn housekeeping(&self) -> Result<(), StoreError> {
        let before =
            self.clock.now().unix_ms() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        let mut session = self.session(Purpose::Write).await?;
        delete_before(&mut session, "idempotency_keys", before).await?;
        drop(session);
        self.restore_abandoned_indexes().await?;
        self.cut_changes().await
    }
}
