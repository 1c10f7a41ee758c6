//! Those who wait for leave: few, and not for long.
//!
//! A burst is waited out: first come, first served. Where somebody has been waiting without a break for
//! longer than a burst lasts, and turns come so seldom that who joins would wait for long, more is asked for
//! than can be done, and whoever waits longest is the least likely to still want the answer: then the last
//! to come is the first served, and nobody waits for long. Then there are fewer places, too, and who finds
//! none is sent away without having cost more than the question. This is what Facebook's "Fail at Scale"
//! (ACM Queue 13/8, 2015) calls adaptive LIFO and controlled delay; theirs looks only at the time without
//! a break. A few clients that ask again as soon as they are answered keep a short queue from ever being
//! empty, though, and the last of them would be served again and again, and the first not at all.
//!
//! A plain state machine: it knows neither tasks nor the time, which comes as an argument.
//!
//! **Invariant:** there is a bound to who waits, and who left does not count.

use std::{collections::VecDeque, time::Duration};

use crate::domain::clock::Tick;

/// What part of the time that a burst may wait is waited where it is no burst.
const OVERLOADED_PART: u32 = 2;
/// What part of it who joins a queue may expect to wait before it is no burst.
const STANDING_PART: u32 = 4;
/// The weight of the last turn in the mean time between two.
const TURN_WEIGHT: f64 = 0.125;

/// Those who wait, by the order in which they came.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: VecDeque<(u64, T)>,
    next_number: u64,
    places: Places,
    /// For how long a burst may wait.
    patience: Duration,
    /// Since when there has been somebody, without a break.
    since: Option<Tick>,
    /// When a turn last came, or `since` where that is later.
    turn: Tick,
    /// The mean time between two turns, in seconds.
    between_turns: f64,
}

/// How many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// In a burst.
    pub(super) burst: usize,
    /// In an overload.
    pub(super) overload: usize,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its number; no two have the same.
    pub(super) number: u64,
    /// For how long to wait.
    pub(super) patience: Duration,
}

impl<T> Queue<T> {
    /// A queue of so many places, in which a burst may wait for `patience`.
    pub(super) const fn new(places: Places, patience: Duration) -> Self {
        let (since, turn) = (None, Tick::START);
        let waiting = VecDeque::new();
        Self { waiting, next_number: 0, places, patience, since, turn, between_turns: 0.0 }
    }

    /// Whether nobody can join.
    pub(super) fn is_full(&self, now: Tick) -> bool {
        let Places { burst, overload } = self.places;
        self.waiting.len() >= if self.is_overloaded(now) { overload } else { burst }
    }

    /// Joins the queue, unless it is full.
    pub(super) fn join(&mut self, waiter: T, now: Tick) -> Option<Place> {
        if self.is_full(now) {
            return None;
        }
        let number = self.next_number;
        self.next_number += 1;
        if self.since.is_none() {
            (self.since, self.turn) = (Some(now), now);
        }
        self.waiting.push_back((number, waiter));
        let overloaded = self.is_overloaded(now);
        let patience = if overloaded { self.patience / OVERLOADED_PART } else { self.patience };
        Some(Place { number, patience })
    }

    /// Who is next, out of the queue.
    pub(super) fn next(&mut self, now: Tick) -> Option<T> {
        let overloaded = self.is_overloaded(now);
        let next = if overloaded { self.waiting.pop_back() } else { self.waiting.pop_front() };
        if next.is_some() {
            let passed = now.since(self.turn).as_secs_f64();
            self.between_turns += TURN_WEIGHT * (passed - self.between_turns);
            self.turn = now;
        }
        self.note_emptiness();
        next.map(|(_, waiter)| waiter)
    }

    /// Leaves the queue; `false` where the place is no longer there, since its turn came.
    pub(super) fn leave(&mut self, number: u64) -> bool {
        let found = self.waiting.binary_search_by_key(&number, |(number, _)| *number);
        let left = found.is_ok_and(|n| self.waiting.remove(n).is_some());
        self.note_emptiness();
        left
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn is_overloaded(&self, now: Tick) -> bool {
        self.since.is_some_and(|since| now.since(since) > self.patience)
            && self.expected(now) > (self.patience / STANDING_PART).as_secs_f64()
    }

    /// For how many seconds who joins now would wait, in order, for those before it.
    fn expected(&self, now: Tick) -> f64 {
        let between_turns = self.between_turns.max(now.since(self.turn).as_secs_f64());
        between_turns * f64::from(u32::try_from(self.waiting.len()).unwrap_or(u32::MAX))
    }

    fn note_emptiness(&mut self) {
        if self.waiting.is_empty() {
            self.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Tick {
        Tick::START.after(Duration::from_millis(ms))
    }

    #[test]
    fn a_burst_is_served_in_its_order_and_may_wait() {
        let mut queue = Queue::new(Places { burst: 3, overload: 3 }, PATIENCE);
        for name in ["a", "b", "c"] {
            assert_eq!(queue.join(name, at(1)).unwrap().patience, PATIENCE);
        }
        let served: Vec<_> = std::iter::from_fn(|| queue.next(at(100))).collect();
        assert_eq!(served, ["a", "b", "c"]);
    }

    #[test]
    fn a_full_queue_takes_nobody_until_somebody_left() {
        let mut queue = Queue::new(Places { burst: 2, overload: 2 }, PATIENCE);
        let first = queue.join("a", at(0)).unwrap();
        queue.join("b", at(0)).unwrap();
        assert_eq!(queue.join("c", at(0)), None);
        assert!(queue.leave(first.number));
        assert!(!queue.leave(first.number), "twice");
        assert!(queue.join("c", at(0)).is_some());
        assert_eq!(queue.next(at(0)), Some("b"));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn in_an_overload_the_last_is_first_and_nobody_waits_for_long() {
        let mut queue = Queue::new(Places { burst: 9, overload: 4 }, PATIENCE);
        for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
            queue.join(name, at(n as u64 * 40)).unwrap();
        }
        let late = queue.join("d", at(120)).unwrap();
        assert_eq!(late.patience, PATIENCE / 2);
        assert!(queue.is_full(at(120)) && queue.join("e", at(120)).is_none());
        assert_eq!(queue.next(at(120)), Some("d"));
        assert_eq!(queue.next(at(120)), Some("c"));
    }

    #[test]
    fn a_short_queue_that_is_never_empty_is_served_in_its_order() {
        let mut queue = Queue::new(Places { burst: 9, overload: 1 }, PATIENCE);
        for n in 0..4 {
            queue.join(n, at(0)).unwrap();
        }
        for n in 0..200 {
            let now = at(5 * (n + 1));
            assert_eq!(queue.next(now), Some(n));
            assert_eq!(queue.join(n + 4, now).unwrap().patience, PATIENCE);
        }
        // Turns stay away: now it is an overload.
        assert!(queue.join(204, at(1_030)).is_none());
        assert_eq!(queue.next(at(1_030)), Some(203));
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn a_queue_whose_turns_come_too_seldom_is_an_overload() {
        let mut queue = Queue::new(Places { burst: 99, overload: 99 }, PATIENCE);
        for n in 0..20 {
            queue.join(n, at(0)).unwrap();
        }
        for n in 0..10 {
            queue.next(at(10 * (n + 1))).unwrap();
            queue.join(20 + n, at(10 * (n + 1))).unwrap();
        }
        // Twenty wait, and a turn comes each 10 ms: twice as long as a burst may wait.
        assert_eq!(queue.join(30, at(101)).unwrap().patience, PATIENCE / 2);
        assert_eq!(queue.next(at(101)), Some(30));
    }

    #[test]
    fn an_overload_is_over_when_nobody_waits() {
        for leaves in [true, false] {
            let mut queue = Queue::new(Places { burst: 9, overload: 4 }, PATIENCE);
            let place = queue.join("a", at(0)).unwrap();
            if leaves {
                queue.leave(place.number);
            } else {
                queue.next(at(200));
            }
            queue.join("b", at(300)).unwrap();
            assert_eq!(queue.join("c", at(300)).unwrap().patience, PATIENCE);
            assert_eq!(queue.next(at(301)), Some("b"));
        }
    }
}
