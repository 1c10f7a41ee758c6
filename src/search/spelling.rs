//! "Did you mean": where nothing is found, the same text with the words that nothing has replaced by
//! those that come closest.

use std::{cmp::Reverse, collections::BTreeSet};

use crate::domain::search::{Clause, SearchQuery, SearchText};

use super::{
    answer::finds,
    error::SearchError,
    expand::{completions, corrections, count, distance, exists, sorted},
    filter,
    index::Snapshot,
    plan::{Known, Plan},
    schema::{Fields, TextField},
    stage::Stage,
    tokens::is_filler,
};

/// Fields whose words are proposed.
const FIELDS: [TextField; 4] =
    [TextField::Title, TextField::Directors, TextField::Cast, TextField::Genres];
/// Most errors that tantivy's automata look for.
const ERRORS_MAX: u8 = 2;
/// Words that are as close are compared by how many movies have them; so many of them are.
const COMPARED_MAX: usize = 64;
/// And counted so far.
const COUNTED_MAX: usize = 1_000;
/// So many of them are tried.
const TRIED_OF_WORD_MAX: usize = 12;
/// Texts that are tried, if the one of the likeliest words finds nothing.
const TRIED_MAX: usize = 16;

/// A word that nothing has, and those that come closest to it: the likeliest first.
struct Unknown {
    clause: usize,
    word: usize,
    part: usize,
    others: Vec<String>,
}

/// What to look for instead of what finds nothing; `None` where that would find nothing either.
pub(super) fn suggest(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &SearchQuery,
) -> Result<Option<String>, SearchError> {
    let clauses = query.text.clauses();
    let unknown = unknown(snapshot, fields, clauses)?;
    let Some(last) = unknown.last() else { return Ok(None) };
    // A word that was replaced does not go on.
    let is_last = last.clause + 1 == clauses.len()
        && last.part + 1 == clauses[last.clause].words[last.word].len();
    let end = if is_last { " " } else { "" };
    // The likeliest words first: by how many places all of them together are from that.
    let mut left = BTreeSet::from([(0, vec![0; unknown.len()])]);
    for _ in 0..TRIED_MAX {
        let Some((rank, choice)) = left.pop_first() else { break };
        let mut clauses = clauses.to_vec();
        for (Unknown { clause, word, part, others }, choice) in unknown.iter().zip(&choice) {
            clauses[*clause].words[*word][*part].clone_from(&others[*choice]);
        }
        let text = written(&clauses);
        if finds_something(snapshot, fields, query, &format!("{text}{end}"))? {
            return Ok(Some(text));
        }
        for (n, Unknown { others, .. }) in unknown.iter().enumerate() {
            let mut next = choice.clone();
            next[n] += 1;
            if next[n] < others.len() {
                left.insert((rank + 1, next));
            }
        }
    }
    Ok(None)
}

/// The words that nothing has and others come close to.
fn unknown(
    snapshot: &Snapshot,
    fields: &Fields,
    clauses: &[Clause],
) -> Result<Vec<Unknown>, SearchError> {
    let mut unknown = Vec::new();
    for (clause, of) in clauses.iter().enumerate() {
        // A year is found by itself.
        if of.negative || of.years().is_some() {
            continue;
        }
        for (word, parts) in of.words.iter().enumerate() {
            for (part, text) in parts.iter().enumerate() {
                let others = closest(snapshot, fields, text)?;
                if !others.is_empty() {
                    unknown.push(Unknown { clause, word, part, others });
                }
            }
        }
    }
    Ok(unknown)
}

/// The text that means these clauses.
fn written(clauses: &[Clause]) -> String {
    let written = clauses.iter().map(|Clause { negative, quoted, words }| {
        let minus = if *negative { "-" } else { "" };
        let quote = if *quoted { "\"" } else { "" };
        let words: Vec<String> = words.iter().map(|parts| parts.join("-")).collect();
        format!("{minus}{quote}{}{quote}", words.join(" "))
    });
    written.collect::<Vec<_>>().join(" ")
}

fn finds_something(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &SearchQuery,
    text: &str,
) -> Result<bool, SearchError> {
    let Ok(text) = SearchText::parse(text) else { return Ok(false) };
    let mut known = Known::default();
    let Some(mut plan) = Plan::new(snapshot, fields, &text, Stage::AsWritten, &mut known)? else {
        return Ok(false);
    };
    filter::add(&mut plan.query, fields, &query.filter);
    finds(snapshot, fields, &plan, 1)
}

/// The words that come closest to one that nothing has, with as few errors each; none where something
/// has it. Those with the same letters come first, then those that most movies have.
fn closest(snapshot: &Snapshot, fields: &Fields, word: &str) -> Result<Vec<String>, SearchError> {
    let letters = word.chars().count();
    for field in TextField::ALL {
        if exists(snapshot, fields.text(field), word)? {
            return Ok(Vec::new());
        }
    }
    let errors = match letters {
        0..=2 => 0,
        3 => 1,
        _ => ERRORS_MAX,
    };
    let mut found = Vec::new();
    for field in FIELDS {
        found.extend(corrections(snapshot, fields.text(field), word, errors)?);
    }
    if found.is_empty() && letters > usize::from(2 * ERRORS_MAX) {
        let start: String = word.chars().take(2).collect();
        for field in FIELDS {
            let others = completions(snapshot, fields.text(field), &start)?;
            found.extend(
                others.into_iter().map(|other| (distance(word, &other), other)).filter_map(
                    |(errors, other)| (errors <= letters / 3).then_some((other, errors)),
                ),
            );
        }
    }
    let own = sorted(word);
    // Fillers are near to any short word.
    found.retain(|(other, _)| !is_filler(other) || sorted(other) == own);
    let Some(fewest) = found.iter().map(|(_, errors)| *errors).min() else {
        return Ok(Vec::new());
    };
    found.retain(|(_, errors)| *errors == fewest);
    let first = word.chars().next();
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(other, _)| (sorted(&other) != own, other.chars().next() != first, other))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(COMPARED_MAX);
    let mut counted = Vec::with_capacity(found.len());
    for (others_letters, _, other) in found {
        let mut movies = 0;
        for field in FIELDS {
            movies += count(snapshot, fields.text(field), &other, COUNTED_MAX)?;
        }
        counted.push((others_letters, Reverse(movies), other));
    }
    counted.sort_unstable();
    Ok(counted.into_iter().map(|(_, _, other)| other).take(TRIED_OF_WORD_MAX).collect())
}
