//! What reading lists has taught: how many movies they have, and how long each reader took.
//!
//! Conditions that go together are met more often than if they were independent, which is all that statistics
//! tell; who has read a list to its end knows better. And what a movie that is looked at takes differs from
//! machine to machine: where both readers are estimated about alike, it is tried.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use moka::{ops::compute::Op, sync::Cache};

use crate::domain::list::{Filter, ListQuery, Start, Total};

/// Filters whose totals are remembered, and lists whose times are.
const LISTS_MAX: u64 = 10_000;
/// For how long a total is: movies come and go.
const KEPT: Duration = Duration::from_hours(1);
/// Times in a row that a reader is to have read a list before it is believed: the first may have had to fetch
/// from the disk.
const BELIEVED: u8 = 2;
/// By how much the least time that was seen grows with each time that was longer, at most: a moment of load
/// is not taken for the list's, and a list that became longer is noticed.
const GROWTH: f64 = 1.25;
/// By how much the time of who was not chosen shrinks each time, so that it is tried again by and by.
const FADING: f64 = 0.99;

/// How long a list takes by each reader, as far as that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Took {
    /// By the database.
    pub database: Times,
    /// By the index.
    pub index: Times,
}

impl Took {
    /// Notes how long a reader took.
    pub fn note(&mut self, by_index: bool, took: Duration) {
        let (reader, other) = if by_index {
            (&mut self.index, &mut self.database)
        } else {
            (&mut self.database, &mut self.index)
        };
        reader.note(took.as_secs_f64() * 1e6);
        other.least *= FADING;
    }
}

/// How long one reader takes for a list.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Times {
    /// Microseconds.
    least: f64,
    /// How often it was seen, up to [`BELIEVED`].
    seen: u8,
}

impl Times {
    fn note(&mut self, micros: f64) {
        self.least = if self.seen == 0 { micros } else { micros.min(self.least * GROWTH) };
        self.seen = (self.seen + 1).min(BELIEVED);
    }

    /// Microseconds, once it was seen often enough.
    #[must_use]
    pub fn known(&self) -> Option<f64> {
        (self.seen == BELIEVED).then_some(self.least)
    }
}

/// By the hashes of lists, which are of any length; two of one hash cost a worse choice at most.
#[derive(Debug)]
pub(super) struct Experience {
    hashes: RandomState,
    totals: Cache<u64, u64>,
    took: Cache<u64, Took>,
}

impl Experience {
    pub(super) fn new() -> Self {
        Self {
            hashes: RandomState::new(),
            totals: Cache::builder().max_capacity(LISTS_MAX).time_to_live(KEPT).build(),
            took: Cache::builder().max_capacity(LISTS_MAX).time_to_idle(KEPT).build(),
        }
    }

    /// How many movies a filter let through not long ago, if somebody counted them all.
    pub(super) fn total(&self, filter: &Filter) -> Option<u64> {
        self.totals.get(&self.hashes.hash_one(filter.canonical()))
    }

    /// How long a list took.
    pub(super) fn took(&self, query: &ListQuery) -> Took {
        self.took.get(&self.hash(query)).unwrap_or_default()
    }

    /// Notes how long a list took, and how many movies it has.
    pub(super) fn note(&self, query: &ListQuery, by_index: bool, took: Duration, total: Total) {
        if let Total::Exact(total) = total {
            self.totals.insert(self.hashes.hash_one(query.filter.canonical()), total);
        }
        self.took.entry(self.hash(query)).and_compute_with(|before| {
            let mut times = before.map(moka::Entry::into_value).unwrap_or_default();
            times.note(by_index, took);
            Op::Put(times)
        });
    }

    /// Pages after the first are taken as one: they differ by where they begin.
    fn hash(&self, query: &ListQuery) -> u64 {
        let ListQuery { filter, sort, limit, start, .. } = query;
        let is_first = matches!(start, Start::First);
        self.hashes.hash_one((filter.canonical(), sort.to_string(), limit, is_first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> ListQuery {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ListQuery::from_pairs(pairs).unwrap()
    }

    fn millis(by: Times) -> Option<f64> {
        by.known().map(|micros| micros / 1e3)
    }

    const NO_TIME: Duration = Duration::ZERO;

    #[test]
    fn a_total_is_of_the_filter_whatever_the_order_and_only_if_it_is_exact() {
        let known = Experience::new();
        let both = query("genre=Drama,Romance&sort=title");
        known.note(&both, false, NO_TIME, Total::AtLeast(10_000));
        assert_eq!(known.total(&both.filter), None);
        known.note(&both, true, NO_TIME, Total::Exact(390_147));
        known.note(&both, false, NO_TIME, Total::AtLeast(10_000));
        let same = query("sort=-year&genre=Romance,drama&limit=3");
        assert_eq!(known.total(&same.filter), Some(390_147));
        assert_eq!(known.total(&query("genre=Drama|Romance").filter), None);
    }

    #[test]
    fn a_time_is_of_the_list_and_its_order_and_of_who_read_it() {
        let known = Experience::new();
        let list = query("genre=Drama,Romance&sort=title");
        for ms in [180, 12] {
            known.note(&list, false, Duration::from_millis(ms), Total::AtLeast(10_000));
        }
        let same = known.took(&query("sort=title&genre=romance,Drama"));
        assert_eq!((millis(same.database), millis(same.index)), (Some(12.0), None));
        for other in ["genre=Drama,Romance", "genre=Drama,Romance&sort=title&limit=5"] {
            assert_eq!(known.took(&query(other)), Took::default(), "{other}");
        }
    }

    #[test]
    fn one_time_is_not_believed_and_a_moment_of_load_hardly_counts() {
        let mut took = Took::default();
        took.note(true, Duration::from_millis(200));
        assert_eq!(took.index.known(), None);
        took.note(true, Duration::from_millis(10));
        took.note(true, Duration::from_millis(500));
        assert_eq!(millis(took.index), Some(12.5));
        took.note(true, Duration::from_millis(11));
        assert_eq!(millis(took.index), Some(11.0));
    }

    #[test]
    fn who_is_not_chosen_is_tried_again_by_and_by() {
        let mut took = Took::default();
        for _ in 0..2 {
            took.note(false, Duration::from_millis(12));
        }
        let mut turns = 0;
        while took.database.known() > Some(10e3) {
            took.note(true, Duration::from_millis(10));
            turns += 1;
        }
        assert!((10..30).contains(&turns), "{turns}");
    }
}
