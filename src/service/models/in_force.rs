//! A model that answers, by movies.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use crate::{
    domain::{model::StoredModel, movie::MovieId},
    learn::{
        gather::{Regard, confidence},
        interactions::{Event, History},
        loaded::Loaded,
        recommend::{Desk, Question, Recommendation},
    },
};

thread_local! {
    /// Where this thread works answers out; its memory is used again and again.
    static DESK: RefCell<Desk> = RefCell::default();
}

/// A movie with what a model says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The movie. It may be gone.
    pub movie: MovieId,
    /// The higher the better; comparable within one answer only.
    pub score: f32,
    /// The movie that says most for it.
    pub because: Option<MovieId>,
}

/// A model that answers.
#[derive(Debug)]
pub struct InForce {
    /// What is said of it.
    pub stored: StoredModel,
    answering: Arc<Answering>,
    name: String,
}

/// What answers.
#[derive(Debug)]
struct Answering {
    loaded: Loaded,
    movies: Vec<MovieId>,
    numbers: HashMap<MovieId, u32, FixedState>,
}

impl InForce {
    /// Makes a model answer.
    ///
    /// # Errors
    /// The key of an item that is no movie's id.
    pub(super) fn new(stored: StoredModel, loaded: Loaded) -> Result<Self, String> {
        let ids = loaded.model.items.iter().map(|key| key.parse().map_err(|()| key.clone()));
        let movies: Vec<MovieId> = ids.collect::<Result<_, _>>()?;
        let numbers = movies.iter().copied().zip(0..).collect();
        let answering = Arc::new(Answering { loaded, movies, numbers });
        Ok(Self { name: name_of(&stored), stored, answering })
    }

    /// The same model under another version: its bytes are the same.
    #[must_use]
    pub(super) fn stored_as(&self, stored: StoredModel) -> Self {
        Self { name: name_of(&stored), stored, answering: Arc::clone(&self.answering) }
    }

    /// What tells its answers from those of another model, on every replica.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Movies that it speaks of.
    #[must_use]
    pub fn items(&self) -> usize {
        self.answering.movies.len()
    }

    /// Bytes that it takes in memory, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Answering { loaded, movies, .. } = &*self.answering;
        loaded.bytes() + movies.len() * 4 * size_of::<MovieId>()
    }

    /// Whether a movie says anything of others.
    #[must_use]
    pub fn knows(&self, movie: MovieId) -> bool {
        self.number(movie).is_some_and(|item| !self.answering.loaded.model.links(item).is_empty())
    }

    fn number(&self, movie: MovieId) -> Option<u32> {
        self.answering.numbers.get(&movie).copied()
    }

    /// What goes together with a movie, the most similar first.
    #[must_use]
    pub fn similar(&self, movie: MovieId, count: usize) -> Vec<Scored> {
        let Some(item) = self.number(movie) else { return Vec::new() };
        self.scored(self.answering.loaded.model.similar(item, count, None))
    }

    /// What somebody may want who made this of movies, oldest first; best first. What is in there is not among
    /// it. Only what is spoken for, and not what is merely popular.
    #[must_use]
    pub fn recommend(&self, regards: &[Regard], count: usize) -> Vec<Scored> {
        let history = self.history(regards);
        if history.is_empty() {
            return Vec::new();
        }
        let prior = &self.answering.loaded.personal;
        let question = Question { history: &history, prior, count, allowed: None };
        let rows =
            DESK.with_borrow_mut(|desk| self.answering.loaded.model.recommend(question, desk));
        let mut scored = self.scored(rows);
        scored.retain(|row| row.because.is_some());
        scored
    }

    /// What a history says of some movies, each with what says most for it, in their order; `None` for those of
    /// which it says nothing, or nothing good.
    #[must_use]
    pub fn regard(&self, regards: &[Regard], movies: &[MovieId]) -> Vec<Option<f32>> {
        let history = self.history(regards);
        let wanted: HashMap<u32, usize> = movies
            .iter()
            .enumerate()
            .filter_map(|(place, movie)| Some((self.number(*movie)?, place)))
            .collect();
        let mut said = vec![None; movies.len()];
        if history.is_empty() || wanted.is_empty() {
            return said;
        }
        let among = |item: u32| wanted.contains_key(&item);
        let prior = &self.answering.loaded.personal;
        let count = wanted.len();
        let question = Question { history: &history, prior, count, allowed: Some(&among) };
        let rows =
            DESK.with_borrow_mut(|desk| self.answering.loaded.model.recommend(question, desk));
        for Recommendation { item, score, because } in rows {
            if let Some(place) = wanted.get(&item).filter(|_| because.is_some() && score > 0.0) {
                said[*place] = Some(score);
            }
        }
        said
    }

    /// The part of a history that the model knows and that was liked.
    fn history(&self, regards: &[Regard]) -> History {
        let liked = regards.iter().filter(|regard| regard.weight > 0.0);
        let events = liked.filter_map(|regard| {
            let item = self.number(regard.movie)?;
            Some(Event { item, value: confidence(regard.weight), time: regard.at_ms })
        });
        events.collect()
    }

    fn scored(&self, rows: Vec<Recommendation>) -> Vec<Scored> {
        let movie = |item: u32| self.answering.movies.get(item as usize).copied();
        let scored = rows.into_iter().filter_map(|row| {
            let because = row.because.and_then(movie);
            Some(Scored { movie: movie(row.item)?, score: row.score, because })
        });
        scored.collect()
    }
}

/// The version alone would not do: a database that was restored may give it again.
fn name_of(stored: &StoredModel) -> String {
    format!("{}-{}", stored.version, stored.model.checksum.short())
}
