//! "Did you mean": where nothing is found, the same text with the words that nothing has replaced by
//! those that come closest.

use crate::domain::search::{SearchQuery, SearchText};

use super::{
    answer::finds,
    error::SearchError,
    expand::{Corrections, completions, corrections, count, distance, exists},
    filter,
    index::Snapshot,
    plan::{Plan, Stage},
    schema::{Fields, TextField},
};

/// Fields whose words are proposed.
const FIELDS: [TextField; 4] =
    [TextField::Title, TextField::Directors, TextField::Cast, TextField::Genres];
/// Most errors that tantivy's automata look for.
const ERRORS_MAX: u8 = 2;
/// Words that are as close are compared by how many movies have them; so many of them are.
const COMPARED_MAX: usize = 32;
/// And counted so far.
const COUNTED_MAX: usize = 1_000;

/// What to look for instead of what finds nothing; `None` where that would find nothing either.
pub(super) fn suggest(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &SearchQuery,
) -> Result<Option<String>, SearchError> {
    let mut changed = false;
    let mut text = String::new();
    for clause in query.text.clauses() {
        let mut words = Vec::new();
        for word in &clause.words {
            let mut parts = Vec::new();
            for part in word {
                let other = if clause.negative { None } else { closest(snapshot, fields, part)? };
                changed |= other.is_some();
                parts.push(other.unwrap_or_else(|| part.clone()));
            }
            words.push(parts.join("-"));
        }
        let minus = if clause.negative { "-" } else { "" };
        let quote = if clause.quoted { "\"" } else { "" };
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend([minus, quote, &words.join(" "), quote]);
    }
    if !changed {
        return Ok(None);
    }
    let Ok(other) = SearchText::parse(&text) else { return Ok(None) };
    let mut known = Corrections::default();
    let Some(mut plan) = Plan::new(snapshot, fields, &other, Stage::AsWritten, &mut known)? else {
        return Ok(None);
    };
    filter::add(&mut plan.query, fields, &query.filter);
    Ok(finds(snapshot, fields, &plan, 1)?.then_some(text))
}

/// The word that comes closest to one that nothing has.
fn closest(
    snapshot: &Snapshot,
    fields: &Fields,
    word: &str,
) -> Result<Option<String>, SearchError> {
    let letters = word.chars().count();
    for field in TextField::ALL {
        if exists(snapshot, fields.text(field), word)? {
            return Ok(None);
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
    found.sort_by(|(a, a_errors), (b, b_errors)| (a_errors, a).cmp(&(b_errors, b)));
    found.dedup();
    let Some(fewest) = found.first().map(|(_, errors)| *errors) else { return Ok(None) };
    let mut best: Option<(usize, String)> = None;
    for (other, _) in
        found.into_iter().take_while(|(_, errors)| *errors == fewest).take(COMPARED_MAX)
    {
        let mut movies = 0;
        for field in FIELDS {
            movies += count(snapshot, fields.text(field), &other, COUNTED_MAX)?;
        }
        if best.as_ref().is_none_or(|(most, _)| movies > *most) {
            best = Some((movies, other));
        }
    }
    Ok(best.map(|(_, other)| other))
}
