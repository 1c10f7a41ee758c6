//! Reads that have every write up to the revision that they name.
//!
//! A server may take a snapshot while transactions go on ending. MariaDB walks through those that are active without
//! a lock (`snapshot_ids` in its `trx0sys.h`): one that it has noted as active, and then a later one that had waited
//! for it, may both end before the walk comes by the later one. The snapshot has the later write then, with its
//! revision, and not the earlier one. On two busy processors that was 4 of 227,266 snapshots beside eight writers
//! (docs/decisions/0104-snapshots-are-checked.md).
//!
//! What somebody has seen has ended, and so has all that came before it: writers hold `*` until they end. Hence a
//! snapshot that was taken after its revision had been seen is whole. One of a revision that nobody here had seen is
//! taken again, now that it has been.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::revision::Revision;

use super::{
    Store, db::Session, dialect::Dialect, error::StoreError, movies::revision, snapshot::head,
    sql::Sql,
};

/// How often something is read at most, while others write.
const READS_MAX: u32 = 4;

/// The last revision that was seen.
#[derive(Debug, Default)]
pub(super) struct SeenRevision(AtomicI64);

impl SeenRevision {
    /// To be asked before what is to be judged is begun.
    pub(super) fn get(&self) -> Revision {
        Revision::new(self.0.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Notes what was seen: by a statement that has ended, or as an own write that was committed. `before` is what
    /// had been seen before that; a lower one is of a database that was restored.
    pub(super) fn note(&self, before: Revision, seen: Revision) {
        if seen < before {
            self.0.store(seen.get(), Ordering::Release);
        } else {
            self.0.fetch_max(seen.get(), Ordering::AcqRel);
        }
    }
}

/// Which state a snapshot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: u64,
    /// The last write that it has.
    pub(super) last: Revision,
    /// The revision up to which it has every write: the same, unless others wrote so much that it could not be told.
    pub(super) whole: Revision,
}

/// The times that something is read until it is whole.
#[derive(Debug)]
pub(super) struct Reads {
    /// What had been seen before this time.
    before: Revision,
    made: u32,
}

impl Store {
    /// Begins to read something. To be called before its first statement.
    pub(super) fn reads(&self) -> Reads {
        Reads { before: self.seen.get(), made: 0 }
    }

    /// Up to which revision what was found is whole: the one that it names, unless others write so much that it
    /// cannot be told. `None` if it is to be read again.
    pub(super) async fn whole(
        &self,
        reads: &mut Reads,
        found: Revision,
    ) -> Result<Option<Revision>, StoreError> {
        let whole = self.judge(reads, found);
        if whole.is_none() {
            reads.before = self.revision().await?;
        }
        Ok(whole)
    }

    /// Begins a snapshot that has every write up to its revision.
    pub(super) async fn begin_whole(&self, session: &mut Session) -> Result<Head, StoreError> {
        let mut reads = self.reads();
        loop {
            session.begin_snapshot().await?;
            let (epoch, last) = head(session).await?;
            if let Some(whole) = self.judge(&mut reads, last) {
                return Ok(Head { epoch, last, whole });
            }
            session.roll_back().await;
            reads.before = revision(&session.row(Sql::new(REVISION)).await?)?;
        }
    }

    fn judge(&self, reads: &mut Reads, found: Revision) -> Option<Revision> {
        // SQLite has one writer at a time, and readers a place in what it has written.
        if self.db.dialect() == Dialect::Sqlite || found == reads.before {
            return Some(found);
        }
        self.seen.note(reads.before, found);
        reads.made += 1;
        if reads.made >= READS_MAX {
            return Some(found.min(reads.before));
        }
        self.db.metrics.reads_again();
        None
    }
}

/// The last revision.
pub(super) const REVISION: &str = "SELECT revision FROM catalog_revisions WHERE scope = '*'";
