//! CSV with a header (RFC 4180), row by row.
//!
//! The rows are split here rather than by the `csv` crate for what an import of dirty files needs
//! and that reader does not tell: the text of a row, a bound on its length, and whether its last
//! quote is closed. A test holds that both read the same cells.

use std::{io, io::BufRead, sync::Arc};

use serde_json::Map;

use super::{
    cell,
    lines::{Line, Lines, content, too_long},
    record::{Record, Unknown, Verdict, raw, utf8},
    until_broken::ReadRows,
};
use crate::domain::{field::Field, movie_json::Reading};

/// How CSV is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct CsvOptions {
    pub(super) reading: Reading,
    pub(super) list_separator: Option<char>,
}

/// What the columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    delimiter: u8,
    columns: Vec<Option<Field>>,
    unknown: Vec<String>,
}

impl Header {
    /// Reads a header line; `None` if it names no title.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(content(line)).ok()?;
        let readings = b",;\t|".iter().map(|delimiter| {
            let mut cells = Cells::new(*delimiter);
            cells.push(line.as_bytes());
            let names: Vec<_> = cells.texts().into_iter().map(str::to_owned).collect();
            let columns: Vec<_> = names.iter().map(|name| cell::column(name)).collect();
            let unknown = names.into_iter().zip(&columns).filter(|(_, field)| field.is_none());
            let unknown = unknown.map(|(name, _)| name).collect();
            Self { delimiter: *delimiter, columns, unknown }
        });
        // The first of those that know most columns.
        let known = |header: &Self| header.columns.iter().flatten().count();
        let best = readings.reduce(|a, b| if known(&b) > known(&a) { b } else { a })?;
        best.columns.contains(&Some(Field::Title)).then_some(best)
    }

    /// Whether rows can be read under this header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, unknown: Unknown) -> Result<(), String> {
        for (at, field) in self.columns.iter().enumerate() {
            if let Some(field) = field
                && self.columns[..at].contains(&Some(*field))
            {
                return Err(format!("two columns say {}", field.name()));
            }
        }
        if unknown == Unknown::Refused && !self.unknown.is_empty() {
            let names = self.unknown.join(", ");
            return Err(format!("columns that are no field of a movie: {names}"));
        }
        Ok(())
    }
}

/// The rows of a CSV file.
pub(super) struct CsvRows<R> {
    file: Arc<str>,
    lines: Lines<R>,
    header: Option<Header>,
    options: CsvOptions,
}

impl<R: BufRead> CsvRows<R> {
    pub(super) fn new(file: Arc<str>, input: R, options: CsvOptions) -> Self {
        Self { file, lines: Lines::new(input), header: None, options }
    }

    /// Reads the row that begins with this line. A row with a quote that is never closed is
    /// rejected without the lines after its first: those are read as rows of their own.
    fn row(&mut self, header: &Header, first: Vec<u8>) -> io::Result<(Vec<u8>, Verdict)> {
        let number = self.lines.number();
        let mut cells = Cells::new(header.delimiter);
        cells.push(content(&first));
        let first_length = first.len();
        let mut row = first;
        while cells.is_open() {
            let end = row.len() - content(&row).len();
            cells.push_within(&row[row.len() - end..]);
            let most = self.lines.most();
            match self.lines.next()? {
                Some(Line::Whole(line)) if row.len() + line.len() <= most => {
                    cells.push(content(line));
                    row.extend_from_slice(line);
                }
                // The end of the input, or of what is held in memory.
                other => {
                    match other {
                        Some(Line::Whole(line)) => row.extend_from_slice(line),
                        Some(Line::TooLong(line, _)) => row.extend([line, b"\n"].concat()),
                        None => {}
                    }
                    self.lines.unread(&row[first_length..], number + 1);
                    row.truncate(first_length);
                    return Ok((row, Verdict::rejected("opens a quote that is not closed")));
                }
            }
        }
        let verdict = self.verdict(header, &row, &cells);
        Ok((row, verdict))
    }

    fn verdict(&self, header: &Header, row: &[u8], cells: &Cells) -> Verdict {
        let row = match utf8(row) {
            Ok(row) => row,
            Err(reason) => return Verdict::Rejected(reason),
        };
        if row.contains('\0') {
            return Verdict::rejected("has a NUL byte");
        }
        let texts = cells.texts();
        let (have, want) = (texts.len(), header.columns.len());
        if have != want {
            let lines = row.lines().count();
            let over = if lines > 1 { format!(" over {lines} lines") } else { String::new() };
            return Verdict::Rejected(format!("has {have} columns{over}; the header has {want}"));
        }
        let mut object = Map::new();
        for (field, text) in header.columns.iter().zip(texts) {
            if let Some(field) = field {
                let value = cell::value(*field, text, self.options.list_separator);
                object.insert(field.name().to_owned(), value);
            }
        }
        Verdict::of_object(&object, self.options.reading)
    }

    fn record(&self, line: u64, raw: String, verdict: Verdict) -> Record {
        Record { file: Arc::clone(&self.file), line, raw, verdict }
    }
}

fn bad_header(detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the header {detail}"))
}

impl<R: BufRead> ReadRows for CsvRows<R> {
    fn read(&mut self) -> io::Result<Option<Record>> {
        loop {
            let most = self.lines.most();
            let first = match self.lines.next()? {
                None => return Ok(None),
                Some(Line::Whole(line)) if content(line).trim_ascii().is_empty() => continue,
                Some(Line::Whole(line)) => line.to_vec(),
                Some(Line::TooLong(start, length)) => {
                    let verdict = Verdict::Rejected(too_long(length, most));
                    let raw = raw(start);
                    return Ok(Some(self.record(self.lines.number(), raw, verdict)));
                }
            };
            let Some(header) = self.header.take() else {
                let header = Header::read(&first);
                self.header = Some(header.ok_or_else(|| bad_header("has no column title"))?);
                continue;
            };
            let number = self.lines.number();
            let (row, verdict) = self.row(&header, first)?;
            self.header = Some(header);
            return Ok(Some(self.record(number, raw(content(&row)), verdict)));
        }
    }

    fn place(&self) -> (&Arc<str>, u64) {
        (&self.file, self.lines.number())
    }
}

/// The cells of one row, without their quotes.
struct Cells {
    delimiter: u8,
    state: State,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a cell.
    Start,
    /// In a cell without quotes, or behind them.
    Plain,
    /// Within quotes.
    Quoted,
    /// After a quote within quotes: their end, or one half of a doubled quote.
    Quote,
}

impl Cells {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Start, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Whether a quote is open, so that the row goes on in the next line.
    fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    /// Bytes within quotes, such as the end of a line.
    fn push_within(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A line without its end.
    fn push(&mut self, line: &[u8]) {
        for byte in line.iter().copied() {
            self.state = match (self.state, byte) {
                (State::Start, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Quote,
                (State::Start | State::Plain | State::Quote, byte) if byte == self.delimiter => {
                    self.ends.push(self.bytes.len());
                    State::Start
                }
                (State::Quote, b'"') => self.with(b'"', State::Quoted),
                (State::Quoted, byte) => self.with(byte, State::Quoted),
                (State::Start | State::Plain | State::Quote, byte) => self.with(byte, State::Plain),
            };
        }
    }

    fn with(&mut self, byte: u8, state: State) -> State {
        self.bytes.push(byte);
        state
    }

    /// The cells of a row that is whole. Bytes that are not UTF-8 make empty cells: whoever calls
    /// this has looked for them in the row.
    fn texts(&self) -> Vec<&str> {
        let ends = self.ends.iter().copied().chain([self.bytes.len()]);
        let mut start = 0;
        let cells = ends.map(|end| {
            let cell = &self.bytes[start..end];
            start = end;
            std::str::from_utf8(cell).unwrap_or_default()
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::until_broken::UntilBroken;
    use proptest::prelude::*;

    fn rows(text: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let options = CsvOptions { reading: Reading::Lenient, list_separator: None };
        let rows = CsvRows::new("x.csv".into(), text, options);
        let records = UntilBroken::new(rows).map(Result::unwrap);
        let say = |record: Record| match record.verdict {
            Verdict::Movie(input) => (record.line, Ok(input.data.title)),
            Verdict::Rejected(reason) => (record.line, Err(reason)),
            Verdict::Skipped => unreachable!("nothing is skipped"),
        };
        records.map(say).collect()
    }

    #[test]
    fn quoted_cells_hold_delimiters_quotes_and_ends_of_lines() {
        let text =
            b"title,year\r\n\"Oz, \"\"the\"\" Great\",1939\r\n\r\n\"two\r\nlines\",\r\nlast,2000";
        let read: Vec<_> = rows(text).into_iter().map(|(line, row)| (line, row.unwrap())).collect();
        let titles = [(2, "Oz, \"the\" Great"), (4, "two\r\nlines"), (6, "last")];
        assert_eq!(read, titles.map(|(line, title)| (line, title.to_owned())));
    }

    #[test]
    fn a_row_of_another_width_is_rejected_alone() {
        let read = rows(b"title,year\na,1,2\nb\nc,1990\n");
        assert_eq!(read[0].1.as_ref().unwrap_err(), "has 3 columns; the header has 2");
        assert_eq!(read[1].1.as_ref().unwrap_err(), "has 1 columns; the header has 2");
        assert_eq!(read[2], (4, Ok("c".to_owned())));
    }

    #[test]
    fn an_open_quote_costs_one_line_and_not_the_rest_of_the_file() {
        let read = rows(b"title,year\na,1990\n\"b,1991\nc,1992\nd,1993\n");
        assert_eq!(read.len(), 4);
        assert!(read[1].1.as_ref().unwrap_err().contains("quote"), "{read:?}");
        assert_eq!(read[2..], [(4, Ok("c".to_owned())), (5, Ok("d".to_owned()))]);
    }

    #[test]
    fn nul_bytes_and_latin1_are_rejected_with_a_reason() {
        let read = rows(b"title;year\nAm\xe9lie;2001\nA\0B;2002\nC;2003\n");
        assert!(read[0].1.as_ref().unwrap_err().contains("byte 3 of the row is not UTF-8"));
        assert_eq!(read[1].1.as_ref().unwrap_err(), "has a NUL byte");
        assert_eq!(read[2].1.as_ref().unwrap(), "C");
    }

    #[test]
    fn the_delimiter_is_the_one_that_finds_most_columns() {
        for (line, delimiter) in [("title", b','), ("Name;Year", b';'), ("year\tname\trank", b'\t')]
        {
            assert_eq!(Header::read(line.as_bytes()).unwrap().delimiter, delimiter, "{line}");
        }
        assert_eq!(Header::read(b"tconst\tordering\n"), None);
    }

    #[test]
    fn a_header_says_nothing_twice_and_nothing_unknown() {
        let header = Header::read(b"title,name,budget").unwrap();
        assert_eq!(header.check(Unknown::Ignored).unwrap_err(), "two columns say title");
        let header = Header::read(b"title,budget").unwrap();
        assert!(header.check(Unknown::Refused).unwrap_err().contains("budget"));
        assert_eq!(header.check(Unknown::Ignored), Ok(()));
    }

    proptest! {
        #[test]
        fn cells_are_those_that_the_csv_crate_reads(line in "[a,\" é]{0,20}") {
            let mut cells = Cells::new(b',');
            cells.push(line.as_bytes());
            if !cells.is_open() && !line.is_empty() {
                let mut reader = csv::ReaderBuilder::new();
                let mut reader = reader.has_headers(false).from_reader(line.as_bytes());
                let record = reader.records().next().unwrap().unwrap();
                prop_assert_eq!(cells.texts(), record.iter().collect::<Vec<_>>());
            }
        }
    }
}
