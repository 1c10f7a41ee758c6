//! Reading single movies, and all of them by id.

use crate::domain::{
    movie::{ImdbId, Movie, MovieId},
    revision::{AsOf, Revision},
};

use super::{
    Store,
    error::StoreError,
    row::{self, Columns},
    sql::{Row, Sql},
    statement::VALUES_MAX,
};

/// Whole movies of one statement.
const ROWS_AT_ONCE: usize = 500;

/// Begins a query whose first column is the catalogue's revision, in the same statement and so of the
/// same moment as the rest. The row of revisions is there even where nothing is joined to it.
pub(super) fn as_of(columns: &str) -> Sql {
    Sql::new(format!("SELECT r.revision, {columns} FROM catalog_revisions r "))
}

/// Reads the revision of a row of [`as_of`].
pub(super) fn revision(row: &Row) -> Result<Revision, StoreError> {
    let raw = row.integer(0)?;
    Revision::new(raw).ok_or_else(|| StoreError::BadRow {
        table: "catalog_revisions",
        column: "revision",
        key: "*".into(),
        detail: format!("{raw} is negative"),
    })
}

impl Store {
    /// One movie.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn movie(&self, id: MovieId) -> Result<AsOf<Option<Movie>>, StoreError> {
        let mut sql = as_of(row::WHOLE);
        sql.push("LEFT JOIN movies m ON m.id = ").bind(id.get()).push(" WHERE r.scope = '*'");
        self.one(sql).await
    }

    /// The movie with this `IMDb` id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn movie_by_imdb_id(&self, id: &ImdbId) -> Result<AsOf<Option<Movie>>, StoreError> {
        let mut sql = as_of(row::WHOLE);
        sql.push("LEFT JOIN movies m ON m.imdb_id = ")
            .bind(id.as_str())
            .push(" WHERE r.scope = '*'");
        self.one(sql).await
    }

    async fn one(&self, sql: Sql) -> Result<AsOf<Option<Movie>>, StoreError> {
        let (revision, rows) = self.read_as_of(sql).await?;
        let movie = rows.first().map(|row| row::movie(row, 1, Columns::Whole)).transpose()?;
        Ok(AsOf { revision, value: movie.flatten() })
    }

    /// These movies with all of their values, as far as there are such; in no order. Not of one moment, if they
    /// are many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn whole_movies(&self, ids: &[MovieId]) -> Result<Vec<Movie>, StoreError> {
        let mut movies = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_AT_ONCE) {
            let mut sql = Sql::new("SELECT ");
            sql.push(row::WHOLE).push(" FROM movies m WHERE m.id IN ");
            sql.bind_list(chunk.iter().map(|id| id.get()));
            for row in self.read(sql).await? {
                movies.extend(row::movie(&row, 0, Columns::Whole)?);
            }
        }
        Ok(movies)
    }

    /// The ids of the movies that have these `IMDb` ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ids_of_imdb_ids(
        &self,
        imdb_ids: &[ImdbId],
    ) -> Result<Vec<(ImdbId, MovieId)>, StoreError> {
        let mut found = Vec::with_capacity(imdb_ids.len());
        for chunk in imdb_ids.chunks(VALUES_MAX) {
            let mut sql = Sql::new("SELECT m.id, m.imdb_id FROM movies m WHERE m.imdb_id IN ");
            sql.bind_list(chunk.iter().map(ImdbId::as_str));
            for row in self.read(sql).await? {
                let imdb_id = row.text(1)?.parse().ok();
                found.extend(imdb_id.zip(MovieId::new(row.integer(0)?)));
            }
        }
        Ok(found)
    }

    /// At most `limit` movies after `after`, in the order of ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn movies_by_id(
        &self,
        after: Option<MovieId>,
        limit: u32,
    ) -> Result<AsOf<Vec<Movie>>, StoreError> {
        let mut sql = as_of(row::listed(self.db.dialect()));
        sql.push("LEFT JOIN (SELECT * FROM movies ").push(self.db.dialect().by_primary_key());
        sql.push(" WHERE id > ").bind(after.map_or(0, MovieId::get));
        sql.push(" ORDER BY id LIMIT ")
            .bind(limit)
            .push(") m ON 1 = 1 WHERE r.scope = '*' ORDER BY m.id");
        let (revision, rows) = self.read_as_of(sql).await?;
        let value = values(&rows, |row| row::movie(row, 1, Columns::Listed))?;
        Ok(AsOf { revision, value })
    }

    /// Rows of [`as_of`], and their revision.
    pub(super) async fn read_as_of(&self, sql: Sql) -> Result<(Revision, Vec<Row>), StoreError> {
        let mut reads = self.reads();
        loop {
            let rows = self.read(sql.clone()).await?;
            if let Some(whole) = self.whole(&mut reads, revision_of(&rows)?).await? {
                return Ok((whole, rows));
            }
        }
    }
}

/// The revision of rows of [`as_of`], of which there is at least one.
pub(super) fn revision_of(rows: &[Row]) -> Result<Revision, StoreError> {
    revision(rows.first().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))?)
}

/// What rows have that have something.
pub(super) fn values<T>(
    rows: &[Row],
    mut read: impl FnMut(&Row) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        values.extend(read(row)?);
    }
    Ok(values)
}
