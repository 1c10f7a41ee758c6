//! One load for each key, however many ask.
//!
//! What an answer depends on is known once it is made: a list, on the movies that it shows. So a need is not
//! what is known of some scopes, but the news at which a load began. Who comes when there are others may join
//! all the same, since most of what is written concerns something else, and judges what lands.
//!
//! **Invariant:** a request takes what lands unjudged only if nothing became known between the beginning of
//! the load and itself.
//! **Invariant:** a load belongs to nobody: who leaves cancels nothing.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::domain::revision::Revision;

use super::key::Key;

/// What a load must include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Need {
    /// All that was known at these [news](super::known::Known::news).
    pub(super) news: u64,
    /// And a revision that is not known yet, if the client names one.
    pub(super) at_least: Revision,
}

type Name = (Key, Need);

type Seat<T> = watch::Receiver<Option<T>>;

/// Loads of one key, by the news at which they began: one, and rarely another for who could not take its
/// answer.
type Loads<T> = Vec<(u64, Seat<T>)>;

/// Loads that are under way, and failures that are still fresh.
#[derive(Debug)]
pub(super) struct Flights<T> {
    under_way: Mutex<HashMap<(Key, Revision), Loads<T>>>,
}

/// Which loads a request may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Any of its key.
    Any,
    /// One that must include all that it needs.
    Sure,
}

/// What a request finds.
pub(super) enum Boarding<T: Clone> {
    /// A load that is under way, or has just failed.
    Joined(Waiter<T>),
    /// None: it is this request's to begin one.
    Mine(Pilot<T>, Waiter<T>),
}

/// Somebody who waits for a load.
pub(super) struct Waiter<T> {
    seat: Seat<T>,
    is_sure: bool,
}

/// The duty to land.
pub(super) struct Pilot<T: Clone> {
    flights: Arc<Flights<T>>,
    name: Name,
    sender: watch::Sender<Option<T>>,
}

impl<T: Clone> Flights<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { under_way: Mutex::default() })
    }

    /// Joins a load of a key, or begins one.
    pub(super) fn board(self: &Arc<Self>, key: &Key, need: Need, join: Join) -> Boarding<T> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let loads = under_way.entry((key.clone(), need.at_least)).or_default();
        if let Some((news, seat)) = joinable(loads, need, join) {
            return Boarding::Joined(Waiter { seat: seat.clone(), is_sure: *news == need.news });
        }
        let (sender, seat) = watch::channel(None);
        loads.push((need.news, seat.clone()));
        let (flights, name) = (Arc::clone(self), (key.clone(), need));
        Boarding::Mine(Pilot { flights, name, sender }, Waiter { seat, is_sure: true })
    }

    /// Whether [`Flights::board`] would join a load now.
    pub(super) fn is_under_way(&self, key: &Key, need: Need, join: Join) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let loads = under_way.get(&(key.clone(), need.at_least));
        loads.is_some_and(|loads| joinable(loads, need, join).is_some())
    }

    /// Loads under way.
    pub(super) fn len(&self) -> usize {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.values().map(Vec::len).sum()
    }
}

/// The load that a request joins: that of its need, or else the last one that began.
fn joinable<T>(loads: &Loads<T>, need: Need, join: Join) -> Option<&(u64, Seat<T>)> {
    let same = loads.iter().find(|(news, _)| *news == need.news);
    same.or_else(|| loads.last().filter(|_| join == Join::Any))
}

impl<T: Clone> Waiter<T> {
    /// Whether what lands includes all that this request needs, unjudged.
    pub(super) const fn is_sure(&self) -> bool {
        self.is_sure
    }

    /// The outcome; `None` if the load ended without one.
    pub(super) async fn outcome(mut self) -> Option<T> {
        let landed = self.seat.wait_for(Option::is_some).await.map(|_| ());
        landed.ok()?;
        self.seat.borrow().clone()
    }
}

impl<T: Clone> Pilot<T> {
    /// Tells everybody. New requests still find the outcome, until the pilot is dropped.
    pub(super) fn land(&self, outcome: T) {
        self.sender.send_replace(Some(outcome));
    }
}

impl<T: Clone> Drop for Pilot<T> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, need) = &self.name;
        if let Entry::Occupied(mut loads) = under_way.entry((key.clone(), need.at_least)) {
            loads.get_mut().retain(|(news, _)| *news != need.news);
            if loads.get().is_empty() {
                loads.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_share_a_load_and_know_whether_they_may_take_it_as_it_is() {
        let flights = Flights::new();
        let key = Key::new("/v1/genres");
        let at = |news| Need { news, at_least: Revision::ZERO };
        let board = |need, join| flights.board(&key, need, join);
        let Boarding::Mine(pilot, waiter) = board(at(1), Join::Any) else { unreachable!() };
        let Boarding::Joined(other) = board(at(1), Join::Sure) else { unreachable!() };
        let Boarding::Joined(later) = board(at(2), Join::Any) else { unreachable!() };
        assert_eq!((waiter.is_sure(), other.is_sure(), later.is_sure()), (true, true, false));
        let more = Need { at_least: Revision::new(5).unwrap(), ..at(1) };
        assert!(matches!(board(more, Join::Any), Boarding::Mine(..)), "another asks for more");
        let Boarding::Mine(second, _) = board(at(2), Join::Sure) else { unreachable!() };
        let Boarding::Joined(third) = board(at(3), Join::Any) else { unreachable!() };
        assert_eq!(flights.len(), 2);
        second.land(8);
        drop(second);
        pilot.land(7);
        assert_eq!((waiter.outcome().await, other.outcome().await), (Some(7), Some(7)));
        assert_eq!((later.outcome().await, third.outcome().await), (Some(7), Some(8)));
        drop(pilot);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_load_that_is_lost_leaves_nobody_waiting() {
        let flights = Flights::<u8>::new();
        let Boarding::Mine(pilot, waiter) =
            flights.board(&Key::new("a"), Need::default(), Join::Any)
        else {
            unreachable!()
        };
        drop(pilot);
        assert_eq!(waiter.outcome().await, None);
    }
}
