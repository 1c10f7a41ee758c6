//! Which files are read how: each on its own, `IMDb`'s tables together.

use std::{fmt, sync::Arc};

use super::{
    csv_rows::{CsvOptions, CsvRows, Header},
    error::ExchangeError,
    format::{self, Format},
    imdb::{Table, TitleTypes, Titles},
    json_array::JsonArray,
    json_lines::JsonLines,
    record::{JsonOptions, Record, Unknown},
    source::Source,
    until_broken::{ReadRows, UntilBroken},
};
use crate::domain::movie_json::Reading;

/// How files are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Their format, where it is not to be told by the first line.
    pub format: Option<Format>,
    /// [`Reading::Strict`] keeps names byte-exact where a row needs no forgiving.
    pub reading: Reading,
    /// What becomes of members and columns that are no field of a movie.
    pub unknown: Unknown,
    /// The separator of lists in CSV, where it is not to be told by the cell.
    pub list_separator: Option<char>,
    /// Which of `IMDb`'s titles are movies.
    pub title_types: TitleTypes,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: None,
            reading: Reading::Lenient,
            unknown: Unknown::Refused,
            list_separator: None,
            title_types: TitleTypes::default(),
        }
    }
}

/// The rows of a file, or of files that are read together. Over after the first error.
pub struct Rows(Box<dyn Iterator<Item = Result<Record, ExchangeError>> + Send>);

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

impl Iterator for Rows {
    type Item = Result<Record, ExchangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// Gives the rows of each file, in the order of the files; those of `IMDb`'s tables come last.
///
/// # Errors
/// [`ExchangeError::Format`] and [`ExchangeError::Together`], before any row is read.
pub fn plan(sources: Vec<Source>, options: &Options) -> Result<Vec<Rows>, ExchangeError> {
    let json = JsonOptions { reading: options.reading, unknown: options.unknown };
    let csv = CsvOptions { reading: options.reading, list_separator: options.list_separator };
    let (mut rows, mut tables) = (Vec::new(), Vec::new());
    for source in sources {
        let file = Arc::clone(&source.file);
        let format = format_of(&source, options)?;
        match format {
            Format::Jsonl => rows.push(of_file(JsonLines::new(file, source.input, json))),
            Format::Json => rows.push(of_file(JsonArray::new(file, source.input, json))),
            Format::Csv => rows.push(of_file(CsvRows::new(file, source.input, csv))),
            Format::Imdb => match Table::of_header(source.first_line()) {
                Some(table) => tables.push((table, source)),
                None => return Err(bad(&source, "is none of IMDb's tables that are read here")),
            },
        }
    }
    if !tables.is_empty() {
        rows.push(boxed(Titles::new(tables, &options.title_types)?));
    }
    Ok(rows)
}

fn of_file(rows: impl ReadRows + Send + 'static) -> Rows {
    boxed(UntilBroken::new(rows))
}

fn boxed(rows: impl Iterator<Item = Result<Record, ExchangeError>> + Send + 'static) -> Rows {
    Rows(Box::new(rows))
}

/// The format of a file.
fn format_of(source: &Source, options: &Options) -> Result<Format, ExchangeError> {
    let line = source.first_line();
    let Some(format) = options.format.or_else(|| format::of_first_line(line)) else {
        if line.is_empty() {
            return Ok(Format::Jsonl); // no rows, but its read error if there is one
        }
        let detail = "begins like none of the formats that are read: JSON Lines, a JSON array, CSV \
                      with a header that names a title, IMDb's tables";
        return Err(bad(source, detail));
    };
    if format == Format::Csv && !line.is_empty() {
        let header = Header::read(line).ok_or_else(|| bad(source, "has no column title"))?;
        header.check(options.unknown).map_err(|detail| bad(source, &detail))?;
    }
    Ok(format)
}

fn bad(source: &Source, detail: &str) -> ExchangeError {
    ExchangeError::Format { file: Arc::clone(&source.file), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::exchange::{
        record::Verdict,
        source::{Encoding, Progress},
    };

    fn source(name: &str, bytes: impl Into<Vec<u8>>, encoding: Encoding) -> Source {
        let input = Cursor::new(bytes.into());
        Source::new(name.into(), input, encoding, &Arc::<Progress>::default()).unwrap()
    }

    /// Each row as `line title` or `line !reason`, and the error at the end.
    fn read(sources: Vec<Source>, options: &Options) -> (Vec<String>, Option<String>) {
        let (mut seen, mut error) = (Vec::new(), None);
        for row in plan(sources, options).unwrap().into_iter().flatten() {
            match row {
                Ok(Record { line, verdict: Verdict::Movie(input), .. }) => {
                    seen.push(format!("{line} {}", input.data.title));
                }
                Ok(Record { line, verdict: Verdict::Rejected(reason), .. }) => {
                    seen.push(format!("{line} !{reason}"));
                }
                Ok(Record { line, .. }) => seen.push(format!("{line} skipped")),
                Err(failure) => error = Some(failure.to_string()),
            }
        }
        (seen, error)
    }

    fn rows(bytes: impl Into<Vec<u8>>) -> (Vec<String>, Option<String>) {
        read(vec![source("x", bytes, Encoding::Utf8)], &Options::default())
    }

    fn refusal(sources: Vec<Source>) -> String {
        plan(sources, &Options::default()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_has_no_rows_and_no_fault() {
        for bytes in ["", "\n\r\n  \n", "\u{feff}", "[]", "title,year\n"] {
            assert_eq!(rows(bytes), (Vec::new(), None), "{bytes:?}");
        }
    }

    #[test]
    fn dirty_json_lines_cost_only_themselves() {
        let lines: [&[u8]; 14] = [
            b"\xef\xbb\xbf{\"title\":\"first\"}\r",
            b"{\"title\":\"  \"}",
            b"",
            b"{\"title\":1984,\"genre\":[\" Sci-Fi\",\"Drama \"],\"year\":\"1956\"}",
            b"{\"title\":\"a\",\"title\":\"b\"}",
            b"{\"title\":\"Am\xe9lie\"}",
            b"{\"title\":\"nul \0\"}",
            b"{\"title\":{\"en\":[[[]]]}}",
            b"[1,2]",
            b"{\"title\":\"half",
            b"{\"title\":\"lone \\ud800\"}",
            b"{\"title\":\"x\",\"budget\":1}",
            b"{\"title\":\"x\",\"rating\":1e999}",
            b"{\"title\":\"last \xf0\x9f\x8e\xac\"}",
        ];
        let (rows, error) = rows(lines.join(&b'\n'));
        let good: Vec<_> = rows.iter().filter(|row| !row.contains('!')).collect();
        assert_eq!(good, ["1 first", "4 1984", "14 last 🎬"]);
        assert_eq!((rows.len(), error), (13, None));
        for (line, reason) in [
            (2, "blank"),
            (5, "given twice"),
            (6, "byte 13 of the row is not UTF-8"),
            (7, "not valid JSON"),
            (8, "must be a string"),
            (9, "is not a JSON object"),
            (12, "/budget"),
        ] {
            let row = rows.iter().find(|row| row.starts_with(&format!("{line} "))).unwrap();
            assert!(row.contains(reason), "{row}");
        }
    }

    #[test]
    fn deep_nesting_is_a_rejected_row() {
        let deep = "[".repeat(100_000);
        let (rows, error) = rows(format!("{{\"title\":{deep}\n{{\"title\":\"b\"}}\n"));
        assert!(rows[0].starts_with("1 !not valid JSON"), "{}", rows[0]);
        assert_eq!((rows[1].as_str(), error), ("2 b", None));
    }

    #[test]
    fn a_row_of_100_mb_is_rejected_and_the_next_one_is_read() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{\"title\":\"").unwrap();
        let block = vec![b'x'; 1_000_000];
        (0..100).for_each(|_| gzip.write_all(&block).unwrap());
        gzip.write_all(b"\"}\n{\"title\":\"next\"}\n").unwrap();
        let (rows, error) = rows(gzip.finish().unwrap());
        assert!(rows[0].contains("has 100000013 bytes"), "{}", rows[0]);
        assert_eq!((rows[1].as_str(), error), ("2 next", None));
    }

    #[test]
    fn a_truncated_gzip_gives_its_whole_rows_and_an_error() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        (0..5000).for_each(|n| writeln!(gzip, "{{\"title\":\"film {n}\"}}").unwrap());
        let mut bytes = gzip.finish().unwrap();
        bytes.truncate(bytes.len() / 2);
        let (rows, error) = rows(bytes);
        assert!(rows.len() > 1000 && rows.len() < 4999, "{}", rows.len());
        for (n, row) in rows.iter().enumerate() {
            assert_eq!(*row, format!("{} film {n}", n + 1));
        }
        let line = rows.len() + 1;
        assert_eq!(
            error.unwrap(),
            format!("x: broken off in line {line}; the rows before it were read")
        );
    }

    #[test]
    fn latin1_is_read_where_it_is_said_to_be() {
        let bytes = b"title;year\nAm\xe9lie;2001\n".to_vec();
        let sources = vec![source("x", bytes, Encoding::Latin1)];
        assert_eq!(read(sources, &Options::default()).0, ["2 Amélie"]);
    }

    #[test]
    fn files_that_are_nothing_known_are_refused_by_name() {
        let text = refusal(vec![source("x.txt", "Dear Sir,\n", Encoding::Utf8)]);
        assert!(text.starts_with("x.txt: begins like none"), "{text}");
        let text = refusal(vec![source("x.csv", "title,budget\n", Encoding::Utf8)]);
        assert_eq!(text, "x.csv: columns that are no field of a movie: budget");
    }

    const BASICS: &str = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\t\
        runtimeMinutes\tgenres\n\
        tt0032138\tmovie\tThe Wizard of Oz\tx\t0\t1939\t\\N\t102\tAdventure,Family\n\
        tt0000001\tshort\tCarmencita\tx\t0\t1894\t\\N\t1\tShort\n\
        tt0000002\tmovie\t\\N\tx\t0\t1894\t\\N\t1\tShort\n\
        tt0000003\tmovie\tshort row\n\
        tt0000009\tmovie\tMiss \"Jerry\tx\t0\t\\N\t\\N\t\\N\t\\N\n";
    const RATINGS: &str = "tconst\taverageRating\tnumVotes\n\
        tt0032138\t8.1\t450000\ntt0000001\t5.7\t2000\ntt0000002\t11\t5\n";
    const CREW: &str = "tconst\tdirectors\twriters\n\
        tt0000009\tnm0085156\t\\N\ntt0032138\tnm0281808,nm0000001\t\\N\ntt0000001\tnm0000001\t\\N\n";
    const NAMES: &str = "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n\
        nm0281808\tVictor Fleming\t1889\t1949\tdirector\ttt0032138\n\
        nm0085156\tAlexander Black\t1859\t1940\tdirector\ttt0000009\n";

    #[test]
    fn imdb_tables_are_joined_in_whatever_order_they_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("basics.tsv");
        std::fs::write(&path, BASICS).unwrap();
        // Once from a file, which is read twice, and once from what can be read once only.
        for basics in [
            Source::open(path.to_str().unwrap(), Encoding::Utf8, &Arc::default()).unwrap(),
            source("title.basics", BASICS, Encoding::Utf8),
        ] {
            let side = |name, text: &str| source(name, text, Encoding::Utf8);
            let tables =
                vec![side("names", NAMES), basics, side("crew", CREW), side("ratings", RATINGS)];
            let rows: Vec<_> =
                plan(tables, &Options::default()).unwrap().into_iter().flatten().collect();
            let records: Vec<_> = rows.into_iter().map(Result::unwrap).collect();
            let movies: Vec<_> = records
                .iter()
                .filter_map(|record| match &record.verdict {
                    Verdict::Movie(input) => Some(&input.data),
                    _ => None,
                })
                .collect();
            assert_eq!(movies.len(), 2);
            let oz = movies[0];
            assert_eq!(
                (oz.title.as_str(), oz.year, oz.runtime_minutes),
                ("The Wizard of Oz", Some(1939), Some(102))
            );
            assert_eq!(
                (oz.rating, oz.votes, oz.popularity),
                (Some(8.1), Some(450_000), Some(86.39))
            );
            assert_eq!(
                (&oz.genres[..], &oz.directors[..]),
                (
                    &["Adventure".to_owned(), "Family".to_owned()][..],
                    &["Victor Fleming".to_owned()][..]
                )
            );
            let jerry = movies[1];
            assert_eq!(
                (jerry.title.as_str(), jerry.year, jerry.rating),
                ("Miss \"Jerry", None, None)
            );
            assert_eq!(jerry.directors, ["Alexander Black"]);
            let rejected: Vec<_> = records
                .iter()
                .filter_map(|record| match &record.verdict {
                    Verdict::Rejected(reason) => {
                        Some((&*record.file, record.line, reason.as_str()))
                    }
                    _ => None,
                })
                .collect();
            assert_eq!(rejected.len(), 3, "{rejected:?}");
            assert_eq!(rejected[0], ("ratings", 4, "averageRating is not a number from 0 to 10"));
            assert!(rejected[1].2.contains("/title"), "{rejected:?}");
            assert_eq!(rejected[2].2, "has 3 columns; the header has 9");
            assert!(records[2..].iter().any(|record| record.verdict == Verdict::Skipped));
        }
    }

    #[test]
    fn side_tables_need_what_they_stand_beside() {
        let crew = || source("crew", CREW, Encoding::Utf8);
        let basics = || source("basics", BASICS, Encoding::Utf8);
        assert!(refusal(vec![crew()]).contains("without title.basics"));
        assert!(refusal(vec![basics(), crew()]).contains("need each other"));
        assert!(refusal(vec![basics(), crew(), crew()]).contains("twice"));
    }

    #[test]
    fn a_broken_side_table_stops_before_any_movie() {
        let mut bytes = zstd::encode_all(RATINGS.repeat(5000).as_bytes(), 1).unwrap();
        bytes.truncate(bytes.len() - 5);
        let tables =
            vec![source("ratings", bytes, Encoding::Utf8), source("b", BASICS, Encoding::Utf8)];
        let (rows, error) = read(tables, &Options::default());
        assert_eq!(rows, Vec::<String>::new());
        assert!(error.unwrap().starts_with("ratings: broken off"));
    }
}
