//! Reading lists.

use std::time::Duration;

use crate::domain::{
    cursor::{Position, Side, SortValue},
    list::{ListPage, ListQuery, Sort, SortKey, Start, Total},
    movie::{Movie, MovieId},
    revision::AsOf,
    text::sort_key,
};

use super::{
    Store,
    count::{self, Counted},
    db::Session,
    error::StoreError,
    movies::{revision_of, values},
    plan::Plan,
    range::{self, Missing, Walk},
    row::{self, Columns},
    sql::{Row, Sql},
};

/// A list with so many times the rows that are needed is taken to fill the page with rows that have a
/// sort value.
const PLENTY: f64 = 8.0;

impl Store {
    /// A page of movies, its total and its revision, all of one moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: &ListQuery) -> Result<AsOf<ListPage>, StoreError> {
        Ok(self.list_timed(query).await?.0)
    }

    /// The same, and how long the database took, without the wait for a connection.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_timed(
        &self,
        query: &ListQuery,
    ) -> Result<(AsOf<ListPage>, Duration), StoreError> {
        let counted = count::total(&query.filter, &self.statistics.load(), self.db.dialect());
        self.list_counted(query, &counted).await
    }

    /// The same with a total that is known already how to find. Where that takes too long, as with a database that
    /// has nothing in memory yet, the page comes without.
    async fn list_counted(
        &self,
        query: &ListQuery,
        counted: &Counted,
    ) -> Result<(AsOf<ListPage>, Duration), StoreError> {
        match self.read_page(query, counted).await {
            Err(StoreError::TimedOut(limit)) if counted.takes_time() => {
                tracing::debug!(list = query.filter.canonical(), "not counted in time");
                let (page, took) = self.read_page(query, &Counted::nothing()).await?;
                Ok((page, limit + took))
            }
            read => read,
        }
    }

    async fn read_page(
        &self,
        query: &ListQuery,
        counted: &Counted,
    ) -> Result<(AsOf<ListPage>, Duration), StoreError> {
        let mut reads = self.reads();
        let (revision, rows, took) = loop {
            let (rows, took) = self.read_rows(query, counted).await?;
            if let Some(whole) = self.whole(&mut reads, revision_of(&rows)?).await? {
                break (whole, rows, took);
            }
        };
        let total = rows.first().map_or(Ok(0), |row| row.integer(1))?;
        let movies = values(&rows, |row| row::movie(row, 2, Columns::Listed))?;
        let total = counted.total(total, shown(movies.len(), query))?;
        let (movies, next, prev) = turn(in_order(movies, query), query);
        Ok((AsOf { revision, value: ListPage { movies, total, next, prev } }, took))
    }

    async fn read_rows(
        &self,
        query: &ListQuery,
        counted: &Counted,
    ) -> Result<(Vec<Row>, Duration), StoreError> {
        let (sql, missing) = self.list_sql(query, &counted.sql, None);
        let (rows, took) = self.read_timed(sql).await?;
        if missing == Missing::Included || rows.len() > usize::from(query.limit) {
            return Ok((rows, took));
        }
        // Fewer than was thought: the whole page again, as one statement and so of one moment.
        let (sql, _) = self.list_sql(query, &counted.sql, Some(Missing::Included));
        let (all, again) = self.read_timed(sql).await?;
        Ok((all, took + again))
    }

    /// The movies of a list's first page, read within a snapshot that somebody took.
    pub(super) async fn rows_within(
        &self,
        session: &mut Session,
        query: &ListQuery,
    ) -> Result<Vec<Movie>, StoreError> {
        let no_total = Sql::new("0");
        let (sql, missing) = self.list_sql(query, &no_total, None);
        let mut rows = session.rows(sql).await?;
        if missing == Missing::LeftOut && rows.len() <= usize::from(query.limit) {
            let (sql, _) = self.list_sql(query, &no_total, Some(Missing::Included));
            rows = session.rows(sql).await?;
        }
        let movies = values(&rows, |row| row::movie(row, 2, Columns::Listed))?;
        Ok(turn(in_order(movies, query), query).0)
    }

    /// The one statement that reads a page, and whether it reads the rows without a sort value: by
    /// default, when the others may not fill the page.
    fn list_sql(&self, query: &ListQuery, total: &Sql, missing: Option<Missing>) -> (Sql, Missing) {
        let dialect = self.db.dialect();
        let statistics = self.statistics.load();
        let position = match &query.start {
            Start::At(position) => Some(position),
            Start::First | Start::Page(_) => None,
        };
        let skip = match query.start {
            Start::Page(page) => (page - 1) * u32::from(query.limit),
            Start::First | Start::At(_) => 0,
        };
        let rows = u32::from(query.limit) + 1;
        let plan = Plan::for_page(&query.filter, query.sort.key, rows + skip, &statistics);
        let walk = Walk::new(query.sort, position);
        let plenty = statistics.matches(&query.filter) > PLENTY * f64::from(rows + skip);
        let can_do_without = plenty && range::has_missing_at_its_end(&plan, walk, position);
        let by_default = if can_do_without { Missing::LeftOut } else { Missing::Included };
        let missing = missing.unwrap_or(by_default);
        let mut sql = Sql::new("SELECT r.revision, ");
        sql.append(total.clone()).push(" AS total, ").push(row::listed(dialect));
        sql.push(" FROM catalog_revisions r LEFT JOIN (");
        sql.append(range::page(&plan, walk, position, missing, rows, skip, dialect));
        // Not in order: MariaDB would put whole rows into a table for that, on the disk where they have text.
        sql.push(") p ON 1 = 1 LEFT JOIN movies m ON m.id = p.id WHERE r.scope = '*'");
        (sql, missing)
    }

    /// How the database says that it reads a list, one line a step. For tests and documents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn explain(&self, query: &ListQuery) -> Result<Vec<String>, StoreError> {
        let total = count::total(&query.filter, &self.statistics.load(), self.db.dialect());
        let (sql, _) = self.list_sql(query, &total.sql, None);
        self.explain_sql(sql).await
    }
}

/// What so many rows, of which one more than the page has shows that there are more, tell of the total.
fn shown(rows: usize, query: &ListQuery) -> Total {
    let limit = u64::from(query.limit);
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    let before = match query.start {
        Start::First => 0,
        Start::Page(page) => u64::from(page - 1) * limit,
        Start::At(_) => return Total::AtLeast(rows.min(limit)),
    };
    match rows {
        0 if before > 0 => Total::AtLeast(0),
        rows if rows > limit => Total::AtLeast(before + limit),
        rows => Total::Exact(before + rows),
    }
}

/// Puts movies in the order in which they are read. Databases give them so already, since they join row by row to
/// what is in order; but none promises it.
fn in_order(movies: Vec<Movie>, query: &ListQuery) -> Vec<Movie> {
    let position = match &query.start {
        Start::At(position) => Some(position),
        Start::First | Start::Page(_) => None,
    };
    let walk = Walk::new(query.sort, position);
    let with_value = |movie: Movie| (value_of(&movie, query.sort.key), movie);
    let mut movies: Vec<(SortValue, Movie)> = movies.into_iter().map(with_value).collect();
    movies.sort_by(|(one, first), (other, second)| walk.compare(one, other, first.id, second.id));
    movies.into_iter().map(|(_, movie)| movie).collect()
}

/// Puts the rows in the list's order, leaves out the one that only shows that there are more, and says
/// what is before and after.
fn turn(
    mut movies: Vec<Movie>,
    query: &ListQuery,
) -> (Vec<Movie>, Option<Position>, Option<Position>) {
    let limit = usize::from(query.limit);
    let more = movies.len() > limit;
    movies.truncate(limit);
    let (backwards, position) = match &query.start {
        Start::At(position) => (position.side == Side::Before, Some(position)),
        Start::First | Start::Page(_) => (false, None),
    };
    if backwards {
        movies.reverse();
    }
    let beside = |movie: Option<&Movie>, side| {
        let known = movie.map(|movie| (value_of(movie, query.sort.key), movie.id));
        // An empty page lies between the row that its cursor names and nothing.
        let (value, id) =
            known.or_else(|| position.and_then(|position| across(position, query.sort)))?;
        Some(Position { value, id, side, stage: 0 })
    };
    let next = || beside(movies.last(), Side::After);
    let prev = || beside(movies.first(), Side::Before);
    let (next, prev) = match query.start {
        Start::First => (more.then(next).flatten(), None),
        Start::Page(_) if movies.is_empty() => (None, None),
        Start::At(_) if backwards => (next(), more.then(prev).flatten()),
        Start::Page(_) | Start::At(_) => (more.then(next).flatten(), prev()),
    };
    (movies, next, prev)
}

/// The place just across the row that a position names, so that the row itself is on the other page.
fn across(position: &Position, sort: Sort) -> Option<(SortValue, MovieId)> {
    let up = (position.side == Side::After) != sort.descending;
    let id = MovieId::new(position.id.get().checked_add(if up { 1 } else { -1 })?)?;
    Some((position.value.clone(), id))
}

fn value_of(movie: &Movie, key: SortKey) -> SortValue {
    let number = |value: Option<f64>| value.map_or(SortValue::Missing, SortValue::Number);
    let integer = |value: Option<i64>| value.map_or(SortValue::Missing, SortValue::Integer);
    match key {
        SortKey::Popularity => number(movie.data.popularity),
        SortKey::Rating => number(movie.data.rating),
        SortKey::Votes => integer(movie.data.votes),
        SortKey::Year => integer(movie.data.year.map(i64::from)),
        SortKey::Title => SortValue::Text(sort_key(&movie.data.title)),
        SortKey::Created => SortValue::Integer(movie.created_at.unix_ms()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::clock::Clock, store::Options};

    fn query(text: &str) -> ListQuery {
        ListQuery::of(text).unwrap()
    }

    #[test]
    fn without_a_count_the_total_is_what_the_page_shows() {
        for (text, rows, total) in [
            ("limit=50", 0, Total::Exact(0)),
            ("limit=50", 50, Total::Exact(50)),
            ("limit=50", 51, Total::AtLeast(50)),
            ("limit=50&page=3", 7, Total::Exact(107)),
            ("limit=50&page=3", 51, Total::AtLeast(150)),
            // It may be far shorter than the page's number would have it.
            ("limit=50&page=3", 0, Total::AtLeast(0)),
        ] {
            assert_eq!(shown(rows, &query(text)), total, "{text}, {rows} rows");
        }
        let list = query("limit=50");
        let position = Position {
            value: SortValue::Missing,
            id: MovieId::new(7).unwrap(),
            side: Side::After,
            stage: 0,
        };
        let later = ListQuery { start: Start::At(position), ..list };
        assert_eq!(shown(3, &later), Total::AtLeast(3));
        assert_eq!(shown(51, &later), Total::AtLeast(50));
    }

    #[tokio::test]
    async fn what_cannot_be_counted_in_time_is_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            url: format!("sqlite:{}/marquee.db", folder.path().display()),
            connections: 2,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(1),
            watch_timeout: Duration::from_secs(10),
            changes_kept: 1_000,
        };
        let store = Store::open(options, Clock::system()).await.unwrap();
        store.migrate().await.unwrap();
        let endless = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n)";
        let list = query("genre=drama,war");
        let read = store.list_counted(&list, &Counted::by(Sql::new(endless))).await;
        let (page, took) = read.unwrap();
        assert_eq!((page.value.movies.len(), page.value.total), (0, Total::Exact(0)));
        assert!(took >= Duration::from_secs(1), "the time in vain counts: {took:?}");
    }
}
