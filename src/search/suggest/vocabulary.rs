//! The words at which texts may be entered, as a tree of letters: which of them are what was typed,
//! or are it with a slip or two, and where in the sorted places they are.

use std::ops::Range;

use super::{
    suffixes::{Suffixes, partition},
    texts::Texts,
};

/// Kinds of places: see `segment`.
pub(super) const ARRAYS: usize = 3;

/// Steps that a search with slips may take in one tree.
const STEPS_MAX: u32 = 20_000;

/// The words.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    letters: Vec<u8>,
    /// Where each word begins in `letters`, and where the last one ends.
    at: Vec<u32>,
    /// The first place of each word in each array, and the end.
    places: [Vec<u32>; ARRAYS],
    nodes: Vec<Node>,
}

/// Some first letters of words. Its children are next to each other, up to the next node's.
#[derive(Debug, Clone, Copy)]
struct Node {
    letter: char,
    children: u32,
    /// The words that begin so.
    low: u32,
    high: u32,
}

/// A place in the tree. A node with one word has no children: the rest is read off the word.
#[derive(Debug, Clone, Copy)]
struct Spot {
    node: u32,
    /// Bytes from the root.
    depth: u32,
}

/// Whether what is looked for is a word or how words begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// A word.
    Word,
    /// All words that begin so.
    Beginning,
}

impl Vocabulary {
    /// The first words of all places.
    pub(super) fn new(texts: [&Texts; ARRAYS], arrays: [&Suffixes; ARRAYS]) -> Self {
        let mut new = Self { at: vec![0], ..Self::default() };
        let mut next = [0; ARRAYS];
        let word_at = |array: usize, place: usize| {
            let key = arrays[array].key(texts[array], place);
            &key[..key.iter().position(|byte| *byte == b' ').unwrap_or(key.len())]
        };
        loop {
            let heads = (0..ARRAYS).filter(|array| next[*array] < arrays[*array].len());
            let Some(word) = heads.map(|array| word_at(array, next[array])).min() else { break };
            new.letters.extend_from_slice(word);
            new.at.push(u32::try_from(new.letters.len()).unwrap_or(u32::MAX));
            for array in 0..ARRAYS {
                new.places[array].push(u32::try_from(next[array]).unwrap_or(u32::MAX));
                let end = arrays[array].len();
                if next[array] < end && word_at(array, next[array]) == word {
                    next[array] = after(next[array], end, |place| word_at(array, place) == word);
                }
            }
        }
        for (places, end) in new.places.iter_mut().zip(next) {
            places.push(u32::try_from(end).unwrap_or(u32::MAX));
            places.shrink_to_fit();
        }
        new.grow();
        new
    }

    /// Makes the tree, level by level.
    fn grow(&mut self) {
        let words = u32::try_from(self.at.len() - 1).unwrap_or(u32::MAX);
        self.nodes.push(Node { letter: '\0', children: 1, low: 0, high: words });
        let mut depths: std::collections::VecDeque<u32> = [0].into();
        let mut n = 0;
        while let Some(depth) = depths.pop_front() {
            let Node { low, high, .. } = self.nodes[n];
            self.nodes[n].children = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            n += 1;
            if high - low <= 1 && depth > 0 {
                continue;
            }
            let mut word = low;
            while word < high {
                let Some(letter) = self.letter(word, depth) else {
                    word += 1; // it ends here
                    continue;
                };
                let end = after(word as usize, high as usize, |word| {
                    self.letter(u32::try_from(word).unwrap_or(u32::MAX), depth) == Some(letter)
                });
                let end = u32::try_from(end).unwrap_or(u32::MAX);
                self.nodes.push(Node { letter, children: 0, low: word, high: end });
                depths.push_back(depth + u32::try_from(letter.len_utf8()).unwrap_or_default());
                word = end;
            }
        }
        let children = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { letter: '\0', children, low: words, high: words });
        self.nodes.shrink_to_fit();
        self.letters.shrink_to_fit();
        self.at.shrink_to_fit();
    }

    fn word(&self, n: u32) -> &[u8] {
        &self.letters[self.at[n as usize] as usize..self.at[n as usize + 1] as usize]
    }

    fn letter(&self, word: u32, depth: u32) -> Option<char> {
        let rest = self.word(word).get(depth as usize..)?;
        let first = *rest.first()?;
        if first.is_ascii() {
            return Some(char::from(first));
        }
        rest.utf8_chunks().next()?.valid().chars().next()
    }

    /// Where words begin; nowhere if there are none.
    fn root(&self) -> Option<Spot> {
        (!self.nodes.is_empty()).then_some(Spot { node: 0, depth: 0 })
    }

    fn children(&self, spot: Spot) -> &[Node] {
        let (from, to) = (self.nodes[spot.node as usize], self.nodes[spot.node as usize + 1]);
        &self.nodes[from.children as usize..to.children as usize]
    }

    /// The one letter that follows within the only word of a node.
    fn only(&self, spot: Spot) -> Option<char> {
        let node = self.nodes[spot.node as usize];
        if node.high - node.low == 1 { self.letter(node.low, spot.depth) } else { None }
    }

    fn step(&self, spot: Spot, letter: char) -> Option<Spot> {
        let depth = spot.depth + u32::try_from(letter.len_utf8()).unwrap_or_default();
        let children = self.children(spot);
        if children.is_empty() {
            return (self.only(spot) == Some(letter)).then_some(Spot { node: spot.node, depth });
        }
        let at = if children.len() > 16 {
            children.binary_search_by_key(&letter, |node| node.letter).ok()?
        } else {
            children.iter().position(|node| node.letter == letter)?
        };
        let first = self.nodes[spot.node as usize].children;
        Some(Spot { node: first + u32::try_from(at).unwrap_or_default(), depth })
    }

    fn each_step(&self, spot: Spot, mut visit: impl FnMut(char, Spot)) {
        let children = self.children(spot);
        let deeper =
            |letter: char| spot.depth + u32::try_from(letter.len_utf8()).unwrap_or_default();
        if children.is_empty() {
            if let Some(letter) = self.only(spot) {
                visit(letter, Spot { node: spot.node, depth: deeper(letter) });
            }
            return;
        }
        let first = self.nodes[spot.node as usize].children;
        for (node, child) in (first..).zip(children) {
            visit(child.letter, Spot { node, depth: deeper(child.letter) });
        }
    }

    /// The words that are (or begin with) what led here.
    fn found(&self, spot: Spot, sought: Sought) -> Option<Range<u32>> {
        let Node { low, high, .. } = self.nodes[spot.node as usize];
        match sought {
            Sought::Beginning => (low < high).then_some(low..high),
            Sought::Word => {
                (low < high && self.word(low).len() == spot.depth as usize).then_some(low..low + 1)
            }
        }
    }

    /// The words that are (or begin with) these letters.
    pub(super) fn find(&self, letters: &str, sought: Sought) -> Option<Range<u32>> {
        let spot =
            letters.chars().try_fold(self.root()?, |spot, letter| self.step(spot, letter))?;
        self.found(spot, sought)
    }

    /// Where these letters may be cut in two so that the first part is a word.
    pub(super) fn cuts(&self, letters: &str) -> Vec<usize> {
        let mut cuts = Vec::new();
        let Some(mut spot) = self.root() else { return cuts };
        for (at, letter) in letters.char_indices() {
            if at > 0 && self.found(spot, Sought::Word).is_some() {
                cuts.push(at);
            }
            let Some(next) = self.step(spot, letter) else { break };
            spot = next;
        }
        cuts
    }

    /// The words that are (or begin with) these letters with up to so many slips, as ranges that are
    /// apart and in order. Of two slips, one at most is in the first half of the letters.
    pub(super) fn find_with_slips(
        &self,
        letters: &str,
        sought: Sought,
        most: u8,
    ) -> Vec<Range<u32>> {
        let letters: Vec<char> = letters.chars().collect();
        let mut search = Search {
            words: self,
            half: letters.len() / 2,
            letters: &letters,
            most,
            sought,
            steps: 0,
            found: Vec::new(),
        };
        if let Some(root) = self.root() {
            search.go(root, 0, most);
        }
        let mut found = search.found;
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut apart: Vec<Range<u32>> = Vec::with_capacity(found.len());
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }

    /// The places of words in an array.
    pub(super) fn places(&self, words: &Range<u32>, array: usize) -> Range<usize> {
        let places = &self.places[array];
        places[words.start as usize] as usize..places[words.end as usize] as usize
    }

    /// The places of each word in an array, in the order of words.
    pub(super) fn all_places(&self, array: usize) -> impl Iterator<Item = Range<usize>> + use<'_> {
        self.places[array].windows(2).map(|ends| ends[0] as usize..ends[1] as usize)
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let places: usize = self.places.iter().map(Vec::capacity).sum();
        self.letters.capacity()
            + 4 * (self.at.capacity() + places)
            + size_of::<Node>() * self.nodes.capacity()
    }
}

/// The end of the run from `low` on for which this holds: found in steps that double, since most runs
/// are short.
fn after(low: usize, end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let mut step = 1;
    let mut known = low;
    while known + step < end && holds(known + step) {
        known += step;
        step *= 2;
    }
    partition(known + 1..end.min(known + step), holds)
}

/// A search with slips.
struct Search<'a> {
    words: &'a Vocabulary,
    letters: &'a [char],
    half: usize,
    most: u8,
    sought: Sought,
    steps: u32,
    found: Vec<Range<u32>>,
}

impl Search<'_> {
    /// From a spot on, with the letters from `at` on and so many slips left.
    fn go(&mut self, spot: Spot, at: usize, left: u8) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return;
        }
        let words = self.words;
        if at == self.letters.len() {
            self.found.extend(words.found(spot, self.sought));
            if left > 0 && self.sought == Sought::Word {
                words.each_step(spot, |_, next| self.go(next, at, left - 1));
            }
            return;
        }
        let letter = self.letters[at];
        let same = words.step(spot, letter);
        if left == 0 {
            if let Some(next) = same {
                self.go(next, at + 1, 0);
            }
            return;
        }
        // A second slip is left for the second half.
        if left > 1 || self.most < 2 || at >= self.half {
            let less = left - 1;
            self.go(spot, at + 1, less);
            words.each_step(spot, |other, next| {
                if other != letter {
                    self.go(next, at + 1, less);
                }
                self.go(next, at, less);
            });
            if let Some(after) = self.letters.get(at + 1).filter(|after| **after != letter) {
                let swapped = words.step(spot, *after).and_then(|next| words.step(next, letter));
                if let Some(next) = swapped {
                    self.go(next, at + 2, less);
                }
            }
        }
        if let Some(next) = same {
            self.go(next, at + 1, left);
        }
    }
}
