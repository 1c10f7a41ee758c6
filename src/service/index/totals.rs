//! How many movies lists turned out to have, for estimating what reading them takes.
//!
//! Conditions that go together are met more often than if they were independent, which is all that statistics
//! tell; who has read a list to its end knows better.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use moka::sync::Cache;

use crate::domain::list::{Filter, Total};

/// Filters that are remembered.
const FILTERS_MAX: u64 = 10_000;
/// For how long: totals drift as movies come and go.
const KEPT: Duration = Duration::from_hours(1);

/// Totals by the hashes of filters, which are of any length; two of one hash cost a worse choice at most.
#[derive(Debug)]
pub(super) struct Totals {
    hashes: RandomState,
    known: Cache<u64, u64>,
}

impl Totals {
    pub(super) fn new() -> Self {
        let known = Cache::builder().max_capacity(FILTERS_MAX).time_to_live(KEPT).build();
        Self { hashes: RandomState::new(), known }
    }

    /// How many movies a filter let through not long ago, if somebody counted them all.
    pub(super) fn of(&self, filter: &Filter) -> Option<u64> {
        self.known.get(&self.hashes.hash_one(filter.canonical()))
    }

    /// Remembers what was counted.
    pub(super) fn remember(&self, filter: &Filter, total: Total) {
        if let Total::Exact(total) = total {
            self.known.insert(self.hashes.hash_one(filter.canonical()), total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::ListQuery;

    fn filter(text: &str) -> Filter {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ListQuery::from_pairs(pairs).unwrap().filter
    }

    #[test]
    fn a_total_is_of_the_filter_whatever_the_order_and_only_if_it_is_exact() {
        let totals = Totals::new();
        let both = filter("genre=Drama,Romance&sort=title");
        totals.remember(&both, Total::AtLeast(10_000));
        assert_eq!(totals.of(&both), None);
        totals.remember(&both, Total::Exact(390_147));
        totals.remember(&both, Total::AtLeast(10_000));
        assert_eq!(totals.of(&filter("sort=-year&genre=Romance,drama&limit=3")), Some(390_147));
        assert_eq!(totals.of(&filter("genre=Drama|Romance")), None);
    }
}
