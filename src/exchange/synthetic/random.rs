//! Random numbers that are the same everywhere, and words to choose from.

use std::sync::LazyLock;

/// Words to choose from.
pub(super) type Words = LazyLock<Vec<&'static str>>;

/// The words of a text that has them between bars.
pub(super) fn words(text: &'static str) -> Vec<&'static str> {
    text.split('|').collect()
}

/// A stream of random numbers: xoshiro256++ (<https://prng.di.unimi.it/>).
#[derive(Debug)]
pub(super) struct Random([u64; 4]);

impl Random {
    /// The stream of this number under this seed.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut state = split(seed) ^ split(number.wrapping_add(0x5eed));
        Self([(); 4].map(|()| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            split(state)
        }))
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// From 0 up to, but not, 1.
    pub(super) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let numerator = (self.next() >> 11) as f64;
        numerator / 9_007_199_254_740_992.0
    }

    /// From 0 up to, but not, `bound`, each as likely as far as 64 bits allow.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Roughly normal, of mean 0 and deviation 1: four uniform numbers, so never beyond 3.5.
    pub(super) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }

    /// From 0 up to, but not, `bound`: the first numbers are the likeliest, as in Zipf's law with
    /// exponent 1/2.
    pub(super) fn skewed(&mut self, bound: u64) -> u64 {
        let share = self.unit();
        scaled(share * share, bound)
    }

    /// As [`Random::skewed`], with exponent 3/4.
    pub(super) fn very_skewed(&mut self, bound: u64) -> u64 {
        let share = self.unit();
        scaled((share * share) * (share * share), bound)
    }

    /// One of these.
    pub(super) fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or_default()]
    }
}

fn scaled(share: f64, bound: u64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds are numbers of people and places"
    )]
    let number = (share * bound as f64) as u64;
    number.min(bound.saturating_sub(1))
}

/// splitmix64: spreads the bits of a number over all of it.
const fn split(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_as_they_should_be() {
        let mut random = Random::new(1, 2);
        let numbers: Vec<f64> = (0..10_000).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 10_000.0;
        let deviation = (numbers.iter().map(|n| n * n).sum::<f64>() / 10_000.0).sqrt();
        assert!(mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "{mean} {deviation}");
        assert!((0..1000).all(|_| random.below(3) < 3 && random.skewed(7) < 7));
        assert_eq!(random.very_skewed(1), 0);
    }
}
