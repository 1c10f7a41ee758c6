//! Movies as rows.

use sha2::{Digest, Sha256};

use crate::domain::{
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
    text::{SORT_KEY_MAX_BYTES, sort_key},
};

use super::{
    dialect::Dialect,
    error::StoreError,
    sql::{Row, Sql},
};

/// Which columns of a movie are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// All of them: [`WHOLE`].
    Whole,
    /// Without the cast and the synopsis, which lists leave out: [`listed`].
    Listed,
}

/// All columns of a movie, of the table called `m`.
pub(crate) const WHOLE: &str = "m.id, m.version, m.created_at, m.updated_at, m.title, m.year, m.released, m.runtime_minutes, \
     m.directors, m.genres, m.countries, m.languages, m.rating, m.votes, m.popularity, m.imdb_id, \
     m.cast_names, m.synopsis";

/// The columns of a listed movie.
///
/// `SQLite` copies each value of each row by itself, which is a good part of what a list takes: what has one
/// form as text is put together there.
pub(crate) const fn listed(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => {
            "m.id, m.version, m.created_at, m.updated_at, m.title, m.year, m.released, \
             m.runtime_minutes, m.directors, m.genres, m.countries, m.languages, m.rating, m.votes, \
             m.popularity, m.imdb_id"
        }
        Dialect::Sqlite => {
            "m.id, m.title, m.rating, m.popularity, json_array(m.version, m.created_at, m.updated_at, \
             m.year, m.runtime_minutes, m.votes, m.released, m.imdb_id), '[' || m.directors || ',' || \
             m.genres || ',' || m.countries || ',' || m.languages || ']'"
        }
    }
}

/// What `SQLite` gives together of a listed movie: version, when it was created and updated, year, minutes,
/// votes, day of release, `IMDb` id.
type Together<'a> =
    (i64, i64, i64, Option<i16>, Option<i32>, Option<i64>, Option<&'a str>, Option<&'a str>);

/// Directors, genres, countries, languages.
type Names = (Vec<String>, Vec<String>, Vec<String>, Vec<String>);

/// A fault of a stored movie, by its id.
fn bad(id: i64) -> impl Fn(&'static str, &str) -> StoreError {
    move |column, detail| StoreError::BadRow {
        table: "movies",
        column,
        key: id.to_string(),
        detail: detail.to_owned(),
    }
}

/// Reads the movie whose columns begin at `first`; `None` where an outer join found none.
pub(crate) fn movie(
    row: &Row,
    first: usize,
    columns: Columns,
) -> Result<Option<Movie>, StoreError> {
    let Some(raw) = row.optional_integer(first)? else { return Ok(None) };
    let id = MovieId::new(raw).ok_or_else(|| bad(raw)("id", "not positive"))?;
    match (row, columns) {
        (Row::Sqlite(_), Columns::Listed) => together(row, first, id),
        _ => apart(row, first, id, columns),
    }
    .map(Some)
}

/// Reads a movie each of whose values is by itself.
fn apart(row: &Row, first: usize, id: MovieId, columns: Columns) -> Result<Movie, StoreError> {
    let bad = bad(id.get());
    let names = |column: usize, name| {
        let text = row.text(first + column)?;
        serde_json::from_str::<Vec<String>>(&text).map_err(|error| bad(name, &error.to_string()))
    };
    let released = row.optional_text(first + 6)?.map(|text| text.parse());
    let imdb_id = row.optional_text(first + 15)?.map(|text| text.parse());
    let small = |column: usize, name| {
        let value = row.optional_integer(first + column)?;
        value.map(i32::try_from).transpose().map_err(|_| bad(name, "too large"))
    };
    let mut data = MovieData {
        title: row.text(first + 4)?,
        year: small(5, "year")?
            .map(i16::try_from)
            .transpose()
            .map_err(|_| bad("year", "too large"))?,
        released: released.transpose().map_err(|_| bad("released", "not a day"))?,
        runtime_minutes: small(7, "runtime_minutes")?,
        directors: names(8, "directors")?,
        genres: names(9, "genres")?,
        countries: names(10, "countries")?,
        languages: names(11, "languages")?,
        rating: row.optional_number(first + 12)?,
        votes: row.optional_integer(first + 13)?,
        popularity: row.optional_number(first + 14)?,
        imdb_id: imdb_id.transpose().map_err(|()| bad("imdb_id", "not an IMDb id"))?,
        ..MovieData::default()
    };
    if columns == Columns::Whole {
        data.cast = names(16, "cast_names")?;
        data.synopsis = row.optional_text(first + 17)?;
    }
    let version = row.integer(first + 1)?;
    let created_at = Moment::from_unix_ms(row.integer(first + 2)?);
    let updated_at = Moment::from_unix_ms(row.integer(first + 3)?);
    Ok(Movie { id, data, version, created_at, updated_at })
}

/// Reads a listed movie as `SQLite` gives it.
fn together(row: &Row, first: usize, id: MovieId) -> Result<Movie, StoreError> {
    let bad = bad(id.get());
    let (values, names) = (row.text(first + 4)?, row.text(first + 5)?);
    let values: Together<'_> = serde_json::from_str(&values)
        .map_err(|error| bad("version … imdb_id", &error.to_string()))?;
    let (version, created_at, updated_at, year, runtime_minutes, votes, released, imdb_id) = values;
    let (directors, genres, countries, languages): Names = serde_json::from_str(&names)
        .map_err(|error| bad("directors … languages", &error.to_string()))?;
    let released =
        released.map(str::parse).transpose().map_err(|_| bad("released", "not a day"))?;
    let imdb_id = imdb_id.map(str::parse).transpose();
    let data = MovieData {
        title: row.text(first + 1)?,
        year,
        released,
        runtime_minutes,
        directors,
        genres,
        countries,
        languages,
        rating: row.optional_number(first + 2)?,
        votes,
        popularity: row.optional_number(first + 3)?,
        imdb_id: imdb_id.map_err(|()| bad("imdb_id", "not an IMDb id"))?,
        ..MovieData::default()
    };
    let (created_at, updated_at) =
        (Moment::from_unix_ms(created_at), Moment::from_unix_ms(updated_at));
    Ok(Movie { id, data, version, created_at, updated_at })
}

/// The columns that lists are sorted by, as they stand beside each name too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListColumns {
    pub(crate) popularity: Option<f64>,
    pub(crate) rating: Option<f64>,
    pub(crate) votes: Option<i64>,
    pub(crate) year: Option<i16>,
    pub(crate) title_key: Vec<u8>,
    pub(crate) created_at: i64,
}

impl ListColumns {
    pub(crate) fn of(data: &MovieData, created_at: Moment) -> Self {
        Self {
            popularity: data.popularity,
            rating: data.rating,
            votes: data.votes,
            year: data.year,
            title_key: sort_key(&data.title),
            created_at: created_at.unix_ms(),
        }
    }
}

/// The tenth that a rating is in: `floor(rating × 10)`, 0 to 100.
pub(crate) fn tenths(rating: f64) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "ratings are 0 to 10, so this is 0 to 100")]
    let tenths = (rating * 10.0).floor() as i16;
    tenths
}

/// The lowest rating of a tenth.
pub(crate) fn first_of_tenth(tenth: i16) -> f64 {
    let mut rating = f64::from(tenth) / 10.0; // or next to it
    while tenths(rating) >= tenth {
        rating = rating.next_down();
    }
    while tenths(rating) < tenth {
        rating = rating.next_up();
    }
    rating
}

/// The hash under which [`MovieData::identity`] is looked up.
pub(crate) fn identity(data: &MovieData) -> Vec<u8> {
    Sha256::digest(data.identity())[..16].to_vec()
}

/// About how many bytes the values of a movie have in a statement.
pub(crate) fn bytes(data: &MovieData) -> usize {
    // Control characters are escaped in JSON, as `\u0000`.
    let json =
        |name: &String| 3 + name.bytes().map(|b| if b < b' ' { 6 } else { 1 }).sum::<usize>();
    let lists = [&data.directors, &data.genres, &data.cast, &data.countries, &data.languages];
    let names: usize = lists.into_iter().flatten().map(json).sum();
    let synopsis = data.synopsis.as_ref().map_or(0, String::len);
    names + synopsis + data.title.len() + SORT_KEY_MAX_BYTES + OTHER_BYTES
}

/// Bytes, at most, of the values of a movie that are neither a list nor long text.
const OTHER_BYTES: usize = 200;

/// The columns that [`bind`] fills, after `id`.
pub(crate) const WRITTEN: &[&str] = &[
    "title",
    "title_key",
    "identity",
    "year",
    "released",
    "runtime_minutes",
    "directors",
    "genres",
    "cast_names",
    "countries",
    "languages",
    "synopsis",
    "rating",
    "rating_tenths",
    "votes",
    "popularity",
    "imdb_id",
    "version",
    "created_at",
    "updated_at",
];

/// Binds the values of [`WRITTEN`], each followed by what `after` appends to the statement: a comma,
/// or the next column's name.
pub(crate) fn bind(sql: &mut Sql, movie: &Written<'_>, mut before: impl FnMut(&mut Sql, usize)) {
    let Written { data, version, created_at, updated_at } = movie;
    let mut column = 0;
    macro_rules! value {
        ($value:expr) => {{
            before(sql, column);
            sql.bind($value);
            column += 1;
        }};
    }
    value!(data.title.as_str());
    value!(sort_key(&data.title));
    value!(identity(data));
    value!(data.year);
    value!(data.released.map(|day| day.to_string()));
    value!(data.runtime_minutes);
    value!(json(&data.directors));
    value!(json(&data.genres));
    value!(json(&data.cast));
    value!(json(&data.countries));
    value!(json(&data.languages));
    value!(data.synopsis.clone());
    value!(data.rating);
    value!(data.rating.map(tenths));
    value!(data.votes);
    value!(data.popularity);
    value!(data.imdb_id.as_ref().map(ToString::to_string));
    value!(*version);
    value!(created_at.unix_ms());
    value!(updated_at.unix_ms());
    debug_assert_eq!(column, WRITTEN.len());
}

/// A movie to be written.
pub(crate) struct Written<'a> {
    pub(crate) data: &'a MovieData,
    pub(crate) version: i64,
    pub(crate) created_at: Moment,
    pub(crate) updated_at: Moment,
}

fn json(names: &[String]) -> String {
    serde_json::to_string(names).expect("strings have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_with_one_decimal_is_in_its_own_tenth() {
        for tenth in 0..=100_i16 {
            assert_eq!(tenths(f64::from(tenth) / 10.0), tenth);
        }
        assert_eq!(tenths(8.35), 83);
    }

    #[test]
    fn no_lower_rating_is_in_a_tenth_than_its_first() {
        for tenth in 0..=101_i16 {
            let first = first_of_tenth(tenth);
            assert_eq!((tenths(first), tenths(first.next_down())), (tenth, tenth - 1), "{first}");
        }
    }
}
