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

    /// Those of a window's first movies whose values pass a test: without a branch, in steps that become
    /// vector instructions.
    #[inline]
    pub(super) fn that<T: Copy>(values: &[T], passes: impl Fn(T) -> bool) -> Self {
        let mut bits = Self::NONE;
        for (word, values) in bits.0.iter_mut().zip(values.chunks(64)) {
            let mut flags = [0_u8; 64];
            for (flag, value) in flags.iter_mut().zip(values) {
                *flag = u8::from(passes(*value));
            }
            let (eights, _) = flags.as_chunks::<8>();
            for (n, eight) in eights.iter().enumerate() {
                // Brings the lowest bit of each byte into the highest byte, in order.
                let packed = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                *word |= packed << (n * 8);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_pass_have_their_bits() {
        for count in [0, 1, 7, 8, 63, 64, 65, 200, WINDOW] {
            let values: Vec<usize> = (0..count).map(|n| n * 7919 % 101).collect();
            let mut found = Vec::new();
            Bits::that(&values, |value: usize| value.is_multiple_of(3)).each(|at| found.push(at));
            let expected: Vec<usize> =
                (0..count).filter(|n| values[*n].is_multiple_of(3)).collect();
            assert_eq!(found, expected, "{count}");
        }
    }
}
