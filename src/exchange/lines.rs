//! Lines of a bounded length.

use std::io::{self, BufRead, Read};

/// Longest row that is read: some hundred times the largest movie that keeps the rules.
pub(super) const ROW_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What is kept of the buffer after a long line.
pub(super) const BUFFER_KEPT_BYTES: usize = 1024 * 1024;

/// Reads lines one at a time, never holding more than one of [`ROW_MAX_BYTES`].
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// Lines that were read and put back; read again before `input`.
    back: io::Cursor<Vec<u8>>,
    buffer: Vec<u8>,
    number: u64,
    most: usize,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// With its end (`\n` or `\r\n`), unless the input ends without one.
    Whole(&'a [u8]),
    /// A line of more bytes than are read, and its beginning.
    TooLong(&'a [u8], u64),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_most(input, ROW_MAX_BYTES)
    }

    pub(super) fn with_most(input: R, most: usize) -> Self {
        let back = io::Cursor::new(Vec::new());
        Self { input, back, buffer: Vec::new(), number: 0, most }
    }

    /// The number of the line that was read last, or that could not be read; from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end. After an error the line that it broke is lost.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_BYTES);
        self.number += 1;
        let most = self.most as u64 + 1;
        let replaying = !self.back.fill_buf()?.is_empty();
        if replaying {
            (&mut self.back).take(most).read_until(b'\n', &mut self.buffer)?;
        } else {
            (&mut self.input).take(most).read_until(b'\n', &mut self.buffer)?;
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        if self.buffer.len() <= self.most || self.buffer.ends_with(b"\n") {
            return Ok(Some(Line::Whole(&self.buffer)));
        }
        let rest =
            if replaying { self.back.skip_until(b'\n')? } else { self.input.skip_until(b'\n')? };
        let length = self.buffer.len() as u64 + rest as u64;
        Ok(Some(Line::TooLong(&self.buffer, length)))
    }

    /// Gives lines back, to be read again as those from `number` on.
    pub(super) fn unread(&mut self, lines: &[u8], number: u64) {
        let position = usize::try_from(self.back.position()).unwrap_or(usize::MAX);
        let rest = self.back.get_ref().get(position..).unwrap_or_default();
        self.back = io::Cursor::new([lines, rest].concat());
        self.number = number - 1;
    }

    pub(super) const fn most(&self) -> usize {
        self.most
    }
}

/// The line without its end.
pub(super) fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What is said of a row that is not read because of its length.
pub(super) fn too_long(length: u64, most: usize) -> String {
    format!("has {length} bytes; rows of more than {most} are not read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_either_ending_or_the_input() {
        let mut lines = Lines::new(&b"a\r\nb\n\nc"[..]);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let Line::Whole(line) = line else { panic!("a whole line") };
            seen.push(String::from_utf8(content(line).to_vec()).unwrap());
        }
        assert_eq!(seen, ["a", "b", "", "c"]);
    }

    #[test]
    fn a_line_of_100_mb_is_not_kept_and_the_next_one_is_read() {
        let long = io::repeat(b'x').take(100_000_000);
        let input = io::BufReader::new(long.chain(&b"\nnext\n"[..]));
        let mut lines = Lines::new(input);
        let first = lines.next().unwrap();
        assert!(matches!(first, Some(Line::TooLong(_, 100_000_001))), "{:?}", lines.number);
        assert!(lines.buffer.capacity() <= 2 * ROW_MAX_BYTES + 2);
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(&b"next\n"[..])));
        assert!(lines.buffer.capacity() <= BUFFER_KEPT_BYTES);
        assert_eq!(lines.number(), 2);
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn lines_put_back_are_read_again_under_their_numbers() {
        let mut lines = Lines::with_most(&b"1\n2\n3\n"[..], 10);
        for _ in 0..3 {
            lines.next().unwrap();
        }
        lines.unread(b"2\n3\n", 2);
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(&b"2\n"[..])));
        assert_eq!(lines.number(), 2);
        lines.unread(b"2\n", 2);
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(&b"2\n"[..])));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(&b"3\n"[..])));
        assert_eq!(lines.next().unwrap(), None);
    }
}
