//! Who trains the next model: one replica at a time, elected by the truth.

use crate::domain::{
    clock::Moment,
    model::{TrainingOutcome, TrainingRun},
};

use super::{
    Store,
    db::Session,
    dialect::Dialect,
    error::StoreError,
    sql::Sql,
    state::TRAINING,
    write::{End, Transaction},
};

/// What came of standing for election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elected {
    /// This one trains.
    Yes,
    /// Somebody else was quicker.
    No,
}

impl Store {
    /// The last scheduled training.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn training(&self) -> Result<Option<TrainingRun>, StoreError> {
        Ok(self.state(TRAINING).await?.map(|text| read(&text)).transpose()?.flatten())
    }

    /// Begins a training, unless somebody has begun one since `last` was read.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn begin_training(
        &self,
        last: Option<&TrainingRun>,
        next: &TrainingRun,
    ) -> Result<Elected, StoreError> {
        self.transact(&Replace { last, next }).await
    }

    /// Says that a training goes on until a later moment, unless it is somebody else's by now.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn prolong_training(
        &self,
        run: &TrainingRun,
        until: Moment,
    ) -> Result<Elected, StoreError> {
        let next = TrainingRun { until_ms: until.unix_ms(), ..run.clone() };
        self.transact(&Replace { last: Some(run), next: &next }).await
    }

    /// Says how a training ended, unless it is somebody else's by now.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn end_training(
        &self,
        run: &TrainingRun,
        outcome: TrainingOutcome,
    ) -> Result<Elected, StoreError> {
        let next = TrainingRun { outcome: Some(outcome), ..run.clone() };
        self.transact(&Replace { last: Some(run), next: &next }).await
    }
}

/// Replaces what is known of the last training, where that is still what the caller read.
struct Replace<'a> {
    last: Option<&'a TrainingRun>,
    next: &'a TrainingRun,
}

impl Transaction for Replace<'_> {
    type Value = Elected;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Elected>, StoreError> {
        // A row that is not there cannot be locked, and two could make it.
        let mut sql = Sql::new(dialect.insert_new());
        sql.push("catalog_state (name, value) VALUES (").bind(TRAINING).push(", 'null')");
        session.run(sql).await?;
        let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
        sql.bind(TRAINING).push(dialect.for_update());
        let stored = read(&session.row(sql).await?.text(0)?)?;
        let is_mine = match (&stored, self.last) {
            (Some(stored), Some(last)) => {
                (stored.replica, stored.began_ms) == (last.replica, last.began_ms)
            }
            (stored, last) => stored.is_none() && last.is_none(),
        };
        if !is_mine {
            return Ok(End::RollBack(Elected::No));
        }
        let value = serde_json::to_string(self.next).map_err(|error| bad(error.to_string()))?;
        let mut sql = Sql::new("UPDATE catalog_state SET value = ");
        sql.bind(value).push(" WHERE name = ").bind(TRAINING);
        session.run(sql).await?;
        Ok(End::Commit(Elected::Yes))
    }
}

fn read(text: &str) -> Result<Option<TrainingRun>, StoreError> {
    serde_json::from_str(text).map_err(|error| bad(error.to_string()))
}

fn bad(detail: String) -> StoreError {
    StoreError::BadRow { table: "catalog_state", column: "value", key: TRAINING.into(), detail }
}
