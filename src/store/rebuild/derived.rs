//! Movies compared with what is derived from them, and repaired.

use std::collections::BTreeMap;

use crate::domain::{clock::Moment, text::sort_key};

use super::{
    super::{
        Store,
        db::{Purpose, Session},
        dialect::Dialect,
        error::StoreError,
        facet::{self, Facet, Link, Names},
        row,
        sql::Sql,
        write::{End, Transaction},
    },
    CHUNK,
    stored::{Seen, Stored, bad, select},
};

/// What a look at some movies found.
pub(super) struct Looked {
    pub(super) movies: u64,
    /// The id of the last one.
    pub(super) last: i64,
    /// Those whose derived columns or links are wrong, unless someone was just writing them.
    pub(super) wrong: Vec<i64>,
    /// Those that make no sense.
    pub(super) bad: Vec<StoreError>,
}

/// What a transaction repaired.
#[derive(Default)]
pub(super) struct Repaired {
    pub(super) movies: u64,
    /// Movies that cannot be repaired.
    pub(super) bad: Vec<StoreError>,
}

impl Store {
    /// Looks at the next movies, locking nothing; `None` at the end.
    ///
    /// These are several statements, and a movie that is written between two of them may look wrong;
    /// it never looks right when it is not, since who writes a movie writes all that is derived from it.
    pub(super) async fn look_at_movies(&self, after: i64) -> Result<Option<Looked>, StoreError> {
        let mut sql = select();
        sql.push(" WHERE m.id > ").bind(after).push(" ORDER BY m.id LIMIT ");
        sql.bind(i64::try_from(CHUNK).unwrap_or(i64::MAX));
        let mut session = self.session(Purpose::Read).await?;
        let seen = Seen::read(&mut session, sql).await?;
        let wrong = seen.good.iter().filter(|stored| !stored.is_right());
        let wrong = wrong.map(|stored| stored.movie.id.get()).collect();
        let movies = (seen.good.len() + seen.bad.len()) as u64;
        Ok(seen.last.map(|last| Looked { movies, last, wrong, bad: seen.bad }))
    }

    /// Repairs those movies that are still wrong.
    pub(super) async fn repair_movies(&self, ids: &[i64]) -> Result<Repaired, StoreError> {
        self.transact(&Repair(ids)).await
    }
}

struct Repair<'a>(&'a [i64]);

impl Transaction for Repair<'_> {
    type Value = Repaired;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        _now: Moment,
    ) -> Result<End<Repaired>, StoreError> {
        let mut sql = select();
        sql.push(" WHERE m.id IN ").bind_list(self.0.iter().copied()).push(" ORDER BY m.id");
        sql.push(dialect.for_update());
        let Seen { mut good, mut bad, .. } = Seen::read(session, sql).await?;
        good.retain(|stored| !stored.is_right());
        let mut names = Vec::new();
        for facet in Facet::ALL {
            let wrong = good.iter().filter(|stored| !stored.links_are_right(facet));
            let wanted = wrong.flat_map(|stored| stored.keys(facet)).collect();
            names.push((facet, facet::resolve(session, dialect, facet, &wanted).await?));
        }
        good.retain(|stored| match unkept(stored, &names) {
            Some(error) => {
                bad.push(error);
                false
            }
            None => true,
        });
        for (facet, names) in &names {
            store_links(session, *facet, names, &good).await?;
        }
        for stored in good.iter().filter(|stored| !stored.columns_are_right()) {
            let data = &stored.movie.data;
            let mut sql = Sql::new("UPDATE movies SET title_key = ");
            sql.bind(sort_key(&data.title)).push(", identity = ").bind(row::identity(data));
            sql.push(", rating_tenths = ").bind(data.rating.map(row::tenths));
            sql.push(" WHERE id = ").bind(stored.movie.id.get());
            session.run(sql).await?;
        }
        let repaired = Repaired { movies: good.len() as u64, bad };
        Ok(if good.is_empty() { End::RollBack(repaired) } else { End::Commit(repaired) })
    }
}

/// A name that the database did not take as it is, being too long for it.
fn unkept(stored: &Stored, names: &[(Facet, Names)]) -> Option<StoreError> {
    let (facet, name) = names.iter().find_map(|(facet, names)| {
        // Only the names of wrong links were looked up.
        let keys =
            if stored.links_are_right(*facet) { BTreeMap::new() } else { stored.keys(*facet) };
        let (_, name) = keys.into_iter().find(|(key, _)| !names.contains_key(key))?;
        Some((*facet, name))
    })?;
    let start: String = name.chars().take(20).collect();
    // A movie's column is called as the table of its names.
    Some(bad(stored.movie.id.get(), facet.names(), format!("a name that is too long: {start}…")))
}

async fn store_links(
    session: &mut Session,
    facet: Facet,
    names: &Names,
    movies: &[Stored],
) -> Result<(), StoreError> {
    let mut links = Vec::new();
    let mut ids = Vec::new();
    for stored in movies.iter().filter(|stored| !stored.links_are_right(facet)) {
        let movie = stored.movie.id.get();
        ids.push(movie);
        let names = stored.keys(facet).into_keys().filter_map(|key| names.get(&key));
        links.extend(names.map(|name| Link {
            movie,
            name: name.id,
            columns: stored.list_columns(),
        }));
    }
    facet::unlink(session, facet, &ids).await?;
    facet::link(session, facet, &links).await
}
