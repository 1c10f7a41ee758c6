//! How an answer is found: in steps, each of which looks for what the ones before did not find, until
//! there are as many rows as were asked for.
//!
//! 1. Titles and names in which the words stand as they were typed, the last one perhaps unfinished.
//! 2. The same with two words typed as one (`star wars`, `starwars`) or one as two (`god father`).
//! 3. All words, in any order and apart (`potter azkaban`).
//! 4. One slip; and only if nothing was found so far, two.
//!
//! Within a step, rows are ordered by score, which is raised where the words are all of the title or
//! end where a word does, and lowered where they are not at its beginning.

use std::{cmp::Ordering, collections::BinaryHeap, ops::Range};

use crate::domain::suggest::{Kind, SuggestQuery, Suggestion};

use super::{
    segment::{Array, Segment},
    typing::{SLIPS_MAX, Typed, is_filler, slips_of},
    view::View,
    vocabulary::Sought,
};

/// Texts that a step looks at where not all words are next to each other, the best known first.
const LOOKS_MAX: usize = 24;
/// Unless there are not more than so many: then all are looked at.
const FEW: usize = 192;
/// Places that a step may pass over because they repeat a row.
const REPEATS_MAX: usize = 256;
/// Words of a query that has these steps at all.
const WORDS_MAX: usize = 10;

/// Raises and lowers of scores.
mod weight {
    /// The words are the whole title.
    pub(super) const WHOLE: i32 = 1500;
    /// The last word is finished.
    pub(super) const WORD: i32 = 400;
    /// The words are within the title, not at its beginning.
    pub(super) const LATER: i32 = -1200;
}

/// Answers a query.
pub(super) fn answer(view: &View, query: &SuggestQuery) -> Vec<Suggestion> {
    let words: Vec<&str> = query.text.split(' ').collect();
    let mut asking =
        Asking { view, query, words: &words, rows: Vec::new(), later: Default::default() };
    asking.as_typed();
    if asking.words.len() <= WORDS_MAX {
        asking.spaced_otherwise();
        asking.in_any_order();
        asking.with_slips(1);
        if asking.rows.is_empty() {
            asking.with_slips(2);
        }
    }
    asking.rows.into_iter().map(|row| suggestion(view, row)).collect()
}

/// A query while it is answered.
struct Asking<'a> {
    view: &'a View,
    query: &'a SuggestQuery,
    words: &'a [&'a str],
    rows: Vec<Row>,
    /// What was looked at and has all words with one slip more than were allowed, or with two.
    later: [Vec<Row>; SLIPS_MAX],
}

/// A row of the answer: which, of which layer.
#[derive(Clone, Copy)]
struct Row {
    kind: Kind,
    layer: usize,
    n: u32,
}

impl<'a> Asking<'a> {
    fn is_full(&self) -> bool {
        self.rows.len() >= usize::from(self.query.limit)
    }

    fn arrays(&self) -> impl Iterator<Item = Array> + use<> {
        let kinds = self.query.kinds;
        Array::ALL.into_iter().filter(move |array| kinds.has(array.kind()))
    }

    fn layers(&self) -> impl Iterator<Item = (usize, &'a Segment)> + use<'a> {
        let layers = self.view.layers.iter().map(|layer| &*layer.segment);
        layers.enumerate().filter(|(_, segment)| segment.movies() + segment.people() > 0)
    }

    fn as_typed(&mut self) {
        let mut found = Found::new(self.view);
        for (layer, segment) in self.layers() {
            self.offer_phrase(&mut found, layer, segment, &self.query.text);
        }
        self.take(found, usize::MAX, |_| Some(0), 0);
    }

    fn offer_phrase(&self, found: &mut Found<'_>, layer: usize, segment: &Segment, text: &str) {
        for (array, range) in segment.phrase(text, self.arrays()) {
            let suffixes = &segment.arrays[array as usize];
            let (whole, word) = suffixes.ends(segment.texts(array), range.clone(), text.len());
            let (base, end) = match array {
                Array::Starts => (0, weight::WHOLE),
                Array::Later => (weight::LATER, weight::LATER + weight::WORD),
                Array::Names => (0, weight::WORD),
            };
            found.offer(layer, array, end, range.start..whole);
            found.offer(layer, array, base + weight::WORD, whole..word);
            found.offer(layer, array, base, word..range.end);
        }
    }

    fn spaced_otherwise(&mut self) {
        if self.is_full() {
            return;
        }
        let mut found = Found::new(self.view);
        for (layer, segment) in self.layers() {
            for n in 1..self.words.len() {
                let mut text = String::with_capacity(self.query.text.len());
                for (m, word) in self.words.iter().enumerate() {
                    if m > 0 && m != n {
                        text.push(' ');
                    }
                    text.push_str(word);
                }
                self.offer_phrase(&mut found, layer, segment, &text);
            }
            let mut at = 0;
            for word in self.words {
                for cut in segment.words.cuts(word) {
                    if word.len() > 2 && !is_filler(&word[..cut]) {
                        let (before, after) = self.query.text.split_at(at + cut);
                        self.offer_phrase(&mut found, layer, segment, &format!("{before} {after}"));
                    }
                }
                at += word.len() + 1;
            }
        }
        self.take(found, usize::MAX, |_| Some(0), 0);
    }

    /// The word by which texts are looked up that have others too: the longest one, which is most
    /// often the rarest.
    fn anchor(&self) -> (usize, Sought) {
        let lengths = self.words.iter().map(|word| word.chars().count());
        let longest = lengths.enumerate().max_by_key(|(n, length)| (*length, usize::MAX - n));
        let n = longest.map_or(0, |(n, _)| n);
        (n, if n + 1 == self.words.len() { Sought::Beginning } else { Sought::Word })
    }

    fn in_any_order(&mut self) {
        if self.words.len() > 1 && !self.is_full() {
            self.by_anchor(0, 0);
        }
    }

    /// Texts that have the anchor with up to `most` slips, and all words with up to `sum`.
    fn by_anchor(&mut self, most: u8, sum: u8) {
        let (n, sought) = self.anchor();
        let anchor = self.words[n];
        let mut places: Vec<(usize, Array, Range<usize>)> = Vec::new();
        for (layer, segment) in self.layers() {
            let ranges = match most {
                0 => segment.words.find(anchor, sought).into_iter().collect(),
                _ => segment.words.find_with_slips(anchor, sought, most),
            };
            for words in ranges {
                places.extend(self.arrays().filter_map(|array| {
                    let range = segment.words.places(&words, array as usize);
                    (!range.is_empty()).then_some((layer, array, range))
                }));
            }
        }
        let mut found = Found::new(self.view);
        if self.words.len() == 1 {
            for (layer, array, range) in places {
                let weight = if array == Array::Later { weight::LATER } else { 0 };
                found.offer(layer, array, weight, range);
            }
            return self.take(found, usize::MAX, |_| Some(0), sum);
        }
        let typed = Typed::new(self.words);
        // No step looks at the same texts again: what has more slips than this one is after is kept.
        let within = typed.slips_max();
        let fits = |key: &str| typed.slips_in(key, within);
        let is_few = places.iter().map(|(_, _, range)| range.len()).sum::<usize>() <= FEW;
        for (layer, array, range) in places {
            if !is_few {
                found.offer(layer, array, 0, range);
                continue;
            }
            let segment = &self.view.layers[layer].segment;
            for place in range {
                let n = segment.arrays[array as usize].text(place);
                if fits(segment.record(array.kind(), n).key).is_some() {
                    found.offer(layer, array, 0, place..place + 1);
                }
            }
        }
        self.take(found, if is_few { usize::MAX } else { LOOKS_MAX }, fits, sum);
    }

    fn with_slips(&mut self, slips: u8) {
        let (n, _) = self.anchor();
        let most = slips.min(slips_of(self.words[n]));
        if self.is_full() {
            return;
        }
        if self.words.len() == 1 {
            if most == slips {
                self.by_anchor(most, slips);
            }
            return;
        }
        for row in std::mem::take(&mut self.later[usize::from(slips) - 1]) {
            if !self.is_full() && !self.repeats(row) {
                self.rows.push(row);
            }
        }
        if most == slips && !self.is_full() {
            self.by_anchor(most, slips);
        }
    }

    /// Takes rows in the order of their scores, until there are enough or `looks` were looked at.
    /// `slips` says how many a text has, or that it does not fit; those with more than `most` are kept
    /// for later.
    fn take(
        &mut self,
        mut found: Found<'_>,
        looks: usize,
        slips: impl Fn(&str) -> Option<u8>,
        most: u8,
    ) {
        let (mut looked, mut repeated) = (0, 0);
        while !self.is_full() && looked < looks && repeated < REPEATS_MAX {
            let Some(row) = found.next() else { return };
            looked += 1;
            let key = self.view.layers[row.layer].segment.record(row.kind, row.n).key;
            let Some(slips) = slips(key) else { continue };
            if self.repeats(row) {
                repeated += 1;
            } else if slips <= most {
                self.rows.push(row);
            } else {
                self.later[usize::from(slips) - 1].push(row);
            }
        }
    }

    /// Whether there is a row already that reads the same.
    fn repeats(&self, row: Row) -> bool {
        let read = |row: Row| {
            let segment = &self.view.layers[row.layer].segment;
            let year = match row.kind {
                Kind::Movie => segment.years[row.n as usize],
                Kind::Person => 0,
            };
            (segment.record(row.kind, row.n).key, year)
        };
        let reads = read(row);
        self.rows.iter().any(|other| other.kind == row.kind && read(*other) == reads)
    }
}

fn suggestion(view: &View, row: Row) -> Suggestion {
    let segment = &view.layers[row.layer].segment;
    let text = segment.record(row.kind, row.n).written();
    match row.kind {
        Kind::Movie => Suggestion {
            kind: row.kind,
            text,
            id: Some(segment.ids[row.n as usize]),
            year: segment.year(row.n),
        },
        Kind::Person => Suggestion { kind: row.kind, text, id: None, year: None },
    }
}

/// What a step found: ranges of places, of which the best is taken off again and again.
struct Found<'a> {
    view: &'a View,
    best: BinaryHeap<Best<'a>>,
}

/// The best place of a range.
struct Best<'a> {
    score: i32,
    row: Row,
    place: usize,
    range: Range<usize>,
    array: Array,
    weight: i32,
    segment: &'a Segment,
}

impl<'a> Found<'a> {
    fn new(view: &'a View) -> Self {
        Self { view, best: BinaryHeap::new() }
    }

    fn offer(&mut self, layer: usize, array: Array, weight: i32, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let segment = &*self.view.layers[layer].segment;
        let suffixes = &segment.arrays[array as usize];
        let place = suffixes.best(range.clone());
        let row = Row { kind: array.kind(), layer, n: suffixes.text(place) };
        let score = i32::from(segment.score(row.kind, row.n)) + weight;
        self.best.push(Best { score, row, place, range, array, weight, segment });
    }

    /// Takes the best that stands.
    fn next(&mut self) -> Option<Row> {
        loop {
            let Best { row, array, weight, range, place, .. } = self.best.pop()?;
            self.offer(row.layer, array, weight, range.start..place);
            self.offer(row.layer, array, weight, place + 1..range.end);
            if self.view.layers[row.layer].stands(row.kind, row.n) {
                return Some(row);
            }
        }
    }
}

impl Ord for Best<'_> {
    /// The higher score; then movies, and the order of their kind.
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.row, other.row);
        self.score.cmp(&other.score).then_with(|| b.kind.cmp(&a.kind)).then_with(|| {
            if a.layer == b.layer && self.weight == other.weight {
                return b.n.cmp(&a.n);
            }
            other.segment.tie(b.kind, b.n).cmp(&self.segment.tie(a.kind, a.n))
        })
    }
}

impl PartialOrd for Best<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Best<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Best<'_> {}
