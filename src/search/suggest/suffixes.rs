//! Texts from each place on where they may be entered, in the order of their bytes: all that begin
//! with some letters are next to each other, and the best known of any such range is found without
//! looking at the others.
//!
//! Texts are numbered by how well known they are, the best first, so that the best known of a range is
//! the smallest number in it: a range-minimum query, over blocks with a sparse table.

use std::ops::Range;

use super::texts::Texts;

/// Places per block of the table.
const BLOCK: usize = 64;

/// The places.
#[derive(Debug, Default)]
pub(super) struct Suffixes {
    /// Which text.
    text: Vec<u32>,
    /// From which byte on.
    from: Vec<u8>,
    /// The smallest text of each block, and where each is of 2, 4, 8… blocks.
    least: Vec<u32>,
    table: Vec<Vec<u32>>,
}

/// A place while it is sorted: eight bytes at some depth, so that most comparisons read no text.
#[derive(Clone, Copy)]
struct Place {
    bytes: u64,
    text: u32,
    from: u8,
}

impl Suffixes {
    /// Sorts places: a text and from which byte on.
    pub(super) fn new(texts: &Texts, places: impl Iterator<Item = (u32, u8)>) -> Self {
        let mut places: Vec<Place> =
            places.map(|(text, from)| Place { bytes: 0, text, from }).collect();
        sort(texts, &mut places, 0);
        let text: Vec<u32> = places.iter().map(|place| place.text).collect();
        let from = places.iter().map(|place| place.from).collect();
        drop(places);
        let (least, table) = table(&text);
        Self { text, from, least, table }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The text at a place.
    pub(super) fn text(&self, place: usize) -> u32 {
        self.text[place]
    }

    /// Whether the place is the text's beginning.
    pub(super) fn is_beginning(&self, place: usize) -> bool {
        self.from[place] == 0
    }

    /// What is entered at a place.
    pub(super) fn key<'a>(&self, texts: &'a Texts, place: usize) -> &'a [u8] {
        texts.key_from(self.text[place], self.from[place])
    }

    /// The places within a range that begin with these letters.
    pub(super) fn narrow(
        &self,
        texts: &Texts,
        range: Range<usize>,
        letters: &[u8],
    ) -> Range<usize> {
        let head = |place| {
            let key = self.key(texts, place);
            &key[..key.len().min(letters.len())]
        };
        let start = partition(range.clone(), |place| head(place) < letters);
        let end = partition(start..range.end, |place| head(place) == letters);
        start..end
    }

    /// Of places that begin with so many letters, those that end there come first, and then those
    /// where the word does: where both ends are.
    pub(super) fn ends(
        &self,
        texts: &Texts,
        range: Range<usize>,
        letters: usize,
    ) -> (usize, usize) {
        let ends = partition(range.clone(), |place| self.key(texts, place).len() == letters);
        let words = partition(ends..range.end, |place| {
            self.key(texts, place).get(letters).is_none_or(|next| *next == b' ')
        });
        (ends, words)
    }

    /// The place of the best-known text of a range that is not empty.
    pub(super) fn best(&self, range: Range<usize>) -> usize {
        let (first, last) = (range.start / BLOCK, (range.end - 1) / BLOCK);
        if last - first < 2 {
            return self.best_of(range);
        }
        let head = self.best_of(range.start..(first + 1) * BLOCK);
        let tail = self.best_of(last * BLOCK..range.end);
        let block = self.best_block(first + 1..last);
        let ends = if self.text[tail] < self.text[head] { tail } else { head };
        if self.least[block] < self.text[ends] {
            self.best_of(block * BLOCK..(block + 1) * BLOCK)
        } else {
            ends
        }
    }

    fn best_of(&self, range: Range<usize>) -> usize {
        let texts = &self.text[range.clone()];
        let least = texts.iter().copied().fold(u32::MAX, u32::min);
        range.start + texts.iter().position(|text| *text == least).unwrap_or_default()
    }

    fn best_block(&self, blocks: Range<usize>) -> usize {
        let level = blocks.len().ilog2() as usize;
        let at = |place: usize| match level {
            0 => place,
            _ => self.table[level - 1][place] as usize,
        };
        let (left, right) = (at(blocks.start), at(blocks.end - (1 << level)));
        if self.least[right] < self.least[left] { right } else { left }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let table: usize = self.table.iter().map(Vec::capacity).sum();
        4 * (self.text.capacity() + self.least.capacity() + table) + self.from.capacity()
    }
}

/// The first place of a range where this does not hold; it holds for a first part of it only.
pub(super) fn partition(range: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Sorts by eight bytes, and what is equal by the eight after them: each text is read once for each
/// eight bytes, not once for each comparison.
fn sort(texts: &Texts, places: &mut [Place], depth: usize) {
    for place in &mut *places {
        let key = texts.key_from(place.text, place.from);
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(key.get(depth..).unwrap_or_default()) {
            *to = *from;
        }
        place.bytes = u64::from_be_bytes(bytes);
    }
    places.sort_unstable_by_key(|place| (place.bytes, place.text, place.from));
    let mut rest = places;
    while let Some(first) = rest.first() {
        let bytes = first.bytes;
        let same = rest.iter().take_while(|place| place.bytes == bytes).count();
        let (run, after) = std::mem::take(&mut rest).split_at_mut(same);
        // A last byte of zero is the end of the text: nothing follows that could differ.
        if same > 1 && bytes & 0xff != 0 {
            sort(texts, run, depth + 8);
        }
        rest = after;
    }
}

fn table(text: &[u32]) -> (Vec<u32>, Vec<Vec<u32>>) {
    let least: Vec<u32> =
        text.chunks(BLOCK).map(|block| block.iter().copied().fold(u32::MAX, u32::min)).collect();
    let mut table: Vec<Vec<u32>> = Vec::new();
    let mut below: Vec<u32> = (0..u32::try_from(least.len()).unwrap_or(u32::MAX)).collect();
    let mut span = 1;
    while 2 * span <= least.len() {
        let level: Vec<u32> = (0..=least.len() - 2 * span)
            .map(|at| {
                let (left, right) = (below[at], below[at + span]);
                if least[right as usize] < least[left as usize] { right } else { left }
            })
            .collect();
        table.push(level.clone());
        below = level;
        span *= 2;
    }
    (least, table)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_and_their_best_are_those_of_a_scan(
            keys in proptest::collection::vec("[ab]{1,20}", 1..400),
            letters in "[ab]{0,9}",
            cut in 0.0..1.0_f64,
        ) {
            let mut texts = Texts::default();
            for key in &keys {
                texts.push(key, key, &[]);
            }
            let places = (0_u32..).zip(&keys).map(|(n, _)| (n, 0));
            let suffixes = Suffixes::new(&texts, places);
            let sorted: Vec<&[u8]> =
                (0..suffixes.len()).map(|place| suffixes.key(&texts, place)).collect();
            prop_assert!(sorted.is_sorted());

            let range = suffixes.narrow(&texts, 0..suffixes.len(), letters.as_bytes());
            let expected = keys.iter().filter(|key| key.starts_with(&letters)).count();
            prop_assert_eq!(range.len(), expected);
            let (ends, _) = suffixes.ends(&texts, range.clone(), letters.len());
            prop_assert_eq!(ends - range.start, keys.iter().filter(|key| **key == letters).count());

            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "within")]
            let start = (keys.len() as f64 * cut) as usize;
            for end in start + 1..=keys.len() {
                let least = (start..end).map(|place| suffixes.text(place)).min();
                prop_assert_eq!(Some(suffixes.text(suffixes.best(start..end))), least);
            }
        }
    }
}
