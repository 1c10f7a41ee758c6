//! Sets of movies of a window.

/// Movies of a window.
pub(super) const WINDOW: usize = 4_096;

/// A set of movies of a window.
#[derive(Clone)]
pub(super) struct Bits([u64; WINDOW / 64]);

impl Bits {
    pub(super) const NONE: Self = Self([0; WINDOW / 64]);

    pub(super) fn first(count: usize) -> Self {
        let mut bits = Self::NONE;
        for (n, word) in bits.0.iter_mut().enumerate() {
            let filled = count.saturating_sub(n * 64).min(64);
            *word = if filled == 64 { u64::MAX } else { (1 << filled) - 1 };
        }
        bits
    }

    #[inline]
    pub(super) fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
    }

    pub(super) fn each(&self, mut each: impl FnMut(usize)) {
        for (n, word) in self.0.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                each(n * 64 + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }
}
