//! What clients searched for last, so that it is known what they open of it.
//!
//! **Invariant:** it is in memory only, of at most [`CLIENTS`] clients, for at most [`LASTING`], and under
//! their numbers of the day.

use std::{collections::HashMap, sync::Arc, time::Duration};

use foldhash::fast::RandomState;

use crate::domain::{clock::Tick, movie::MovieId};

use super::event::Shown;

/// Most clients of which it is known.
const CLIENTS: usize = 100_000;
/// For how long what is opened comes from a search.
const LASTING: Duration = Duration::from_mins(30);
/// Rows of a page that are told apart.
const ROWS: usize = u64::BITS as usize;

#[derive(Debug)]
struct Last {
    shown: Arc<Shown>,
    at: Tick,
    /// Rows that were opened, by bit.
    opened: u64,
}

/// What was opened from a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) shown: Arc<Shown>,
    /// Its place on the first page, where that is known and nothing was opened from the search before.
    pub(super) first_at: Option<usize>,
}

/// The last search of each client: two halves, of which the older one goes when the newer one is full.
#[derive(Debug, Default)]
pub(super) struct Recent {
    new: HashMap<u64, Last, RandomState>,
    old: HashMap<u64, Last, RandomState>,
}

impl Recent {
    /// A client searched.
    pub(super) fn searched(&mut self, client: u64, shown: Arc<Shown>, at: Tick) {
        if self.new.len() >= CLIENTS / 2 {
            self.old = std::mem::take(&mut self.new);
        }
        self.old.remove(&client);
        self.new.insert(client, Last { shown, at, opened: 0 });
    }

    /// A client looks at a movie: the search that it is from, if it is from one and was not opened from it
    /// before.
    pub(super) fn opened(&mut self, client: u64, movie: MovieId, at: Tick) -> Option<Opened> {
        let last = self.new.get_mut(&client).or_else(|| self.old.get_mut(&client))?;
        if at.since(last.at) > LASTING {
            return None;
        }
        let row = last.shown.movies.iter().take(ROWS).position(|shown| *shown == movie)?;
        if last.opened & 1 << row != 0 {
            return None;
        }
        let is_first = last.opened == 0 && last.shown.is_first;
        last.opened |= 1 << row;
        let first_at = is_first.then_some(row + 1);
        Some(Opened { shown: Arc::clone(&last.shown), first_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SearchKey;

    fn shown(query: &str, movies: &[i64], is_first: bool) -> Arc<Shown> {
        Arc::new(Shown {
            key: SearchKey::of(query),
            query: query.to_owned(),
            hits: 9,
            movies: movies.iter().map(|id| MovieId::new(*id).unwrap()).collect(),
            is_first,
        })
    }

    fn movie(id: i64) -> MovieId {
        MovieId::new(id).unwrap()
    }

    const NOW: Tick = Tick::START;

    #[test]
    fn what_is_opened_is_from_the_last_search_that_showed_it() {
        let mut recent = Recent::default();
        recent.searched(1, shown("q=a", &[10, 20, 30], true), NOW);
        let first_at = |opened: Option<Opened>| opened.map(|opened| opened.first_at);
        assert_eq!(recent.opened(2, movie(10), NOW), None, "that was somebody else");
        assert_eq!(recent.opened(1, movie(40), NOW), None, "that was not shown");
        assert_eq!(first_at(recent.opened(1, movie(20), NOW)), Some(Some(2)));
        assert_eq!(recent.opened(1, movie(20), NOW), None, "it was opened already");
        assert_eq!(first_at(recent.opened(1, movie(30), NOW)), Some(None), "it is not the first");
        recent.searched(1, shown("q=b", &[20], false), NOW);
        assert_eq!(recent.opened(1, movie(10), NOW), None, "another search came since");
        assert_eq!(first_at(recent.opened(1, movie(20), NOW)), Some(None), "of a later page");
        recent.searched(1, shown("q=b", &[20], true), NOW);
        let late = NOW.after(LASTING + Duration::from_nanos(1));
        assert_eq!(recent.opened(1, movie(20), late), None);
    }

    #[test]
    fn however_many_search_only_so_many_are_remembered() {
        let mut recent = Recent::default();
        let page = shown("q=a", &[1], true);
        for client in 0..300_000 {
            recent.searched(client, Arc::clone(&page), NOW);
        }
        assert!(recent.new.len() + recent.old.len() <= CLIENTS);
        assert!(recent.opened(299_999, movie(1), NOW).is_some());
        assert!(recent.opened(0, movie(1), NOW).is_none());
    }
}
