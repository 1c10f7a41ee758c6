//! Chance, so that replicas do not do the same thing at the same instant.

use std::time::Duration;

/// A random number from 0 to below 1.
pub(in crate::cache) fn fraction() -> f64 {
    // The upper half of a random word is an exact `f64`. Without a source of chance it is the middle.
    getrandom::u32().map_or(0.5, |word| f64::from(word) / (f64::from(u32::MAX) + 1.0))
}

/// `duration`, give or take up to `part` of it: `chance` 0 takes all of it off, 1 adds all of it.
pub(in crate::cache) fn spread(duration: Duration, part: f64, chance: f64) -> Duration {
    duration.mul_f64(1.0 + part * (2.0 * chance - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_stays_within_its_part() {
        let second = Duration::from_secs(1);
        assert_eq!(spread(second, 0.2, 0.0), Duration::from_millis(800));
        assert_eq!(spread(second, 0.2, 0.5), second);
        for _ in 0..100 {
            let spread = spread(second, 0.1, fraction());
            assert!((900..=1100).contains(&spread.as_millis()), "{spread:?}");
        }
    }
}
