//! The whole catalogue as it was at one moment, chunk by chunk.

use crate::domain::{
    movie::{Movie, MovieId},
    revision::Revision,
};

use super::{
    Store, count,
    db::{Purpose, Session},
    error::StoreError,
    movies::revision,
    row::{self, Columns},
    sql::Sql,
    state::EPOCH,
    watch::epoch,
    whole::REVISION,
};

/// Movies of one chunk.
const CHUNK: u32 = 500;

/// A view of the catalogue that later writes do not change. It holds a connection, and the database
/// holds old row versions for it: take it for as long as needed and no longer.
#[derive(Debug)]
pub struct Snapshot {
    session: Session,
    epoch: u64,
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
        let head = self.begin_whole(&mut session).await?;
        Ok(Snapshot { session, epoch: head.epoch, revision: head.whole, after: 0 })
    }

    /// The catalogue's revision.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        revision(&self.read_row(Sql::new(REVISION)).await?)
    }
}

/// Which life of the catalogue a session sees, and which revision of it.
pub(super) async fn head(session: &mut Session) -> Result<(u64, Revision), StoreError> {
    let mut sql = Sql::new("SELECT r.revision, s.value FROM catalog_revisions r ");
    sql.push("LEFT JOIN catalog_state s ON s.name = ").bind(EPOCH).push(" WHERE r.scope = '*'");
    let row = session.row(sql).await?;
    Ok((epoch(&row)?, revision(&row)?))
}

impl Snapshot {
    /// The life of the catalogue that it is of.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The revision that it is of.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// How many movies it has.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshot is lost then.
    pub async fn movies(&mut self) -> Result<u64, StoreError> {
        let mut sql = Sql::new("SELECT ");
        sql.append(count::all());
        let raw = self.session.row(sql).await?.integer(0)?;
        Ok(u64::try_from(raw).unwrap_or(0))
    }

    /// The next movies in the order of ids; empty at the end.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshot is lost then.
    pub async fn next(&mut self) -> Result<Vec<Movie>, StoreError> {
        let mut sql = Sql::new("SELECT ");
        sql.push(row::WHOLE).push(" FROM movies m WHERE m.id > ").bind(self.after);
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
