//! All segments at one moment, and which of their movies and people are over.

use std::sync::Arc;

use crate::domain::{
    movie::MovieId,
    suggest::{Kind, fold},
};

use super::{item::Item, score::Role, segment::Segment};

/// Numbers per block of a set.
const BLOCK: usize = 4096;

/// A set of numbers that is cheap to copy: copies share the blocks that do not differ.
#[derive(Debug, Clone, Default)]
pub(super) struct Set {
    blocks: Vec<Option<Arc<[u64; BLOCK / 64]>>>,
    len: usize,
}

impl Set {
    /// Whether the number is in it.
    pub(super) fn has(&self, n: u32) -> bool {
        let n = n as usize;
        let block = self.blocks.get(n / BLOCK).and_then(Option::as_ref);
        block.is_some_and(|bits| bits[n % BLOCK / 64] >> (n % 64) & 1 == 1)
    }

    fn insert(&mut self, n: u32) {
        if self.has(n) {
            return;
        }
        let n = n as usize;
        if self.blocks.len() <= n / BLOCK {
            self.blocks.resize(n / BLOCK + 1, None);
        }
        let block = self.blocks[n / BLOCK].get_or_insert_with(|| Arc::new([0; BLOCK / 64]));
        Arc::make_mut(block)[n % BLOCK / 64] |= 1 << (n % 64);
        self.len += 1;
    }
}

/// A segment, and what of it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) segment: Arc<Segment>,
    movies_over: Set,
    people_over: Set,
}

impl Layer {
    /// A segment of which nothing is over.
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment: Arc::new(segment), ..Self::default() }
    }

    /// Whether this one still stands.
    pub(super) fn stands(&self, kind: Kind, n: u32) -> bool {
        match kind {
            Kind::Movie => !self.movies_over.has(n),
            Kind::Person => !self.people_over.has(n),
        }
    }

    /// This one is over.
    pub(super) fn end(&mut self, kind: Kind, n: u32) {
        match kind {
            Kind::Movie => self.movies_over.insert(n),
            Kind::Person => self.people_over.insert(n),
        }
    }

    /// Movies that stand.
    pub(super) fn movies(&self) -> usize {
        self.segment.movies() - self.movies_over.len
    }

    /// People who stand.
    pub(super) fn people(&self) -> usize {
        self.segment.people() - self.people_over.len
    }

    /// Movies and people that are over.
    pub(super) fn ended(&self) -> usize {
        self.movies_over.len + self.people_over.len
    }

    /// What is known of a movie.
    pub(super) fn item(&self, movie: u32) -> Item {
        let segment = &self.segment;
        let people = segment.credited(movie);
        let mut people: Vec<(String, Role)> =
            people.map(|(person, role)| (segment.names.get(person).written(), role)).collect();
        people.sort_unstable();
        let n = movie as usize;
        Item {
            id: segment.ids[n],
            title: segment.titles.get(movie).written(),
            year: segment.year(movie),
            score: segment.scores[n],
            people,
        }
    }

    /// The movies that stand.
    pub(super) fn items(&self) -> impl Iterator<Item = Item> {
        let movies = u32::try_from(self.segment.movies()).unwrap_or(u32::MAX);
        (0..movies).filter(|n| self.stands(Kind::Movie, *n)).map(|n| self.item(n))
    }

    /// The people who stand, and their credits.
    pub(super) fn credits(&self) -> impl Iterator<Item = (String, u32)> {
        let people = u32::try_from(self.segment.people()).unwrap_or(u32::MAX);
        (0..people)
            .filter(|n| self.stands(Kind::Person, *n))
            .map(|n| (self.segment.names.get(n).written(), self.segment.credits[n as usize]))
    }
}

/// The layers: the one that was built as a whole, and then what changed since, the oldest and largest
/// first. A movie or person stands in one of them at most.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) layers: [Layer; LAYERS],
}

/// Layers of a view.
pub(super) const LAYERS: usize = 4;

impl View {
    /// Where a movie stands.
    pub(super) fn movie(&self, id: MovieId) -> Option<(usize, u32)> {
        self.layers.iter().enumerate().find_map(|(at, layer)| {
            let movie = layer.segment.movie(id)?;
            layer.stands(Kind::Movie, movie).then_some((at, movie))
        })
    }

    /// Where a person stands.
    pub(super) fn person(&self, name: &str) -> Option<(usize, u32)> {
        let key = fold(name).text;
        self.layers.iter().enumerate().find_map(|(at, layer)| {
            let person = layer.segment.person(&key, name)?;
            layer.stands(Kind::Person, person).then_some((at, person))
        })
    }
}
