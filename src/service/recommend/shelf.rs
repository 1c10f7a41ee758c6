//! Movies at hand, as rows of lists have them: answers that nobody else is given are put together from these,
//! without asking the truth for what did not change.
//!
//! An answer takes dozens of them, so they are not in a cache that notes each look: there are two shelves. What
//! is new comes to the upper one; where that is full, it becomes the lower one, and what was there is thrown
//! away. What is found on the lower one comes to the upper one again. So what is asked for stays, and a look is
//! one in a table, under one lock for all movies of an answer.
//!
//! **Invariant:** a movie that is given includes every write that was known when it was asked for. It is judged
//! as any answer that is kept: by its tag, and the revision of its scope.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use foldhash::fast::RandomState;

use crate::{
    cache::known::Watched,
    domain::{
        clock::Tick,
        field::FieldSet,
        list::{Filter, ListQuery, Sort, Start},
        movie::{Movie, MovieId},
        revision::{Revision, Scope},
    },
    learn::likeness::Traits,
    service::{catalogue::Catalogue, error::ServiceError},
};

/// Bytes of movies at hand, on both shelves.
const BYTES_MAX: usize = 16 << 20;
/// Movies that are read at once.
const AT_ONCE: usize = 200;

/// A movie, and what it is compared by.
#[derive(Debug)]
pub struct OnShelf {
    /// The movie, without what rows of lists leave out.
    pub movie: Movie,
    /// What it is compared by.
    pub traits: Traits,
}

#[derive(Debug, Clone)]
struct Kept {
    tag: Revision,
    watched: Watched,
    until: Tick,
    /// `None` where there is no such movie.
    movie: Option<Arc<OnShelf>>,
}

impl Kept {
    fn is_good(&self, now: Tick) -> bool {
        now <= self.until && self.watched.is_met_by(self.tag)
    }

    fn weight(&self) -> usize {
        let movie = self.movie.as_ref().map_or(0, |kept| {
            let data = &kept.movie.data;
            let lists = [&data.directors, &data.genres, &data.countries, &data.languages];
            let names = lists.into_iter().flatten().map(|name| name.len() + size_of::<String>());
            size_of::<OnShelf>() + data.title.len() + names.sum::<usize>() + kept.traits.weight()
        });
        movie + 200
    }
}

/// Both shelves.
#[derive(Debug, Default)]
struct Shelves {
    upper: HashMap<MovieId, Kept, RandomState>,
    lower: HashMap<MovieId, Kept, RandomState>,
    /// Bytes on the upper one.
    bytes: usize,
}

impl Shelves {
    fn put(&mut self, id: MovieId, kept: Kept) {
        let weight = kept.weight();
        if self.bytes + weight > BYTES_MAX / 2 {
            self.lower = std::mem::take(&mut self.upper);
            self.bytes = 0;
        }
        self.bytes += weight;
        if let Some(before) = self.upper.insert(id, kept) {
            self.bytes -= before.weight();
        }
    }

    /// Takes to the upper one what is on the lower one still.
    fn lift(&mut self, ids: &[MovieId]) {
        for id in ids {
            // Unless somebody put a newer one there meanwhile.
            if let Some(kept) = self.lower.remove(id).filter(|_| !self.upper.contains_key(id)) {
                self.put(*id, kept);
            }
        }
    }
}

/// Movies at hand. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    catalogue: Catalogue,
    ttl: Duration,
    shelves: Arc<RwLock<Shelves>>,
}

impl Shelf {
    /// A shelf on which nothing stays for longer than `ttl`.
    pub(super) fn new(catalogue: Catalogue, ttl: Duration) -> Self {
        Self { catalogue, ttl, shelves: Arc::default() }
    }

    /// These movies, in their order; `None` for those that there are not.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn get(
        &self,
        ids: &[MovieId],
    ) -> Result<Vec<Option<Arc<OnShelf>>>, ServiceError> {
        let (mut found, missing) = self.look(ids);
        for chunk in missing.chunks(AT_ONCE) {
            let read = self.read(chunk.iter().map(|place| ids[*place]).collect()).await?;
            for place in chunk {
                found[*place] = read.iter().find(|kept| kept.movie.id == ids[*place]).cloned();
            }
        }
        Ok(found)
    }

    /// What is at hand, and the places of what is not.
    fn look(&self, ids: &[MovieId]) -> (Vec<Option<Arc<OnShelf>>>, Vec<usize>) {
        let now = self.catalogue.known().clock().tick();
        let (mut found, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
        let mut low = Vec::new();
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        for (place, id) in ids.iter().enumerate() {
            let kept = shelves.upper.get(id).or_else(|| {
                let kept = shelves.lower.get(id);
                low.extend(kept.map(|_| *id));
                kept
            });
            let good = kept.filter(|kept| kept.is_good(now));
            if good.is_none() {
                missing.push(place);
            }
            found.push(good.and_then(|kept| kept.movie.clone()));
        }
        drop(shelves);
        if !low.is_empty() {
            self.shelves.write().unwrap_or_else(PoisonError::into_inner).lift(&low);
        }
        (found, missing)
    }

    async fn read(&self, ids: Vec<MovieId>) -> Result<Vec<Arc<OnShelf>>, ServiceError> {
        let known = self.catalogue.known();
        let watched: Vec<Watched> =
            ids.iter().map(|id| known.watch(&[Scope::of_movie(*id)])).collect();
        let need = watched.iter().map(Watched::need).max().unwrap_or_default();
        let page = self.catalogue.list(of_ids(&ids), need).await?;
        let tag = page.revision;
        let mut movies = Vec::with_capacity(ids.len());
        for movie in page.value.movies {
            let traits = Traits::of(&movie.data);
            movies.push(Arc::new(OnShelf { movie, traits }));
        }
        let until = known.clock().tick().after(self.ttl);
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        for (id, watched) in ids.into_iter().zip(watched) {
            let movie = movies.iter().find(|kept| kept.movie.id == id).cloned();
            shelves.put(id, Kept { tag, watched, until, movie });
        }
        Ok(movies)
    }
}

/// The list of these movies, at most 500.
pub(super) fn of_ids(ids: &[MovieId]) -> ListQuery {
    let filter = Filter { ids: Some(ids.iter().copied().collect()), ..Filter::default() };
    most_popular(filter, u16::try_from(ids.len()).unwrap_or(u16::MAX))
}

/// The most popular movies that a filter accepts.
pub(super) fn most_popular(filter: Filter, limit: u16) -> ListQuery {
    let (sort, start, fields) = (Sort::DEFAULT, Start::First, FieldSet::of_lists());
    ListQuery { filter, sort, limit, start, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::{known::Known, lease::Bounds, rule::Rules},
        domain::clock::Clock,
    };

    #[test]
    fn what_is_asked_for_stays_and_the_bytes_are_bounded() {
        let mut shelves = Shelves::default();
        let id = |n: i64| MovieId::new(n).unwrap();
        let bounds = Bounds { staleness: Duration::ZERO, cap: Duration::ZERO };
        let watched = Known::new(bounds, Clock::system(), Rules::default()).watch(&[]);
        let none = Kept { tag: Revision::ZERO, watched, until: Tick::START, movie: None };
        let weight = none.weight();
        let most = BYTES_MAX / weight;
        for n in 1..=3 * i64::try_from(most).unwrap() {
            shelves.put(id(n), none.clone());
            if n % 1_000 == 0 {
                shelves.lift(&[id(7)]);
            }
            assert!(shelves.upper.len() + shelves.lower.len() <= most);
            assert_eq!(shelves.bytes, weight * shelves.upper.len());
        }
        assert!(shelves.upper.contains_key(&id(7)) || shelves.lower.contains_key(&id(7)));
        assert!(!shelves.upper.contains_key(&id(8)) && !shelves.lower.contains_key(&id(8)));
        let bytes = shelves.bytes;
        let last = id(3 * i64::try_from(most).unwrap());
        shelves.put(last, none);
        assert_eq!(shelves.bytes, bytes, "what takes the place of itself is no more than it was");
    }
}
