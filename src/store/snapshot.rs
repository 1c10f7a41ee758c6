//! The whole catalogue as it was at one moment, chunk by chunk.

use crate::domain::{
    movie::{Movie, MovieId},
    revision::Revision,
};

use super::{
    Store,
    db::{Purpose, Session},
    error::StoreError,
    movies::revision,
    row::{self, Columns},
    sql::Sql,
};

/// Movies of one chunk.
const CHUNK: u32 = 500;

/// A view of the catalogue that later writes do not change. It holds a connection, and the database
/// holds old row versions for it: take it for as long as needed and no longer.
#[derive(Debug)]
pub struct Snapshot {
    session: Session,
    revision: Revision,
    after: i64,
}

impl Store {
    /// Takes a snapshot of the whole catalogue.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut session = self.session(Purpose::Read).await?;
        session.lift_deadline().await?;
        session.begin_snapshot().await?;
        let row = session
            .row(Sql::new("SELECT revision FROM catalog_revisions WHERE scope = '*'"))
            .await?;
        let revision = revision(&row)?;
        Ok(Snapshot { session, revision, after: 0 })
    }

    /// The catalogue's revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        revision(
            &self
                .read_row(Sql::new("SELECT revision FROM catalog_revisions WHERE scope = '*'"))
                .await?,
        )
    }
}

impl Snapshot {
    /// The revision that it is of.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The next movies in the order of ids; empty at the end.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshot is lost then.
    pub async fn next(&mut self) -> Result<Vec<Movie>, StoreError> {
        let mut sql = Sql::new("SELECT ");
        sql.push(Columns::Whole.sql()).push(" FROM movies m WHERE m.id > ").bind(self.after);
        sql.push(" ORDER BY m.id LIMIT ").bind(CHUNK);
        let rows = self.session.rows(sql).await?;
        let mut movies = Vec::with_capacity(rows.len());
        for row in &rows {
            movies.extend(row::movie(row, 0, Columns::Whole)?);
        }
        if let Some(last) = movies.last() {
            self.after = MovieId::get(last.id);
        }
        Ok(movies)
    }

    /// Gives the connection back.
    pub async fn end(mut self) {
        self.session.roll_back().await;
    }
}
