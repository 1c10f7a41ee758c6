//! What people look for, and what they open of what they find.

use std::collections::HashMap;

use crate::domain::{
    activity::{Day, SearchStudied, SearchesAsk, Studied},
    movie::MovieId,
};

use super::{
    super::{
        Store,
        error::StoreError,
        sql::{Row, Sql},
    },
    batch::hash,
    counted::{SKETCH, sketch},
};

/// Searches of one day that are looked at: those that most clients made.
const OF_A_DAY: u32 = 500;
/// Days of one statement.
const DAYS: usize = 10;

/// The key of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SearchKey([u8; 16]);

impl SearchKey {
    /// The key of a query in its canonical form.
    #[must_use]
    pub fn of(query: &str) -> Self {
        Self(hash(&[query.as_bytes()]))
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The place after a movie that was opened from a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOpenedCursor {
    day: Day,
    key: Vec<u8>,
    movie: MovieId,
}

/// A movie that was opened from searches for the same, on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOpened {
    /// What was looked for, in its canonical form.
    pub query: String,
    /// What was opened.
    pub movie: MovieId,
    /// By about how many clients.
    pub clients: f64,
    /// The day.
    pub day: Day,
}

/// Movies that were opened from searches, in the order of days, queries and movies.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOpenedPage {
    /// They.
    pub rows: Vec<SearchOpened>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<SearchOpenedCursor>,
}

/// The searches for the same, of the days that were read.
#[derive(Debug, Default)]
struct Sum {
    query: String,
    searches: u64,
    clients: f64,
    /// Whether a single day had enough clients for certain.
    may_be_shown: bool,
    hits: u64,
    last: Option<Day>,
    opened: u64,
    positions: u64,
}

impl Store {
    /// What people looked for in the days up to `today`: what most of them did, or what most of them did
    /// and did not find. Only searches that so many distinct clients made on one day that nobody is known
    /// by them ([`SearchesAsk::CLIENTS_MIN`]), and of other days nothing is counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn studied_searches(
        &self,
        what: Studied,
        ask: SearchesAsk,
        today: Day,
    ) -> Result<Vec<SearchStudied>, StoreError> {
        let mut sums: HashMap<Vec<u8>, Sum> = HashMap::new();
        let days: Vec<Day> = (0..i64::from(ask.days)).map(|days| today.before(days)).collect();
        for days in days.chunks(DAYS) {
            let mut sql = Sql::default();
            for (n, day) in days.iter().enumerate() {
                sql.push(if n > 0 { " UNION ALL " } else { "" });
                sql.append(self.of_day(what, *day)).push(&format!(" AS t{n}"));
            }
            for row in self.read(sql).await? {
                add(&mut sums, &row)?;
            }
        }
        let shown = sums.into_values().filter(|sum| sum.may_be_shown);
        // What was found the last time is not looked for in vain any more.
        let shown = shown.filter(|sum| what == Studied::Popular || sum.hits == 0);
        let mut shown: Vec<SearchStudied> = shown.map(Sum::studied).collect();
        shown.sort_by(|a, b| (b.searches, &a.query).cmp(&(a.searches, &b.query)));
        shown.truncate(ask.limit.into());
        Ok(shown)
    }

    fn of_day(&self, what: Studied, day: Day) -> Sql {
        let index = match what {
            Studied::Popular => "searches_clients",
            Studied::Empty => "searches_empty",
        };
        let mut sql = Sql::new(
            "SELECT * FROM (SELECT day, query_key, query, searches, hits, opened, positions, ",
        );
        sql.push(&SKETCH.join(", "))
            .push(" FROM searches ")
            .push(&self.db.dialect().by_index(index));
        sql.push(" WHERE day = ").bind(day.get());
        if what == Studied::Empty {
            sql.push(" AND hits = 0");
        }
        sql.push(" AND clients >= ").bind(SearchesAsk::CLIENTS_MIN);
        sql.push(" ORDER BY clients DESC LIMIT ").bind(OF_A_DAY).push(")");
        sql
    }

    /// Movies that were opened from searches, and are still there: at most `limit` rows after a place. A
    /// search of several days has a row for each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn searches_opened_after(
        &self,
        after: Option<SearchOpenedCursor>,
        limit: u32,
    ) -> Result<SearchOpenedPage, StoreError> {
        let limit = limit.max(1);
        let join = self.db.dialect().join_in_order();
        let words = SKETCH.map(|word| format!("o.{word}")).join(", ");
        let mut sql = Sql::new(format!(
            "SELECT o.day, o.query_key, o.movie_id, s.query, {words} FROM search_opened o \
             {join} movies m ON m.id = o.movie_id \
             {join} searches s ON s.day = o.day AND s.query_key = o.query_key"
        ));
        if let Some(SearchOpenedCursor { day, key, movie }) = &after {
            sql.push(" WHERE o.day >= ").bind(day.get()).push(" AND (o.day > ").bind(day.get());
            sql.push(" OR o.query_key > ").bind(key.as_slice());
            sql.push(" OR (o.query_key = ").bind(key.as_slice());
            sql.push(" AND o.movie_id > ").bind(movie.get()).push("))");
        }
        sql.push(" ORDER BY o.day, o.query_key, o.movie_id LIMIT ").bind(limit);
        let found = self.read(sql).await?;
        let mut rows = Vec::with_capacity(found.len());
        let mut next = None;
        for row in &found {
            let (day, movie) = (Day::new(row.integer(0)?), movie(row)?);
            next = Some(SearchOpenedCursor { day, key: row.bytes(1)?, movie });
            let clients = sketch(row, 4)?.estimate();
            rows.push(SearchOpened { query: row.text(3)?, movie, clients, day });
        }
        Ok(SearchOpenedPage { next: next.filter(|_| rows.len() >= limit as usize), rows })
    }
}

fn movie(row: &Row) -> Result<MovieId, StoreError> {
    let raw = row.integer(2)?;
    MovieId::new(raw).ok_or_else(|| StoreError::BadRow {
        table: "search_opened",
        column: "movie_id",
        key: raw.to_string(),
        detail: "not positive".into(),
    })
}

fn add(sums: &mut HashMap<Vec<u8>, Sum>, row: &Row) -> Result<(), StoreError> {
    let day = Day::new(row.integer(0)?);
    let number = |column| Ok::<_, StoreError>(u64::try_from(row.integer(column)?).unwrap_or(0));
    let clients = sketch(row, 7)?;
    let sum = sums.entry(row.bytes(1)?).or_default();
    if clients.at_least() < SearchesAsk::CLIENTS_MIN {
        return Ok(());
    }
    sum.may_be_shown = true;
    sum.searches += number(3)?;
    sum.opened += number(5)?;
    sum.positions += number(6)?;
    sum.clients = sum.clients.max(clients.estimate());
    if sum.last.is_none_or(|last| last < day) {
        (sum.last, sum.hits, sum.query) = (Some(day), number(4)?, row.text(2)?);
    }
    Ok(())
}

impl Sum {
    fn studied(self) -> SearchStudied {
        let Self { query, searches, clients, hits, opened, positions, .. } = self;
        #[expect(clippy::cast_precision_loss, reason = "positions and counts are far below 2^52")]
        let position = (opened > 0).then(|| positions as f64 / opened as f64);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sketch ends at some thousands"
        )]
        let clients = clients.round() as u32;
        SearchStudied { query, searches, clients, hits, opened, position }
    }
}
