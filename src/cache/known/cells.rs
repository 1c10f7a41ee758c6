//! The scopes' last revisions, each in a cell that answers hold on to: judging an answer is a load or two,
//! without a look-up and without a lock.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::domain::revision::{ITEM_BUCKETS, Revision, Scope};

/// The last revisions of one scope.
#[derive(Debug)]
pub(super) struct Cell {
    /// From the truth: polls and own writes.
    proven: AtomicI64,
    /// From the bus; taken back where a later poll finds no such revision.
    pub(super) hinted: AtomicI64,
}

impl Cell {
    fn new(proven: i64) -> Arc<Self> {
        Arc::new(Self { proven: AtomicI64::new(proven), hinted: AtomicI64::new(0) })
    }

    #[inline]
    fn proven(&self) -> i64 {
        self.proven.load(Ordering::Acquire)
    }

    #[inline]
    fn need(&self) -> i64 {
        self.proven().max(self.hinted.load(Ordering::Acquire))
    }

    pub(super) fn raise(&self, to: i64) {
        self.proven.fetch_max(to, Ordering::AcqRel);
    }

    /// Nothing that depends on this cell is good any more.
    pub(super) fn kill(&self) {
        self.raise(i64::MAX);
    }
}

/// The scopes that an answer depends on.
#[derive(Debug, Clone)]
pub struct Watched(pub(super) Box<[Arc<Cell>]>);

impl Watched {
    /// The revision that an answer must include, by all that is known.
    #[must_use]
    #[inline]
    pub fn need(&self) -> Revision {
        let need = self.0.iter().map(|cell| cell.need()).max();
        Revision::new(need.unwrap_or(0)).unwrap_or_default()
    }

    /// The revision that an answer must include, by what the truth itself told.
    #[must_use]
    pub fn proven(&self) -> Revision {
        let proven = self.0.iter().map(|cell| cell.proven()).max();
        Revision::new(proven.unwrap_or(0)).unwrap_or_default()
    }

    /// The same, and what `other` depends on.
    #[must_use]
    pub(in crate::cache) fn beside(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// The cells of all scopes that the truth has.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) all: Arc<Cell>,
    items: Vec<Arc<Cell>>,
    pub(super) genres: HashMap<String, Arc<Cell>>,
    /// Stands for every genre that the truth has never had. Replaced, and the old one killed, when a
    /// genre turns up: so a made-up genre costs nothing, and answers about it end with its beginning.
    unheard_of: Arc<Cell>,
    /// Raised to what the index shows. A bump does not reach it: the index is made anew then, and shows
    /// what it has until that is done.
    index: Arc<Cell>,
    /// Stands for the model in force; replaced, and the old one killed, with it. The truth has nothing to do
    /// with it.
    model: Arc<Cell>,
    collections: HashMap<String, Arc<Cell>>,
    /// The same for every collection that there never was.
    no_collection: Arc<Cell>,
    collection_set: Arc<Cell>,
    /// The last bump: no cell is below it.
    bumped: i64,
}

impl Cells {
    pub(super) fn new(bumped: i64) -> Self {
        let cell = || Cell::new(bumped);
        let items = (0..ITEM_BUCKETS).map(|_| cell()).collect();
        Self {
            all: cell(),
            items,
            genres: HashMap::new(),
            unheard_of: cell(),
            index: Cell::new(0),
            model: Cell::new(0),
            collections: HashMap::new(),
            no_collection: cell(),
            collection_set: cell(),
            bumped,
        }
    }

    pub(super) fn of(&self, scope: &Scope) -> &Arc<Cell> {
        match scope {
            Scope::All | Scope::Bump => &self.all,
            Scope::Item(bucket) => &self.items[usize::from(*bucket) % self.items.len()],
            Scope::Genre(key) => self.genres.get(key).unwrap_or(&self.unheard_of),
            Scope::Index => &self.index,
            Scope::Model => &self.model,
            Scope::Collection(slug) => self.collections.get(slug).unwrap_or(&self.no_collection),
            Scope::Collections => &self.collection_set,
        }
    }

    /// Notes what the index shows; nothing that was made from it before is good any more if that is less.
    pub(super) fn show(&mut self, at: i64) {
        if self.index.proven() > at {
            self.hide();
        }
        self.index.raise(at);
    }

    /// Nothing that was made from the index is good any more.
    pub(super) fn hide(&mut self) {
        std::mem::replace(&mut self.index, Cell::new(0)).kill();
    }

    /// Nothing that was made by the model that was in force is good any more.
    pub(super) fn replace_model(&mut self) {
        std::mem::replace(&mut self.model, Cell::new(0)).kill();
    }

    /// Every cell that the truth raises.
    pub(super) fn every(&self) -> impl Iterator<Item = &Arc<Cell>> {
        let single = [&self.all, &self.unheard_of, &self.no_collection, &self.collection_set];
        let named = self.genres.values().chain(self.collections.values());
        single.into_iter().chain(&self.items).chain(named)
    }

    /// Notes what the truth told of a scope.
    pub(super) fn prove(&mut self, scope: &Scope, at: i64) {
        match scope {
            Scope::Bump => {
                self.bumped = self.bumped.max(at);
                self.every().for_each(|cell| cell.raise(at));
            }
            Scope::Genre(key) if !self.genres.contains_key(key) => {
                self.genres.insert(key.clone(), Cell::new(at.max(self.bumped)));
                std::mem::replace(&mut self.unheard_of, Cell::new(self.bumped)).kill();
            }
            Scope::Index | Scope::Model => {} // the truth has no such scopes
            Scope::Collection(slug) if !self.collections.contains_key(slug) => {
                self.collections.insert(slug.clone(), Cell::new(at.max(self.bumped)));
                std::mem::replace(&mut self.no_collection, Cell::new(self.bumped)).kill();
            }
            _ => self.of(scope).raise(at),
        }
    }
}
