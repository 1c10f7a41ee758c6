//! What one replica knows, and how it learns it.

use crate::{
    catalogue::{Content, QUERIES, Query, Revision, SCOPES, Scopes, Truth, Write},
    rules::Rule,
};

/// A revision that only a forged message has.
pub(crate) const FAR: Revision = 99;

/// An answer in L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) tag: Revision,
    pub(crate) content: Content,
}

/// One process. Before its first poll it serves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Replica {
    /// The first poll was applied.
    pub(crate) loaded: bool,
    /// It is known which life of the database this is: not before the first poll, nor between finding
    /// out that the database was restored and having read the whole of it.
    pub(crate) settled: bool,
    pub(crate) epoch: u8,
    /// Up to here polls have read.
    pub(crate) cursor: Revision,
    /// Up to here every write is known. Follows the cursor once all scopes are known.
    pub(crate) verified: Revision,
    /// Ticks since the last poll that succeeded was sent, up to the bound.
    pub(crate) lease_age: u8,
    /// By polls and own writes.
    pub(crate) proven: Scopes,
    /// By messages, as far as they say more than is proven.
    pub(crate) hinted: Scopes,
    pub(crate) poll: Option<Poll>,
    pub(crate) l1: [Option<Entry>; QUERIES],
    /// For the promises alone: the last revision that an answer showed.
    pub(crate) shown: Revision,
    /// For the promises alone: the own writes that were answered.
    pub(crate) acknowledged: Vec<Revision>,
}

/// A poll under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Poll {
    /// Ticks since it was sent, up to the bound.
    pub(crate) age: u8,
    /// It asks for scopes beyond this revision.
    since: Revision,
    /// It was sent while nothing was known, and begins a life of the database.
    whole: bool,
    pub(crate) found: Option<Found>,
    /// The first of two steps in which it is applied is done.
    half_applied: bool,
}

/// What a poll read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Found {
    epoch: u8,
    head: Revision,
    scopes: Scopes,
}

/// What became of a poll that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    Applied,
    /// The database is not the one that was read before.
    Restored,
}

impl Replica {
    /// What an entry must have to be good: its tag is at least this.
    pub(crate) fn known(&self, query: Query, broken: Option<Rule>) -> Revision {
        if broken == Some(Rule::EveryScopeCounts) {
            let first = query.scopes()[0];
            return self.proven[first].max(self.hinted[first]);
        }
        query.newest(self.proven).max(query.newest(self.hinted))
    }

    pub(crate) fn send_poll(&mut self) {
        let (since, whole) = (self.cursor, !self.settled);
        self.poll = Some(Poll { age: 0, since, whole, found: None, half_applied: false });
    }

    /// Applies a poll by one step of two, so that requests can come in between.
    pub(crate) fn apply_poll(&mut self, broken: Option<Rule>) -> Option<Polled> {
        let poll = self.poll.clone()?;
        let found = poll.found?;
        let backwards = found.head < self.cursor || found.epoch != self.epoch;
        // One that was sent before a write found out does not read the whole.
        let restored = !poll.whole && (backwards || !self.settled);
        let blind = broken == Some(Rule::RestoresAreFoundByPolls);
        if restored && !blind && !poll.half_applied {
            self.poll = None;
            return Some(Polled::Restored);
        }
        let scopes_now = poll.half_applied == (broken == Some(Rule::ScopesBeforeCursor));
        if scopes_now {
            self.learn_scopes(found.scopes, poll.since, found.head);
        } else {
            let arrival = broken == Some(Rule::LeaseFromSending);
            self.lease_age = if arrival { 0 } else { poll.age };
            (self.cursor, self.verified) = (found.head, found.head);
            if poll.whole {
                self.epoch = found.epoch;
                (self.loaded, self.settled) = (true, true);
            }
        }
        self.poll =
            if poll.half_applied { None } else { Some(Poll { half_applied: true, ..poll }) };
        Some(Polled::Applied)
    }

    fn learn_scopes(&mut self, scopes: Scopes, since: Revision, head: Revision) {
        for (scope, &revision) in scopes.iter().enumerate() {
            if revision > since {
                self.proven[scope] = self.proven[scope].max(revision);
            }
            // What the truth does not have was a lie.
            if self.hinted[scope] > head {
                self.hinted[scope] = 0;
            }
        }
        self.forget_idle_hints();
    }

    pub(crate) fn learn_own_write(&mut self, write: Write, revision: Revision) {
        for &scope in write.scopes() {
            self.proven[scope] = self.proven[scope].max(revision);
        }
        self.forget_idle_hints();
    }

    pub(crate) fn hear(&mut self, scopes: &[usize], revision: Revision, broken: Option<Rule>) {
        for &scope in scopes {
            self.hinted[scope] = self.hinted[scope].max(revision);
        }
        self.forget_idle_hints();
        match broken {
            Some(Rule::LeaseByPollsAlone) => self.lease_age = 0,
            Some(Rule::CursorByPollsAlone) => self.cursor = self.cursor.max(revision),
            _ => {}
        }
    }

    /// A hint that says nothing new is as good as none: fewer states to visit.
    fn forget_idle_hints(&mut self) {
        for scope in 0..SCOPES {
            if self.hinted[scope] <= self.proven[scope] {
                self.hinted[scope] = 0;
            }
        }
    }

    /// Keeps a load's answer, unless a newer one is there.
    pub(crate) fn keep(&mut self, query: Query, entry: Entry) {
        let place = &mut self.l1[query as usize];
        if place.is_none_or(|old| old.tag <= entry.tag) {
            *place = Some(entry);
        }
    }

    /// An entry below what is proven is never good again, since what is proven only grows: as good
    /// as none, and fewer states to visit.
    pub(crate) fn forget_dead_entries(&mut self, queries: &[Query]) {
        for &query in queries {
            let proven = query.newest(self.proven);
            let place = &mut self.l1[query as usize];
            if place.is_some_and(|entry| entry.tag < proven) {
                *place = None;
            }
        }
    }

    /// After a restore was found out. It goes on to serve, by what it loads. Its epoch and its lease are
    /// still those of the last poll that was applied, and one that is under way may still come.
    pub(crate) fn forget(&mut self) {
        let Self { loaded, epoch, lease_age, .. } = *self;
        let (poll, acknowledged) = (self.poll.take(), std::mem::take(&mut self.acknowledged));
        *self = Self { loaded, epoch, lease_age, poll, acknowledged, ..Self::default() };
    }

    /// Whether everything was forgotten, and is not learnt anew yet.
    pub(crate) fn is_between_lives(&self) -> bool {
        self.loaded && !self.settled
    }
}

impl Poll {
    pub(crate) fn read(&mut self, truth: &Truth) {
        let (epoch, head, scopes) = (truth.epoch, truth.head(), truth.scopes());
        self.found = Some(Found { epoch, head, scopes });
    }
}
