//! The best-known texts of each word that many have: what is looked at where words are apart or have
//! slips in them. They are next to each other, so that a look reads no memory that is far away.

use std::ops::Range;

use super::{suffixes::Suffixes, texts::Texts, typing::letters};

/// Places from which on a word has a list.
const PLACES_MIN: usize = 192;
/// Texts in a list.
const LENGTH: usize = 32;

/// A text of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Top {
    /// Which letters it has.
    pub(super) letters: u64,
    pub(super) text: u32,
    pub(super) score: u16,
}

/// The lists of an array's words.
#[derive(Debug, Default)]
pub(super) struct Tops {
    /// The words that have one, in order.
    words: Vec<u32>,
    /// [`LENGTH`] for each of them.
    tops: Vec<Top>,
}

impl Tops {
    /// Makes the lists. `places` are each word's, in the order of words.
    pub(super) fn new(
        texts: &Texts,
        suffixes: &Suffixes,
        places: impl Iterator<Item = Range<usize>>,
        score: impl Fn(u32) -> u16,
    ) -> Self {
        let mut new = Self::default();
        for (word, places) in (0..).zip(places) {
            if places.len() < PLACES_MIN {
                continue;
            }
            let mut best: Vec<u32> = places.map(|place| suffixes.text(place)).collect();
            best.sort_unstable();
            best.dedup();
            if best.len() < LENGTH {
                continue; // the same few texts again and again
            }
            new.words.push(word);
            new.tops.extend(best[..LENGTH].iter().map(|text| Top {
                letters: letters(texts.get(*text).key),
                text: *text,
                score: score(*text),
            }));
        }
        new.words.shrink_to_fit();
        new.tops.shrink_to_fit();
        new
    }

    /// The words of a range that have a list, in order, and their lists.
    pub(super) fn within(
        &self,
        words: &Range<u32>,
    ) -> impl ExactSizeIterator<Item = (u32, &[Top])> + use<'_> {
        let start = self.words.partition_point(|word| *word < words.start);
        let end = start + self.words[start..].partition_point(|word| *word < words.end);
        let lists = self.tops[start * LENGTH..end * LENGTH].chunks_exact(LENGTH);
        self.words[start..end].iter().copied().zip(lists)
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<u32>() * self.words.capacity() + size_of::<Top>() * self.tops.capacity()
    }
}
