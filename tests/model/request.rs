//! Requests, loads and writes under way.

use crate::{
    catalogue::{Content, Query, Revision, SCOPES, Scopes, Write},
    replica::Entry,
};

/// A read. It takes two steps at least, so that everything can happen between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) replica: usize,
    pub(crate) query: Query,
    /// `Min-Catalog-Revision`; 0 without one.
    pub(crate) min: Revision,
    /// The lease was good when it came.
    pub(crate) leased: bool,
    /// `verified` when it came, or when it began anew.
    pub(crate) verified: Revision,
    pub(crate) phase: Phase,
    pub(crate) floors: Floors,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It has looked at lease and `verified`, and at no entry yet.
    Begun,
    /// It waits for the load of its query that has this need.
    Waiting {
        need: Need,
        /// All that was known when it came was known when that load began.
        sure: bool,
    },
    Answered(Answer),
}

/// What the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Answer {
    pub(crate) content: Content,
    /// `Catalog-Revision`.
    pub(crate) revision: Revision,
    pub(crate) mark: Mark,
    pub(crate) from: From,
}

/// Whether an answer carries the stale mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mark {
    None,
    Unverified,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum From {
    L1,
    L2,
    Truth,
}

/// What an answer must have, as of when the request came. Known to the promises alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Floors {
    /// The last change by a write that this replica had answered.
    pub(crate) own: Revision,
    /// The last change that was committed the bound ago.
    pub(crate) due: Revision,
    /// The last revision that this replica had shown.
    pub(crate) shown: Revision,
    /// A restore was the bound ago.
    pub(crate) restore_due: bool,
}

/// What a load must include: all that was known when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Need {
    pub(crate) proven: Scopes,
    pub(crate) hinted: Scopes,
    /// And `Min-Catalog-Revision`, where that was not known.
    pub(crate) at_least: Revision,
}

impl Need {
    /// What an entry must have to be good: its tag is at least this.
    pub(crate) fn of(self, query: Query) -> Revision {
        query.newest(self.proven).max(query.newest(self.hinted)).max(self.at_least)
    }

    /// What of it the truth told of what is known to matter before the answer is made.
    pub(crate) fn floor(self, query: Query) -> Revision {
        let scopes = query.scopes_before().iter();
        scopes.map(|&scope| self.proven[scope]).max().unwrap_or(0).max(self.at_least)
    }

    /// Without what is not known to matter before the answer is made.
    pub(crate) fn by_known_scopes(mut self, query: Query) -> Self {
        for scope in (0..SCOPES).filter(|scope| !query.scopes_before().contains(scope)) {
            (self.proven[scope], self.hinted[scope]) = (0, 0);
        }
        self
    }
}

/// A load: one for all that need the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flight {
    pub(crate) replica: usize,
    pub(crate) query: Query,
    pub(crate) need: Need,
    /// The replica's when it began, under which its answer goes to L2.
    pub(crate) epoch: u8,
    pub(crate) stage: Stage,
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    Started,
    /// Data without a tag: what the protocol does not do.
    DataAlone(Content),
    Read(Entry, From),
}

/// An answer in L2, where everything that ever was there may be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Shared {
    pub(crate) query: Query,
    pub(crate) epoch: u8,
    pub(crate) entry: Entry,
}

/// A write of a replica whose client has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OpenWrite {
    pub(crate) replica: usize,
    pub(crate) write: Write,
    pub(crate) revision: Revision,
    /// Epoch and `verified` when it began. A poll may come between the commit and its answer.
    pub(crate) began: (u8, Revision),
    pub(crate) stage: WriteStage,
}

/// How far a write has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum WriteStage {
    Committed,
    Known,
}
