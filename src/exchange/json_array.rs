//! A JSON array, one element at a time: the whole of it is never in memory.

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use super::{
    error::ends_early,
    lines::{BUFFER_KEPT_BYTES, ROW_MAX_BYTES, too_long},
    record::{JsonOptions, Record, Verdict, raw},
    until_broken::ReadRows,
};

/// The rows of a JSON array.
pub(super) struct JsonArray<R> {
    file: Arc<str>,
    input: R,
    splitter: Splitter,
    options: JsonOptions,
}

impl<R: BufRead> JsonArray<R> {
    pub(super) fn new(file: Arc<str>, input: R, options: JsonOptions) -> Self {
        Self { file, input, splitter: Splitter::new(ROW_MAX_BYTES), options }
    }

    fn record(&mut self, line: u64) -> Record {
        let Splitter { element, length, most, .. } = &self.splitter;
        let text = element.trim_ascii();
        let verdict = if *length > *most as u64 {
            Verdict::Rejected(too_long(*length, *most))
        } else if text.is_empty() {
            Verdict::rejected("nothing stands before this comma")
        } else {
            Verdict::of_json(text, self.options)
        };
        Record { file: Arc::clone(&self.file), line, raw: raw(text), verdict }
    }
}

impl<R: BufRead> ReadRows for JsonArray<R> {
    fn read(&mut self) -> io::Result<Option<Record>> {
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return self.splitter.end().map(|()| None);
            }
            let (count, found) = self.splitter.push(bytes)?;
            self.input.consume(count);
            if let Some(line) = found {
                return Ok(Some(self.record(line)));
            }
        }
    }

    fn place(&self) -> (&Arc<str>, u64) {
        (&self.file, self.splitter.line)
    }
}

/// Finds the elements of an array without understanding them: it follows strings and brackets, and
/// leaves everything else to the JSON reader.
#[derive(Debug)]
struct Splitter {
    state: State,
    /// Open brackets of the element.
    depth: u32,
    /// The element that is read, or that was found last.
    element: Vec<u8>,
    /// Its length, with what was not kept.
    length: u64,
    /// The line on which it starts, if it has.
    start: Option<u64>,
    /// Whether it is whole, so that the next byte starts another one.
    whole: bool,
    /// The line that is read.
    line: u64,
    /// Longest element that is kept.
    most: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The array has not begun.
    Before,
    /// Outside of strings.
    Plain,
    /// In a string.
    Text,
    /// After a backslash in a string.
    Escape,
    /// The array has ended.
    After,
}

impl Splitter {
    const fn new(most: usize) -> Self {
        Self {
            state: State::Before,
            depth: 0,
            element: Vec::new(),
            length: 0,
            start: None,
            whole: false,
            line: 1,
            most,
        }
    }

    /// Reads on. Gives how many bytes were read and, when an element became whole, its first line;
    /// the element stays in `self.element` until the next call.
    ///
    /// # Errors
    /// When something else than one array is there.
    fn push(&mut self, bytes: &[u8]) -> io::Result<(usize, Option<u64>)> {
        if self.whole {
            self.element.clear();
            self.element.shrink_to(BUFFER_KEPT_BYTES);
            (self.depth, self.length, self.start, self.whole) = (0, 0, None, false);
        }
        for (at, byte) in bytes.iter().copied().enumerate() {
            let is_space = byte.is_ascii_whitespace();
            match (self.state, byte) {
                (State::Before, b'[') => {
                    self.state = State::Plain;
                    return Ok((at + 1, None));
                }
                (State::Before, _) if !is_space => return Err(not("a JSON array")),
                (State::After, _) if !is_space => return Err(not("the end of the file")),
                (State::Plain, b',' | b']') if self.depth == 0 => {
                    self.keep(&bytes[..at]);
                    return Ok((at + 1, self.end_of_element(byte)));
                }
                (State::Plain, _) => self.plain(byte, is_space),
                (State::Text, b'"') => self.state = State::Plain,
                (State::Text, b'\\') => self.state = State::Escape,
                (State::Escape, _) => self.state = State::Text,
                (State::Before | State::Text | State::After, _) => {}
            }
            if byte == b'\n' {
                self.line += 1;
            }
        }
        if !matches!(self.state, State::Before | State::After) {
            self.keep(bytes);
        }
        Ok((bytes.len(), None))
    }

    fn plain(&mut self, byte: u8, is_space: bool) {
        if !is_space && self.start.is_none() {
            self.start = Some(self.line);
        }
        match byte {
            b'"' => self.state = State::Text,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// The first line of the element, unless there is none: a comma before the end of the array is
    /// forgiven, since nothing is lost by it.
    fn end_of_element(&mut self, byte: u8) -> Option<u64> {
        self.whole = true;
        if byte == b',' {
            return Some(self.start.unwrap_or(self.line));
        }
        self.state = State::After;
        self.start
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = self.most.saturating_sub(self.element.len());
        self.element.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Whether the input may end here.
    fn end(&self) -> io::Result<()> {
        if self.state == State::After { Ok(()) } else { Err(ends_early("the array has no end")) }
    }
}

fn not(expected: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("something else than {expected} is there"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::movie_json::Reading,
        exchange::{record::Unknown, until_broken::UntilBroken},
    };
    use proptest::prelude::*;

    /// Gives its bytes in pieces of the given sizes.
    struct Pieces<'a> {
        bytes: &'a [u8],
        sizes: std::vec::IntoIter<usize>,
    }

    impl io::Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes.next().unwrap_or(usize::MAX).max(1);
            let count = size.min(into.len()).min(self.bytes.len());
            into[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    fn rows(bytes: &[u8], sizes: Vec<usize>) -> (Vec<Record>, Option<String>) {
        let input = io::BufReader::new(Pieces { bytes, sizes: sizes.into_iter() });
        let options = JsonOptions { reading: Reading::Lenient, unknown: Unknown::Refused };
        let mut records = Vec::new();
        let array = JsonArray::new("x.json".into(), input, options);
        for record in UntilBroken::new(array) {
            match record {
                Ok(record) => records.push(record),
                Err(error) => return (records, Some(format!("{error:?}"))),
            }
        }
        (records, None)
    }

    fn verdicts(text: &str) -> (Vec<String>, Option<String>) {
        let (records, error) = rows(text.as_bytes(), Vec::new());
        let say = |record: Record| match record.verdict {
            Verdict::Movie(input) => format!("{} {}", record.line, input.data.title),
            Verdict::Rejected(reason) => format!("{} !{reason}", record.line),
            Verdict::Skipped => unreachable!("nothing is skipped"),
        };
        (records.into_iter().map(say).collect(), error)
    }

    #[test]
    fn elements_come_with_the_line_on_which_they_start() {
        let text = "[ {\"title\":\"a ],[ \\\"\"},\n\n {\n\"title\":\n1984} ,{\"title\":\"c\"}]\n";
        let (rows, error) = verdicts(text);
        assert_eq!(rows, ["1 a ],[ \"", "3 1984", "5 c"]);
        assert_eq!(error, None);
    }

    #[test]
    fn an_empty_array_and_a_comma_at_the_end_are_fine() {
        assert_eq!(verdicts(" [ ] "), (Vec::new(), None));
        assert_eq!(verdicts(r#"[{"title":"a"}, ]"#), (vec!["1 a".to_owned()], None));
    }

    #[test]
    fn junk_between_good_elements_costs_only_itself() {
        let text = r#"[{"title":"a"},,{"title":"b"} {"title":"c"},[[{"title":"d"}]],7,{"title":"e","title":"f"},
            {"title":"g"}]"#;
        let (rows, error) = verdicts(text);
        assert_eq!(rows.len(), 7, "{rows:?}");
        let good: Vec<_> = rows.iter().filter(|row| !row.contains('!')).collect();
        assert_eq!(good, ["1 a", "2 g"]);
        assert_eq!(error, None);
    }

    #[test]
    fn an_array_without_an_end_gives_what_is_whole_and_an_error() {
        let (rows, error) = verdicts("[{\"title\":\"a\"},\n{\"title\":\"b");
        assert_eq!(rows, ["1 a"]);
        let error = error.unwrap();
        assert!(error.contains("line: 2") && error.contains("the array has no end"), "{error}");
        assert!(verdicts("[{\"title\":\"a\"}]]").1.unwrap().contains("something else"));
    }

    #[test]
    fn an_element_that_is_too_long_is_not_kept_and_the_next_one_is_read() {
        let text = format!("[\"{}\",{{\"title\":\"b\"}}]", "[".repeat(2 * ROW_MAX_BYTES));
        let (rows, error) = verdicts(&text);
        assert_eq!(rows.len(), 2);
        assert!(rows[0].contains("rows of more than"), "{}", rows[0]);
        assert_eq!((rows[1].as_str(), error), ("1 b", None));
    }

    fn array() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{\"title\":\"a\"}".to_owned()),
            Just(",".to_owned()),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just("\\".to_owned()),
            Just("\"".to_owned()),
            Just("\n".to_owned()),
            Just("é🎬".to_owned()),
            "[a-z{}]{0,4}",
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| format!("[{}]", pieces.concat()))
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_rows(
            text in array(), sizes in prop::collection::vec(1_usize..8, 0..200)
        ) {
            prop_assert_eq!(rows(text.as_bytes(), sizes), rows(text.as_bytes(), Vec::new()));
        }

        #[test]
        fn what_is_written_is_read(titles in prop::collection::vec("[^\\s]{1,20}", 0..20)) {
            let movies: Vec<_> = titles.iter().map(|title| serde_json::json!({"title": title})).collect();
            let (records, error) = rows(serde_json::to_string(&movies).unwrap().as_bytes(), Vec::new());
            let read: Vec<_> = records.into_iter().map(|record| match record.verdict {
                Verdict::Movie(input) => input.data.title,
                other => format!("{other:?}"),
            }).collect();
            prop_assert_eq!((read, error), (titles, None));
        }
    }
}
