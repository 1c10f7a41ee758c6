//! The names that lists filter by, and the tables that hold them.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{movie::MovieData, text::name_key};

use super::{
    db::Session,
    dialect::Dialect,
    error::StoreError,
    row::ListColumns,
    sql::Sql,
    statement::{VALUES_MAX, runs},
};

/// A kind of name that movies have any number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Facet {
    Genre,
    Director,
    Country,
    Language,
}

impl Facet {
    pub(crate) const ALL: [Self; 4] = [Self::Genre, Self::Director, Self::Country, Self::Language];

    /// The table of names. Rows are never changed or deleted: the first spelling stays.
    pub(crate) const fn names(self) -> &'static str {
        match self {
            Self::Genre => "genres",
            Self::Director => "directors",
            Self::Country => "countries",
            Self::Language => "languages",
        }
    }

    /// The table of which movie has which.
    pub(crate) const fn links(self) -> &'static str {
        match self {
            Self::Genre => "movie_genres",
            Self::Director => "movie_directors",
            Self::Country => "movie_countries",
            Self::Language => "movie_languages",
        }
    }

    /// That table's column for the name's id.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Genre => "genre_id",
            Self::Director => "director_id",
            Self::Country => "country_id",
            Self::Language => "language_id",
        }
    }

    /// A movie's names of this kind.
    pub(crate) fn of(self, data: &MovieData) -> &[String] {
        match self {
            Self::Genre => &data.genres,
            Self::Director => &data.directors,
            Self::Country => &data.countries,
            Self::Language => &data.languages,
        }
    }

    /// What is counted for it. Directors have few movies each: those are counted when asked for.
    pub(crate) const fn count(self) -> Option<Count> {
        match self {
            Self::Genre => Some(Count::Genre),
            Self::Country => Some(Count::Country),
            Self::Language => Some(Count::Language),
            Self::Director => None,
        }
    }
}

/// What `facet_counts` counts movies by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub(crate) enum Count {
    /// All movies, under the value 0.
    All = 0,
    /// By id in `genres`.
    Genre = 1,
    /// By id in `countries`.
    Country = 2,
    /// By id in `languages`.
    Language = 3,
    /// By year.
    Year = 4,
    /// By `rating_tenths`.
    Tenths = 5,
}

impl Count {
    /// The number in the column `facet`.
    pub(crate) const fn code(self) -> i16 {
        self as i16
    }
}

/// A stored name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) id: i64,
    /// As first stored.
    pub(crate) spelling: String,
}

/// Stored names by their [`name_key`].
pub(crate) type Names = HashMap<String, Name>;

/// Finds names, storing those that are new.
pub(crate) async fn resolve(
    session: &mut Session,
    dialect: Dialect,
    facet: Facet,
    wanted: &BTreeMap<String, String>,
) -> Result<Names, StoreError> {
    let mut names = Names::with_capacity(wanted.len());
    let keys: Vec<&String> = wanted.keys().collect();
    find(session, facet, &keys, &mut names).await?;
    let missing = store_missing(session, dialect, facet, wanted, &names).await?;
    find(session, facet, &missing, &mut names).await?;
    Ok(names)
}

/// Stores those names that are new.
pub(crate) async fn store(
    session: &mut Session,
    dialect: Dialect,
    facet: Facet,
    wanted: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let mut names = Names::with_capacity(wanted.len());
    let keys: Vec<&String> = wanted.keys().collect();
    find(session, facet, &keys, &mut names).await?;
    store_missing(session, dialect, facet, wanted, &names).await.map(drop)
}

/// Stores names that were not found. Keys are taken in order, so that two transactions that store the same
/// names wait for each other rather than both for the other.
async fn store_missing<'w>(
    session: &mut Session,
    dialect: Dialect,
    facet: Facet,
    wanted: &'w BTreeMap<String, String>,
    found: &Names,
) -> Result<Vec<&'w String>, StoreError> {
    let missing: Vec<(&String, &String)> =
        wanted.iter().filter(|(key, _)| !found.contains_key(*key)).collect();
    for chunk in runs(&missing, 2, |(key, spelling)| key.len() + spelling.len()) {
        let mut sql = Sql::new(dialect.insert_new());
        sql.push(facet.names()).push(" (name, name_key) VALUES ");
        for (n, (key, spelling)) in chunk.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" });
            sql.bind(spelling.as_str()).push(", ").bind(key.as_bytes()).push(")");
        }
        session.run(sql).await?;
    }
    Ok(missing.into_iter().map(|(key, _)| key).collect())
}

async fn find(
    session: &mut Session,
    facet: Facet,
    keys: &[&String],
    names: &mut Names,
) -> Result<(), StoreError> {
    for chunk in runs(keys, 1, |key| key.len()) {
        let mut sql = Sql::new("SELECT id, name, name_key FROM ");
        sql.push(facet.names()).push(" WHERE name_key IN ");
        sql.bind_list(chunk.iter().map(|key| key.as_bytes()));
        for row in session.rows(sql).await? {
            let key = String::from_utf8(row.bytes(2)?).map_err(|error| StoreError::BadRow {
                table: facet.names(),
                column: "name_key",
                key: row.integer(0).unwrap_or_default().to_string(),
                detail: error.to_string(),
            })?;
            names.insert(key, Name { id: row.integer(0)?, spelling: row.text(1)? });
        }
    }
    Ok(())
}

/// Which movie has which name, with the columns that lists of that name are sorted by.
pub(crate) struct Link {
    pub(crate) movie: i64,
    pub(crate) name: i64,
    pub(crate) columns: ListColumns,
}

/// Stores links.
pub(crate) async fn link(
    session: &mut Session,
    facet: Facet,
    links: &[Link],
) -> Result<(), StoreError> {
    for chunk in links.chunks(VALUES_MAX / 8) {
        let mut sql = Sql::new("INSERT INTO ");
        sql.push(facet.links()).push(" (movie_id, ").push(facet.column());
        sql.push(", popularity, rating, votes, year, title_key, created_at) VALUES ");
        for (n, Link { movie, name, columns }) in chunk.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" });
            sql.bind(*movie).push(", ").bind(*name).push(", ");
            sql.bind(columns.popularity).push(", ").bind(columns.rating).push(", ");
            sql.bind(columns.votes).push(", ").bind(columns.year).push(", ");
            sql.bind(columns.title_key.as_slice()).push(", ").bind(columns.created_at).push(")");
        }
        session.run(sql).await?;
    }
    Ok(())
}

/// Removes all links of movies.
pub(crate) async fn unlink(
    session: &mut Session,
    facet: Facet,
    movies: &[i64],
) -> Result<(), StoreError> {
    for chunk in movies.chunks(VALUES_MAX) {
        let mut sql = Sql::new("DELETE FROM ");
        sql.push(facet.links()).push(" WHERE movie_id IN ").bind_list(chunk.iter().copied());
        session.run(sql).await?;
    }
    Ok(())
}

/// The keys of a movie's names, each once, in order.
pub(crate) fn keys(names: &[String]) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for name in names {
        keys.entry(name_key(name)).or_insert_with(|| name.trim().to_owned());
    }
    keys
}
