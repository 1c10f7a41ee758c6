//! Every revision with its effect, and by when it was committed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use super::row::Row;

/// Revisions that may be answered before the database is asked for them, at most.
const AHEAD: usize = 10_000;

/// What one revision did to one movie.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) id: i64,
    pub(crate) before: Option<Arc<Row>>,
    pub(crate) after: Option<Arc<Row>>,
}

/// The catalogue from revision `oldest` to revision `head`.
#[derive(Debug, Default)]
pub(crate) struct History {
    oldest: i64,
    /// For each revision after `oldest`.
    effects: VecDeque<Arc<[Effect]>>,
    /// For each revision after `oldest`, an instant by which it was committed, where one is known. It
    /// may reach beyond `effects`: an answer to a write is heard before the database is asked. Never
    /// falls, since the order of revisions is that of commits.
    committed: VecDeque<Instant>,
    movies: BTreeMap<i64, States>,
}

/// The states of a movie, each with the revision that began it.
type States = VecDeque<(i64, Option<Arc<Row>>)>;

impl History {
    /// The last revision whose effect is known.
    pub(crate) fn head(&self) -> i64 {
        self.oldest + i64::try_from(self.effects.len()).expect("few")
    }

    /// The first revision at which the catalogue is still known.
    pub(crate) const fn oldest(&self) -> i64 {
        self.oldest
    }

    /// What the next revision did. `after` of each movie that it changed.
    pub(crate) fn push(&mut self, changed: Vec<(i64, Option<Arc<Row>>)>) {
        let revision = self.head() + 1;
        let mut effects = Vec::with_capacity(changed.len());
        for (id, after) in changed {
            let states = self.movies.entry(id).or_default();
            let before = states.back().and_then(|(_, row)| row.clone());
            states.push_back((revision, after.clone()));
            effects.push(Effect { id, before, after });
        }
        self.effects.push_back(effects.into());
    }

    /// That `revision`, and so each one before it, was committed by `instant`.
    pub(crate) fn committed_by(&mut self, revision: i64, instant: Instant) {
        // What nobody can have written is no evidence, and is noticed elsewhere.
        let Some(last) = self.slot(revision).filter(|last| *last < self.effects.len() + AHEAD)
        else {
            return;
        };
        while self.committed.len() <= last {
            self.committed.push_back(instant);
        }
        for known in self.committed.range_mut(..=last).rev() {
            if *known <= instant {
                break;
            }
            *known = instant;
        }
    }

    /// The last revision that was committed by `instant`, of those known to be.
    pub(crate) fn known_at(&self, instant: Instant) -> i64 {
        let count = self.committed.partition_point(|committed| *committed <= instant);
        self.oldest + i64::try_from(count).expect("few")
    }

    /// An instant by which a revision was committed.
    pub(crate) fn committed(&self, revision: i64) -> Option<Instant> {
        self.committed.get(self.slot(revision)?).copied()
    }

    /// What a revision did. Nothing is known of revisions that are too old or not there yet.
    pub(crate) fn effects(&self, revision: i64) -> Option<&Arc<[Effect]>> {
        self.effects.get(self.slot(revision)?)
    }

    /// Every movie as of a revision, in the order of ids.
    pub(crate) fn movies(&self, revision: i64) -> impl Iterator<Item = &Arc<Row>> {
        self.movies.values().filter_map(move |states| state(states, revision))
    }

    /// One movie as of a revision.
    pub(crate) fn movie(&self, id: i64, revision: i64) -> Option<&Arc<Row>> {
        state(self.movies.get(&id)?, revision)
    }

    /// Forgets what nobody can be answered with any more: all before the last revision that was
    /// committed by `instant`.
    pub(crate) fn forget_before(&mut self, instant: Instant) {
        let oldest = self.known_at(instant).min(self.head());
        if oldest <= self.oldest {
            return;
        }
        let count = usize::try_from(oldest - self.oldest).expect("few");
        self.effects.drain(..count);
        self.committed.drain(..count);
        self.oldest = oldest;
        self.movies.retain(|_, states| {
            let current = states.partition_point(|(revision, _)| *revision <= oldest);
            states.drain(..current.saturating_sub(1));
            !(states.len() == 1 && states[0].0 <= oldest && states[0].1.is_none())
        });
    }

    /// Where a revision is in the queues.
    fn slot(&self, revision: i64) -> Option<usize> {
        usize::try_from(revision - self.oldest - 1).ok()
    }
}

fn state(states: &States, revision: i64) -> Option<&Arc<Row>> {
    let current = states.partition_point(|(since, _)| *since <= revision).checked_sub(1)?;
    states[current].1.as_ref()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_revision_was_committed_no_later_than_those_after_it() {
        let mut history = History::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for _ in 0..3 {
            history.push(Vec::new());
        }
        history.committed_by(1, at(10));
        history.committed_by(3, at(30));
        assert_eq!(history.known_at(at(20)), 1);
        history.committed_by(2, at(5));
        assert_eq!(history.committed(1), Some(at(5)));
        assert_eq!((history.known_at(at(5)), history.known_at(at(4))), (2, 0));
        history.forget_before(at(5));
        assert_eq!((history.oldest(), history.head(), history.known_at(at(30))), (2, 3, 3));
    }
}
