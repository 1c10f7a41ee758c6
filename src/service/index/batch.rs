//! What of the change feed goes into the index, and what that makes of it.
//!
//! The index is at revision `I`. One snapshot of the truth at revision `H` gives the changes after `I`,
//! up to `T`, and the movies that they are about *as they are at `H`*. Where all changes fit, `T = H`, and
//! the index becomes the catalogue at `H` exactly. Where they do not, `T < H`: some movies of the batch
//! are already as later changes made them. The index then includes every write up to `T`, which is what
//! its tag says, and some of later ones.
//!
//! That does no harm, since what comes next makes up for it. Whatever was changed after `T` is in the
//! feed after `T`, so each movie that is ahead is put again (or deleted) by the change that made it so:
//! putting a movie replaces it, and deleting one that is not there does nothing, so it does not matter
//! how often, or that the first time was early. And once a batch reaches the revision of its own
//! snapshot, the index is exact again: a movie outside that batch did not change after `I`, and any
//! snapshot from which it was put was of a revision up to `H`, in which it was already as it is.
//!
//! The same holds after a crash between the index's commit and anything else: the revision is in the
//! commit, and the feed is followed from there.

use std::collections::{BTreeSet, HashMap};

use crate::{
    cache::known::{Exactness, Shown},
    domain::{
        change::ChangeKind,
        movie::{Movie, MovieId},
        revision::Revision,
    },
    search::Change,
    store::Changed,
};

/// Changes for the index.
#[derive(Debug)]
pub(super) struct Batch {
    /// One for each movie that was touched.
    pub(super) changes: Vec<Change>,
    /// What the index shows once it has them.
    pub(super) shown: Shown,
}

/// What is to be done about what the feed told.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing has changed.
    Nothing,
    /// These changes are to be made.
    Apply(Batch),
    /// Anything may have changed.
    BeginAnew,
}

/// Makes a batch of what was read of the changes after a revision.
pub(super) fn next(since: Revision, read: Changed) -> Next {
    let Changed { revision, changes, movies, .. } = read;
    let Some(last) = changes.last().map(|change| change.revision) else {
        // Writes of collections make revisions, too, and touch no movie.
        let shown = Shown { revision, exactness: Exactness::Exact };
        let batch = Batch { changes: Vec::new(), shown };
        return if revision > since { Next::Apply(batch) } else { Next::Nothing };
    };
    if changes.iter().any(|change| change.kind == ChangeKind::Bumped || change.id.is_none()) {
        return Next::BeginAnew;
    }
    let ids: BTreeSet<MovieId> = changes.iter().filter_map(|change| change.id).collect();
    let mut movies: HashMap<MovieId, Movie> =
        movies.into_iter().map(|movie| (movie.id, movie)).collect();
    let changes = ids
        .into_iter()
        .map(|id| match movies.remove(&id) {
            Some(movie) => Change::Put(Box::new(movie)),
            None => Change::Delete(id),
        })
        .collect();
    let exactness = if last >= revision { Exactness::Exact } else { Exactness::AtLeast };
    Next::Apply(Batch { changes, shown: Shown { revision: last, exactness } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{change, clock::Moment, movie::MovieData};

    fn told(head: i64, changes: &[(i64, i64, ChangeKind)], movies: &[i64]) -> Next {
        let at = |revision| Revision::new(revision).unwrap();
        let movie = |id: &i64| Movie {
            id: MovieId::new(*id).unwrap(),
            data: MovieData::default(),
            version: 1,
            created_at: Moment::from_unix_ms(0),
            updated_at: Moment::from_unix_ms(0),
        };
        let change = |(revision, id, kind): &(i64, i64, ChangeKind)| change::Change {
            revision: at(*revision),
            id: MovieId::new(*id),
            kind: *kind,
        };
        let read = Changed {
            epoch: 1,
            revision: at(head),
            changes: changes.iter().map(change).collect(),
            movies: movies.iter().map(movie).collect(),
        };
        next(at(2), read)
    }

    #[test]
    fn a_movie_is_put_once_as_it_is_and_deleted_where_it_is_gone() {
        use ChangeKind::{Created, Deleted, Updated};
        // 7 was deleted after this batch, so that its creation is a deletion already.
        let feed = [(3, 5, Created), (4, 5, Updated), (4, 7, Created), (5, 6, Deleted)];
        let Next::Apply(batch) = told(9, &feed, &[5]) else { panic!("there are changes") };
        let told: Vec<String> = batch
            .changes
            .iter()
            .map(|change| match change {
                Change::Put(movie) => format!("put {}", movie.id),
                Change::Delete(id) => format!("delete {id}"),
            })
            .collect();
        assert_eq!(told, ["put 5", "delete 6", "delete 7"]);
        assert_eq!(batch.shown.revision.get(), 5);
        assert_eq!(batch.shown.exactness, Exactness::AtLeast, "its movies are as of 9");
    }

    #[test]
    fn a_batch_that_reaches_its_snapshot_is_exact() {
        let Next::Apply(batch) = told(4, &[(4, 5, ChangeKind::Updated)], &[5]) else {
            panic!("there is a change")
        };
        assert_eq!(batch.shown.exactness, Exactness::Exact);
    }

    #[test]
    fn a_revision_that_touched_no_movie_is_reached_without_changes() {
        let Next::Apply(batch) = told(5, &[], &[]) else { panic!("there is a revision") };
        assert!(batch.changes.is_empty());
        assert_eq!((batch.shown.revision.get(), batch.shown.exactness), (5, Exactness::Exact));
    }

    #[test]
    fn a_bump_begins_anew_and_nothing_is_nothing() {
        let feed = [(4, 5, ChangeKind::Updated), (5, 0, ChangeKind::Bumped)];
        assert!(matches!(told(5, &feed, &[5]), Next::BeginAnew));
        assert!(matches!(told(2, &[], &[]), Next::Nothing));
    }
}
