//! Who may change which movie: one writer at a time, and nobody until the last change is known.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::movies::FIRST_IMDB_ID;
use crate::{cluster::check::Checker, store::model::Dice};

/// A write whose outcome is not known may still be committed so much later.
const QUARANTINE: Duration = Duration::from_secs(20);

/// The movies that there are, and who may change them.
#[derive(Debug)]
pub(crate) struct Population {
    /// How many movies there shall be.
    pub(super) size: usize,
    imdb_ids: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<i64>,
    taken: HashSet<i64>,
    /// Changed at a revision whose effect is not known yet.
    resting: Vec<(i64, i64)>,
    quarantined: Vec<(Instant, i64)>,
}

impl Population {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, imdb_ids: AtomicU64::new(FIRST_IMDB_ID), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes movies for one write.
    pub(super) fn take(&self, count: usize, dice: &mut Dice, checker: &Checker) -> Vec<i64> {
        let head = checker.head();
        let mut state = self.state();
        let (rested, resting) = std::mem::take(&mut state.resting)
            .into_iter()
            .partition(|(revision, _): &(i64, i64)| *revision <= head);
        state.resting = resting;
        let rested: Vec<(i64, i64)> = rested;
        if !rested.is_empty() {
            let living: HashSet<i64> = checker.living().into_iter().collect();
            for (_, id) in rested {
                state.taken.remove(&id);
                if living.contains(&id) {
                    state.free.push(id);
                }
            }
        }
        state.quarantined.retain(|(since, _)| since.elapsed() < QUARANTINE);
        if state.free.len() < count {
            // Also adopts movies whose creation was not acknowledged, once that was long ago.
            let away: HashSet<i64> = state.quarantined.iter().map(|(_, id)| *id).collect();
            let taken = &state.taken;
            state.free = checker
                .living()
                .into_iter()
                .filter(|id| !taken.contains(id) && !away.contains(id))
                .collect();
        }
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count && !state.free.is_empty() {
            let at = usize::try_from(dice.roll(state.free.len() as u64)).expect("few");
            let id = state.free.swap_remove(at);
            state.taken.insert(id);
            ids.push(id);
        }
        ids
    }

    /// Gives back movies that a write left as they are from a revision on, or took away.
    pub(super) fn rest(&self, ids: &[i64], revision: i64) {
        self.state().resting.extend(ids.iter().map(|id| (revision, *id)));
    }

    /// Keeps everyone from movies that a write may still change.
    pub(super) fn quarantine(&self, ids: &[i64]) {
        let mut state = self.state();
        for id in ids {
            state.taken.remove(id);
            state.quarantined.push((Instant::now(), *id));
        }
    }

    pub(super) fn imdb_id(&self, dice: &mut Dice) -> Option<u64> {
        (dice.roll(3) > 0).then(|| self.imdb_ids.fetch_add(1, Ordering::Relaxed))
    }
}
