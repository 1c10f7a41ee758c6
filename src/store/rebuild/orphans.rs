//! Links of movies that are gone: who deletes a movie by hand, past the foreign keys, leaves them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::clock::Moment;

use super::super::{
    Store,
    db::Session,
    dialect::Dialect,
    error::StoreError,
    facet::Facet,
    sql::Sql,
    write::{End, Transaction},
};

/// Movies that one statement looks for.
const LOOK: u32 = 2_000;

impl Store {
    /// Looks at the next movies that have links; gives the last of them, and those that are gone.
    /// `None` at the end.
    ///
    /// One statement sees a movie and its links, or neither: writers commit both together.
    pub(super) async fn look_for_orphans(
        &self,
        facet: Facet,
        after: i64,
    ) -> Result<Option<(i64, Vec<i64>)>, StoreError> {
        let mut sql = Sql::new("SELECT l.movie_id, m.id FROM (SELECT DISTINCT movie_id FROM ");
        sql.push(facet.links()).push(" ").push(self.db.dialect().by_primary_key());
        sql.push(" WHERE movie_id > ").bind(after);
        sql.push(" ORDER BY movie_id LIMIT ").bind(LOOK);
        sql.push(") l LEFT JOIN movies m ON m.id = l.movie_id ORDER BY l.movie_id");
        let (mut last, mut gone) = (None, Vec::new());
        for row in self.read(sql).await? {
            let id = row.integer(0)?;
            if row.optional_integer(1)?.is_none() {
                gone.push(id);
            }
            last = Some(id);
        }
        Ok(last.map(|last| (last, gone)))
    }

    /// Removes the links of those movies that are still gone; gives their number.
    pub(super) async fn remove_orphans(
        &self,
        facet: Facet,
        movies: &[i64],
    ) -> Result<u64, StoreError> {
        self.transact(&Remove { facet, movies }).await
    }
}

struct Remove<'a> {
    facet: Facet,
    movies: &'a [i64],
}

impl Transaction for Remove<'_> {
    type Value = u64;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<u64>, StoreError> {
        let (facet, movies) = (self.facet, || self.movies.iter().copied());
        // The links first: those of a movie that is being created are waited for, and the movie is
        // there then. Those that come later are not among the ones that are deleted.
        let mut sql = Sql::new("SELECT movie_id, ");
        sql.push(facet.column()).push(" FROM ").push(facet.links());
        sql.push(" WHERE movie_id IN ").bind_list(movies()).push(dialect.for_update());
        let mut links: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for row in session.rows(sql).await? {
            links.entry(row.integer(0)?).or_default().push(row.integer(1)?);
        }
        let mut sql = Sql::new("SELECT id FROM movies WHERE id IN ");
        sql.bind_list(movies());
        let rows = session.rows(sql).await?;
        let back: BTreeSet<i64> =
            rows.iter().map(|row| row.integer(0)).collect::<Result<_, _>>()?;
        let mut removed = 0;
        for (movie, names) in links.into_iter().filter(|(movie, _)| !back.contains(movie)) {
            let mut sql = Sql::new("DELETE FROM ");
            sql.push(facet.links()).push(" WHERE movie_id = ").bind(movie);
            sql.push(" AND ").push(facet.column()).push(" IN ").bind_list(names);
            removed += session.run(sql).await?.rows;
        }
        Ok(End::Commit(removed))
    }
}
