//! Numbers that look random and follow from a seed (`SplitMix64`), and Zipf's law.

/// A sequence of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Neighbouring seeds give sequences that have nothing in common.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mixed(mixed(seed ^ 0x6a09_e667_f3bc_c908)))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// From 0 to below this.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound.max(1) as u64).unwrap_or(0)
    }

    /// From 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether one of so many in a million is met.
    pub(crate) fn per_million(&mut self, parts: u64) -> bool {
        self.number() % 1_000_000 < parts
    }

    /// Puts things into an order that follows from the seed.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let with = self.below(last + 1);
            things.swap(last, with);
        }
    }
}

const fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Ranks of which the n-th comes up 1/n^s as often as the first.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// The sum of the weights up to each rank.
    sums: Vec<f64>,
}

impl Zipf {
    /// # Panics
    /// Without a rank.
    #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^52")]
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        assert!(ranks > 0, "there must be a rank");
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// A rank, from 0.
    pub(crate) fn rank(&self, random: &mut Random) -> usize {
        let total = self.sums[self.sums.len() - 1];
        let at = random.unit() * total;
        self.sums.partition_point(|sum| *sum <= at).min(self.sums.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_rank_comes_up_half_as_often_as_the_first() {
        let (zipf, mut random) = (Zipf::new(1_000, 1.0), Random::new(7));
        let mut counts = [0_u32; 1_000];
        (0..200_000).for_each(|_| counts[zipf.rank(&mut random)] += 1);
        let ratio = f64::from(counts[0]) / f64::from(counts[1]);
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
        assert!(counts[999] > 0);
    }

    #[test]
    fn neighbouring_seeds_share_no_stretch() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| random.number()).collect::<Vec<_>>()
        };
        let one = numbers(1);
        assert!(numbers(2).iter().all(|number| !one.contains(number)));
        assert_eq!(one, numbers(1));
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut things: Vec<u32> = (0..100).collect();
        Random::new(1).shuffle(&mut things);
        assert_ne!(things[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        things.sort_unstable();
        assert!(things.into_iter().eq(0..100));
    }
}
