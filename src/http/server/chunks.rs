//! Bodies in chunks, followed to where they end.
//!
//! The parser lets pass spaces after a size, and trailers. What passes here is read the same way by
//! everybody (RFC 9112, section 7.1).

/// Digits of a size.
const DIGITS_MAX: u8 = 8;
/// Bytes of a chunk's extensions, which nobody reads.
const EXTENSION_MAX: u16 = 256;

/// Where in a body the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In a size of so many digits.
    Size(u64, u8),
    /// In an extension of a chunk of this size.
    Extension(u64, u16),
    /// At the LF behind a size.
    SizeLf(u64),
    /// In a chunk's data, of which so much is to come.
    Data(u64),
    /// At the CR behind the data.
    DataCr,
    /// At the LF behind the data.
    DataLf,
    /// At the CR of the last line.
    EndCr,
    /// At the LF of the last line.
    EndLf,
}

/// The bytes are not the body that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// So many are.
    pub(super) good: usize,
}

impl Chunks {
    /// The beginning of a body.
    pub(super) const START: Self = Self::Size(0, 0);

    /// Follows the body through `bytes`; gives how many belong to it, and whether it ends there.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Broken> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            *self = match (*self, byte) {
                (Self::Data(left), _) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    at += here - 1;
                    match left - here as u64 {
                        0 => Self::DataCr,
                        left => Self::Data(left),
                    }
                }
                (Self::Size(size, digits), _)
                    if byte.is_ascii_hexdigit() && digits < DIGITS_MAX =>
                {
                    let digit = char::from(byte).to_digit(16).unwrap_or(0);
                    Self::Size(size << 4 | u64::from(digit), digits + 1)
                }
                (Self::Size(size, 1..), b';') => Self::Extension(size, 0),
                (Self::Size(size, 1..) | Self::Extension(size, _), b'\r') => Self::SizeLf(size),
                (Self::Extension(size, length), b'\t' | b' '..=b'~') if length < EXTENSION_MAX => {
                    Self::Extension(size, length + 1)
                }
                (Self::SizeLf(0), b'\n') => Self::EndCr,
                (Self::SizeLf(size), b'\n') => Self::Data(size),
                (Self::DataCr, b'\r') => Self::DataLf,
                (Self::DataLf, b'\n') => Self::START,
                (Self::EndCr, b'\r') => Self::EndLf,
                (Self::EndLf, b'\n') => return Ok((at + 1, true)),
                _ => return Err(Broken { good: at }),
            };
            at += 1;
        }
        Ok((at, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(text: &str) -> Result<(usize, bool), Broken> {
        let mut chunks = Chunks::START;
        chunks.follow(text.as_bytes())
    }

    #[test]
    fn a_body_ends_with_its_last_line() {
        let text = "5\r\nhello\r\nA;x=\"y\"\r\n0123456789\r\n000\r\n\r\nGET";
        assert_eq!(followed(text), Ok((text.len() - 3, true)));
    }

    #[test]
    fn it_is_followed_through_any_pieces() {
        let text = "5\r\nhello\r\n10;a\r\n0123456789abcdef\r\n0\r\n\r\n";
        for size in 1..text.len() {
            let mut chunks = Chunks::START;
            let ends: Vec<_> = text
                .as_bytes()
                .chunks(size)
                .map(|piece| {
                    let (length, end) = chunks.follow(piece).unwrap();
                    assert_eq!(length, piece.len());
                    end
                })
                .collect();
            assert_eq!(ends.iter().position(|end| *end), Some(ends.len() - 1));
        }
    }

    #[test]
    fn odd_sizes_ends_and_trailers_break_it() {
        for (text, good) in [
            ("\r\n", 0),
            ("-1\r\n", 0),
            ("+1\r\n", 0),
            ("0x1\r\n", 1),
            ("1 \r\n", 1),
            (" 1\r\n", 0),
            ("1\n", 1),
            ("1;a\n", 3),
            ("1;a\0", 3),
            ("1\r1", 2),
            ("123456789\r\n", 8),
            ("1\r\nab\r\n", 4),
            ("1\r\na\n", 4),
            ("1\r\na\rb", 5),
            ("0\r\nA: b\r\n\r\n", 3),
            ("0\r\n\n", 3),
        ] {
            assert_eq!(followed(text), Err(Broken { good }), "{text:?}");
        }
        let long = format!("1;{}\r\n", "x".repeat(300));
        assert!(followed(&long).is_err());
    }
}
