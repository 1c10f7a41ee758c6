//! What was counted and is not on its way to the store yet.
//!
//! **Invariant:** it has a bound in entries. Beyond it what needs a new one is dropped, and what is there
//! already is counted on.
//! **Invariant:** each event is in exactly one batch, and a batch knows how many it has.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use foldhash::fast::RandomState;

use crate::{
    domain::{
        activity::{Day, Hour, Sketch},
        movie::MovieId,
    },
    store::{
        ActivityBatch, CollectionViews, MovieViews, OpenedFromSearch, Recorded, SearchKey,
        Searches, WriterId,
    },
};

use super::event::Shown;

/// Most entries that wait.
pub(super) const ENTRIES_MAX: usize = 200_000;
/// Entries of one batch, so that no transaction is long.
const BATCH_ENTRIES: usize = 2_000;

/// How often, and by whom.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    times: u32,
    clients: Sketch,
}

impl Count {
    fn add(&mut self, times: u32, client: u64) {
        self.times = self.times.saturating_add(times);
        self.clients.add(client);
    }
}

#[derive(Debug)]
struct Search {
    shown: Arc<Shown>,
    count: Count,
    searches: u32,
    opened: u32,
    positions: u64,
}

/// Everything that was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    views: HashMap<(Hour, MovieId), Count, RandomState>,
    collections: HashMap<(Day, Arc<str>), Count, RandomState>,
    searches: HashMap<(Day, SearchKey), Search, RandomState>,
    opened: HashMap<(Day, SearchKey, MovieId), Count, RandomState>,
}

/// There was no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

/// A batch, and how many events are in it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) batch: ActivityBatch,
    pub(super) events: u64,
}

impl Tally {
    /// Entries that there are.
    pub(super) fn entries(&self) -> usize {
        self.views.len() + self.collections.len() + self.searches.len() + self.opened.len()
    }

    /// Counts so many looks of a client at a movie.
    pub(super) fn view(
        &mut self,
        hour: Hour,
        movie: MovieId,
        (times, client): (u32, u64),
        room: usize,
    ) -> Result<(), NoRoom> {
        let has_room = self.entries() < room;
        count(&mut self.views, (hour, movie), has_room)?.add(times, client);
        Ok(())
    }

    /// Counts a look at a collection.
    pub(super) fn collection(
        &mut self,
        day: Day,
        slug: Arc<str>,
        client: u64,
        room: usize,
    ) -> Result<(), NoRoom> {
        let has_room = self.entries() < room;
        count(&mut self.collections, (day, slug), has_room)?.add(1, client);
        Ok(())
    }

    /// Counts a search. A later page of one is an event, but no search of its own.
    pub(super) fn search(
        &mut self,
        day: Day,
        shown: &Arc<Shown>,
        client: u64,
        room: usize,
    ) -> Result<(), NoRoom> {
        let search = self.search_entry(day, shown, room)?;
        search.shown = Arc::clone(shown);
        search.count.add(1, client);
        search.searches += u32::from(shown.is_first);
        Ok(())
    }

    /// Counts that a movie was opened from a search, at a place where that is known. Without room it is
    /// not: it is no event of its own.
    pub(super) fn opened(
        &mut self,
        day: Day,
        shown: &Arc<Shown>,
        movie: MovieId,
        first_at: Option<usize>,
        client: u64,
        room: usize,
    ) {
        let has_room = self.entries() < room;
        if let Ok(opened) = count(&mut self.opened, (day, shown.key, movie), has_room) {
            opened.add(1, client);
        }
        if let (Some(place), Ok(search)) = (first_at, self.search_entry(day, shown, room)) {
            search.opened += 1;
            search.positions += place as u64;
        }
    }

    fn search_entry(
        &mut self,
        day: Day,
        shown: &Arc<Shown>,
        room: usize,
    ) -> Result<&mut Search, NoRoom> {
        let has_room = self.entries() < room;
        let key = (day, shown.key);
        if !has_room && !self.searches.contains_key(&key) {
            return Err(NoRoom);
        }
        Ok(self.searches.entry(key).or_insert_with(|| Search {
            shown: Arc::clone(shown),
            count: Count::default(),
            searches: 0,
            opened: 0,
            positions: 0,
        }))
    }

    /// All of it as batches, with what users did; it is empty then. `number` is that of the last batch
    /// before them.
    pub(super) fn take(
        &mut self,
        writer: WriterId,
        number: &mut i64,
        interactions: Vec<Recorded>,
        said: u64,
    ) -> Vec<Batch> {
        let mut made = Batches { writer, number, made: Vec::new() };
        // Rows in the order of their keys.
        for (key, count) in sorted(std::mem::take(&mut self.views)) {
            let Count { times: views, clients } = count;
            let (hour, movie) = key;
            let row = MovieViews { hour, movie, views, clients };
            made.push(views.into(), |batch| batch.views.push(row));
        }
        for ((day, slug), count) in sorted(std::mem::take(&mut self.collections)) {
            let Count { times: views, clients } = count;
            let slug = slug.to_string();
            let row = CollectionViews { day, slug, views, clients };
            made.push(views.into(), |batch| batch.collections.push(row));
        }
        for ((day, key), search) in sorted(std::mem::take(&mut self.searches)) {
            let Search { shown, count, searches, opened, positions } = search;
            let row = Searches {
                day,
                key,
                query: shown.query.clone(),
                searches,
                hits: shown.hits,
                opened,
                positions,
                clients: count.clients,
            };
            made.push(count.times.into(), |batch| batch.searches.push(row));
        }
        for ((day, key, movie), count) in sorted(std::mem::take(&mut self.opened)) {
            let Count { times: opened, clients } = count;
            let row = OpenedFromSearch { day, key, movie, opened, clients };
            made.push(0, |batch| batch.opened.push(row));
        }
        for row in interactions {
            made.push(0, |batch| batch.interactions.push(row));
        }
        let mut batches = made.made;
        if let Some(last) = batches.last_mut() {
            last.events += said;
        }
        batches
    }
}

fn count<K: Eq + Hash>(
    counts: &mut HashMap<K, Count, RandomState>,
    key: K,
    has_room: bool,
) -> Result<&mut Count, NoRoom> {
    if !has_room && !counts.contains_key(&key) {
        return Err(NoRoom);
    }
    Ok(counts.entry(key).or_default())
}

fn sorted<K: Ord, V>(map: HashMap<K, V, RandomState>) -> Vec<(K, V)> {
    let mut rows: Vec<(K, V)> = map.into_iter().collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows
}

/// Batches that are being made.
struct Batches<'n> {
    writer: WriterId,
    number: &'n mut i64,
    made: Vec<Batch>,
}

impl Batches<'_> {
    /// Puts a row into the last batch, or into a new one when that is full.
    fn push(&mut self, events: u64, put: impl FnOnce(&mut ActivityBatch)) {
        if self.made.last().is_none_or(|last| entries(&last.batch) >= BATCH_ENTRIES) {
            *self.number += 1;
            let batch = ActivityBatch {
                writer: self.writer,
                number: *self.number,
                views: Vec::new(),
                collections: Vec::new(),
                searches: Vec::new(),
                opened: Vec::new(),
                interactions: Vec::new(),
            };
            self.made.push(Batch { batch, events: 0 });
        }
        if let Some(last) = self.made.last_mut() {
            put(&mut last.batch);
            last.events += events;
        }
    }
}

/// Rows of a batch.
pub(super) fn entries(batch: &ActivityBatch) -> usize {
    let ActivityBatch { views, collections, searches, opened, interactions, .. } = batch;
    views.len() + collections.len() + searches.len() + opened.len() + interactions.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movie(id: i64) -> MovieId {
        MovieId::new(id).unwrap()
    }

    fn taken(tally: &mut Tally) -> Vec<Batch> {
        tally.take(WriterId::random().unwrap(), &mut 7, Vec::new(), 0)
    }

    fn shown(query: &str, is_first: bool) -> Arc<Shown> {
        let (key, movies) = (SearchKey::of(query), vec![movie(1)]);
        Arc::new(Shown { key, query: query.to_owned(), hits: 3, movies, is_first })
    }

    #[test]
    fn what_is_alike_is_one_row() {
        let mut tally = Tally::default();
        let (hour, day) = (Hour::new(48), Day::new(2));
        for client in 0..10 {
            tally.view(hour, movie(1), (1, client << 20), 100).unwrap();
        }
        tally.collection(day, "a".into(), 1, 100).unwrap();
        tally.search(day, &shown("q=a", true), 1, 100).unwrap();
        tally.search(day, &shown("q=a", false), 1, 100).unwrap();
        tally.opened(day, &shown("q=a", true), movie(1), Some(3), 1, 100);
        tally.opened(day, &shown("q=a", true), movie(1), None, 2 << 20, 100);
        let batches = taken(&mut tally);
        let [Batch { batch, events }] = batches.as_slice() else { panic!("{batches:?}") };
        assert_eq!((*events, batch.number, entries(batch)), (13, 8, 4));
        assert_eq!((batch.views[0].views, batch.views[0].clients.at_least()), (10, 10));
        let search = &batch.searches[0];
        assert_eq!((search.searches, search.opened, search.positions, search.hits), (1, 1, 3, 3));
        assert_eq!(batch.opened[0].opened, 2);
        assert_eq!(tally.entries(), 0);
    }

    #[test]
    fn without_room_what_is_there_already_is_counted_on() {
        let mut tally = Tally::default();
        let hour = Hour::new(0);
        assert_eq!(tally.view(hour, movie(1), (1, 0), 1), Ok(()));
        assert_eq!(tally.view(hour, movie(2), (1, 0), 1), Err(NoRoom));
        assert_eq!(tally.view(hour, movie(1), (1, 0), 1), Ok(()));
        assert_eq!(tally.search(Day::new(0), &shown("q=a", true), 0, 1), Err(NoRoom));
        assert_eq!(taken(&mut tally)[0].events, 2);
    }

    #[test]
    fn batches_have_a_bound_and_all_events_between_them() {
        let mut tally = Tally::default();
        for id in 1..=5_000 {
            tally.view(Hour::new(0), movie(id), (2, 0), ENTRIES_MAX).unwrap();
        }
        let batches = taken(&mut tally);
        assert_eq!(batches.iter().map(|batch| batch.events).sum::<u64>(), 10_000);
        let sizes: Vec<usize> = batches.iter().map(|batch| entries(&batch.batch)).collect();
        assert_eq!(sizes, [2_000, 2_000, 1_000]);
        let numbers: Vec<i64> = batches.iter().map(|batch| batch.batch.number).collect();
        assert_eq!(numbers, [8, 9, 10]);
    }
}
