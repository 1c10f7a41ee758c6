//! Movies with what is derived from them, as both are stored.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{movie::Movie, text::sort_key};

use super::super::{
    db::Session,
    error::StoreError,
    facet::{self, Facet},
    row::{self, Columns, ListColumns, WHOLE},
    sql::{Row, Sql},
};

/// Begins the query that [`Seen::read`] takes.
pub(super) fn select() -> Sql {
    Sql::new(format!("SELECT {WHOLE}, m.title_key, m.identity, m.rating_tenths FROM movies m"))
}

/// Where [`select`] has the columns that are derived.
const DERIVED: usize = 18;

/// Movies as they are stored.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) last: Option<i64>,
    pub(super) good: Vec<Stored>,
    pub(super) bad: Vec<StoreError>,
}

impl Seen {
    pub(super) async fn read(session: &mut Session, sql: Sql) -> Result<Self, StoreError> {
        let mut seen = Self::default();
        let mut by_id = HashMap::new();
        for row in session.rows(sql).await? {
            let id = row.integer(0)?;
            seen.last = Some(id);
            match Stored::read(&row) {
                Ok(Some(stored)) => {
                    by_id.insert(id, seen.good.len());
                    seen.good.push(stored);
                }
                Ok(None) => {}
                Err(error @ StoreError::BadRow { .. }) => seen.bad.push(error),
                // What is not even text has no column's name to it.
                Err(error) => {
                    let detail = std::error::Error::source(&error).map(ToString::to_string);
                    seen.bad.push(bad(id, "value", detail.unwrap_or_default()));
                }
            }
        }
        if by_id.is_empty() {
            return Ok(seen);
        }
        for facet in Facet::ALL {
            let mut sql = Sql::new("SELECT l.movie_id, n.name_key, l.popularity, l.rating, ");
            sql.push("l.votes, l.year, l.title_key, l.created_at FROM ").push(facet.links());
            sql.push(" l LEFT JOIN ").push(facet.names()).push(" n ON n.id = l.");
            sql.push(facet.column()).push(" WHERE l.movie_id IN ").bind_list(by_id.keys().copied());
            for row in session.rows(sql).await? {
                if let Some(n) = by_id.get(&row.integer(0)?) {
                    let key = row.optional_bytes(1)?.and_then(|key| String::from_utf8(key).ok());
                    seen.good[*n].links[facet as usize].insert(key, list_columns(&row, 2)?);
                }
            }
        }
        Ok(seen)
    }
}

/// A movie, with what is derived from it as it is stored.
pub(super) struct Stored {
    pub(super) movie: Movie,
    title_key: Vec<u8>,
    identity: Vec<u8>,
    rating_tenths: Option<i64>,
    /// By facet and name, which is `None` where there is no such name; the sort columns are where they
    /// make no sense.
    links: [BTreeMap<Option<String>, Option<ListColumns>>; Facet::ALL.len()],
}

impl Stored {
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(movie) = row::movie(row, 0, Columns::Whole)? else { return Ok(None) };
        let title_key = row.bytes(DERIVED)?;
        let identity = row.bytes(DERIVED + 1)?;
        let rating_tenths = row.optional_integer(DERIVED + 2)?;
        Ok(Some(Self { movie, title_key, identity, rating_tenths, links: Default::default() }))
    }

    pub(super) fn is_right(&self) -> bool {
        self.columns_are_right() && Facet::ALL.iter().all(|facet| self.links_are_right(*facet))
    }

    pub(super) fn columns_are_right(&self) -> bool {
        let data = &self.movie.data;
        self.title_key == sort_key(&data.title)
            && self.identity == row::identity(data)
            && self.rating_tenths == data.rating.map(row::tenths).map(i64::from)
    }

    pub(super) fn links_are_right(&self, facet: Facet) -> bool {
        let (keys, links) = (self.keys(facet), &self.links[facet as usize]);
        let columns = Some(self.list_columns());
        let is_right = |(key, stored): (&Option<String>, &Option<ListColumns>)| {
            key.as_ref().is_some_and(|key| keys.contains_key(key)) && *stored == columns
        };
        links.len() == keys.len() && links.iter().all(is_right)
    }

    pub(super) fn keys(&self, facet: Facet) -> BTreeMap<String, String> {
        facet::keys(facet.of(&self.movie.data))
    }

    pub(super) fn list_columns(&self) -> ListColumns {
        ListColumns::of(&self.movie.data, self.movie.created_at)
    }
}

fn list_columns(row: &Row, first: usize) -> Result<Option<ListColumns>, StoreError> {
    let year = row.optional_integer(first + 3)?.map(i16::try_from).transpose();
    let Ok(year) = year else { return Ok(None) };
    Ok(Some(ListColumns {
        popularity: row.optional_number(first)?,
        rating: row.optional_number(first + 1)?,
        votes: row.optional_integer(first + 2)?,
        year,
        title_key: row.bytes(first + 4)?,
        created_at: row.integer(first + 5)?,
    }))
}

pub(super) fn bad(id: i64, column: &'static str, detail: String) -> StoreError {
    StoreError::BadRow { table: "movies", column, key: id.to_string(), detail }
}
