//! Positions in a list, and their opaque text form.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{list::SortKey, movie::MovieId};

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// The movie has none.
    Missing,
    /// Votes, year, time of creation in Unix milliseconds.
    Integer(i64),
    /// Popularity, rating.
    Number(f64),
    /// Title, as its [`sort_key`](super::text::sort_key).
    Text(Vec<u8>),
}

/// Which side of a position a page is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The rows that follow it.
    After,
    /// The rows before it.
    Before,
}

/// A place between two rows: it stays right while rows come and go, since it names the sort value
/// and the id beside it, not a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The sort value of the row beside it.
    pub value: SortValue,
    /// The id of the row beside it.
    pub id: MovieId,
    /// Where the page is.
    pub side: Side,
    /// How far the search went for the page that it is of, up to 15; 0 in lists. All pages are of one stage.
    pub stage: u8,
}

impl Position {
    /// Whether the value is one that a list sorted by `key` has.
    #[must_use]
    pub const fn fits(&self, key: SortKey) -> bool {
        match self.value {
            SortValue::Missing => key.optional(),
            SortValue::Integer(_) => {
                matches!(key, SortKey::Votes | SortKey::Year | SortKey::Created)
            }
            SortValue::Number(_) => matches!(key, SortKey::Popularity | SortKey::Rating),
            SortValue::Text(_) => matches!(key, SortKey::Title),
        }
    }
}

const VERSION: u8 = 1;
const SEAL_BYTES: usize = 6;

/// A position as clients carry it: opaque, and sealed to the list that it came from. The seal finds
/// mistakes; it keeps no secret, since a position grants nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor of a position in the list that is called `list`.
    #[must_use]
    pub fn seal(position: &Position, list: &str) -> Self {
        let mut bytes =
            vec![VERSION | position.stage << 4, u8::from(position.side == Side::Before)];
        bytes.extend(position.id.get().to_be_bytes());
        match &position.value {
            SortValue::Missing => bytes.push(0),
            SortValue::Integer(value) => {
                bytes.push(1);
                bytes.extend(value.to_be_bytes());
            }
            SortValue::Number(value) => {
                bytes.push(2);
                bytes.extend(value.to_bits().to_be_bytes());
            }
            SortValue::Text(value) => {
                bytes.push(3);
                bytes.extend(value);
            }
        }
        bytes.extend(digest(&bytes, list));
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position of a cursor's text; `None` where the text was altered or belongs to another list.
    #[must_use]
    pub fn open(text: &str, list: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (bytes, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
        if digest(bytes, list) != seal {
            return None;
        }
        let (&[first, side], bytes) = bytes.split_first_chunk()?;
        let (version, stage) = (first & 0x0f, first >> 4);
        let (id, bytes) = bytes.split_first_chunk()?;
        let (&kind, bytes) = bytes.split_first()?;
        let value = match kind {
            0 if bytes.is_empty() => SortValue::Missing,
            1 => SortValue::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
            2 => SortValue::Number(f64::from_bits(u64::from_be_bytes(bytes.try_into().ok()?))),
            3 => SortValue::Text(bytes.to_vec()),
            _ => return None,
        };
        let side = if side == 1 { Side::Before } else { Side::After };
        let id = MovieId::new(i64::from_be_bytes(*id))?;
        (version == VERSION).then_some(Position { value, id, side, stage })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digest(bytes: &[u8], list: &str) -> [u8; SEAL_BYTES] {
    let whole = Sha256::new().chain_update(list).chain_update([0]).chain_update(bytes).finalize();
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&whole[..SEAL_BYTES]);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = SortValue> {
        prop_oneof![
            Just(SortValue::Missing),
            any::<i64>().prop_map(SortValue::Integer),
            (0.0f64..=100.0).prop_map(SortValue::Number),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(SortValue::Text),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_opens_as_what_was_sealed_and_in_its_own_list_only(
            value in value(), id in 1i64.., before: bool, stage in 0u8..16,
        ) {
            let side = if before { Side::Before } else { Side::After };
            let position = Position { value, id: MovieId::new(id).unwrap(), side, stage };
            let text = Cursor::seal(&position, "genre=drama").to_string();
            prop_assert_eq!(Cursor::open(&text, "genre=drama"), Some(position));
            prop_assert_eq!(Cursor::open(&text, "genre=horror"), None);
        }

        #[test]
        fn other_text_is_no_cursor(text in "\\PC{0,60}") {
            prop_assert_eq!(Cursor::open(&text, ""), None);
        }
    }
}
