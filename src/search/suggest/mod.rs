//! Titles and people while somebody types: answered from memory.
//!
//! A [`Suggester`] is filled by a [`Builder`], which is given every movie once, and kept up by
//! [`put`](Suggester::put) and [`delete`](Suggester::delete). Readers never wait: they read one state,
//! which writers replace as a whole.
//!
//! **Invariant:** after any writes, answers are those of a suggester that was built from what is
//! stored then, as long as nothing was dropped for want of room.

mod ask;
mod build;
mod item;
mod score;
mod segment;
mod suffixes;
mod texts;
mod tops;
mod typing;
mod view;
mod vocabulary;
mod write;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::domain::{
    movie::{Movie, MovieData, MovieId},
    suggest::{SuggestQuery, Suggestion},
};

use self::{
    build::{Bounds, Building},
    item::Item,
    view::{Layer, View},
    write::Pending,
};

pub use build::Dropped;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Movies at most: the best known.
    pub movies_max: usize,
    /// People at most: the best known.
    pub people_max: usize,
    /// Movies and people that may have changed since the last build until [`Size::is_due`] says that
    /// it is time to [`compact`](Suggester::compact).
    pub changed_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { movies_max: 10_000_000, people_max: 5_000_000, changed_max: 65_536 }
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Movies.
    pub movies: usize,
    /// People.
    pub people: usize,
    /// Movies and people that changed since the last build.
    pub changed: usize,
    /// Bytes of memory.
    pub bytes: usize,
    /// What the last build dropped.
    pub dropped: Dropped,
    /// Whether it is time to compact.
    pub is_due: bool,
}

/// Answers while somebody types.
#[derive(Debug)]
pub struct Suggester {
    options: Options,
    view: ArcSwap<View>,
    writing: Mutex<Writing>,
}

/// What only one writer at a time may touch.
#[derive(Debug, Default)]
struct Writing {
    /// The build at hand, if there is one, by number, and what was written since it began.
    build: u64,
    pending: Option<Pending>,
    dropped: Dropped,
}

/// A build while it is given movies. Writes go on, and are in it when it is published.
#[derive(Debug)]
pub struct Builder<'a> {
    suggester: &'a Suggester,
    number: u64,
    building: Building,
}

impl Suggester {
    /// A suggester without movies.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let view = View { layers: Default::default() };
        Self { options, view: ArcSwap::from_pointee(view), writing: Mutex::default() }
    }

    /// Begins to build from a scan. A build that began before is given up: it will not be published.
    pub fn builder(&self) -> Builder<'_> {
        self.begin(&mut self.writing())
    }

    fn begin(&self, writing: &mut Writing) -> Builder<'_> {
        let Options { movies_max: movies, people_max: people, .. } = self.options;
        writing.build += 1;
        writing.pending = Some(Pending::default());
        let building = Building::whole(Bounds { movies, people });
        Builder { suggester: self, number: writing.build, building }
    }

    /// A movie was created or changed. Answers from here on have it as it is now.
    ///
    /// It takes a fraction of a millisecond most of the time, and now and then as long as it takes to
    /// sort what changed since the last build (tens of milliseconds): not for a thread that serves.
    /// Where four times [`Options::changed_max`] have changed and nobody compacted, it compacts.
    pub fn put(&self, movie: &Movie) {
        self.write(movie.id, Some(Item::of(movie)));
    }

    /// A movie was deleted, or is not there: as [`put`](Suggester::put).
    pub fn delete(&self, id: MovieId) {
        self.write(id, None);
    }

    fn write(&self, id: MovieId, item: Option<Item>) {
        let mut writing = self.writing();
        let mut view = View::clone(&self.view.load());
        view.write(id, item.as_ref());
        let is_over = view.changed() >= self.options.changed_max.saturating_mul(4);
        self.view.store(view.into());
        if let Some(pending) = &mut writing.pending {
            pending.insert(id, item);
        } else if is_over {
            drop(writing);
            self.compact();
        }
    }

    /// Builds anew from what is in memory. It takes seconds for millions of movies, and as much
    /// memory again; readers and writers go on meanwhile. Nothing is done where a build is being made.
    pub fn compact(&self) {
        let mut writing = self.writing();
        if writing.pending.is_some() {
            return; // a build is being made
        }
        // Without letting go in between: a scan that began there would be given up for this.
        let mut builder = self.begin(&mut writing);
        drop(writing);
        let view = self.view.load_full();
        for item in view.layers.iter().flat_map(Layer::items) {
            builder.building.movie(&item);
        }
        drop(view);
        // Where a build has begun meanwhile, that one will do.
        let _ = builder.publish();
    }

    /// Whether a build is being made.
    #[must_use]
    pub fn is_building(&self) -> bool {
        self.writing().pending.is_some()
    }

    /// What may be meant.
    #[must_use]
    pub fn suggest(&self, query: &SuggestQuery) -> Vec<Suggestion> {
        ask::answer(&self.view.load(), query)
    }

    /// How much there is.
    #[must_use]
    pub fn size(&self) -> Size {
        let view = self.view.load();
        let changed = view.changed();
        Size {
            movies: view.layers.iter().map(Layer::movies).sum(),
            people: view.layers.iter().map(Layer::people).sum(),
            changed,
            bytes: view.layers.iter().map(|layer| layer.segment.bytes()).sum(),
            dropped: self.writing().dropped,
            is_due: changed >= self.options.changed_max,
        }
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // A writer that panicked has published nothing.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Builder<'_> {
    /// Takes a movie of the scan. Each comes once.
    pub fn add(&mut self, id: MovieId, movie: &MovieData) {
        self.building.movie(&Item::from_data(id, movie));
    }

    /// Sorts what was given, adds what was written since the build began, and replaces what was there.
    /// `false` where another build has begun since: then nothing is replaced.
    #[must_use = "another build may have begun"]
    pub fn publish(mut self) -> bool {
        let building = std::mem::replace(&mut self.building, Building::whole(Bounds::NONE));
        let (segment, dropped) = building.finish();
        let mut writing = self.suggester.writing();
        if writing.build != self.number {
            return false;
        }
        let mut view = View { layers: Default::default() };
        view.layers[0] = Layer::new(segment);
        for (id, item) in writing.pending.take().unwrap_or_default() {
            view.write(id, item.as_ref());
        }
        writing.dropped = dropped;
        self.suggester.view.store(view.into());
        true
    }
}

impl Drop for Builder<'_> {
    /// One that was not published needs no writes kept for it.
    fn drop(&mut self) {
        let mut writing = self.suggester.writing();
        if writing.build == self.number {
            writing.pending = None;
        }
    }
}
