//! Answers that are made before anybody asks for them.
//!
//! **Invariant:** such an answer is loaded, shared and judged as any other; only who asked is different.

use std::{collections::HashSet, sync::Arc};

use tracing::Instrument as _;

use crate::domain::revision::Revision;

use super::{
    super::{
        entry::{Entry, Made, Payload},
        flight::{Boarding, Join, Need},
        key::Key,
        lease::Freshness,
        outcome::{Failure, LoadFailure},
    },
    Ask, Flight, Floor, From, Tiers,
};

/// The part of an answer's life before whose beginning the next one is made.
const EARLY_PART: u32 = 10;

/// What came of preparing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// There was a good one.
    Already,
    /// Another replica had made it.
    FromL2,
    /// It was loaded from the truth.
    Loaded,
    /// There is one, and no room to keep it in the process until somebody asks.
    NoRoom,
}

impl<P: Payload, E: LoadFailure + Clone + Send + Sync + 'static> Tiers<P, E> {
    /// Makes an answer ahead of who will ask for it, unless there is one that is good, and keeps it in the
    /// process until [`Tiers::let_go`], whether or not it is asked for. Nothing is counted: nobody asked. What
    /// came of it, and the answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn prepare<Q, F>(
        self: &Arc<Self>,
        ask: Ask,
        query: Q,
        may_load: impl FnOnce(&Q) -> Result<(), E>,
        load: impl FnOnce(Q) -> F + Send + 'static,
    ) -> Result<(Prepared, Arc<Entry<P>>), Failure<E>>
    where
        Q: Send + 'static,
        F: Future<Output = Result<Made<P>, E>> + Send + 'static,
    {
        let now = self.known.clock().tick();
        let calendar = self.known.clock().now();
        let is_good = |entry: &Arc<Entry<P>>| {
            entry.is_good() && entry.expires > now && !entry.within.is_over(calendar)
        };
        // Made anew before it is over: there is always one.
        let beyond = now.after(self.ttl(ask.lasting) / EARLY_PART);
        let lasts = |entry: &Arc<Entry<P>>| is_good(entry) && entry.expires > beyond;
        let key = ask.key.clone();
        if let Some(entry) = self.ahead.get(&key).filter(lasts) {
            return Ok((Prepared::Already, entry));
        }
        if let Some(entry) = self.local.get(&key).filter(lasts) {
            let is_kept = self.ahead.put(key, Arc::clone(&entry));
            return Ok((if is_kept { Prepared::Already } else { Prepared::NoRoom }, entry));
        }
        if self.known.lease().freshness(now) != Freshness::Fresh {
            return Err(Failure::Expired);
        }
        let lives = self.known.lives(); // before all that is known
        let (generation, epoch) = (self.known.generation(), self.known.epoch());
        let need = Need { news: self.known.news(), at_least: Revision::ZERO };
        let watched = self.known.watch(&ask.scopes);
        let floor = Floor::of(&self.known, &watched, Revision::ZERO);
        let waiter = match self.flights.board(&key, need, Join::Sure) {
            Boarding::Joined(waiter) => waiter,
            Boarding::Mine(pilot, waiter) => {
                if let Err(failure) = may_load(&query) {
                    pilot.land(Err(Failure::Load(failure.clone())));
                    return Err(Failure::Load(failure));
                }
                let at_least = Revision::ZERO;
                let flight =
                    Flight { ask, at_least, floor, watched, epoch, generation, lives, beyond };
                let flying = Arc::clone(self).lead(flight, pilot, move || load(query));
                self.tasks.spawn(flying.in_current_span());
                waiter
            }
        };
        let landed = waiter.outcome().await.unwrap_or(Err(Failure::Lost))?;
        let is_of_this_life = landed.lives == lives && generation == self.known.generation();
        let is_kept = is_good(&landed.entry) && is_of_this_life;
        if is_kept && landed.keep && !self.ahead.put(key, Arc::clone(&landed.entry)) {
            return Ok((Prepared::NoRoom, landed.entry));
        }
        let prepared = match landed.from {
            From::L1 => Prepared::Already,
            From::L2 => Prepared::FromL2,
            From::Truth | From::Copy => Prepared::Loaded,
        };
        Ok((prepared, landed.entry))
    }

    /// Keeps only those of what is kept unasked that are named, and tells how many bytes those have.
    pub fn let_go(&self, but: &HashSet<Key>) -> u64 {
        self.ahead.retain(but)
    }
}
