//! One load for each key and need, however many ask.
//!
//! What an answer depends on is known once it is made: a list, on the movies that it shows. So a need is not
//! what is known of some scopes, but the news at which a load began.
//!
//! **Invariant:** a request joins a load only if that load must include all that the request must
//! include. Whatever becomes known between the two makes another need, hence another load.
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

/// Loads that are under way, and failures that are still fresh.
#[derive(Debug)]
pub(super) struct Flights<T> {
    under_way: Mutex<HashMap<Name, Seat<T>>>,
}

/// What a request finds.
pub(super) enum Boarding<T: Clone> {
    /// A load that is under way, or has just failed.
    Joined(Waiter<T>),
    /// None: it is this request's to begin one.
    Mine(Pilot<T>, Waiter<T>),
}

/// Somebody who waits for a load.
pub(super) struct Waiter<T>(Seat<T>);

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

    /// Joins the load of a key and a need, or begins it.
    pub(super) fn board(self: &Arc<Self>, key: &Key, need: Need) -> Boarding<T> {
        let name = (key.clone(), need);
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.entry(name.clone()) {
            Entry::Occupied(flight) => Boarding::Joined(Waiter(flight.get().clone())),
            Entry::Vacant(place) => {
                let (sender, seat) = watch::channel(None);
                place.insert(seat.clone());
                let flights = Arc::clone(self);
                Boarding::Mine(Pilot { flights, name, sender }, Waiter(seat))
            }
        }
    }

    /// Whether [`Flights::board`] would join a load now.
    pub(super) fn is_under_way(&self, key: &Key, need: Need) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.contains_key(&(key.clone(), need))
    }

    /// Loads under way.
    pub(super) fn len(&self) -> usize {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<T: Clone> Waiter<T> {
    /// The outcome; `None` if the load ended without one.
    pub(super) async fn outcome(mut self) -> Option<T> {
        let landed = self.0.wait_for(Option::is_some).await.map(|_| ());
        landed.ok()?;
        self.0.borrow().clone()
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
        under_way.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_with_the_same_need_share_a_load_and_others_do_not() {
        let flights = Flights::new();
        let key = Key::new("/v1/genres");
        let at = |news| Need { news, at_least: Revision::ZERO };
        let Boarding::Mine(pilot, waiter) = flights.board(&key, at(1)) else { unreachable!() };
        let Boarding::Joined(other) = flights.board(&key, at(1)) else { unreachable!() };
        assert!(matches!(flights.board(&key, at(2)), Boarding::Mine(..)), "a write came between");
        let later = Need { at_least: Revision::new(5).unwrap(), ..at(1) };
        assert!(matches!(flights.board(&key, later), Boarding::Mine(..)), "another asks for more");
        pilot.land(7);
        assert_eq!((waiter.outcome().await, other.outcome().await), (Some(7), Some(7)));
        drop(pilot);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_load_that_is_lost_leaves_nobody_waiting() {
        let flights = Flights::<u8>::new();
        let Boarding::Mine(pilot, waiter) = flights.board(&Key::new("a"), Need::default()) else {
            unreachable!()
        };
        drop(pilot);
        assert_eq!(waiter.outcome().await, None);
    }
}
