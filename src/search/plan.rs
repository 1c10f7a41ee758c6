//! What is looked for, in the terms of the index.
//!
//! It depends on the stage that a search goes to: words as they are written; words with typing errors as well,
//! then with more of them; all words but one; any of the words.

use std::ops::RangeInclusive;

use crate::domain::search::SearchText;

use super::{
    error::SearchError,
    expand::{Corrections, Tolerance, completions, errors_allowed},
    filter::number,
    halves::Halves,
    index::Snapshot,
    matching::{Query, Wanted},
    phrases::Phrase,
    schema::{Fields, TextField},
    score::{How, WRITTEN_OUT, code, year_code},
    stage::Stage,
    tokens::{STARTS_MAX, is_filler, number_of_two, says_little, short_form, written_out},
};

/// Only so many words of a search are corrected: each takes a look at every dictionary.
const CORRECTED_WORDS_MAX: usize = 8;
/// Fewer letters than this are not looked for together with the word beside them and typing errors.
const JOINED_MIN: usize = 8;
/// Fillers of so many letters are taken for the beginning of another word where a text breaks off with one:
/// `12 an`, and not `horror movies`.
const BROKEN_OFF_MAX: usize = 3;

/// What was looked up for one query, whose stages ask for the same again.
#[derive(Debug, Default)]
pub(super) struct Known {
    corrections: Corrections,
    halves: Halves,
}

/// A plan of a search.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) query: Query,
    pub(super) phrases: Vec<Phrase>,
}

/// A word that is looked for.
struct Slot {
    text: String,
    quoted: bool,
    years: Option<RangeInclusive<i16>>,
    /// It may go on.
    unfinished: bool,
    /// What it is with the words beside it.
    joined: Vec<String>,
}

impl Plan {
    /// `None` where the stage does not apply: then it would find what the one before it found.
    pub(super) fn new(
        snapshot: &Snapshot,
        fields: &Fields,
        text: &SearchText,
        stage: Stage,
        known: &mut Known,
    ) -> Result<Option<Self>, SearchError> {
        let slots = slots(text);
        let mut plan = Self::default();
        plan.leave_out(fields, text);
        let required = required(&slots, stage);
        let tolerance = match stage {
            Stage::AsWritten | Stage::Corrected => Tolerance::Usual,
            // A short word alone may have been meant to be any other.
            _ if required.iter().filter(|required| **required).count() > 1 => Tolerance::OfShort,
            _ => Tolerance::More,
        };
        let only_fillers = slots.iter().all(|slot| is_filler(&slot.text));
        let (mut are_words, mut quoted) = (Vec::new(), 0);
        let mut left = CORRECTED_WORDS_MAX;
        for (slot, required) in slots.iter().zip(required) {
            let mut words = terms(snapshot, fields, slot, stage)?;
            if stage >= Stage::Corrected && !slot.quoted && !says_little(&slot.text) && left > 0 {
                left -= 1;
                words.extend_from_slice(known.halves.of(snapshot, fields, &slot.text)?);
                correct(snapshot, fields, slot, tolerance, &mut known.corrections, &mut words)?;
            }
            if slot.quoted {
                quoted += 1;
            } else if required && stage >= Stage::AllButOne {
                are_words.push(exists_at_all(snapshot, &words)?);
            }
            plan.query.fillers.push(!only_fillers && is_filler(&slot.text));
            plan.query.required.push(required);
            plan.query.words.push(words);
        }
        // One of two words may be missing only if both are words.
        let some = match are_words.as_slice() {
            [] | [_] => false,
            [one, two] => *one && *two,
            _ => true,
        };
        match stage {
            Stage::AsWritten | Stage::Corrected | Stage::Guessed => {}
            _ if !some => return Ok(None),
            Stage::AllButOne => plan.query.at_least = Some(quoted + are_words.len() - 1),
            Stage::Any => plan.query.at_least = Some(quoted + 1),
        }
        Ok(Some(plan))
    }

    /// Takes over phrases and quoted words, which no stage leaves out, and what must not be there.
    fn leave_out(&mut self, fields: &Fields, text: &SearchText) {
        for clause in text.clauses().iter().filter(|clause| clause.negative) {
            let years = clause.years().into_iter().flatten();
            let year = |year: i16| number(fields.year, u64::from(year.unsigned_abs()));
            self.query.excluded.extend(years.map(year));
            let words = clause.words.iter().flatten().map(|part| exactly(fields, part));
            let words: Vec<Vec<Wanted>> = words.collect();
            if words.len() > 1 {
                self.phrases.push(Phrase { words, negative: true });
            } else {
                self.query.excluded.extend(words.into_iter().flatten());
            }
        }
        for clause in text.clauses().iter().filter(|clause| clause.quoted && !clause.negative) {
            let words = clause.words.iter().flatten().map(|part| exactly(fields, part));
            let words: Vec<Vec<Wanted>> = words.collect();
            if words.len() > 1 {
                self.phrases.push(Phrase { words, negative: false });
            } else {
                self.query.conditions.extend(words);
            }
        }
    }
}

fn slots(text: &SearchText) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for clause in text.clauses().iter().filter(|clause| !clause.negative) {
        for word in &clause.words {
            let whole: String = word.concat();
            for part in word {
                let mut slot = Slot {
                    text: part.clone(),
                    quoted: clause.quoted,
                    years: clause.years(),
                    unfinished: false,
                    joined: Vec::new(),
                };
                if word.len() > 2 && !clause.quoted {
                    slot.joined.push(whole.clone());
                }
                if let Some(before) = slots.last_mut()
                    && !before.quoted
                    && !slot.quoted
                {
                    let both = format!("{}{}", before.text, slot.text);
                    let number = number_of_two(&before.text, &slot.text);
                    for joined in number.into_iter().chain([both]) {
                        before.joined.push(joined.clone());
                        slot.joined.push(joined);
                    }
                }
                slots.push(slot);
            }
        }
    }
    if let Some(last) = slots.last_mut().filter(|_| text.unfinished()) {
        last.unfinished = true;
    }
    slots
}

/// Which words are insisted on: those that say something, if there are any, and what was quoted.
fn required(slots: &[Slot], stage: Stage) -> Vec<bool> {
    let insisted = |slot: &Slot| slot.quoted || !says_little(&slot.text);
    let only_little = !slots.iter().any(insisted);
    let broken_off = |slot: &Slot| {
        let short = slot.text.chars().count() <= BROKEN_OFF_MAX;
        // Where words may be missing it is not one of those that suffice.
        slot.unfinished && short && is_filler(&slot.text) && stage < Stage::AllButOne
    };
    let required = |slot| only_little || insisted(slot) || broken_off(slot);
    slots.iter().map(required).collect()
}

/// Whether some movie has one of several terms.
fn exists_at_all(snapshot: &Snapshot, words: &[Wanted]) -> Result<bool, SearchError> {
    for Wanted { field, term, .. } in words {
        for part in &snapshot.parts {
            if let Some(info) = part.term(*field, term)?
                && part.count(*field, &info, 1)? > 0
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(super) fn wanted(fields: &Fields, field: TextField, text: &str, how: How) -> Wanted {
    Wanted { field: fields.text(field), term: text.as_bytes().to_vec(), code: code(field, how) }
}

fn exactly(fields: &Fields, text: &str) -> Vec<Wanted> {
    TextField::ALL.into_iter().map(|field| wanted(fields, field, text, How::Exactly)).collect()
}

/// The terms of which a movie has one if it has the word.
fn terms(
    snapshot: &Snapshot,
    fields: &Fields,
    slot: &Slot,
    stage: Stage,
) -> Result<Vec<Wanted>, SearchError> {
    let mut terms = exactly(fields, &slot.text);
    if slot.quoted {
        return Ok(terms);
    }
    if let Some(short) = short_form(&slot.text) {
        terms.push(wanted(fields, TextField::Title, short, How::Otherwise));
    }
    let otherwise = |text: &'static str| Wanted {
        field: fields.text(TextField::Title),
        term: text.as_bytes().to_vec(),
        code: WRITTEN_OUT,
    };
    terms.extend(written_out(&slot.text).map(otherwise));
    for joined in &slot.joined {
        for field in [TextField::Title, TextField::Directors, TextField::Cast, TextField::Genres] {
            terms.push(wanted(fields, field, joined, How::Joined));
        }
    }
    if let Some(meant) = &slot.years {
        years(fields, meant, stage, &mut terms);
    }
    if slot.unfinished {
        starts(snapshot, fields, slot, &mut terms)?;
    }
    Ok(terms)
}

/// Adds what a word may have been meant to be.
fn correct(
    snapshot: &Snapshot,
    fields: &Fields,
    slot: &Slot,
    tolerance: Tolerance,
    known: &mut Corrections,
    terms: &mut Vec<Wanted>,
) -> Result<(), SearchError> {
    if slot.years.is_some() {
        return Ok(());
    }
    let errors = errors_allowed(&slot.text, tolerance);
    for field in [TextField::Title, TextField::Directors, TextField::Cast, TextField::Genres] {
        let others = known.of(snapshot, fields.text(field), &slot.text, errors)?.iter();
        let of = |(other, errors): &(String, usize)| {
            wanted(fields, field, other, How::Mistyped(*errors))
        };
        terms.extend(others.map(of));
    }
    let title = TextField::Title;
    for joined in slot.joined.iter().filter(|joined| joined.chars().count() >= JOINED_MIN) {
        let others = known.of(snapshot, fields.text(title), joined, 1)?.iter();
        terms.extend(others.map(|(other, _)| wanted(fields, title, other, How::JoinedMistyped)));
    }
    Ok(())
}

fn years(fields: &Fields, meant: &RangeInclusive<i16>, stage: Stage, terms: &mut Vec<Wanted>) {
    let mut add = |year: i16, beside| {
        let term = number(fields.year, u64::from(year.unsigned_abs()));
        terms.push(Wanted { code: year_code(beside), ..term });
    };
    meant.clone().for_each(|year| add(year, false));
    if stage >= Stage::Corrected {
        add(meant.start() - 1, true);
        add(meant.end() + 1, true);
    }
}

/// The terms that begin with a word. Short beginnings are terms themselves, as too many words have
/// them; that of a name needs two letters.
fn starts(
    snapshot: &Snapshot,
    fields: &Fields,
    slot: &Slot,
    terms: &mut Vec<Wanted>,
) -> Result<(), SearchError> {
    let letters = slot.text.chars().count();
    let mut among_words = vec![TextField::Genres];
    if letters <= STARTS_MAX {
        let start = |field, of| Wanted {
            field,
            term: slot.text.as_bytes().to_vec(),
            code: code(of, How::AsStart),
        };
        terms.push(start(fields.title_starts, TextField::Title));
        if letters > 1 {
            terms.push(start(fields.name_starts, TextField::Cast));
        }
    } else {
        among_words.extend([TextField::Title, TextField::Directors, TextField::Cast]);
    }
    for field in among_words {
        let words = completions(snapshot, fields.text(field), &slot.text)?;
        terms.extend(words.iter().map(|word| wanted(fields, field, word, How::AsStart)));
    }
    Ok(())
}
