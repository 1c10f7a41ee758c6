//! What a file is, told by its first line.

use super::{csv_rows::Header, imdb::Table};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An object a line.
    Jsonl,
    /// One array of objects.
    Json,
    /// A table with a header, separated by commas, semicolons, tabs or bars.
    Csv,
    /// `IMDb`'s own tables: title.basics, title.ratings, title.crew, name.basics.
    Imdb,
}

/// The format of a file that begins with this line; `None` where it is none of those.
pub(super) fn of_first_line(line: &[u8]) -> Option<Format> {
    match line.trim_ascii_start().first() {
        Some(b'{') => Some(Format::Jsonl),
        Some(b'[') => Some(Format::Json),
        _ if Table::of_header(line).is_some() => Some(Format::Imdb),
        _ if Header::read(line).is_some() => Some(Format::Csv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_the_first_line() {
        for (line, format) in [
            (&b"{\"title\":1}"[..], Some(Format::Jsonl)),
            (b"  [", Some(Format::Json)),
            (b"title,year", Some(Format::Csv)),
            (b"tconst\taverageRating\tnumVotes", Some(Format::Imdb)),
            (b"id;Name", Some(Format::Csv)),
            (b"Dear Sir or Madam,", None),
            (b"\x89PNG\r", None),
        ] {
            assert_eq!(of_first_line(line), format, "{}", String::from_utf8_lossy(line));
        }
    }
}
