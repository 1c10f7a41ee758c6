//! API keys: who may call.
//!
//! **Invariant:** every change that decides who may call gives `api_keys_version` another value in the
//! same transaction, so that the poll of each replica notices it. No revision is raised: what is kept
//! of the catalogue stays good.
//! **Invariant:** secrets do not get here, only their hashes.

use std::time::Duration;

use crate::domain::{
    api_key::{ApiKey, KeyId, KeyState, Previous, SecretHash},
    clock::Moment,
};

use super::{
    Store,
    db::{Purpose, Session},
    dialect::Dialect,
    error::StoreError,
    sql::{Row, Sql},
    state::API_KEYS_VERSION,
    write::{End, Transaction},
};

const COLUMNS: &str = "id, name, role, secret, previous_secret, previous_until, rate_limit, \
                       created_at, expires_at, revoked_at, last_used_at";

/// Every key, as of a version.
#[derive(Debug)]
pub struct StoredKeys {
    /// The version that they have at least; 0 before the first key.
    pub version: u64,
    /// The keys, the oldest first.
    pub keys: Vec<ApiKey>,
    /// Rows that make no sense. They are good for nothing, and must not keep the others from being
    /// read.
    pub bad: Vec<StoreError>,
}

/// What came of a change to a key.
#[derive(Debug)]
pub enum KeyChange {
    /// The key as it is now.
    Done(Box<ApiKey>),
    /// There is no such key.
    NotFound,
    /// It is no longer good, and stays so.
    Over(KeyState),
}

impl Store {
    /// Every key. Read on the connection of the polls, so that no crowd of requests delays it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn keys(&self) -> Result<StoredKeys, StoreError> {
        let mut session = self.db.session(Purpose::Watch, self.options.watch_timeout).await?;
        // The version first: keys may be newer than it, and are read again then, but never older.
        let mut sql = Sql::new("SELECT value FROM catalog_state WHERE name = ");
        sql.bind(API_KEYS_VERSION);
        let version = match session.rows(sql).await?.first() {
            Some(row) => version_of(Some(row.text(0)?))?,
            None => 0,
        };
        let sql = Sql::new(format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at, id"));
        let (mut keys, mut bad) = (Vec::new(), Vec::new());
        for row in session.rows(sql).await? {
            match key(&row) {
                Ok(key) => keys.push(key),
                Err(error) => bad.push(error),
            }
        }
        Ok(StoredKeys { version, keys, bad })
    }

    /// Stores a new key.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn create_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.transact(&Create(key)).await
    }

    /// Ends a key, all its secrets included. One that was revoked before stays as it is.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn revoke_key(&self, id: KeyId) -> Result<KeyChange, StoreError> {
        self.transact(&Revoke(id)).await
    }

    /// Gives a key another secret; the one before is good for `overlap` more.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn rotate_key(
        &self,
        id: KeyId,
        secret: SecretHash,
        overlap: Duration,
    ) -> Result<KeyChange, StoreError> {
        self.transact(&Rotate { id, secret, overlap }).await
    }

    /// Notes when keys were last used. Who may call does not change by that.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note_key_uses(&self, uses: &[(KeyId, Moment)]) -> Result<(), StoreError> {
        let mut session = self.session(Purpose::Write).await?;
        for (id, at) in uses {
            let mut sql = Sql::new("UPDATE api_keys SET last_used_at = ");
            sql.bind(at.unix_ms()).push(" WHERE id = ").bind(id.as_str());
            // Another replica may have seen it later.
            sql.push(" AND (last_used_at IS NULL OR last_used_at < ").bind(at.unix_ms()).push(")");
            session.run(sql).await?;
        }
        Ok(())
    }
}

struct Create<'a>(&'a ApiKey);

impl Transaction for Create<'_> {
    type Value = ();

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<()>, StoreError> {
        let ApiKey { id, name, role, secret, rate_limit, created_at, expires_at, .. } = self.0;
        let mut sql = Sql::new(
            "INSERT INTO api_keys (id, name, role, secret, rate_limit, created_at, expires_at) VALUES ",
        );
        sql.push("(").bind(id.as_str()).push(", ").bind(name.as_str());
        sql.push(", ").bind(role.as_str()).push(", ").bind(secret.as_bytes().as_slice());
        sql.push(", ").bind(rate_limit.clone()).push(", ").bind(created_at.unix_ms());
        sql.push(", ").bind(expires_at.map(Moment::unix_ms)).push(")");
        session.run(sql).await?;
        raise_version(session, dialect).await?;
        Ok(End::Commit(()))
    }
}

struct Revoke(KeyId);

impl Transaction for Revoke {
    type Value = KeyChange;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<KeyChange>, StoreError> {
        let Some(mut key) = locked(session, dialect, self.0).await? else {
            return Ok(End::RollBack(KeyChange::NotFound));
        };
        if key.revoked_at.is_some() {
            return Ok(End::RollBack(KeyChange::Done(Box::new(key))));
        }
        key.revoked_at = Some(now);
        let mut sql = Sql::new("UPDATE api_keys SET revoked_at = ");
        sql.bind(now.unix_ms()).push(" WHERE id = ").bind(self.0.as_str());
        session.run(sql).await?;
        raise_version(session, dialect).await?;
        Ok(End::Commit(KeyChange::Done(Box::new(key))))
    }
}

struct Rotate {
    id: KeyId,
    secret: SecretHash,
    overlap: Duration,
}

impl Transaction for Rotate {
    type Value = KeyChange;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<KeyChange>, StoreError> {
        let Some(mut key) = locked(session, dialect, self.id).await? else {
            return Ok(End::RollBack(KeyChange::NotFound));
        };
        match key.state(now) {
            KeyState::Active => {}
            over => return Ok(End::RollBack(KeyChange::Over(over))),
        }
        let overlap = i64::try_from(self.overlap.as_millis()).unwrap_or(i64::MAX);
        let until = Moment::from_unix_ms(now.unix_ms().saturating_add(overlap));
        let mut sql = Sql::new("UPDATE api_keys SET previous_secret = ");
        sql.bind(key.secret.as_bytes().as_slice()).push(", previous_until = ");
        sql.bind(until.unix_ms()).push(", secret = ").bind(self.secret.as_bytes().as_slice());
        sql.push(" WHERE id = ").bind(self.id.as_str());
        session.run(sql).await?;
        raise_version(session, dialect).await?;
        key.previous = Some(Previous { secret: key.secret, until });
        key.secret = self.secret;
        Ok(End::Commit(KeyChange::Done(Box::new(key))))
    }
}

/// A key that nobody else changes until the transaction ends.
async fn locked(
    session: &mut Session,
    dialect: Dialect,
    id: KeyId,
) -> Result<Option<ApiKey>, StoreError> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM api_keys WHERE id = "));
    sql.bind(id.as_str()).push(dialect.for_update());
    session.rows(sql).await?.first().map(key).transpose()
}

/// Gives the keys another version. It is random rather than counted: a database that was restored and
/// changed again could otherwise come to a number that replicas know, with other keys.
async fn raise_version(session: &mut Session, dialect: Dialect) -> Result<(), StoreError> {
    let version = getrandom::u64().map_err(|_| no_random_numbers())? | 1; // never 0
    let mut sql = Sql::new("INSERT INTO catalog_state (name, value) VALUES (");
    sql.bind(API_KEYS_VERSION).push(", ").bind(format!("{version:016x}")).push(")");
    sql.push(&dialect.or_set("name", "value"));
    session.run(sql).await?;
    Ok(())
}

fn no_random_numbers() -> StoreError {
    StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other("no random numbers")))
}

/// The version in a row of `catalog_state`; 0 where there is none.
pub(super) fn version_of(text: Option<String>) -> Result<u64, StoreError> {
    let Some(text) = text else { return Ok(0) };
    u64::from_str_radix(&text, 16).map_err(|_| StoreError::BadRow {
        table: "catalog_state",
        column: "value",
        key: API_KEYS_VERSION.into(),
        detail: format!("{text:?} is not a hexadecimal number"),
    })
}

fn key(row: &Row) -> Result<ApiKey, StoreError> {
    let id = row.text(0)?;
    let bad = |column, detail: &str| StoreError::BadRow {
        table: "api_keys",
        column,
        key: id.clone(),
        detail: detail.to_owned(),
    };
    let hash = |column, bytes: Vec<u8>| {
        SecretHash::from_bytes(&bytes).ok_or_else(|| bad(column, "is not 32 bytes"))
    };
    let moment = |n| Ok::<_, StoreError>(row.optional_integer(n)?.map(Moment::from_unix_ms));
    let previous = match (row.optional_bytes(4)?, moment(5)?) {
        (Some(secret), Some(until)) => {
            Some(Previous { secret: hash("previous_secret", secret)?, until })
        }
        _ => None,
    };
    Ok(ApiKey {
        id: id.parse().map_err(|()| bad("id", "is not 8 letters and digits"))?,
        name: row.text(1)?,
        role: row.text(2)?.parse().map_err(|()| bad("role", "is not a role"))?,
        secret: hash("secret", row.bytes(3)?)?,
        previous,
        rate_limit: row.optional_text(6)?,
        created_at: Moment::from_unix_ms(row.integer(7)?),
        expires_at: moment(8)?,
        revoked_at: moment(9)?,
        last_used_at: moment(10)?,
    })
}
