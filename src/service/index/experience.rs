//! What reading lists has taught: how many movies they have, and how long each reader took.
//!
//! Conditions that go together are met more often than if they were independent, which is all that statistics
//! tell; who has read a list to its end knows better. And what a movie that is looked at takes differs from
//! machine to machine: where both readers are estimated about alike, it is tried, and elsewhere after many reads.

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
/// Times that a reader is to have been seen before it is believed: the first may have had to fetch from the disk.
const BELIEVED: usize = 2;
/// Up to so many times the least of them counts, and then the median of the last [`RECENT`]: a moment of load is not
/// taken for the list's, nor is a reader that is fast now and then for one that is fast.
const FEW: usize = 4;
/// So many times are remembered, and taken of both readers, in turns, where the slower one takes less than [`CLOSE`]
/// times as long: a machine that is slower for a moment is so for both then.
const RECENT: usize = 7;
/// How many times as long the slower reader takes for which two times each tell who that is.
const CLOSE: f64 = 1.5;
/// A reader that was never seen is tried at once where it is thought to take less than so many times what the other
/// one was seen to take.
const NEAR: f64 = 2.0;
/// The slower reader is tried after so many reads, times as much slower as it was or is thought to be: that costs a
/// hundredth at most, unless it is far slower than it is thought to be.
const READS_APART: f64 = 100.0;

/// How long a list takes by each reader, as far as that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Took {
    database: Times,
    index: Times,
    /// Reads by one reader since the other one, and whether that is the index.
    in_a_row: u32,
    by_index: bool,
}

impl Took {
    /// Notes how long a reader took.
    pub fn note(&mut self, by_index: bool, took: Duration) {
        let reader = if by_index { &mut self.index } else { &mut self.database };
        reader.note(took);
        self.in_a_row = if self.by_index == by_index { self.in_a_row.saturating_add(1) } else { 1 };
        self.by_index = by_index;
    }

    /// What each reader, the index first, is seen or else thought to take.
    fn times(&self, by_index: f64, by_database: f64) -> (f64, f64) {
        let index = self.index.known().unwrap_or(by_index);
        (index, self.database.known().unwrap_or(by_database))
    }

    /// Whether the index is the faster one, where both readers are thought to take so many microseconds.
    pub(super) fn is_faster(&self, by_index: f64, by_database: f64) -> bool {
        let (index, database) = self.times(by_index, by_database);
        index < database
    }

    /// Whether the index is to read the list: where it is the faster one, unless the slower one is tried.
    pub(super) fn is_for_index(&self, by_index: f64, by_database: f64) -> bool {
        let (index, database) = self.times(by_index, by_database);
        let is_faster = index < database;
        let (faster, slower) =
            if is_faster { (self.index, self.database) } else { (self.database, self.index) };
        let ratio = if is_faster { database / index } else { index / database };
        let is_due = self.by_index == is_faster && f64::from(self.in_a_row) >= READS_APART * ratio;
        let are_close = ratio < CLOSE;
        let is_compared = are_close && slower.seen.min(faster.seen) < RECENT;
        // One time may have been chance, and is followed up; that of one that is close mostly was.
        let was_faster = !are_close
            && match (faster.known(), slower.last()) {
                (Some(faster), Some(slower)) => slower < faster,
                _ => false,
            };
        let is_tried = match (faster.known(), slower.known()) {
            (Some(_), None) => ratio < NEAR || is_due || was_faster,
            (Some(_), Some(_)) if is_compared => slower.seen < faster.seen,
            (Some(_), Some(_)) => is_due || was_faster,
            (None, Some(_)) => is_due,
            (None, None) => false,
        };
        is_faster != is_tried
    }
}

/// How long one reader takes for a list.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Times {
    /// Microseconds, the last ones; the next one takes the place of the oldest.
    recent: [f32; RECENT],
    next: usize,
    /// How many of them there are.
    seen: usize,
}

impl Times {
    fn note(&mut self, took: Duration) {
        self.recent[self.next] = took.as_secs_f32() * 1e6;
        self.next = (self.next + 1) % RECENT;
        self.seen = (self.seen + 1).min(RECENT);
    }

    /// Microseconds, once it was seen often enough.
    fn known(self) -> Option<f64> {
        let mut times = self.recent;
        let times = &mut times[..self.seen];
        times.sort_unstable_by(f32::total_cmp);
        let at = if self.seen <= FEW { 0 } else { (self.seen - 1) / 2 };
        (self.seen >= BELIEVED).then(|| f64::from(times[at].max(1.0)))
    }

    /// Microseconds that it took the last time.
    fn last(self) -> Option<f64> {
        let last = self.recent[(self.next + RECENT - 1) % RECENT];
        (self.seen > 0).then(|| f64::from(last.max(1.0)))
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

    /// Notes how long a list took, and how many movies it has if that was found.
    pub(super) fn note(
        &self,
        query: &ListQuery,
        by_index: bool,
        took: Duration,
        total: Option<Total>,
    ) {
        if let Some(Total::Exact(total)) = total {
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
        ListQuery::of(text).unwrap()
    }

    fn millis(by: Times) -> Option<f64> {
        by.known().map(|micros| (micros / 1e3).round())
    }

    const NO_TIME: Duration = Duration::ZERO;

    #[test]
    fn a_total_is_of_the_filter_whatever_the_order_and_only_if_it_is_exact() {
        let known = Experience::new();
        let both = query("genre=Drama,Romance&sort=title");
        known.note(&both, false, NO_TIME, Some(Total::AtLeast(10_000)));
        assert_eq!(known.total(&both.filter), None);
        known.note(&both, true, NO_TIME, Some(Total::Exact(390_147)));
        known.note(&both, false, NO_TIME, Some(Total::AtLeast(10_000)));
        let same = query("sort=-year&genre=Romance,drama&limit=3");
        assert_eq!(known.total(&same.filter), Some(390_147));
        assert_eq!(known.total(&query("genre=Drama|Romance").filter), None);
    }

    #[test]
    fn a_time_is_of_the_list_and_its_order_and_of_who_read_it() {
        let known = Experience::new();
        let list = query("genre=Drama,Romance&sort=title");
        for ms in [180, 12] {
            known.note(&list, false, Duration::from_millis(ms), None);
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
        assert_eq!(millis(took.index), Some(10.0));
        for ms in [13, 12, 12, 12] {
            took.note(true, Duration::from_millis(ms));
        }
        assert_eq!(millis(took.index), Some(12.0), "it is 10 ms now and then");
        // A list that became longer is noticed, however long it was as short as before.
        for _ in 0..4 {
            took.note(true, Duration::from_millis(30));
        }
        assert_eq!(millis(took.index), Some(30.0));
    }

    #[test]
    fn the_slower_one_is_tried_again_so_seldom_that_it_hardly_costs() {
        for (slower, least) in [(1.2, 15), (50.0, 0)] {
            let mut took = Took::default();
            let ms = |by_index| if by_index { 3.0 } else { 3.0 * slower };
            for by_index in [true, true, false, false] {
                took.note(by_index, Duration::from_secs_f64(ms(by_index) / 1e3));
            }
            let (mut tried, mut sum) = (0, 0.0);
            for _ in 0..2_000 {
                let by_index = took.is_for_index(1.0, 1.0);
                tried += usize::from(!by_index);
                sum += ms(by_index);
                took.note(by_index, Duration::from_secs_f64(ms(by_index) / 1e3));
            }
            assert!(tried >= least && sum <= 2_000.0 * 3.0 * 1.02, "{slower}: {tried}, {sum}");
        }
    }

    #[test]
    fn who_is_thought_to_be_near_is_tried_at_once_and_who_is_not_is_left() {
        for (by_database, tried) in [(8.0, true), (11.0, false)] {
            let mut took = Took::default();
            for _ in 0..2 {
                assert!(took.is_for_index(4e3, by_database * 1e3));
                took.note(true, Duration::from_millis(5));
            }
            for _ in 0..2 {
                assert_eq!(took.is_for_index(4e3, by_database * 1e3), !tried, "{by_database}");
                took.note(!tried, Duration::from_millis(if tried { 3 } else { 5 }));
            }
            assert_eq!(took.is_for_index(4e3, by_database * 1e3), !tried, "{by_database}");
        }
    }

    #[test]
    fn readers_that_take_about_as_long_are_told_apart_by_more_than_two_times() {
        // The database takes a tenth less, and was held up twice.
        let mut took = Took::default();
        for (by_index, ms) in [(false, 11), (false, 12), (true, 10), (true, 10)] {
            took.note(by_index, Duration::from_millis(ms));
        }
        let reads: Vec<bool> = (0..20)
            .map(|_| {
                let by_index = took.is_for_index(1.0, 1.0);
                took.note(by_index, Duration::from_millis(if by_index { 10 } else { 9 }));
                by_index
            })
            .collect();
        // The index is tried until it was seen as often, and no more.
        assert_eq!(reads.iter().filter(|by_index| **by_index).count(), RECENT - 2, "{reads:?}");
        assert!(reads[10..].iter().all(|by_index| !by_index), "{reads:?}");
        // In turns: what slows the machine for some reads slows both.
        assert!(reads[..10].chunks(2).all(|two| two[0] != two[1]), "{reads:?}");
    }

    #[test]
    fn one_fast_time_of_a_reader_that_is_hardly_slower_is_not_followed_up() {
        let mut took = Took::default();
        for _ in 0..RECENT {
            took.note(true, Duration::from_millis(10));
            took.note(false, Duration::from_millis(12));
        }
        took.note(false, Duration::from_millis(8));
        assert!(took.is_for_index(1.0, 1.0));
    }

    #[test]
    fn who_is_thought_to_be_far_slower_and_is_not_is_found_too() {
        // Thought to take eleven milliseconds, and takes one.
        let mut took = Took::default();
        let turns = (0..2_000).find(|_| {
            let by_index = took.is_for_index(4e3, 11e3);
            took.note(by_index, Duration::from_millis(if by_index { 5 } else { 1 }));
            took.database.known().is_some()
        });
        // Two hundred and twenty reads; and it is asked again at once, since a fault the first time is not believed.
        assert!(turns.is_some_and(|turns| (220..230).contains(&turns)), "{turns:?}");
        assert!(!took.is_for_index(4e3, 11e3));
    }

    #[test]
    fn who_became_the_faster_one_is_found() {
        let mut took = Took::default();
        for by_index in [true, true, false, false] {
            took.note(by_index, Duration::from_millis(if by_index { 3 } else { 9 }));
        }
        let turns = (0..1_000).find(|_| {
            let by_index = took.is_for_index(1.0, 1.0);
            took.note(by_index, Duration::from_millis(if by_index { 3 } else { 1 }));
            !by_index
        });
        assert!(turns.is_some_and(|turns| turns >= 300) && !took.is_for_index(1.0, 1.0));
    }
}
