//! How many distinct clients there were, in a few words that can be merged.
//!
//! A multiresolution bitmap (Estan, Varghese, Fisk: "Bitmap algorithms for counting active flows on high
//! speed links", 2003): each client sets one bit. Three quarters of all clients set theirs in the first
//! word, three quarters of the rest in the second, and so on, so that there is always a word that is
//! neither empty nor full. The union of two sets is the OR of their words, which every database can do.
//!
//! **Invariant:** a client sets the same bit however often it comes: nobody counts twice.
//! **Invariant:** as many bits are set as there were clients, or fewer: [`Sketch::at_least`] never says
//! too much.

/// Words of a sketch.
pub const WORDS: usize = 4;
/// Bits of a word: SQL's integers have a sign, and OR of two that are positive is.
const BITS: u32 = 63;
/// A word with more bits than this says little: nearly all clients find their bit set.
const FULL: u32 = 57;

/// Which of a few hundred bits clients have set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sketch([i64; WORDS]);

impl Sketch {
    /// A sketch of these words.
    #[must_use]
    pub const fn from_words(words: [i64; WORDS]) -> Self {
        Self(words)
    }

    /// Its words.
    #[must_use]
    pub const fn words(&self) -> &[i64; WORDS] {
        &self.0
    }

    /// Adds a client, by an evenly spread number.
    pub fn add(&mut self, client: u64) {
        let word = (client.trailing_zeros() as usize / 2).min(WORDS - 1);
        // Other bits of the number than those that chose the word.
        let bit = (client >> 16) % u64::from(BITS);
        self.0[word] |= 1 << bit;
    }

    /// Adds all clients of another sketch.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    /// So many clients there were for certain.
    #[must_use]
    pub fn at_least(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// About how many there were: within an eighth or so, up to some 15,000, where it ends.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        let set = self.0.map(i64::count_ones);
        let first = set.iter().position(|bits| *bits <= FULL).unwrap_or(WORDS - 1);
        let counted: f64 = set[first..].iter().map(|bits| linear(*bits)).sum();
        counted * 4_f64.powi(i32::try_from(first).unwrap_or(0))
    }
}

/// How many clients set so many bits of a word (linear counting).
fn linear(set: u32) -> f64 {
    let free = f64::from(BITS - set.min(BITS - 1));
    f64::from(BITS) * (f64::from(BITS) / free).ln()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn client(n: u64) -> u64 {
        let hash = Sha256::digest(n.to_le_bytes());
        u64::from_le_bytes(hash[..8].try_into().unwrap())
    }

    fn of(clients: impl Iterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        clients.for_each(|n| sketch.add(client(n)));
        sketch
    }

    #[test]
    fn a_client_counts_once_however_often_it_comes() {
        let mut sketch = of(std::iter::repeat_n(7, 100_000));
        assert_eq!((sketch.at_least(), sketch.estimate().round()), (1, 1.0));
        sketch.merge(&of(std::iter::once(7)));
        assert_eq!(sketch.at_least(), 1);
        assert!(Sketch::default().estimate() < 0.01);
    }

    #[test]
    fn estimates_are_near_from_one_client_to_ten_thousand() {
        for count in [1_u32, 5, 20, 60, 200, 1_000, 4_000, 10_000] {
            let mut off: Vec<f64> = (0..40)
                .map(|run| of(run * 1_000_000..run * 1_000_000 + u64::from(count)))
                .map(|sketch| (sketch.estimate() / f64::from(count) - 1.0).abs())
                .collect();
            off.sort_by(f64::total_cmp);
            assert!(off[20] < 0.15 && off[36] < 0.4, "{count}: {off:?}");
        }
    }

    #[test]
    fn what_is_certain_never_exceeds_what_there_was() {
        for count in 0..300 {
            let sketch = of(0..count);
            assert!(u64::from(sketch.at_least()) <= count);
            assert!(sketch.words().iter().all(|word| *word >= 0));
        }
        assert!(of(0..8).at_least() >= 6);
    }

    #[test]
    fn parts_merge_into_the_whole() {
        let mut parts = of(0..500);
        parts.merge(&of(400..900));
        assert_eq!(parts, of(0..900));
        assert!(of(0..10_000_000 / 100).estimate() > 10_000.0, "it ends, and does not wrap");
    }
}
