//! The rows of a finished page, as they are written: for who puts them into another order, without reading what
//! is in them.

use std::ops::Range;

/// What a page of rows begins with.
const BEGIN: &[u8] = br#"{"data":["#;
/// What a row begins with that has an id.
const ID: &[u8] = br#"{"id":"#;

/// The rows of a page, each a range of its bytes, and where they end. `None` for what is no such page.
pub(super) fn rows(page: &[u8]) -> Option<(Vec<Range<usize>>, usize)> {
    if !page.starts_with(BEGIN) {
        return None;
    }
    let (mut rows, mut depth, mut in_text, mut escaped) = (Vec::new(), 0_usize, false, false);
    let mut begin = BEGIN.len();
    for (at, byte) in page.iter().enumerate().skip(BEGIN.len()) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                if depth == 0 {
                    begin = at;
                }
                depth += 1;
            }
            b']' if depth == 0 => return Some((rows, at)),
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    rows.push(begin..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The id that a row begins with, and the row without it. `None` for one that has none.
pub(super) fn id(row: &[u8]) -> Option<(i64, &[u8])> {
    let rest = row.strip_prefix(ID)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let id = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let rest = &rest[end..];
    Some((id, rest.strip_prefix(b",").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_whatever_is_in_them() {
        let page =
            br#"{"data":[{"id":1,"title":"a ] \" } b","genres":["x"]},{"id":22}],"page":{}}"#;
        let (found, end) = rows(page).unwrap();
        let texts: Vec<&str> =
            found.iter().map(|row| std::str::from_utf8(&page[row.clone()]).unwrap()).collect();
        assert_eq!(texts, [r#"{"id":1,"title":"a ] \" } b","genres":["x"]}"#, r#"{"id":22}"#]);
        assert_eq!(&page[end..], br#"],"page":{}}"#);
        assert_eq!(rows(br#"{"data":[],"page":{}}"#), Some((Vec::new(), 9)));
        for bad in [&b""[..], b"[]", br#"{"data":[{"id":1}"#, br#"{"data":[}]"#] {
            assert_eq!(rows(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_row_begins_with_its_id() {
        assert_eq!(id(br#"{"id":42,"title":"x"}"#), Some((42, &br#""title":"x"}"#[..])));
        assert_eq!(id(br#"{"id":7}"#), Some((7, &b"}"[..])));
        assert_eq!(id(br#"{"title":"x"}"#), None);
    }
}
