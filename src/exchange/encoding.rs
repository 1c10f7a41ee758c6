//! Latin-1 to UTF-8, while it is read.

use std::io::{self, Read};

/// How the bytes of a file spell text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Encoding {
    /// UTF-8. Rows that are not are rejected.
    #[default]
    Utf8,
    /// Latin-1, read as its superset windows-1252, as browsers do.
    Latin1,
}

/// What windows-1252 has at 0x80 to 0x9f (<https://encoding.spec.whatwg.org/#windows-1252>).
const HIGH_CONTROLS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

const fn decode(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH_CONTROLS[(byte - 0x80) as usize],
        _ => byte as char,
    }
}

/// Reads windows-1252 as UTF-8.
#[derive(Debug)]
pub(super) struct FromLatin1<R> {
    input: R,
    bytes: Vec<u8>,
    text: String,
    given: usize,
}

impl<R: Read> FromLatin1<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, bytes: vec![0; 16 * 1024], text: String::new(), given: 0 }
    }
}

impl<R: Read> Read for FromLatin1<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            let count = self.input.read(&mut self.bytes)?;
            self.text.clear();
            self.text.extend(self.bytes[..count].iter().map(|byte| decode(*byte)));
            self.given = 0;
        }
        let rest = &self.text.as_bytes()[self.given..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_and_the_windows_letters_become_utf8_whatever_the_size_of_reads() {
        let mut reader = FromLatin1::new(&b"Am\xe9lie \x80 \x93Sal\xf2\x94"[..]);
        let mut text = Vec::new();
        let mut two = [0; 2];
        loop {
            match reader.read(&mut two).unwrap() {
                0 => break,
                count => text.extend_from_slice(&two[..count]),
            }
        }
        assert_eq!(String::from_utf8(text).unwrap(), "Amélie € “Salò”");
    }
}
