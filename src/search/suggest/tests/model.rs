//! A model that knows what is stored and looks at all of it.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    domain::{
        movie::MovieId,
        suggest::{Kind, SuggestQuery, Suggestion, fold},
    },
    search::suggest::{
        item::Item,
        score,
        typing::{
            Entry, Typed, entries, is_filler, name_entries, same_numbers, same_short, slips_of,
        },
    },
};

/// Whether a step finds a text, and by how much its score is raised.
type Step<'a> = Box<dyn Fn(&Known) -> Option<i32> + 'a>;

/// A text that may be suggested.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) row: Suggestion,
    key: String,
    /// Where it is entered, and whether as a beginning.
    entries: Vec<(String, bool)>,
    pub(super) score: i32,
    tie: u64,
}

pub(super) fn known(items: &BTreeMap<MovieId, Item>) -> Vec<Known> {
    let mut all = Vec::new();
    let mut credits: BTreeMap<&str, u32> = BTreeMap::new();
    for item in items.values() {
        for (name, role) in &item.people {
            *credits.entry(name).or_default() += score::credit(item.score, *role);
        }
        let folded = fold(&item.title);
        let entered = entries(&folded.text, &folded.elided).map(|entry| match entry {
            Entry::Start(at) => (folded.text[usize::from(at)..].to_owned(), true),
            Entry::Later(at) => (folded.text[usize::from(at)..].to_owned(), false),
        });
        all.push(Known {
            row: Suggestion {
                kind: Kind::Movie,
                text: item.title.clone(),
                id: Some(item.id),
                year: item.year,
            },
            entries: entered.collect(),
            score: i32::from(item.score),
            tie: item.id.get().cast_unsigned(),
            key: folded.text,
        });
    }
    for (name, credit) in credits {
        let folded = fold(name);
        let entered = name_entries(&folded.text, &folded.elided);
        let mut texts = crate::search::suggest::texts::Texts::default();
        texts.push(&folded.text, name, &[]);
        all.push(Known {
            row: Suggestion { kind: Kind::Person, text: name.to_owned(), id: None, year: None },
            entries: entered
                .into_iter()
                .map(|at| (folded.text[usize::from(at)..].to_owned(), true))
                .collect(),
            score: i32::from(score::of_person(credit)),
            tie: score::tie(texts.get(0)),
            key: folded.text,
        });
    }
    all
}

/// Whether `typed` is `meant` (or how it begins) with so many slips, of two slips at most one in the
/// first half: by trying everything.
fn is_within(typed: &[char], meant: &[char], is_beginning: bool, most: u8) -> bool {
    fn go(
        t: &[char],
        m: &[char],
        beginning: bool,
        most: u8,
        left: u8,
        half: usize,
        at: usize,
    ) -> bool {
        if t.is_empty() {
            return beginning || m.len() <= usize::from(left);
        }
        if !m.is_empty()
            && t[0] == m[0]
            && go(&t[1..], &m[1..], beginning, most, left, half, at + 1)
        {
            return true;
        }
        if left == 0 || (most == 2 && left == 1 && at < half) {
            return false;
        }
        let less = left - 1;
        go(&t[1..], m, beginning, most, less, half, at + 1)
            || (!m.is_empty()
                && (go(&t[1..], &m[1..], beginning, most, less, half, at + 1)
                    || go(t, &m[1..], beginning, most, less, half, at)))
            || (t.len() > 1
                && m.len() > 1
                && (t[0], t[1]) == (m[1], m[0])
                && go(&t[2..], &m[2..], beginning, most, less, half, at + 2))
    }
    go(typed, meant, is_beginning, most, most, typed.len() / 2, 0)
}

/// What a text may be that was typed otherwise.
#[derive(Clone, Copy, PartialEq)]
enum Fits {
    All,
    /// Names only.
    Names,
    /// Where its last word is finished.
    Words,
}

fn phrase(known: &Known, text: &str, fits: Fits) -> Option<i32> {
    if fits == Fits::Names && known.row.kind == Kind::Movie {
        return None;
    }
    let found = known.entries.iter().filter_map(|(entry, is_start)| {
        let rest = entry.strip_prefix(text)?;
        let is_word = rest.is_empty() || rest.starts_with(' ');
        if fits == Fits::Words && !is_word {
            return None;
        }
        let weight = match (known.row.kind, is_start) {
            (Kind::Movie, true) if rest.is_empty() => 1500,
            (Kind::Movie, false) => -1200 + if is_word { 400 } else { 0 },
            _ if is_word => 400,
            _ => 0,
        };
        Some(weight)
    });
    found.max()
}

pub(super) fn model(all: &[Known], query: &SuggestQuery) -> Vec<Suggestion> {
    let text = query.text.as_str();
    let words: Vec<&str> = text.split(' ').collect();
    let mut steps: Vec<Step<'_>> = vec![Box::new(|known| phrase(known, text, Fits::All))];
    let mut spaced: Vec<(String, Fits)> = Vec::new();
    for n in 1..words.len() {
        let (before, after) = (words[..n].join(" "), words[n..].join(" "));
        spaced.push((format!("{before}{after}"), Fits::All));
    }
    let mut at = 0;
    for word in &words {
        for (cut, _) in word.char_indices().skip(1) {
            if word.len() > 2 {
                let (before, after) = text.split_at(at + cut);
                let fits = if is_filler(&word[..cut]) { Fits::Names } else { Fits::All };
                spaced.push((format!("{before} {after}"), fits));
            }
        }
        at += word.len() + 1;
    }
    for (n, word) in words.iter().enumerate() {
        let otherwise = |other| [&words[..n], &[other], &words[n + 1..]].concat().join(" ");
        for other in same_numbers(word, n == 0) {
            spaced.push((otherwise(other), Fits::All));
        }
        if let Some(other) = same_short(word) {
            let fits = if n + 1 == words.len() { Fits::Words } else { Fits::All };
            spaced.push((otherwise(other), fits));
        }
    }
    steps.push(Box::new(move |known| {
        spaced.iter().filter_map(|(text, fits)| phrase(known, text, *fits)).max()
    }));
    let longest = words.iter().map(|word| word.chars().count()).max().unwrap();
    let n = words.iter().position(|word| word.chars().count() == longest).unwrap();
    let (anchor, is_last) = (words[n], n + 1 == words.len());
    let has_anchor = move |known: &Known, most: u8| {
        let typed: Vec<char> = anchor.chars().collect();
        let weights = known.entries.iter().filter_map(|(entry, is_start)| {
            let word: Vec<char> = entry.split(' ').next().unwrap().chars().collect();
            is_within(&typed, &word, is_last, most).then_some(if *is_start { 0 } else { -1200 })
        });
        weights.max()
    };
    let words = &words;
    let sum = |known: &Known, most| Typed::new(words).slips_in(&known.key, most);
    let room = slips_of(anchor);
    if words.len() == 1 {
        for slips in 1..=room.min(2) {
            steps.push(Box::new(move |known| has_anchor(known, slips)));
        }
    } else {
        let all_max = Typed::new(words).slips_max();
        let with = move |known: &Known, most: u8, slips: u8| {
            (has_anchor(known, most).is_some()
                && sum(known, all_max).is_some_and(|sum| sum <= slips))
            .then_some(0)
        };
        steps.push(Box::new(move |known| with(known, 0, 0)));
        for slips in 1..=all_max {
            for most in 0..=slips.min(room) {
                steps.push(Box::new(move |known| with(known, most, slips)));
            }
        }
    }
    let singles = if words.len() == 1 { 3 } else { 3 + 1 + usize::from(room.min(1)) };
    let mut rows: Vec<&Known> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        // Two slips only where nothing else was found.
        if number >= singles && !rows.is_empty() && number == singles {
            break;
        }
        let mut found: Vec<(i32, &Known)> = all
            .iter()
            .filter(|known| query.kinds.has(known.row.kind))
            .filter_map(|known| Some((known.score + step(known)?, known)))
            .collect();
        found.sort_by_key(|(score, known)| (-score, known.row.kind, known.tie));
        for (_, known) in found {
            let reads = |row: &Known| (row.row.kind, row.key.clone(), row.row.year);
            if rows.len() < usize::from(query.limit)
                && !rows.iter().any(|row| reads(row) == reads(known))
            {
                rows.push(known);
            }
        }
        if number == 0 {
            give_the_whole_a_row(&mut rows, all, query);
        }
    }
    rows.into_iter().map(|known| known.row.clone()).collect()
}

/// The best-known title that is all that was typed has a row, if no such title has.
fn give_the_whole_a_row<'a>(rows: &mut Vec<&'a Known>, all: &'a [Known], query: &SuggestQuery) {
    let is_all = |known: &&Known| known.row.kind == Kind::Movie && known.key == query.text;
    let best = all.iter().filter(is_all).max_by_key(|known| (known.score, Reverse(known.tie)));
    let Some(best) = best.filter(|best| query.kinds.has(best.row.kind)) else { return };
    if rows.len() == usize::from(query.limit) && !rows.iter().any(is_all) {
        rows.pop();
        rows.insert(rows.len().min(2), best);
    }
}
