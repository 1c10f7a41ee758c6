//! The scopes' last revisions, each in a cell that answers hold on to: judging an answer needs no look-up and
//! no lock. Whoever raises cells counts that as news afterwards, and an answer remembers what news it was found
//! good at: until there are others, judging it is two loads, however many scopes it has.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::domain::revision::{ITEM_BUCKETS, Measure, Revision, Scope};

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

    /// Whether it was lower.
    fn raise(&self, to: i64) -> bool {
        self.proven.fetch_max(to, Ordering::AcqRel) < to
    }

    /// Notes what the bus told. Whether that is more than was known.
    pub(super) fn hint(&self, to: i64) -> bool {
        let heard = self.hinted.fetch_max(to, Ordering::AcqRel);
        heard.max(self.proven()) < to
    }

    /// Nothing that depends on this cell is good any more.
    pub(super) fn kill(&self) {
        let _ = self.raise(i64::MAX);
    }
}

/// How often cells were raised.
///
/// **Invariant:** it is counted after the cells are raised, and before anything is said to be known that they
/// tell. Who reads it before the cells, and finds the same number again later, may go by what they were.
#[derive(Debug, Clone)]
pub(super) struct News(Arc<Counter>);

/// On lines of its own: every hit reads it, and each answer that comes or goes writes how many hold it.
#[derive(Debug)]
#[repr(align(128))]
struct Counter {
    count: AtomicU64,
    /// Who waits for more.
    waiting: Notify,
}

impl News {
    /// To begin with there has been some: none is what nothing was ever found good at.
    pub(super) fn new() -> Self {
        Self(Arc::new(Counter { count: AtomicU64::new(1), waiting: Notify::new() }))
    }

    pub(super) fn count_if(&self, is_news: bool) {
        if is_news {
            self.count();
        }
    }

    pub(super) fn count(&self) {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.0.waiting.notify_waiters();
    }

    /// Waits until there was some since.
    pub(super) async fn after(&self, seen: u64) {
        loop {
            let told = self.0.waiting.notified(); // before it is looked, so that none is missed
            if self.now() != seen {
                return;
            }
            told.await;
        }
    }

    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.0.count.load(Ordering::Acquire)
    }
}

/// The scopes that an answer depends on.
#[derive(Debug)]
pub struct Watched {
    cells: Box<[Arc<Cell>]>,
    news: News,
    /// The last news at which the answer was found good.
    good_at: AtomicU64,
}

impl Clone for Watched {
    fn clone(&self) -> Self {
        Self::new(self.cells.clone(), self.news.clone())
    }
}

impl Watched {
    pub(super) const fn new(cells: Box<[Arc<Cell>]>, news: News) -> Self {
        Self { cells, news, good_at: AtomicU64::new(0) }
    }

    /// Whether an answer of this tag includes all that it must. To be asked with the tag of one answer only.
    #[must_use]
    #[inline]
    pub fn is_met_by(&self, tag: Revision) -> bool {
        let news = self.news.now(); // before the cells
        if self.good_at.load(Ordering::Relaxed) == news {
            return true;
        }
        let good = tag >= self.need();
        if good {
            self.good_at.store(news, Ordering::Relaxed);
        }
        good
    }

    /// The revision that an answer must include, by all that is known.
    #[must_use]
    pub fn need(&self) -> Revision {
        let need = self.cells.iter().map(|cell| cell.need()).max();
        Revision::new(need.unwrap_or(0)).unwrap_or_default()
    }

    /// The revision that an answer must include, by what the truth itself told.
    #[must_use]
    pub fn proven(&self) -> Revision {
        let proven = self.cells.iter().map(|cell| cell.proven()).max();
        Revision::new(proven.unwrap_or(0)).unwrap_or_default()
    }

    /// The same, and what `other` depends on.
    #[must_use]
    pub(in crate::cache) fn beside(&self, other: &Self) -> Self {
        Self::new(self.cells.iter().chain(&other.cells).cloned().collect(), self.news.clone())
    }

    /// Bytes in memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of_val(&*self.cells)
    }
}

/// The cells of some movies: of which they are, and of each measure.
#[derive(Debug)]
struct Movies {
    set: Arc<Cell>,
    measures: [Arc<Cell>; Measure::ALL.len()],
}

impl Movies {
    fn new(proven: i64) -> Self {
        Self { set: Cell::new(proven), measures: Measure::ALL.map(|_| Cell::new(proven)) }
    }

    fn measure(&self, measure: Measure) -> &Arc<Cell> {
        &self.measures[measure as usize]
    }

    fn every(&self) -> impl Iterator<Item = &Arc<Cell>> {
        std::iter::once(&self.set).chain(&self.measures)
    }
}

/// The cells of all scopes that the truth has.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) all: Arc<Cell>,
    movies: Movies,
    /// Of a movie's scope that nobody asked for and that was not touched since the last bump there is none: it
    /// would say what `bumped` does, and there are many.
    items: Vec<Option<Arc<Cell>>>,
    genres: HashMap<String, Movies>,
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
        Self {
            all: cell(),
            movies: Movies::new(bumped),
            items: (0..ITEM_BUCKETS).map(|_| None).collect(),
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

    /// The cell of a scope, if there is one: where not, [`make`](Self::make) it.
    pub(super) fn of(&self, scope: &Scope) -> Option<&Arc<Cell>> {
        let cell = match scope {
            Scope::All | Scope::Bump => &self.all,
            Scope::Item(bucket) => return self.items[usize::from(*bucket)].as_ref(),
            Scope::Movies => &self.movies.set,
            Scope::Measure(measure) => self.movies.measure(*measure),
            Scope::Genre(key) => self.genres.get(key).map_or(&self.unheard_of, |genre| &genre.set),
            Scope::MeasureOf(measure, key) => {
                self.genres.get(key).map_or(&self.unheard_of, |genre| genre.measure(*measure))
            }
            Scope::Index => &self.index,
            Scope::Model => &self.model,
            Scope::Collection(slug) => self.collections.get(slug).unwrap_or(&self.no_collection),
            Scope::Collections => &self.collection_set,
        };
        Some(cell)
    }

    /// The cell of a scope.
    pub(super) fn make(&mut self, scope: &Scope) -> &Arc<Cell> {
        if let Scope::Item(bucket) = scope {
            let bumped = self.bumped;
            return self.items[usize::from(*bucket)].get_or_insert_with(|| Cell::new(bumped));
        }
        self.of(scope).unwrap_or(&self.all)
    }

    /// Makes those that there are none of.
    pub(super) fn make_all(&mut self) {
        let bumped = self.bumped;
        for cell in &mut self.items {
            cell.get_or_insert_with(|| Cell::new(bumped));
        }
    }

    /// Notes what the index shows; nothing that was made from it before is good any more if that is less.
    pub(super) fn show(&mut self, at: i64) {
        if self.index.proven() > at {
            self.hide();
        }
        let _ = self.index.raise(at);
    }

    /// Nothing that was made from the index is good any more.
    pub(super) fn hide(&mut self) {
        std::mem::replace(&mut self.index, Cell::new(0)).kill();
    }

    /// Nothing that was made by the model that was in force is good any more.
    pub(super) fn replace_model(&mut self) {
        std::mem::replace(&mut self.model, Cell::new(0)).kill();
    }

    /// Every cell that there is and the truth raises.
    pub(super) fn every(&self) -> impl Iterator<Item = &Arc<Cell>> {
        let single = [&self.all, &self.unheard_of, &self.no_collection, &self.collection_set];
        let movies = std::iter::once(&self.movies).chain(self.genres.values());
        let movies = movies.flat_map(Movies::every);
        let items = self.items.iter().flatten();
        single.into_iter().chain(items).chain(self.collections.values()).chain(movies)
    }

    /// Genres that have cells.
    pub(super) fn genres(&self) -> usize {
        self.genres.len()
    }

    /// Notes what the truth told of a scope. Whether any cell was raised.
    pub(super) fn prove(&mut self, scope: &Scope, at: i64) -> bool {
        let mut is_news = false;
        if let Scope::Genre(key) | Scope::MeasureOf(_, key) = scope
            && !self.genres.contains_key(key)
        {
            self.genres.insert(key.clone(), Movies::new(self.bumped));
            std::mem::replace(&mut self.unheard_of, Cell::new(self.bumped)).kill();
            is_news = true;
        }
        match scope {
            Scope::Bump => {
                self.bumped = self.bumped.max(at);
                self.every().fold(is_news, |is_news, cell| cell.raise(at) || is_news)
            }
            Scope::Index | Scope::Model => is_news, // the truth has no such scopes
            Scope::Collection(slug) if !self.collections.contains_key(slug) => {
                self.collections.insert(slug.clone(), Cell::new(at.max(self.bumped)));
                std::mem::replace(&mut self.no_collection, Cell::new(self.bumped)).kill();
                true
            }
            _ => self.make(scope).raise(at) || is_news,
        }
    }
}
