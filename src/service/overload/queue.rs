//! Those who wait for leave: few, and not for long.
//!
//! A burst is waited out: first come, first served. Where somebody has been waiting without a break for
//! longer than a burst lasts, and turns come so seldom that who joins would wait for long, more is asked for
//! than can be done, and whoever waits longest is the least likely to still want the answer: then the last
//! to come is the first served, and nobody waits for long. Then there are fewer places, too, and who finds
//! none is sent away without having cost more than the question. This is what Facebook's "Fail at Scale"
//! (ACM Queue 13/8, 2015) calls adaptive LIFO and controlled delay; theirs looks only at the time without
//! a break. A few clients that ask again as soon as they are answered keep a short queue from ever being
//! empty, though, and the last of them would be served again and again, and the first not at all. Nor is it
//! an overload while no more wait than are at it: the last of them waits about as long as one operation takes,
//! however long that is.
//!
//! A plain state machine: it knows neither tasks nor the time, which comes as an argument.
//!
//! **Invariant:** there is a bound to who waits, and who left does not count.

use std::{collections::VecDeque, time::Duration};

use crate::domain::clock::Tick;

/// What part of the time that a burst may wait is waited where it is no burst.
const OVERLOADED_PART: u32 = 2;
/// What part of it who joins a queue may expect to wait before it is no burst. With a quarter, 64 clients that
/// asked for movies and lists by turns, and would all have been answered within half of it, were sent away in part.
const STANDING_PART: u32 = 2;
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

    /// Whether nobody can join, where so many are at it at once.
    pub(super) fn is_full(&self, now: Tick, at_once: usize) -> bool {
        let Places { burst, overload } = self.places;
        self.waiting.len() >= if self.is_overloaded(now, at_once) { overload } else { burst }
    }

    /// Joins the queue, unless it is full.
    pub(super) fn join(&mut self, waiter: T, now: Tick, at_once: usize) -> Option<Place> {
        if self.is_full(now, at_once) {
            return None;
        }
        let number = self.next_number;
        self.next_number += 1;
        if self.since.is_none() {
            (self.since, self.turn) = (Some(now), now);
        }
        self.waiting.push_back((number, waiter));
        let overloaded = self.is_overloaded(now, at_once);
        let patience = if overloaded { self.patience / OVERLOADED_PART } else { self.patience };
        Some(Place { number, patience })
    }

    /// Who is next, out of the queue.
    pub(super) fn next(&mut self, now: Tick, at_once: usize) -> Option<T> {
        let overloaded = self.is_overloaded(now, at_once);
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

    fn is_overloaded(&self, now: Tick, at_once: usize) -> bool {
        self.waiting.len() > at_once
            && self.since.is_some_and(|since| now.since(since) > self.patience)
            && self.expected(now) > (self.patience / STANDING_PART).as_secs_f64()
    }

    /// For how many seconds who joins now would wait, in order, for those before it. That a turn is late says
    /// nothing of those after it, or a pause of a few milliseconds would look like an overload to many who wait.
    fn expected(&self, now: Tick) -> f64 {
        let turns = f64::from(u32::try_from(self.waiting.len()).unwrap_or(u32::MAX));
        self.between_turns.mul_add(turns, now.since(self.turn).as_secs_f64())
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
            assert_eq!(queue.join(name, at(1), 1).unwrap().patience, PATIENCE);
        }
        let served: Vec<_> = std::iter::from_fn(|| queue.next(at(100), 1)).collect();
        assert_eq!(served, ["a", "b", "c"]);
    }

    #[test]
    fn a_full_queue_takes_nobody_until_somebody_left() {
        let mut queue = Queue::new(Places { burst: 2, overload: 2 }, PATIENCE);
        let first = queue.join("a", at(0), 1).unwrap();
        queue.join("b", at(0), 1).unwrap();
        assert_eq!(queue.join("c", at(0), 1), None);
        assert!(queue.leave(first.number));
        assert!(!queue.leave(first.number), "twice");
        assert!(queue.join("c", at(0), 1).is_some());
        assert_eq!(queue.next(at(0), 1), Some("b"));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn in_an_overload_the_last_is_first_and_nobody_waits_for_long() {
        let mut queue = Queue::new(Places { burst: 9, overload: 4 }, PATIENCE);
        for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
            queue.join(name, at(n as u64 * 40), 1).unwrap();
        }
        let late = queue.join("d", at(120), 1).unwrap();
        assert_eq!(late.patience, PATIENCE / 2);
        assert!(queue.is_full(at(120), 1) && queue.join("e", at(120), 1).is_none());
        assert_eq!(queue.next(at(120), 1), Some("d"));
        assert_eq!(queue.next(at(140), 1), Some("c"));
    }

    #[test]
    fn a_short_queue_that_is_never_empty_is_served_in_its_order() {
        let mut queue = Queue::new(Places { burst: 9, overload: 1 }, PATIENCE);
        for n in 0..4 {
            queue.join(n, at(0), 1).unwrap();
        }
        for n in 0..200 {
            let now = at(5 * (n + 1));
            assert_eq!(queue.next(now, 1), Some(n));
            assert_eq!(queue.join(n + 4, now, 1).unwrap().patience, PATIENCE);
        }
        // Turns stay away: now it is an overload.
        assert!(queue.join(204, at(1_040), 1).is_none());
        assert_eq!(queue.next(at(1_040), 1), Some(203));
        assert_eq!(queue.len(), 3);
    }

    /// A queue in which so many wait: that many turns have come, one at a time, and somebody else has joined at each.
    fn standing(waiting: u32, turns: u32, every: Duration) -> Queue<u32> {
        let mut queue = Queue::new(Places { burst: 99, overload: 60 }, PATIENCE);
        for n in 0..waiting {
            queue.join(n, at(0), 1).unwrap();
        }
        for turn in 1..=turns {
            let now = Tick::START.after(every * turn);
            queue.next(now, 1).unwrap();
            queue.join(waiting + turn - 1, now, 1).unwrap();
        }
        queue
    }

    #[test]
    fn one_late_turn_is_no_overload() {
        let mut queue = standing(60, 400, Duration::from_micros(500));
        // Sixty wait, half a millisecond each; the next turn comes after twenty times as long.
        assert!(!queue.is_full(at(210), 1));
        assert_eq!(queue.next(at(210), 1), Some(400));
    }

    #[test]
    fn a_queue_whose_turns_come_too_seldom_is_an_overload() {
        let mut queue = standing(20, 10, Duration::from_millis(10));
        // Twenty wait, and a turn comes each 10 ms: twice as long as a burst may wait.
        assert_eq!(queue.join(30, at(101), 1).unwrap().patience, PATIENCE / 2);
        assert_eq!(queue.next(at(101), 1), Some(30));
    }

    #[test]
    fn an_overload_is_over_when_nobody_waits() {
        for leaves in [true, false] {
            let mut queue = Queue::new(Places { burst: 9, overload: 4 }, PATIENCE);
            let place = queue.join("a", at(0), 0).unwrap();
            if leaves {
                queue.leave(place.number);
            } else {
                queue.next(at(200), 0);
            }
            queue.join("b", at(300), 0).unwrap();
            assert_eq!(queue.join("c", at(300), 0).unwrap().patience, PATIENCE);
            assert_eq!(queue.next(at(301), 0), Some("b"));
        }
    }

    #[test]
    fn it_is_no_overload_while_no_more_wait_than_are_at_it() {
        let mut queue = Queue::new(Places { burst: 99, overload: 1 }, PATIENCE);
        for name in ["a", "b", "c"] {
            assert_eq!(queue.join(name, at(0), 4).unwrap().patience, PATIENCE);
        }
        // Nobody's turn has come for ten times as long as a burst may wait.
        assert_eq!(queue.join("d", at(1_000), 4).unwrap().patience, PATIENCE);
        assert_eq!(queue.next(at(1_000), 4), Some("a"));
        assert!(!queue.is_full(at(1_000), 4) && queue.is_full(at(2_000), 2));
        assert_eq!(queue.next(at(2_000), 2), Some("d"));
    }
}
