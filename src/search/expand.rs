//! Words of the index that are like a word: those that it begins, and those that it may have been
//! meant to be.
//!
//! Only words that some movie has are taken, and which are taken if there are too many does not depend
//! on how many movies have them: so an index that was written to answers like one built anew.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use tantivy::{Term, postings::TermInfo, query::FuzzyTermQuery, schema::Field};

use super::{error::SearchError, index::Snapshot, segment::Part};

/// Most words that one word is completed to in a field.
const COMPLETED_MAX: usize = 256;
/// Most words that one word is corrected to in a field.
const CORRECTED_MAX: usize = 256;
/// Most words that are looked at in a field of a segment.
const LOOKED_AT_MAX: usize = 20_000;
/// Letters of a word that is corrected, at most: the automaton that finds words like it takes some 25 KiB for
/// each. Longer ones are no words that anybody mistypes.
const CORRECTED_LETTERS_MAX: usize = 40;
/// Letters of a word in which one may stand further away: in a shorter one it is next to its place, and of a longer
/// one two errors are looked for.
const MOVED_LETTERS: std::ops::RangeInclusive<usize> = 5..=7;

/// How freely words are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// No error in a short word, two in a long one, one in between.
    Usual,
    /// Two in one of middle length as well.
    More,
    /// And one in a word of three letters.
    OfShort,
}

/// How many typing errors a word may have; none in a number, and in what is longer than any word.
pub(super) fn errors_allowed(word: &str, tolerance: Tolerance) -> u8 {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    match (word.chars().count(), tolerance) {
        (3, Tolerance::OfShort) => 1,
        (0..=3, _) => 0,
        (5..=7, Tolerance::More | Tolerance::OfShort) => 2,
        (4..=7, _) => 1,
        (8..=CORRECTED_LETTERS_MAX, _) => 2,
        _ => 0,
    }
}

/// The words of a field that begin with `start`, other than `start`: the shortest first.
pub(super) fn completions(
    snapshot: &Snapshot,
    field: Field,
    start: &str,
) -> Result<Vec<String>, SearchError> {
    let mut found = BTreeSet::new();
    for part in &snapshot.parts {
        let mut end = start.as_bytes().to_vec();
        end.push(0xff); // no byte of UTF-8
        let terms = part.index(field)?.terms();
        let mut stream = terms.range().gt(start).lt(end).into_stream()?;
        let next = || stream.next().map(|(term, info)| (term.to_vec(), info.clone()));
        gather(part, field, next, |word| (word.chars().count(), word), &mut found)?;
    }
    Ok(found.into_iter().map(|(_, word)| word).take(COMPLETED_MAX).collect())
}

/// Corrections that were looked up for one query, whose stages ask for the same again.
#[derive(Debug, Default)]
pub(super) struct Corrections(HashMap<(Field, String, u8), Vec<(String, usize)>>);

impl Corrections {
    /// As [`corrections`].
    pub(super) fn of(
        &mut self,
        snapshot: &Snapshot,
        field: Field,
        word: &str,
        errors: u8,
    ) -> Result<&[(String, usize)], SearchError> {
        Ok(match self.0.entry((field, word.to_owned(), errors)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(corrections(snapshot, field, word, errors)?),
        })
    }
}

/// The words of a field that `word` may have been meant to be, and by how many errors: fewest first,
/// those with the same first letter before others.
pub(super) fn corrections(
    snapshot: &Snapshot,
    field: Field,
    word: &str,
    errors: u8,
) -> Result<Vec<(String, usize)>, SearchError> {
    if errors == 0 || word.chars().count() > CORRECTED_LETTERS_MAX {
        return Ok(Vec::new());
    }
    let mut found = BTreeSet::new();
    let key = |other: String| {
        let same = word.chars().next() == other.chars().next();
        (errors_between(word, &other), !same, other)
    };
    for moved in moved(word) {
        if exists(snapshot, field, &moved)? {
            found.insert(key(moved));
        }
    }
    let query = FuzzyTermQuery::new(Term::from_field_text(field, word), errors, true);
    let automaton = query.automaton()?;
    for part in &snapshot.parts {
        let terms = part.index(field)?.terms();
        let mut stream = terms.search(&automaton).into_stream()?;
        let next = || stream.next().map(|(term, info)| (term.to_vec(), info.clone()));
        gather(part, field, next, key, &mut found)?;
    }
    let found = found.into_iter().filter(|(errors, ..)| *errors > 0);
    Ok(found.map(|(errors, _, word)| (word, errors)).take(CORRECTED_MAX).collect())
}

/// Whether some movie has a word in a field.
pub(super) fn exists(snapshot: &Snapshot, field: Field, word: &str) -> Result<bool, SearchError> {
    Ok(count(snapshot, field, word, 1)? > 0)
}

/// How many movies have a word in a field, counted up to `most`.
pub(super) fn count(
    snapshot: &Snapshot,
    field: Field,
    word: &str,
    most: usize,
) -> Result<usize, SearchError> {
    let mut count = 0;
    for part in &snapshot.parts {
        if count >= most {
            break;
        }
        if let Some(info) = part.term(field, word.as_bytes())? {
            count += part.count(field, &info, most - count)?;
        }
    }
    Ok(count)
}

/// Takes the words that some movie has.
fn gather<K: Ord>(
    part: &Part,
    field: Field,
    mut next: impl FnMut() -> Option<(Vec<u8>, TermInfo)>,
    key: impl Fn(String) -> K,
    found: &mut BTreeSet<K>,
) -> Result<(), SearchError> {
    let mut left = LOOKED_AT_MAX;
    while left > 0
        && let Some((term, info)) = next()
    {
        left -= 1;
        let Ok(word) = String::from_utf8(term) else { continue };
        let key = key(word);
        if !found.contains(&key) && part.count(field, &info, 1)? > 0 {
            found.insert(key);
        }
    }
    Ok(())
}

/// The letters of a word, the same for all that have the same.
pub(super) fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

/// The words that one letter of a word makes that stands further ahead or behind, as in `ghandi`; the first one
/// stays. Those that stand side by side are swapped by the automaton.
fn moved(word: &str) -> BTreeSet<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut found = BTreeSet::new();
    if !MOVED_LETTERS.contains(&letters.len()) {
        return found;
    }
    for from in 1..letters.len() {
        for to in (1..letters.len()).filter(|to| to.abs_diff(from) > 1) {
            let mut letters = letters.clone();
            let letter = letters.remove(from);
            letters.insert(to, letter);
            found.insert(letters.into_iter().collect());
        }
    }
    found
}

/// As [`distance`]; the same letters in another order are one error.
fn errors_between(word: &str, other: &str) -> usize {
    let errors = distance(word, other);
    if errors > 1 && sorted(word) == sorted(other) { 1 } else { errors }
}

/// How many letters must be added, left out, replaced or swapped with their neighbour to make one word
/// of another.
pub(super) fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in two.iter().enumerate() {
            let mut least = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *b && two[j - 1] == *a {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_swaps_once() {
        for (one, two, expected) in [
            ("godfather", "godfather", 0),
            ("godfahter", "godfather", 1),
            ("jurasic", "jurassic", 1),
            ("", "abc", 3),
            ("amelie", "emily", 4),
        ] {
            assert_eq!(distance(one, two), expected, "{one} {two}");
        }
    }

    #[test]
    fn the_same_letters_in_another_order_are_one_error() {
        for (word, other, errors) in [
            ("ghandi", "gandhi", 1),
            ("gandhi", "gandhi", 0),
            ("gandhi", "gandi", 1),
            ("abc", "cde", 3),
        ] {
            assert_eq!(errors_between(word, other), errors, "{word} {other}");
        }
        let moved = moved("ghandi");
        assert!(moved.contains("gandhi"), "{moved:?}");
        assert!(moved.iter().all(|word| word.starts_with('g')) && moved.len() <= 16, "{moved:?}");
    }

    #[test]
    fn short_words_and_numbers_must_be_right() {
        let words = ["me", "her", "pulp", "alien", "godfather", "12345678"];
        let errors = |tolerance| words.map(|word| errors_allowed(word, tolerance));
        assert_eq!(errors(Tolerance::Usual), [0, 0, 1, 1, 2, 0]);
        assert_eq!(errors(Tolerance::More), [0, 0, 1, 2, 2, 0]);
        assert_eq!(errors(Tolerance::OfShort), [0, 1, 1, 2, 2, 0]);
        let long = [40, 41].map(|letters| "a".repeat(letters));
        assert_eq!(long.map(|word| errors_allowed(&word, Tolerance::More)), [2, 0]);
    }
}
