//! Words that are written as one, and that a title or a name writes apart: `starwars`, `rocky2`, `deniro`.
//!
//! Few movies have two such words one after the other; they are told by their ids.

use std::collections::{HashMap, hash_map::Entry};

use tantivy::schema::Field;

use super::{
    answer::most_famous,
    error::SearchError,
    expand::exists,
    filter::number,
    index::Snapshot,
    matching::{Query, Wanted},
    phrases::Phrase,
    plan::{Plan, wanted},
    schema::{Fields, TextField},
    score::{How, code},
};

/// Fields that write words apart.
const FIELDS: [TextField; 3] = [TextField::Title, TextField::Directors, TextField::Cast];
/// Fewer letters than this are not half of a word, unless it ends where digits begin.
const HALF_MIN: usize = 2;
/// Most movies that are found by two halves of one word in a field.
const HALVED_MAX: usize = 64;

/// Halves that were looked up for one query, whose stages ask for the same again.
#[derive(Debug, Default)]
pub(super) struct Halves(HashMap<String, Vec<Wanted>>);

impl Halves {
    /// The movies that have a word as two, or as two and a number.
    pub(super) fn of(
        &mut self,
        snapshot: &Snapshot,
        fields: &Fields,
        word: &str,
    ) -> Result<&[Wanted], SearchError> {
        Ok(match self.0.entry(word.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(halves(snapshot, fields, word)?),
        })
    }
}

fn halves(snapshot: &Snapshot, fields: &Fields, word: &str) -> Result<Vec<Wanted>, SearchError> {
    let mut terms = Vec::new();
    for field in FIELDS {
        for pieces in pieces(snapshot, fields.text(field), word)? {
            let words = pieces.iter().map(|piece| vec![wanted(fields, field, piece, How::Exactly)]);
            let words: Vec<Vec<Wanted>> = words.collect();
            let required = vec![true; words.len()];
            let query = Query { words: words.clone(), required, ..Query::default() };
            let plan = Plan { query, phrases: vec![Phrase { words, negative: false }] };
            let code = code(field, How::Halved);
            for id in most_famous(snapshot, fields, &plan, HALVED_MAX)? {
                terms.push(Wanted { code, ..number(fields.id, id) });
            }
        }
    }
    Ok(terms)
}

/// What a word may be made of, of words of a field.
fn pieces<'w>(
    snapshot: &Snapshot,
    field: Field,
    word: &'w str,
) -> Result<Vec<Vec<&'w str>>, SearchError> {
    let mut found = Vec::new();
    for (one, two) in cuts(word) {
        if !exists(snapshot, field, two)? {
            continue;
        }
        if exists(snapshot, field, one)? {
            found.push(vec![one, two]);
        } else if is_number(two) {
            // `toystory3`
            for (first, second) in cuts(one) {
                if exists(snapshot, field, first)? && exists(snapshot, field, second)? {
                    found.push(vec![first, second, two]);
                }
            }
        }
    }
    Ok(found)
}

/// A word's two halves, wherever it may be cut.
fn cuts(word: &str) -> impl Iterator<Item = (&str, &str)> {
    let halves = word.char_indices().skip(1).map(|(at, _)| word.split_at(at));
    halves.filter(|(one, two)| {
        let digits_begin = one.ends_with(is_digit) != two.starts_with(is_digit);
        digits_begin || (one.chars().count() >= HALF_MIN && two.chars().count() >= HALF_MIN)
    })
}

fn is_number(text: &str) -> bool {
    text.chars().all(is_digit)
}

const fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_has_two_letters_or_ends_where_digits_begin() {
        for (word, expected) in [
            ("starwars", &["st arwars", "sta rwars", "star wars", "starw ars", "starwa rs"][..]),
            ("saw2", &["sa w2", "saw 2"]),
            ("x2", &["x 2"]),
            ("9to5", &["9 to5", "9t o5", "9to 5"]),
            ("abc", &[]),
            ("été2", &["ét é2", "été 2"]),
        ] {
            let halves: Vec<String> = cuts(word).map(|(one, two)| format!("{one} {two}")).collect();
            assert_eq!(halves, expected, "{word}");
        }
    }
}
