//! Creates that are done once, however often they are sent
//! (the Idempotency-Key header, draft-ietf-httpapi-idempotency-key-header).

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::{
    clock::Moment,
    field::FieldSet,
    movie::{Movie, MovieData},
    movie_json::{self, MovieView, Reading},
    revision::Revision,
};

use super::{
    Store,
    db::Session,
    dialect::Dialect,
    error::StoreError,
    mutation::{Mutation, Outcome, Written},
    sql::Sql,
    transaction,
    write::{End, Transaction},
};

/// How long a key is honoured.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// A caller's key.
#[derive(Debug, Clone)]
pub struct OnceKey {
    /// The key, of any length.
    pub key: String,
    /// SHA-256 of the request.
    pub request: [u8; 32],
}

/// What came of a create under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Once {
    /// This was the first request under the key.
    First(Written),
    /// The first one made this movie, at this revision.
    Again(Box<Movie>, Revision),
    /// The key was used for another request.
    OtherRequest,
}

/// A create under a key.
struct UnderKey<'a> {
    mutations: [Mutation; 1],
    hash: Vec<u8>,
    key: &'a OnceKey,
    known: Option<Revision>,
}

impl Transaction for UnderKey<'_> {
    type Value = Once;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<Once>, StoreError> {
        let Self { mutations, hash, key, known } = self;
        let oldest = now.unix_ms() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        if let Some(once) = find(session, hash, key, oldest).await? {
            return Ok(End::RollBack(once));
        }
        let written = transaction::write(session, dialect, mutations, *known, now).await?;
        let (Some(revision), [Outcome::Created(movie)]) =
            (written.revision, written.outcomes.as_slice())
        else {
            return Ok(End::RollBack(Once::First(written)));
        };
        let view = MovieView::new(movie, FieldSet::all());
        let json = serde_json::to_string(&view).expect("a movie has a JSON form");
        // Only an expired one: a rival's may have come since we looked.
        let mut sql = Sql::new("DELETE FROM idempotency_keys WHERE key_hash = ");
        sql.bind(hash.as_slice()).push(" AND created_at < ").bind(oldest);
        session.run(sql).await?;
        // A rival under the same key waits here, fails on the key, and finds ours on its next try.
        let mut sql = Sql::new(
            "INSERT INTO idempotency_keys (key_hash, request, revision, movie, created_at)",
        );
        sql.push(" VALUES (")
            .bind(hash.as_slice())
            .push(", ")
            .bind(key.request.as_slice())
            .push(", ");
        sql.bind(revision.get()).push(", ").bind(json).push(", ").bind(now.unix_ms()).push(")");
        session.run(sql).await?;
        Ok(End::Commit(Once::First(written)))
    }
}

impl Store {
    /// Creates a movie unless that was done under the same key within 24 hours.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn create_once(
        &self,
        data: MovieData,
        key: &OnceKey,
        known: Option<Revision>,
    ) -> Result<Once, StoreError> {
        let mutations = [Mutation::Create { data: Box::new(data) }];
        let hash = Sha256::digest(&key.key).to_vec();
        self.transact(&UnderKey { mutations, hash, key, known }).await
    }
}

async fn find(
    session: &mut Session,
    hash: &[u8],
    key: &OnceKey,
    oldest: i64,
) -> Result<Option<Once>, StoreError> {
    let mut sql =
        Sql::new("SELECT request, revision, movie FROM idempotency_keys WHERE key_hash = ");
    sql.bind(hash).push(" AND created_at >= ").bind(oldest);
    let rows = session.rows(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.bytes(0)? != key.request {
        return Ok(Some(Once::OtherRequest));
    }
    let movie = movie(&row.text(2)?);
    match (movie, Revision::new(row.integer(1)?)) {
        (Some(movie), Some(revision)) => Ok(Some(Once::Again(Box::new(movie), revision))),
        _ => Err(StoreError::BadRow {
            table: "idempotency_keys",
            column: "movie",
            key: key.key.clone(),
            detail: "not a movie".into(),
        }),
    }
}

/// Reads back a movie as it was when it was created.
fn movie(text: &str) -> Option<Movie> {
    let value: Value = serde_json::from_str(text).ok()?;
    let input = movie_json::read(value.as_object()?, Reading::Strict).ok()?;
    let (id, created_at) = (input.id?, input.created_at?);
    Some(Movie { id, data: input.data, version: 1, created_at, updated_at: created_at })
}
