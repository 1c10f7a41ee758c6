//! One of the tables: its columns, and its rows.

use std::{io, io::BufRead, sync::Arc};

use crate::exchange::{
    error::ExchangeError,
    lines::{Line, Lines, content, too_long},
    record::{Record, Verdict, raw, utf8},
    source::Source,
};

/// The tables that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `title.basics`
    Basics,
    /// `title.ratings`
    Ratings,
    /// `title.crew`
    Crew,
    /// `name.basics`
    Names,
}

impl Table {
    const ALL: [Self; 4] = [Self::Basics, Self::Ratings, Self::Crew, Self::Names];

    /// The columns that are read, the key first.
    pub(super) const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Basics => {
                &["tconst", "titleType", "primaryTitle", "startYear", "runtimeMinutes", "genres"]
            }
            Self::Ratings => &["tconst", "averageRating", "numVotes"],
            Self::Crew => &["tconst", "directors"],
            Self::Names => &["nconst", "primaryName"],
        }
    }

    /// `IMDb`'s name for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Basics => "title.basics",
            Self::Ratings => "title.ratings",
            Self::Crew => "title.crew",
            Self::Names => "name.basics",
        }
    }

    /// The table that has this header.
    #[must_use]
    pub fn of_header(line: &[u8]) -> Option<Self> {
        let has = |column: &&str| cells(line).any(|cell| cell == column.as_bytes());
        Self::ALL.into_iter().find(|table| table.columns().iter().all(has))
    }
}

fn cells(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    content(line).split(|byte| *byte == b'\t')
}

/// Reads a table row by row.
pub(super) struct TableRows {
    file: Arc<str>,
    lines: Lines<Box<dyn BufRead + Send>>,
    /// Where each of [`Table::columns`] is.
    columns: Vec<usize>,
    width: usize,
}

impl TableRows {
    /// Starts behind the header.
    pub(super) fn new(table: Table, source: Source) -> Self {
        let header: Vec<_> = cells(source.first_line()).collect();
        let place = |column: &&str| header.iter().position(|cell| *cell == column.as_bytes());
        let columns = table.columns().iter().filter_map(place).collect();
        let width = header.len();
        Self { file: source.file, lines: Lines::new(source.input), columns, width }
    }

    /// Hands the wanted cells of the next row, and the row, to `read`: `None` at the end, `Some(Err)` with the
    /// record of a row that is no row or of which `read` says why it is rejected.
    pub(super) fn next<T>(
        &mut self,
        read: impl FnOnce(&[&str], &[u8]) -> Result<T, String>,
    ) -> Result<Option<Result<T, Record>>, ExchangeError> {
        loop {
            let most = self.lines.most();
            let (raw, reason) = match self.lines.next() {
                Err(source) => return Err(self.broken(source)),
                Ok(None) => return Ok(None),
                Ok(Some(Line::TooLong(start, length))) => (raw(start), too_long(length, most)),
                Ok(Some(Line::Whole(line))) => {
                    let line = content(line);
                    if line.is_empty() {
                        continue;
                    }
                    match row(line, self.width, &self.columns) {
                        // The header, wherever it is: tables that were joined have it again.
                        Ok(cells) if cells[0] == "tconst" || cells[0] == "nconst" => continue,
                        Ok(cells) => match read(&cells, line) {
                            Ok(row) => return Ok(Some(Ok(row))),
                            Err(reason) => (raw(line), reason),
                        },
                        Err(reason) => (raw(line), reason),
                    }
                }
            };
            return Ok(Some(Err(self.record(raw, Verdict::Rejected(reason)))));
        }
    }

    /// A record of the row that was read last.
    pub(super) fn record(&self, raw: String, verdict: Verdict) -> Record {
        Record { file: Arc::clone(&self.file), line: self.lines.number(), raw, verdict }
    }

    fn broken(&self, source: io::Error) -> ExchangeError {
        ExchangeError::BrokenOff { file: Arc::clone(&self.file), line: self.lines.number(), source }
    }
}

/// The wanted cells of a row.
fn row<'l>(line: &'l [u8], width: usize, columns: &[usize]) -> Result<Vec<&'l str>, String> {
    let text = utf8(line)?;
    if line.contains(&0) {
        return Err("has a NUL byte".to_owned());
    }
    let all: Vec<_> = text.split('\t').collect();
    if all.len() != width {
        return Err(format!("has {} columns; the header has {width}", all.len()));
    }
    Ok(columns.iter().map(|at| all[*at]).collect())
}

/// The cell's text; `None` for `\N` and nothing.
pub(super) fn text(cell: &str) -> Option<&str> {
    let cell = cell.trim();
    (!cell.is_empty() && cell != "\\N").then_some(cell)
}

/// The number in an id: 32138 for `tt0032138`. `IMDb` has come to 8 digits by 2026.
pub(super) fn number(id: &str, prefix: &str) -> Result<u32, String> {
    let digits = id.strip_prefix(prefix).unwrap_or_default();
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.ok_or_else(|| format!("{id:?} is not {prefix} and a number"))
}
