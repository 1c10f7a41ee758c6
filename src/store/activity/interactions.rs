//! What users did, read: all of it for learning, and what is held of one.

use crate::domain::{
    activity::{Interaction, Signal, UserId},
    clock::Moment,
    movie::MovieId,
};

use super::super::{
    Store,
    error::StoreError,
    sql::{Row, Sql},
};

/// The place after an interaction, in the order of users and times.
#[derive(Debug, Clone, PartialEq)]
pub struct InteractionCursor {
    user: UserId,
    at: Moment,
    event: Vec<u8>,
}

/// Interactions in the order of users and, for each, of times.
#[derive(Debug, Clone, PartialEq)]
pub struct InteractionPage {
    /// They.
    pub rows: Vec<Interaction>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<InteractionCursor>,
}

/// Whether interactions with movies that are gone are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    LeftOut,
    Included,
}

impl Store {
    /// What users did with movies that there are, in the order of users and times: at most `limit` rows
    /// after a place. Of several opinions of one user on one movie the latest counts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interactions_after(
        &self,
        after: Option<InteractionCursor>,
        limit: u32,
    ) -> Result<InteractionPage, StoreError> {
        let mut rows = Vec::new();
        let limit = limit.max(1);
        if let Some(cursor) = &after {
            rows =
                self.read(self.of_user(&cursor.user, Some(cursor), limit, Gone::LeftOut)).await?;
        }
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if left > 0 {
            let mut sql = self.select(Gone::LeftOut);
            if let Some(cursor) = &after {
                sql.push(" WHERE i.user_id > ").bind(cursor.user.as_str());
            }
            sql.push(" ORDER BY i.user_id, i.happened_at, i.event LIMIT ").bind(left);
            rows.extend(self.read(sql).await?);
        }
        page(&rows, limit)
    }

    /// The newest `limit` interactions of a user with movies that there are, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(&self, user: &UserId, limit: u32) -> Result<Vec<Interaction>, StoreError> {
        let mut sql = self.select(Gone::LeftOut);
        sql.push(" WHERE i.user_id = ").bind(user.as_str());
        sql.push(" ORDER BY i.happened_at DESC, i.event DESC LIMIT ").bind(limit);
        self.read(sql).await?.iter().map(interaction).collect()
    }

    /// The movies that a user had to do with, gone ones too, each once and in the order of ids: the first
    /// `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn movies_of(&self, user: &UserId, limit: u32) -> Result<Vec<MovieId>, StoreError> {
        let mut sql = Sql::new("SELECT DISTINCT movie_id FROM interactions WHERE user_id = ");
        sql.bind(user.as_str()).push(" ORDER BY movie_id LIMIT ").bind(limit);
        let rows = self.read(sql).await?;
        let id = |row: &Row| {
            let raw = row.integer(0)?;
            MovieId::new(raw).ok_or_else(|| StoreError::BadRow {
                table: "interactions",
                column: "movie_id",
                key: format!("{user}, {raw}"),
                detail: "not positive".to_owned(),
            })
        };
        rows.iter().map(id).collect()
    }

    /// Everything that is held of a user, the oldest first: at most `limit` rows after a place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_of(
        &self,
        user: &UserId,
        after: Option<InteractionCursor>,
        limit: u32,
    ) -> Result<InteractionPage, StoreError> {
        let limit = limit.max(1);
        let rows = self.read(self.of_user(user, after.as_ref(), limit, Gone::Included)).await?;
        page(&rows, limit)
    }

    fn select(&self, gone: Gone) -> Sql {
        let mut sql =
            Sql::new("SELECT i.user_id, i.happened_at, i.event, i.movie_id, i.kind, i.value");
        sql.push(" FROM interactions i");
        if gone == Gone::LeftOut {
            let join = self.db.dialect().join_in_order();
            sql.push(&format!(" {join} movies m ON m.id = i.movie_id"));
        }
        sql
    }

    fn of_user(
        &self,
        user: &UserId,
        after: Option<&InteractionCursor>,
        limit: u32,
        gone: Gone,
    ) -> Sql {
        let mut sql = self.select(gone);
        sql.push(" WHERE i.user_id = ").bind(user.as_str());
        if let Some(InteractionCursor { at, event, .. }) = after {
            sql.push(" AND i.happened_at >= ").bind(at.unix_ms());
            sql.push(" AND (i.happened_at > ").bind(at.unix_ms());
            sql.push(" OR i.event > ").bind(event.as_slice()).push(")");
        }
        sql.push(" ORDER BY i.user_id, i.happened_at, i.event LIMIT ").bind(limit);
        sql
    }
}

fn page(rows: &[Row], limit: u32) -> Result<InteractionPage, StoreError> {
    let next = match rows.last() {
        Some(last) if rows.len() >= limit as usize => {
            let Interaction { user, at, .. } = interaction(last)?;
            Some(InteractionCursor { user, at, event: last.bytes(2)? })
        }
        _ => None,
    };
    Ok(InteractionPage { rows: rows.iter().map(interaction).collect::<Result<_, _>>()?, next })
}

fn interaction(row: &Row) -> Result<Interaction, StoreError> {
    let user = row.text(0)?;
    let bad = |column, detail: &str| StoreError::BadRow {
        table: "interactions",
        column,
        key: format!("{user}, {:?}", row.integer(1).ok()),
        detail: detail.to_owned(),
    };
    Ok(Interaction {
        user: UserId::stored(&user).ok_or_else(|| bad("user_id", "is no user"))?,
        movie: MovieId::new(row.integer(3)?).ok_or_else(|| bad("movie_id", "not positive"))?,
        signal: Signal::stored(row.integer(4)?, row.optional_number(5)?)
            .ok_or_else(|| bad("kind", "is no signal, or its value is none of it"))?,
        at: Moment::from_unix_ms(row.integer(1)?),
    })
}
