//! Erasing users, and seeing to it that nothing of them comes in by a batch that was under way.
//!
//! Erasures are numbered. A replica notes with each interaction the last number that it knew; a user's
//! interaction from before the user's erasure is not stored. A batch reads the number with a lock that
//! an erasure waits for: it is stored before the erasure deletes, or sees it.
//!
//! **Invariant:** a pseudonym is not in `erased_users`, only its hash.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::domain::{activity::UserId, clock::Moment};

use super::{
    super::{
        Store,
        db::{Purpose, Session},
        dialect::{Dialect, Merge},
        error::StoreError,
        sql::Sql,
        state::ERASURES,
        write::{End, Transaction},
    },
    batch::Recorded,
    counted::ROWS,
};

/// Whose interactions something was made from, as numbers of their pseudonyms: it may be put in use only where
/// none of them was erased since.
#[derive(Debug, Clone, Default)]
pub struct Contributors {
    /// The last erasure before they were read.
    erasures: u64,
    users: Vec<u64>,
}

impl Contributors {
    /// None yet, of what is read after so many erasures.
    #[must_use]
    pub const fn since(erasures: u64) -> Self {
        Self { erasures, users: Vec::new() }
    }

    /// Adds a user.
    pub fn add(&mut self, user: &UserId) {
        self.users.push(short(&key(user)));
    }

    /// Whether one of them was erased since they were read. Erasures wait until the transaction ends.
    pub(in super::super) async fn were_erased(
        &self,
        session: &mut Session,
        dialect: Dialect,
    ) -> Result<bool, StoreError> {
        if self.users.is_empty() || number(session, dialect.for_share()).await? <= self.erasures {
            return Ok(false);
        }
        let mut sql = Sql::new("SELECT user_key FROM erased_users WHERE erasure > ");
        sql.bind(i64::try_from(self.erasures).unwrap_or(i64::MAX));
        for row in session.rows(sql).await? {
            if self.users.contains(&short(&row.bytes(0)?)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Eight bytes of what stands for a user: two may share them, which makes a model be made once more.
fn short(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Rows that one statement deletes.
const STEP: usize = 500;

struct Begin<'a>(&'a UserId);

impl Transaction for Begin<'_> {
    type Value = u64;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<u64>, StoreError> {
        let last = number(session, dialect.for_update()).await?;
        let next = last + 1;
        let mut sql = Sql::new("INSERT INTO catalog_state (name, value) VALUES (");
        sql.bind(ERASURES).push(", ").bind(next.to_string()).push(")");
        sql.push(&dialect.or_set("name", "value"));
        session.run(sql).await?;
        let mut sql = Sql::new("INSERT INTO erased_users (user_key, erasure, erased_at) VALUES (");
        sql.bind(key(self.0)).push(", ").bind(i64::try_from(next).unwrap_or(i64::MAX));
        sql.push(", ").bind(now.unix_ms()).push(")");
        let merged = [("erasure", Merge::Set), ("erased_at", Merge::Set)];
        sql.push(&dialect.or_merge("user_key", &merged));
        session.run(sql).await?;
        Ok(End::Commit(next))
    }
}

impl Store {
    /// The number of the last erasure; 0 where there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erasures(&self) -> Result<u64, StoreError> {
        number_of(self.state(ERASURES).await?)
    }

    /// Erases a user: everything that is held of it, and whatever was noted of it and is not stored yet,
    /// in any replica. Gives the number of the erasure. A call that fails may be made again.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn erase_user(&self, user: &UserId) -> Result<u64, StoreError> {
        let erasure = self.transact(&Begin(user)).await?;
        // No batch that does not know of the erasure is open any more, and none will be.
        loop {
            let mut session = self.session(Purpose::Write).await?;
            let mut sql = Sql::new("SELECT event FROM interactions WHERE user_id = ");
            sql.bind(user.as_str()).push(" LIMIT ").bind(i64::try_from(STEP).unwrap_or(i64::MAX));
            let mut events = Vec::with_capacity(STEP);
            for row in session.rows(sql).await? {
                events.push(row.bytes(0)?);
            }
            let found = events.len();
            if found > 0 {
                let mut sql = Sql::new("DELETE FROM interactions WHERE event IN ");
                sql.bind_list(events);
                session.run(sql).await?;
            }
            if found < STEP {
                return Ok(erasure);
            }
        }
    }
}

/// The number of the last erasure, read with a lock.
async fn number(session: &mut Session, lock: &str) -> Result<u64, StoreError> {
    let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
    sql.bind(ERASURES).push(lock);
    number_of(session.rows(sql).await?.first().map(|row| row.text(0)).transpose()?)
}

/// The number in a row of `catalog_state`; 0 where there is none.
pub(in super::super) fn number_of(text: Option<String>) -> Result<u64, StoreError> {
    let Some(text) = text else { return Ok(0) };
    text.parse().map_err(|_| StoreError::BadRow {
        table: "catalog_state",
        column: "value",
        key: ERASURES.into(),
        detail: format!("{text:?} is not a number"),
    })
}

/// The interactions that are not of users who were erased after they were noted, or after the moment
/// that their sender gave.
pub(super) async fn not_erased<'r>(
    session: &mut Session,
    dialect: Dialect,
    rows: &'r [Recorded],
) -> Result<Vec<&'r Recorded>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // Held until the transaction ends.
    number(session, dialect.for_share()).await?;
    let mut erased: HashMap<Vec<u8>, (u64, i64)> = HashMap::new();
    let mut keys: Vec<Vec<u8>> = rows.iter().map(|row| key(&row.interaction.user)).collect();
    keys.sort_unstable();
    keys.dedup();
    for keys in keys.chunks(ROWS) {
        let mut sql =
            Sql::new("SELECT user_key, erasure, erased_at FROM erased_users WHERE user_key IN ");
        sql.bind_list(keys.iter().cloned());
        for row in session.rows(sql).await? {
            let erasure = u64::try_from(row.integer(1)?).unwrap_or(0);
            erased.insert(row.bytes(0)?, (erasure, row.integer(2)?));
        }
    }
    let stays = |row: &&Recorded| {
        erased.get(&key(&row.interaction.user)).is_none_or(|(erasure, at)| {
            row.erasures >= *erasure && row.interaction.at.unix_ms() >= *at
        })
    };
    Ok(rows.iter().filter(stays).collect())
}

/// What stands for a user who was erased.
fn key(user: &UserId) -> Vec<u8> {
    Sha256::digest(user.as_str()).to_vec()
}
