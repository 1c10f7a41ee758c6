//! What clients' numbers are made with, on each day something else.

use crate::domain::activity::Day;

use super::super::{Store, db::Purpose, error::StoreError, sql::Sql};

/// Random bytes that all replicas use on one day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A salt of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Store {
    /// The salt of a day, the same for all replicas. Those of earlier days are deleted: after that nobody
    /// can tell which client a number was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn salt_of(&self, day: Day) -> Result<Salt, StoreError> {
        let mut session = self.session(Purpose::Write).await?;
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|_| {
            StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other("no random numbers")))
        })?;
        let mut sql = Sql::new(self.db.dialect().insert_new());
        sql.push("activity_salts (day, salt) VALUES (").bind(day.get()).push(", ");
        sql.bind(fresh.as_slice()).push(")");
        session.run(sql).await?;
        let mut sql = Sql::new("DELETE FROM activity_salts WHERE day < ");
        sql.bind(day.get());
        session.run(sql).await?;
        let mut sql = Sql::new("SELECT salt FROM activity_salts WHERE day = ");
        sql.bind(day.get());
        let bytes = session.row(sql).await?.bytes(0)?;
        let salt = bytes.try_into().map_err(|_| StoreError::BadRow {
            table: "activity_salts",
            column: "salt",
            key: day.get().to_string(),
            detail: "is not 32 bytes".into(),
        })?;
        Ok(Salt(salt))
    }
}
