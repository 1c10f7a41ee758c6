//! How an answer is found: in steps, each of which looks for what the ones before did not find, until
//! there are as many rows as were asked for.
//!
//! 1. Titles and names in which the words stand as they were typed, the last one perhaps unfinished.
//! 2. The same with two words typed as one (`star wars`, `starwars`) or one as two (`god father`), or a
//!    word written otherwise (`rocky 2`, `doctor strangelove`).
//! 3. All words, in any order and apart (`potter azkaban`).
//! 4. One slip; and only if nothing was found so far, two.
//!
//! Within a step, rows are ordered by score, which is raised where the words are all of the title or
//! end where a word does, and lowered where they are not at its beginning. A title that is all that was
//! typed has a row even so, where longer ones are known better.

use std::{cmp::Ordering, collections::BinaryHeap, ops::Range};

use crate::domain::suggest::{Kind, SuggestQuery, Suggestion};

use super::{
    segment::{Array, Segment},
    tops::Top,
    typing::{SLIPS_MAX, Typed, is_filler, same_numbers, same_short, slips_of},
    view::View,
    vocabulary::Sought,
};

/// Texts that a step looks at where not all words are next to each other, or an article may be over: the best known.
const LOOKS_MAX: usize = 24;
/// Unless there are not more than so many: then all are looked at.
const FEW: usize = 192;
/// Words with a list of their best-known texts that are looked at one by one; where more begin as was
/// typed, all their places are one range.
const LISTS_MAX: usize = 8;
/// Places that a step may pass over because they repeat a row.
const REPEATS_MAX: usize = 256;
/// Words of a query that has these steps at all.
const WORDS_MAX: usize = 10;
/// The row of a title that is all that was typed, where better-known ones would take them all.
const WHOLE_AT: usize = 2;

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
        let text = &self.query.text;
        let (mut found, mut whole) = (Found::new(self.view), Found::new(self.view));
        for (layer, segment) in self.layers() {
            for (array, range) in segment.phrase(text, self.arrays()) {
                let ends = Ends::of(segment, array, range, text.len());
                if array == Array::Starts {
                    whole.offer(layer, array, 0, ends.whole.clone());
                }
                found.offer_ends(layer, array, ends);
            }
        }
        self.take(found, |_| Some(0), 0);
        self.give_a_row(whole);
    }

    /// Gives a row to the best known of the titles that are all that was typed, with no article before it, if there
    /// was no room for any.
    fn give_a_row(&mut self, mut whole: Found<'_>) {
        let is_all = |row: &Row| {
            let segment = &self.view.layers[row.layer].segment;
            row.kind == Kind::Movie && segment.record(row.kind, row.n).key == self.query.text
        };
        if !self.is_full() || self.rows.iter().any(is_all) {
            return;
        }
        whole.looks = LOOKS_MAX;
        if let Some(row) = std::iter::from_fn(|| whole.next()).find(is_all) {
            self.rows.pop();
            self.rows.insert(WHOLE_AT.min(self.rows.len()), row);
        }
    }

    fn offer_phrase(&self, found: &mut Found<'_>, layer: usize, segment: &Segment, text: &str) {
        for (array, range) in segment.phrase(text, self.arrays()) {
            found.offer_ends(layer, array, Ends::of(segment, array, range, text.len()));
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
                    if word.len() <= 2 {
                        continue;
                    }
                    let (before, after) = self.query.text.split_at(at + cut);
                    let text = format!("{before} {after}");
                    // Titles have these at every other word, and few names (`deniro`).
                    let is_title = !is_filler(&word[..cut]);
                    let arrays = self.arrays().filter(|array| is_title || *array == Array::Names);
                    for (array, range) in segment.phrase(&text, arrays) {
                        found.offer_ends(layer, array, Ends::of(segment, array, range, text.len()));
                    }
                }
                at += word.len() + 1;
            }
            for (n, word) in self.words.iter().enumerate() {
                for other in same_numbers(word, n == 0) {
                    let mut words = self.words.to_vec();
                    words[n] = other;
                    self.offer_phrase(&mut found, layer, segment, &words.join(" "));
                }
                let Some(other) = same_short(word) else { continue };
                let mut words = self.words.to_vec();
                words[n] = other;
                let text = words.join(" ");
                for (array, range) in segment.phrase(&text, self.arrays()) {
                    let mut ends = Ends::of(segment, array, range, text.len());
                    if n + 1 == words.len() {
                        ends.more = 0..0; // `saint` is not how `Star Wars` begins
                    }
                    found.offer_ends(layer, array, ends);
                }
            }
        }
        self.take(found, |_| Some(0), 0);
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
        let mut places: Vec<(usize, Array, Range<u32>, Range<usize>)> = Vec::new();
        for (layer, segment) in self.layers() {
            let ranges = match most {
                0 => segment.words.find(anchor, sought).into_iter().collect(),
                _ => segment.words.find_with_slips(anchor, sought, most),
            };
            for words in ranges {
                places.extend(self.arrays().filter_map(|array| {
                    let range = segment.words.places(&words, array as usize);
                    (!range.is_empty()).then_some((layer, array, words.clone(), range))
                }));
            }
        }
        let mut found = Found::new(self.view);
        if self.words.len() == 1 {
            for (layer, array, _, range) in places {
                let weight = if array == Array::Later { weight::LATER } else { 0 };
                found.offer(layer, array, weight, range);
            }
            return self.take(found, |_| Some(0), sum);
        }
        let typed = Typed::new(self.words);
        // No step looks at the same texts again: what has more slips than this one is after is kept.
        let within = typed.slips_max();
        let fits = |key: &str| typed.slips_in(key, within);
        let is_few = places.iter().map(|(_, _, _, range)| range.len()).sum::<usize>() <= FEW;
        if !is_few {
            found.looks = LOOKS_MAX;
            found.wanted = Some((&typed, within));
        }
        for (layer, array, words, range) in places {
            if !is_few {
                found.offer_words(layer, array, words);
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
        self.take(found, fits, sum);
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

    /// Takes rows in the order of their scores, until there are enough. `slips` says how many a text
    /// has, or that it does not fit; those with more than `most` are kept for later.
    fn take(&mut self, mut found: Found<'_>, slips: impl Fn(&str) -> Option<u8>, most: u8) {
        let mut repeated = 0;
        while !self.is_full() && repeated < REPEATS_MAX {
            let Some(row) = found.next() else { return };
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

/// Places that begin with a text: those that end there, those where a word does, and the others.
struct Ends {
    whole: Range<usize>,
    word: Range<usize>,
    more: Range<usize>,
}

impl Ends {
    fn of(segment: &Segment, array: Array, range: Range<usize>, letters: usize) -> Self {
        let suffixes = &segment.arrays[array as usize];
        let (whole, word) = suffixes.ends(segment.texts(array), range.clone(), letters);
        Self { whole: range.start..whole, word: whole..word, more: word..range.end }
    }
}

/// What a step found: ranges of places and lists, of which the best is taken off again and again.
struct Found<'a> {
    view: &'a View,
    best: BinaryHeap<Best<'a>>,
    /// How many more are looked at.
    looks: usize,
    /// What a text must be able to have, and with how many slips.
    wanted: Option<(&'a Typed<'a>, u8)>,
}

/// The best place of a range, or the first of a list.
struct Best<'a> {
    score: i32,
    row: Row,
    range: Range<usize>,
    array: Array,
    weight: i32,
    segment: &'a Segment,
    rest: Rest<'a>,
}

/// What there is besides the best.
#[derive(Clone, Copy)]
enum Rest<'a> {
    /// The range on both sides of this place, of which the texts up to one were taken before.
    Places(usize, Option<u32>),
    /// The list, with the best. When it ends, the range goes on.
    List(&'a [Top]),
}

impl<'a> Found<'a> {
    fn new(view: &'a View) -> Self {
        Self { view, best: BinaryHeap::new(), looks: usize::MAX, wanted: None }
    }

    fn offer(&mut self, layer: usize, array: Array, weight: i32, range: Range<usize>) {
        self.offer_after(None, layer, array, weight, range);
    }

    /// Offers the places that begin with a text.
    fn offer_ends(&mut self, layer: usize, array: Array, ends: Ends) {
        let (base, end) = match array {
            Array::Starts => (0, weight::WHOLE),
            Array::Later => (weight::LATER, weight::LATER + weight::WORD),
            Array::Names => (0, weight::WORD),
        };
        self.offer(layer, array, end, ends.whole);
        self.offer(layer, array, base + weight::WORD, ends.word);
        self.offer(layer, array, base, ends.more);
    }

    /// Offers a range without the texts up to one.
    fn offer_after(
        &mut self,
        taken: Option<u32>,
        layer: usize,
        array: Array,
        weight: i32,
        range: Range<usize>,
    ) {
        if range.is_empty() {
            return;
        }
        let segment = &*self.view.layers[layer].segment;
        let suffixes = &segment.arrays[array as usize];
        let place = suffixes.best(range.clone());
        let row = Row { kind: array.kind(), layer, n: suffixes.text(place) };
        let score = i32::from(segment.score(row.kind, row.n)) + weight;
        let rest = Rest::Places(place, taken);
        self.best.push(Best { score, row, range, array, weight, segment, rest });
    }

    /// Offers the texts of some words: by their lists, where they have one.
    fn offer_words(&mut self, layer: usize, array: Array, words: Range<u32>) {
        let segment = &*self.view.layers[layer].segment;
        let places = |words| segment.words.places(&words, array as usize);
        let lists = segment.tops[array as usize].within(&words);
        if lists.len() > LISTS_MAX {
            return self.offer(layer, array, 0, places(words));
        }
        let mut next = words.start;
        for (word, list) in lists {
            self.offer(layer, array, 0, places(next..word));
            self.offer_list(layer, array, places(word..word + 1), list);
            next = word + 1;
        }
        self.offer(layer, array, 0, places(next..words.end));
    }

    fn offer_list(&mut self, layer: usize, array: Array, range: Range<usize>, list: &'a [Top]) {
        let Some(top) = list.first() else { return };
        let segment = &*self.view.layers[layer].segment;
        let row = Row { kind: array.kind(), layer, n: top.text };
        let score = i32::from(top.score);
        let rest = Rest::List(list);
        self.best.push(Best { score, row, range, array, weight: 0, segment, rest });
    }

    /// Takes the best that stands.
    fn next(&mut self) -> Option<Row> {
        while self.looks > 0 {
            let Best { row, array, weight, range, rest, .. } = self.best.pop()?;
            let mut may_fit = true;
            match rest {
                Rest::Places(place, taken) => {
                    self.offer_after(taken, row.layer, array, weight, range.start..place);
                    self.offer_after(taken, row.layer, array, weight, place + 1..range.end);
                    if taken.is_some_and(|taken| row.n <= taken) {
                        continue;
                    }
                }
                Rest::List([top, rest @ ..]) => {
                    if let Some((typed, slips)) = self.wanted {
                        may_fit = typed.may_be_in(top.letters, slips);
                    }
                    match rest {
                        [] => self.offer_after(Some(row.n), row.layer, array, weight, range),
                        _ => self.offer_list(row.layer, array, range, rest),
                    }
                }
                Rest::List([]) => continue,
            }
            if self.view.layers[row.layer].stands(row.kind, row.n) {
                self.looks -= 1;
                if may_fit {
                    return Some(row);
                }
            }
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::movie::{MovieData, MovieId},
        search::suggest::{Options, Suggester, vocabulary::Sought},
    };

    /// The titles of `words` films, in the order in which they are looked at.
    fn looked_at(view: &View, by_lists: bool) -> Vec<u32> {
        let segment = &*view.layers[0].segment;
        let mut found = Found::new(view);
        for beginning in ["night", "day"] {
            let words = segment.words.find(beginning, Sought::Beginning).unwrap();
            for array in [Array::Starts, Array::Later] {
                if by_lists {
                    found.offer_words(0, array, words.clone());
                } else {
                    found.offer(0, array, 0, segment.words.places(&words, array as usize));
                }
            }
        }
        let mut taken: Vec<u32> = std::iter::from_fn(|| found.next()).map(|row| row.n).collect();
        taken.dedup(); // a title may have a word twice
        taken
    }

    #[test]
    fn lists_of_the_best_known_give_what_the_ranges_give() {
        let suggester = Suggester::new(Options::default());
        let mut builder = suggester.builder();
        for n in 1..=4000_u32 {
            let title = match n % 5 {
                0 => format!("Night {n}"),
                1 => format!("Nights of the Night {n}"),
                2 => format!("Day {n} and Night"),
                3 => format!("Nightly {n}"),
                _ => format!("Days of {n}"),
            };
            let data = MovieData {
                title,
                popularity: Some(f64::from(n * 7919 % 4001) / 41.0),
                ..MovieData::default()
            };
            builder.add(MovieId::new(i64::from(n)).unwrap(), &data);
        }
        assert!(builder.publish());
        let view = suggester.view.load_full();
        let best = looked_at(&view, false);
        assert_eq!(best.len(), 4000);
        assert_eq!(looked_at(&view, true), best);
        // Where many of the best are over, lists end early, and ranges go on.
        for n in best.iter().step_by(2).take(400) {
            suggester.delete(view.layers[0].segment.ids[*n as usize]);
        }
        let view = suggester.view.load_full();
        let best = looked_at(&view, false);
        assert_eq!(best.len(), 3600);
        assert_eq!(looked_at(&view, true), best);
    }

    #[test]
    fn looks_are_bounded_and_lists_pass_over_what_cannot_fit() {
        let suggester = Suggester::new(Options::default());
        let mut builder = suggester.builder();
        for n in 1..=1000_u32 {
            // The best known have none of the letters of `zyx`.
            let title = if n > 980 { format!("Night zyx {n}") } else { format!("Night {n}") };
            let popularity = Some(f64::from(1000 - n % 990) / 10.0);
            let data = MovieData { title, popularity, ..MovieData::default() };
            builder.add(MovieId::new(i64::from(n)).unwrap(), &data);
        }
        assert!(builder.publish());
        let view = suggester.view.load_full();
        let segment = &*view.layers[0].segment;
        let words = segment.words.find("night", Sought::Word).unwrap();
        let typed = Typed::new(&["night", "zyx"]);
        let mut found = Found::new(&view);
        found.looks = LOOKS_MAX;
        found.wanted = Some((&typed, 1));
        found.offer_words(0, Array::Starts, words);
        let rows: Vec<u32> = std::iter::from_fn(|| found.next()).map(|row| row.n).collect();
        let fit = |n: &u32| segment.titles.get(*n).key.contains("zyx");
        let expected: Vec<u32> = (0..24).filter(fit).collect();
        assert!(!expected.is_empty());
        assert_eq!(rows, expected);
    }
}
