//! Figures of a method, with intervals by resampling users.

use super::{Bootstrap, methods::Lists};
use crate::learn::{score, split::Split};

/// How many items are shown.
pub const TOP: usize = 10;

/// A figure with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The figure.
    pub value: f64,
    /// The 2.5th percentile of the resamples.
    pub low: f64,
    /// The 97.5th.
    pub high: f64,
}

/// How a method fared.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Its name.
    pub name: &'static str,
    /// HR@10: the share of users whose next item was shown.
    pub hit_rate: Interval,
    /// NDCG@10: the same, places counting less the lower they are.
    pub gain: Interval,
    /// HR@10 less that of the EASE row, user by user; `None` before that row.
    pub ahead_of_ease: Option<Interval>,
    /// Share of the items that are shown to anybody.
    pub coverage: f64,
    /// Mean surprise of what is shown, in bits: `-log2` of the share of users who know the item.
    pub novelty: f64,
    /// HR@10 by length of the history: fewer than 10, 20, 50 events, more; with the number of users.
    pub by_length: [(usize, f64); 4],
    /// Share of what is shown that is among the most popular tenth of the items, the second one, and so on.
    pub by_popularity: [f64; 10],
}

/// Lengths that end a group.
pub(super) const LENGTHS: [usize; 3] = [10, 20, 50];

/// What is the same for all methods.
pub(super) struct Judge<'a> {
    split: &'a Split,
    popularity: &'a [u32],
    /// Users that popularity was counted over.
    users: usize,
    /// The tenth of popularity that each item is in.
    tenths: Vec<usize>,
    bootstrap: Bootstrap,
    ease: std::cell::OnceCell<Vec<f64>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        split: &'a Split,
        popularity: &'a [u32],
        users: usize,
        bootstrap: Bootstrap,
    ) -> Self {
        let mut order: Vec<usize> = (0..popularity.len()).collect();
        order.sort_by_key(|item| (std::cmp::Reverse(popularity[*item]), *item));
        let mut tenths = vec![0; popularity.len()];
        for (place, item) in order.iter().enumerate() {
            tenths[*item] = place * 10 / popularity.len();
        }
        Self { split, popularity, users, tenths, bootstrap, ease: std::cell::OnceCell::new() }
    }

    pub(super) fn figures(&self, name: &'static str, lists: &Lists) -> Figures {
        let places: Vec<Option<usize>> = lists
            .iter()
            .zip(&self.split.next)
            .map(|(list, next)| list.iter().position(|item| *item == next.item))
            .collect();
        let hits: Vec<f64> =
            places.iter().map(|place| f64::from(u8::from(place.is_some()))).collect();
        let gains: Vec<f64> = places
            .iter()
            .map(|place| place.map_or(0.0, |place| score::gain_at(place, TOP)))
            .collect();
        let ahead_of_ease = self.ease.get().map(|ease| {
            let differences: Vec<f64> = hits.iter().zip(ease).map(|(a, b)| a - b).collect();
            self.interval(&differences)
        });
        if name == "EASE" {
            _ = self.ease.set(hits.clone());
        }
        Figures {
            name,
            hit_rate: self.interval(&hits),
            gain: self.interval(&gains),
            ahead_of_ease,
            coverage: self.coverage(lists),
            novelty: self.novelty(lists),
            by_length: self.by_length(&hits),
            by_popularity: self.by_popularity(lists),
        }
    }

    /// The same users are drawn for each figure of each method.
    fn interval(&self, values: &[f64]) -> Interval {
        let mean = |sum: f64| sum / values.len().max(1) as f64;
        let value = mean(values.iter().sum());
        let mut random = SplitMix(self.bootstrap.seed);
        let mut means: Vec<f64> = (0..self.bootstrap.resamples)
            .map(|_| mean((0..values.len()).map(|_| values[random.below(values.len())]).sum()))
            .collect();
        means.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (means.len() as f64 * share) as usize;
            means.get(place.min(means.len().saturating_sub(1))).copied().unwrap_or(value)
        };
        Interval { value, low: at(0.025), high: at(0.975) }
    }

    fn coverage(&self, lists: &Lists) -> f64 {
        let mut shown = vec![false; self.popularity.len()];
        lists.iter().flatten().for_each(|item| shown[*item as usize] = true);
        shown.iter().filter(|shown| **shown).count() as f64 / shown.len().max(1) as f64
    }

    fn novelty(&self, lists: &Lists) -> f64 {
        let users = self.users.max(1) as f64;
        let surprise = |item: &u32| {
            let known = f64::from(self.popularity[*item as usize].max(1));
            (users / known).log2().max(0.0)
        };
        let shown = lists.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        lists.iter().flatten().map(surprise).sum::<f64>() / shown
    }

    fn by_length(&self, hits: &[f64]) -> [(usize, f64); 4] {
        let mut groups = [(0_usize, 0.0); 4];
        for (hit, history) in hits.iter().zip(&self.split.known) {
            let group = &mut groups[LENGTHS.partition_point(|end| *end <= history.len())];
            group.0 += 1;
            group.1 += hit;
        }
        groups.map(|(users, hits)| (users, if users == 0 { 0.0 } else { hits / users as f64 }))
    }

    fn by_popularity(&self, lists: &Lists) -> [f64; 10] {
        let mut shares = [0.0; 10];
        let shown = lists.iter().map(Vec::len).sum::<usize>().max(1) as f64;
        for item in lists.iter().flatten() {
            shares[self.tenths[*item as usize]] += 1.0 / shown;
        }
        shares
    }
}

/// Steele, Lea and Flood's `SplitMix64`: small, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
