//! The database of the original service, read for those who move over from it.
//!
//! Two tables, `movies(id, name, director_name, year, rank)` and `movies_genres(movie_id, genre)`,
//! of whatever types, charset and engine, perhaps without a primary key and surely without foreign
//! keys. They are read in order of ids, some thousands at a time, in one read-only snapshot.
//!
//! **Invariant:** nothing is written to it, and nothing is made of its values here: rows come as text.

use std::{collections::HashMap, fmt, future::Future, str::FromStr, time::Duration};

use sqlx::{
    Connection as _, Executor as _, MySqlConnection, Row as _,
    mysql::{MySqlConnectOptions, MySqlRow},
};
use tokio::time::timeout;

use super::error::StoreError;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a statement may run: without an index each looks at a whole table.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// Movies of a chunk where both tables have an index on the movie's id.
const CHUNK: i64 = 2_000;

/// Movies of a chunk where one of them is looked through for each chunk.
const CHUNK_WITHOUT_INDEX: i64 = 50_000;

/// The original service's database, as it was when it was opened.
pub struct Original {
    connection: MySqlConnection,
    place: String,
    movies: u64,
    chunk: i64,
    position: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Rows whose id is null, zero or negative come first.
    WithoutId,
    /// After this id.
    After(i64),
    End,
}

/// Some of its rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OriginalRows {
    /// Movies, in order of ids.
    pub movies: Vec<OriginalMovie>,
    /// Genres of movies that do not exist.
    pub orphans: Vec<OrphanGenre>,
}

/// A row of `movies`, and its genres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalMovie {
    /// `id`; positive unless someone gave it by hand.
    pub id: Option<i64>,
    /// Whether a row before this one has the same id.
    pub repeated: bool,
    /// `name`.
    pub name: Option<String>,
    /// `director_name`.
    pub director_name: Option<String>,
    /// `year`.
    pub year: Option<String>,
    /// `rank`.
    pub rank: Option<String>,
    /// `genre` of its rows of `movies_genres`, in alphabetical order: the table has none of its own.
    pub genres: Vec<String>,
}

/// A row of `movies_genres` that belongs to no movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanGenre {
    /// `movie_id`.
    pub movie_id: Option<i64>,
    /// `genre`.
    pub genre: Option<String>,
}

impl fmt::Debug for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Original").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Original {
    /// Connects to `mysql://user:password@host:port/database` and begins the snapshot.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a URL that makes no sense or a server that does not answer,
    /// [`StoreError::Refused`] when the tables are not there or may not be read.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = MySqlConnectOptions::from_str(&url.replacen("mariadb://", "mysql://", 1))
            .map_err(StoreError::Unavailable)?
            // Whatever the tables' charset is, the server turns it into this.
            .charset("utf8mb4");
        let place = format!(
            "mysql://{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        );
        let connect = timeout(CONNECT_TIMEOUT, MySqlConnection::connect_with(&options)).await;
        let mut connection = connect
            .map_err(|_| StoreError::Unanswered(CONNECT_TIMEOUT))?
            .map_err(StoreError::Unavailable)?;
        for text in [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ] {
            answer((&mut connection).execute(sqlx::raw_sql(text))).await?;
        }
        let movies: i64 =
            answer(sqlx::query_scalar("SELECT COUNT(*) FROM movies").fetch_one(&mut connection))
                .await?;
        let indexed: i64 =
            answer(sqlx::query_scalar(INDEXED_TABLES).fetch_one(&mut connection)).await?;
        Ok(Self {
            connection,
            place,
            movies: u64::try_from(movies).unwrap_or_default(),
            chunk: if indexed == 2 { CHUNK } else { CHUNK_WITHOUT_INDEX },
            position: Position::WithoutId,
        })
    }

    /// Where it is, without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How many movies it has.
    #[must_use]
    pub const fn movies(&self) -> u64 {
        self.movies
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`]; it cannot be read on then.
    pub async fn next(&mut self) -> Result<Option<OriginalRows>, StoreError> {
        let rows = match self.position {
            Position::WithoutId => {
                self.position = Position::After(0);
                self.rows(WHERE_WITHOUT_ID, None).await?
            }
            Position::After(after) => {
                let last: Option<i64> = answer(
                    sqlx::query_scalar(LAST_OF_CHUNK)
                        .bind(after)
                        .bind(self.chunk - 1)
                        .fetch_optional(&mut self.connection),
                )
                .await?;
                self.position = last.map_or(Position::End, Position::After);
                self.rows(WHERE_BETWEEN, Some((after, last.unwrap_or(i64::MAX)))).await?
            }
            Position::End => return Ok(None),
        };
        Ok(Some(rows))
    }

    async fn rows(
        &mut self,
        conditions: [&'static str; 2],
        between: Option<(i64, i64)>,
    ) -> Result<OriginalRows, StoreError> {
        let [movies, genres] = conditions;
        let movies = self.fetch(movies, between).await?;
        let genres = self.fetch(genres, between).await?;
        join(&movies, &genres).map_err(StoreError::Refused)
    }

    async fn fetch(
        &mut self,
        text: &'static str,
        between: Option<(i64, i64)>,
    ) -> Result<Vec<MySqlRow>, StoreError> {
        let mut query = sqlx::query(text);
        if let Some((after, last)) = between {
            query = query.bind(after).bind(last);
        }
        answer(query.fetch_all(&mut self.connection)).await
    }

    /// Ends the snapshot and the connection.
    pub async fn close(self) {
        // Whatever happens now, all was read.
        let _ = timeout(CONNECT_TIMEOUT, self.connection.close()).await;
    }
}

/// How many of the two tables have an index that begins with the movie's id.
const INDEXED_TABLES: &str = "SELECT COUNT(DISTINCT table_name) FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND seq_in_index = 1 \
     AND ((table_name = 'movies' AND column_name = 'id') \
     OR (table_name = 'movies_genres' AND column_name = 'movie_id'))";

const LAST_OF_CHUNK: &str =
    "SELECT CAST(id AS SIGNED) FROM movies WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?";

/// Both tables' rows, everything but ids as text: the columns may be of any type.
macro_rules! select {
    ($condition_of_movies:literal, $condition_of_genres:literal) => {
        [
            concat!(
                "SELECT CAST(id AS SIGNED), CONVERT(name USING utf8mb4), ",
                "CONVERT(director_name USING utf8mb4), CAST(`year` AS CHAR), ",
                "CAST(`rank` AS CHAR) FROM movies WHERE ",
                $condition_of_movies,
                " ORDER BY id"
            ),
            concat!(
                "SELECT CAST(movie_id AS SIGNED), CONVERT(genre USING utf8mb4) ",
                "FROM movies_genres WHERE ",
                $condition_of_genres,
                " ORDER BY movie_id, genre"
            ),
        ]
    };
}

const WHERE_WITHOUT_ID: [&str; 2] =
    select!("id IS NULL OR id <= 0", "movie_id IS NULL OR movie_id <= 0");
const WHERE_BETWEEN: [&str; 2] = select!("id > ? AND id <= ?", "movie_id > ? AND movie_id <= ?");

async fn answer<T>(
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match timeout(STATEMENT_TIMEOUT, statement).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error @ sqlx::Error::Database(_))) => Err(StoreError::Refused(error)),
        Ok(Err(error)) => Err(StoreError::Unavailable(error)),
        Err(_) => Err(StoreError::Unanswered(STATEMENT_TIMEOUT)),
    }
}

/// Gives movies their genres, and says which genres are left.
fn join(movies: &[MySqlRow], genres: &[MySqlRow]) -> Result<OriginalRows, sqlx::Error> {
    let mut rows = OriginalRows::default();
    let mut first_of: HashMap<i64, usize> = HashMap::with_capacity(movies.len());
    for row in movies {
        let id: Option<i64> = row.try_get(0)?;
        let repeated = id.is_some_and(|id| first_of.contains_key(&id));
        if let Some(id) = id {
            first_of.entry(id).or_insert(rows.movies.len());
        }
        rows.movies.push(OriginalMovie {
            id,
            repeated,
            name: row.try_get(1)?,
            director_name: row.try_get(2)?,
            year: row.try_get(3)?,
            rank: row.try_get(4)?,
            genres: Vec::new(),
        });
    }
    for row in genres {
        let (movie_id, genre): (Option<i64>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        match movie_id.and_then(|id| first_of.get(&id)) {
            Some(n) => rows.movies[*n].genres.extend(genre),
            None => rows.orphans.push(OrphanGenre { movie_id, genre }),
        }
    }
    Ok(rows)
}
