//! Reading genres.

use crate::domain::{genre::Genre, revision::AsOf};

use super::{
    Store,
    error::StoreError,
    facet::Count,
    movies::{as_of, values},
};

impl Store {
    /// Every genre that has movies, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn genres(&self) -> Result<AsOf<Vec<Genre>>, StoreError> {
        let mut sql = as_of("g.name, g.movies");
        sql.push("LEFT JOIN (SELECT n.name, n.name_key, c.movies FROM facet_counts c ");
        sql.push("JOIN genres n ON n.id = c.value WHERE c.movies > 0 AND c.facet = ")
            .bind(Count::Genre.code());
        sql.push(") g ON 1 = 1 WHERE r.scope = '*' ORDER BY g.name_key");
        let (revision, rows) = self.read_as_of(sql).await?;
        let value = values(&rows, |row| {
            let Some(name) = row.optional_text(1)? else { return Ok(None) };
            Ok(Some(Genre { name, movies: row.integer(2)? }))
        })?;
        Ok(AsOf { revision, value })
    }
}
