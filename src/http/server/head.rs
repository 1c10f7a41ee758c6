//! Heads of HTTP/1 requests, looked at before the parser gets them.
//!
//! The parser takes lines that end in a bare LF, a `Content-Length` beside `Transfer-Encoding`, one
//! length given twice, and targets with a fragment, and does not say so. Others on the way may read
//! such a request otherwise, and a body that one takes for the next request is a request in somebody
//! else's name (RFC 9112, sections 2.2, 6.3 and 11.2).
//!
//! **Invariant:** what passes has one reading: every line ends in CRLF, no other control byte is in
//! it, and the length of the body is given once.
//! **Invariant:** a head of one read is looked at where it is, twice: once all of it for control
//! bytes, once the beginnings of its lines.

use std::sync::LazyLock;

use memchr::{memchr, memmem::Finder};

use super::refusal::Refusal;

/// Bounds of heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of a head.
    pub(super) bytes_max: usize,
    /// Bytes of the target in its first line.
    pub(super) target_max: usize,
}

/// Longer methods are none.
const METHOD_MAX: usize = 24;
/// Digits of a length, beyond which no body could be taken anyway.
const LENGTH_DIGITS_MAX: usize = 18;

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes of body; mostly none.
    Length(u64),
    /// A body in chunks.
    Chunked,
}

/// What the bytes at hand are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// A whole head of so many bytes.
    Whole(usize, Framing),
    /// The beginning of one.
    Partial,
    /// Nothing that is answered.
    Bad(Refusal),
}

/// How many bytes the head has that `bytes` begin with, if it is whole; whatever it is.
#[inline]
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
    Some(END.find(bytes)? + 4)
}

/// Looks at the head that `bytes` begin with.
pub(super) fn check(bytes: &[u8], bounds: Bounds) -> Checked {
    read(bytes, bounds).unwrap_or_else(Checked::Bad)
}

fn read(bytes: &[u8], bounds: Bounds) -> Result<Checked, Refusal> {
    // One empty line before a request is let pass (RFC 9112, section 2.2).
    let mut at = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let mut lines = at / 2;
    let mut version = None;
    let mut fields = Fields::default();
    let whole = loop {
        let rest = &bytes[at..];
        let Some(line) = next_line(rest) else {
            if version.is_none() {
                check_first_piece(rest, bounds)?;
            }
            break false;
        };
        at += line.len();
        lines += 1;
        let line = line.strip_suffix(b"\r\n").ok_or(Refusal::LineEnd)?;
        let Some(version) = version else {
            version = Some(first_line(line, bounds)?);
            continue;
        };
        if line.is_empty() {
            fields.check(version)?;
            break true;
        }
        fields.note(line)?;
    };
    let length = if whole { at } else { bytes.len() };
    if length > bounds.bytes_max {
        return Err(Refusal::HeadTooLarge);
    }
    let seen = &bytes[..length];
    let open = usize::from(!whole && seen.ends_with(b"\r"));
    if controls(seen) != 2 * lines + open {
        return Err(Refusal::ControlByte);
    }
    Ok(if whole { Checked::Whole(length, fields.framing) } else { Checked::Partial })
}

/// The next line with its end, if that is there.
fn next_line(bytes: &[u8]) -> Option<&[u8]> {
    memchr(b'\n', bytes).map(|end| &bytes[..=end])
}

/// How many bytes are controls, tabs apart.
fn controls(bytes: &[u8]) -> usize {
    count(bytes, |byte| u8::from(byte < b' ' && byte != b'\t') + u8::from(byte == 0x7f))
}

/// Adds up what bytes count. With sums in place of conditions, many bytes are counted at once; a byte
/// may count 1 at most.
fn count(bytes: &[u8], of: impl Fn(u8) -> u8) -> usize {
    let sum = |chunk: &[u8]| chunk.iter().map(|byte| of(*byte)).sum::<u8>();
    bytes.chunks(128).map(|chunk| usize::from(sum(chunk))).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// Refuses the beginning of a first line that cannot become a good one.
fn check_first_piece(piece: &[u8], bounds: Bounds) -> Result<(), Refusal> {
    let Some(method) = piece.iter().take(METHOD_MAX + 1).position(|byte| *byte == b' ') else {
        let long = piece.len() > METHOD_MAX;
        return if long { Err(unknown_method(&piece[..METHOD_MAX])) } else { Ok(()) };
    };
    if piece.len() - method > bounds.target_max + " HTTP/1.1\r\n".len() {
        return Err(Refusal::TargetTooLong);
    }
    Ok(())
}

fn unknown_method(text: &[u8]) -> Refusal {
    if is_token(text) { Refusal::UnknownMethod } else { Refusal::FirstLine }
}

fn first_line(line: &[u8], bounds: Bounds) -> Result<Version, Refusal> {
    let word = |rest: &'_ [u8]| memchr(b' ', rest).ok_or(Refusal::FirstLine);
    let (method, rest) = line.split_at(word(line)?);
    let rest = &rest[1..];
    let (target, version) = rest.split_at(word(rest)?);
    let usual = matches!(method, b"GET" | b"HEAD" | b"POST" | b"PUT" | b"PATCH" | b"DELETE");
    if !usual && !is_token(method) {
        return Err(Refusal::FirstLine);
    }
    if target.len() > bounds.target_max {
        return Err(Refusal::TargetTooLong);
    }
    let version = match &version[1..] {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Refusal::UnknownVersion);
        }
        _ => return Err(Refusal::FirstLine),
    };
    if method.len() > METHOD_MAX || matches!(method, b"CONNECT" | b"TRACE") {
        return Err(Refusal::UnknownMethod);
    }
    let form = target.starts_with(b"/")
        || target.starts_with(b"http://")
        || target.starts_with(b"https://")
        || method == b"OPTIONS" && target == b"*";
    let odd = |byte| u8::from(byte <= b' ') + u8::from(byte >= 0x7f) + u8::from(byte == b'#');
    if !form || count(target, odd) > 0 {
        return Err(Refusal::Target);
    }
    Ok(version)
}

fn is_token(bytes: &[u8]) -> bool {
    let of_a_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(of_a_token)
}

/// The fields that say where the body ends.
#[derive(Debug)]
struct Fields {
    framing: Framing,
    lengths: u32,
    codings: u32,
}

impl Default for Fields {
    fn default() -> Self {
        Self { framing: Framing::Length(0), lengths: 0, codings: 0 }
    }
}

impl Fields {
    fn note(&mut self, line: &[u8]) -> Result<(), Refusal> {
        match line[0] {
            b' ' | b'\t' => return Err(Refusal::Folded),
            b'c' | b'C' => {
                if let Some(value) = value_of(line, b"content-length") {
                    self.lengths += 1;
                    self.framing = Framing::Length(length(value)?);
                }
            }
            b't' | b'T' => {
                if let Some(value) = value_of(line, b"transfer-encoding") {
                    if !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Refusal::Coding);
                    }
                    self.codings += 1;
                    self.framing = Framing::Chunked;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, version: Version) -> Result<(), Refusal> {
        match (self.lengths, self.codings) {
            (0 | 1, 0) => Ok(()),
            (0, 1) if version == Version::Http11 => Ok(()),
            (0, 1) => Err(Refusal::CodingInHttp10),
            (_, 0) => Err(Refusal::LengthTwice),
            (0, _) => Err(Refusal::Coding),
            _ => Err(Refusal::LengthAndCoding),
        }
    }
}

/// The value of the field `name`, if it is in this line. Other spellings of the name are the parser's
/// to refuse.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| trimmed(value))
}

fn trimmed(value: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !space(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

fn length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Length);
    }
    if value.len() > LENGTH_DIGITS_MAX {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(value.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes_max: 1024, target_max: 256 };

    fn checked(text: &str) -> Checked {
        check(text.as_bytes(), BOUNDS)
    }

    #[test]
    fn a_head_is_told_from_what_follows() {
        for (text, length, framing) in [
            ("GET / HTTP/1.1\r\n\r\nrest", 18, Framing::Length(0)),
            ("\r\nGET / HTTP/1.0\r\nA: b\tc\r\n\r\n", 28, Framing::Length(0)),
            ("PUT /a HTTP/1.1\r\nCONTENT-LENGTH:\t05 \r\n\r\n", 40, Framing::Length(5)),
            ("PUT /a HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n", 47, Framing::Chunked),
        ] {
            assert_eq!(checked(text), Checked::Whole(length, framing), "{text:?}");
        }
    }

    #[test]
    fn every_beginning_of_a_good_head_is_the_beginning_of_one() {
        let text = "\r\nPOST http://x/a?b=%20|c HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(checked(&text[..end]), Checked::Partial, "{:?}", &text[..end]);
        }
        assert!(matches!(checked(text), Checked::Whole(..)));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let field = |field: &str| checked(&format!("GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n"));
        for (text, refusal) in [
            ("A: b\n", Refusal::LineEnd),
            ("A: b\rC: d", Refusal::ControlByte),
            ("A: b\0", Refusal::ControlByte),
            ("A: \u{7f}", Refusal::ControlByte),
            ("A: b\r\n c", Refusal::Folded),
            ("Content-Length: 1\r\nContent-Length: 1", Refusal::LengthTwice),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked", Refusal::LengthAndCoding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1", Refusal::LengthAndCoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refusal::Coding),
            ("Transfer-Encoding: gzip, chunked", Refusal::Coding),
            ("Transfer-Encoding:", Refusal::Coding),
            ("Content-Length: +1", Refusal::Length),
            ("Content-Length: 0x1", Refusal::Length),
            ("Content-Length: 1, 1", Refusal::Length),
            ("Content-Length: ", Refusal::Length),
            ("Content-Length: 9999999999999999999", Refusal::BodyTooLarge),
        ] {
            assert_eq!(field(text), Checked::Bad(refusal), "{text:?}");
        }
    }

    #[test]
    fn first_lines_are_refused_as_soon_as_they_are_bad() {
        for (text, refusal) in [
            ("GET /\r\n", Refusal::FirstLine),
            ("GET  / HTTP/1.1\r\n", Refusal::FirstLine),
            ("GET / HTTP/1.1 \r\n", Refusal::FirstLine),
            ("GET / HTTP/2.0\r\n", Refusal::UnknownVersion),
            ("GET /a#b HTTP/1.1\r\n", Refusal::Target),
            ("GET /\u{e9} HTTP/1.1\r\n", Refusal::Target),
            ("GET a HTTP/1.1\r\n", Refusal::Target),
            ("GET * HTTP/1.1\r\n", Refusal::Target),
            ("TRACE / HTTP/1.1\r\n", Refusal::UnknownMethod),
            ("\u{16}\u{3}\u{1}", Refusal::ControlByte),
            ("GET / HTTP/1.1\n", Refusal::LineEnd),
            ("\n", Refusal::LineEnd),
            ("\r\n\r\n", Refusal::FirstLine),
        ] {
            assert_eq!(checked(text), Checked::Bad(refusal), "{text:?}");
        }
        let long = "x".repeat(300);
        assert_eq!(checked(&format!("GET /{long}")), Checked::Bad(Refusal::TargetTooLong));
        assert_eq!(checked(&long), Checked::Bad(Refusal::UnknownMethod));
        let head = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(2000));
        assert_eq!(checked(&head), Checked::Bad(Refusal::HeadTooLarge));
    }
}
