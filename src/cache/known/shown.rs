//! How far the index of this replica is, which answers of another kind are made from.
//!
//! It follows the truth at a distance: its answers include what it has been given, and no more. So they
//! have a lease of their own. A poll of the truth proves an index fresh as of the instant before it was
//! sent once the index shows the revision that the poll found.
//!
//! **Invariant:** what is shown is of the truth's present life. Once everything is forgotten, nothing is
//! shown until somebody shows what was made since.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    cache::lease::{Bounds, Lease},
    domain::{clock::Tick, revision::Revision},
};

/// Polls that the index has not caught up with. What comes beyond is not noted, so that the index seems
/// older than it is until the next poll.
const POLLS_MAX: usize = 256;

/// Whether what the index shows is one state of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// It is the catalogue as it was at that revision.
    Exact,
    /// It includes every write up to that revision, and some of later ones.
    AtLeast,
}

/// What an index shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The revision up to which it includes every write.
    pub revision: Revision,
    /// Whether it is that revision.
    pub exactness: Exactness,
}

/// What is known of the index.
#[derive(Debug)]
pub(super) struct Showing {
    shown: watch::Sender<Option<Shown>>,
    lease: Lease,
    /// What polls found that the index does not show yet, with when they were sent; both grow.
    ahead: Mutex<VecDeque<(Revision, Tick)>>,
}

impl Showing {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { shown: watch::Sender::new(None), lease: Lease::new(bounds), ahead: Mutex::default() }
    }

    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(super) fn shown(&self) -> Option<Shown> {
        *self.shown.borrow()
    }

    /// Notes what a poll found.
    pub(super) fn polled(&self, revision: Revision, sent: Tick) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shown().is_some_and(|shown| shown.revision >= revision) {
            self.lease.renew(sent);
            return;
        }
        let room = ahead.len() < POLLS_MAX;
        match ahead.back_mut() {
            Some((found, as_of)) if *found == revision => *as_of = sent.max(*as_of),
            _ if room => ahead.push_back((revision, sent)),
            _ => {}
        }
    }

    /// Notes what the index shows from now on.
    pub(super) fn show(&self, shown: Shown) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, sent)) = ahead.pop_front_if(|(found, _)| *found <= shown.revision) {
            self.lease.renew(sent);
        }
        self.shown.send_replace(Some(shown));
    }

    /// Notes that it shows nothing.
    pub(super) fn hide(&self) {
        self.shown.send_if_modified(|shown| shown.take().is_some());
    }

    /// Forgets everything: the truth is another one.
    pub(super) fn forget(&self) {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.lease.end();
        self.hide();
    }

    /// Waits until the index shows a revision, at most for `limit`. Whether it does.
    pub(super) async fn reach(&self, revision: Revision, limit: Duration) -> bool {
        let there = |shown: &Option<Shown>| shown.is_some_and(|shown| shown.revision >= revision);
        let mut seen = self.shown.subscribe();
        timeout_at(Instant::now() + limit, seen.wait_for(there))
            .await
            .is_ok_and(|seen| seen.is_ok())
    }
}
