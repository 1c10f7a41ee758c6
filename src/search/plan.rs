//! What is looked for, in the terms of the index.
//!
//! A search goes through stages until one finds enough: words as they are written; words with typing
//! errors as well, then with more of them; all words but one; any of the words. What counts is what is
//! found without the filter, so that a filter never widens a search, and counts of facets hold when one
//! of them is chosen.

use std::ops::RangeInclusive;

use crate::domain::search::{Clause, SearchText};

use super::{
    answer::most_famous,
    error::SearchError,
    expand::{Corrections, completions, errors_allowed, exists},
    filter::number,
    index::Snapshot,
    matching::{Query, Wanted},
    phrases::Phrase,
    schema::{Fields, TextField},
    score::{How, code, year_code},
    tokens::{STARTS_MAX, is_filler, number_of_two, short_form},
};

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Words as they are written.
    AsWritten,
    /// Words with typing errors, words that a title writes as two, and years beside those that are
    /// given, as well.
    Corrected,
    /// Words with more typing errors.
    Guessed,
    /// All words but one.
    AllButOne,
    /// Any of the words.
    Any,
}

impl Stage {
    /// Every stage, in the order in which they are tried.
    pub(super) const ALL: [Self; 5] =
        [Self::AsWritten, Self::Corrected, Self::Guessed, Self::AllButOne, Self::Any];

    /// As it stands in a cursor.
    pub(super) fn number(self) -> u8 {
        let at = Self::ALL.iter().position(|stage| *stage == self);
        at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or_default()
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.number() == number)
    }

    /// How many movies it must find to be the last one.
    pub(super) const fn enough(self) -> usize {
        if matches!(self, Self::AsWritten) { ENOUGH } else { 1 }
    }
}

/// Words as they are written are trusted if they find so many movies.
const ENOUGH: usize = 10;
/// Only so many words of a search are corrected: each takes a look at every dictionary.
const CORRECTED_WORDS_MAX: usize = 8;
/// Fewer letters than this are not half of a word that a title writes as two.
const HALF_MIN: usize = 2;
/// Most movies that are found by the halves of one word.
const HALVED_MAX: usize = 64;
/// Fewer letters than this are not looked for together with the word beside them and typing errors.
const JOINED_MIN: usize = 8;

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
        known_corrections: &mut Corrections,
    ) -> Result<Option<Self>, SearchError> {
        let slots = slots(text);
        let mut plan = Self::default();
        plan.leave_out(fields, text);
        let insisted = |slot: &Slot| slot.quoted || !is_filler(&slot.text);
        let only_fillers = !slots.iter().any(insisted);
        let (mut known, mut quoted) = (Vec::new(), 0);
        let mut left = CORRECTED_WORDS_MAX;
        for slot in &slots {
            let required = only_fillers || insisted(slot);
            let mut words = terms(snapshot, fields, slot, stage)?;
            if stage >= Stage::Corrected && !slot.quoted && !is_filler(&slot.text) && left > 0 {
                left -= 1;
                halves(snapshot, fields, slot, &mut words)?;
                correct(snapshot, fields, slot, stage, known_corrections, &mut words)?;
            }
            if slot.quoted {
                quoted += 1;
            } else if required && stage >= Stage::AllButOne {
                known.push(exists_at_all(snapshot, &words)?);
            }
            plan.query.required.push(required);
            plan.query.words.push(words);
        }
        // One of two words may be missing only if both are words.
        let some = match known.as_slice() {
            [] | [_] => false,
            [one, two] => *one && *two,
            _ => true,
        };
        match stage {
            Stage::AsWritten | Stage::Corrected | Stage::Guessed => {}
            _ if !some => return Ok(None),
            Stage::AllButOne => plan.query.at_least = Some(quoted + known.len() - 1),
            Stage::Any => plan.query.at_least = Some(quoted + 1),
        }
        Ok(Some(plan))
    }

    /// Takes over phrases and quoted words, which no stage leaves out, and what must not be there.
    fn leave_out(&mut self, fields: &Fields, text: &SearchText) {
        for clause in text.clauses() {
            let Clause { negative, words, .. } = clause;
            let parts: Vec<&String> = words.iter().flatten().collect();
            let words = parts.iter().map(|part| exactly(fields, part));
            match parts.as_slice() {
                [_] if *negative => {
                    self.query.excluded.extend(words.flatten());
                    let years = clause.years().into_iter().flatten();
                    let year = |year: i16| number(fields.year, u64::from(year.unsigned_abs()));
                    self.query.excluded.extend(years.map(year));
                }
                [_, _, ..] if *negative => {
                    self.phrases.push(Phrase { words: words.collect(), negative: true });
                }
                _ => {}
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

/// Movies whose title writes a word as two: `starwars`, `chainsaw`. There are few; they are told by
/// their ids.
fn halves(
    snapshot: &Snapshot,
    fields: &Fields,
    slot: &Slot,
    terms: &mut Vec<Wanted>,
) -> Result<(), SearchError> {
    let title = fields.text(TextField::Title);
    for (at, _) in slot.text.char_indices().skip(HALF_MIN) {
        let (one, two) = slot.text.split_at(at);
        if two.chars().count() < HALF_MIN
            || !exists(snapshot, title, one)?
            || !exists(snapshot, title, two)?
        {
            continue;
        }
        let words: Vec<Vec<Wanted>> = [one, two]
            .map(|half| vec![wanted(fields, TextField::Title, half, How::Exactly)])
            .into();
        let query = Query { words: words.clone(), required: vec![true; 2], ..Query::default() };
        let plan = Plan { query, phrases: vec![Phrase { words, negative: false }] };
        let code = code(TextField::Title, How::Halved);
        for id in most_famous(snapshot, fields, &plan, HALVED_MAX)? {
            terms.push(Wanted { code, ..number(fields.id, id) });
        }
    }
    Ok(())
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

fn wanted(fields: &Fields, field: TextField, text: &str, how: How) -> Wanted {
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
        terms.push(wanted(fields, TextField::Title, short, How::Exactly));
    }
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
    stage: Stage,
    known: &mut Corrections,
    terms: &mut Vec<Wanted>,
) -> Result<(), SearchError> {
    if slot.years.is_some() {
        return Ok(());
    }
    let errors = errors_allowed(&slot.text, stage >= Stage::Guessed);
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
