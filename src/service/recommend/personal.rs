//! What somebody may want to see, from what they did.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    domain::{
        activity::UserId,
        model::ModelVersion,
        movie::MovieId,
        recommend::{Choice, Source},
        revision::{Revision, Scope},
    },
    learn::{
        diverse,
        gather::{Regard, confidence},
    },
    service::{error::ServiceError, models::InForce},
};

use super::{Recommender, histories::History, metrics::Basis, popular, shelf::OnShelf};

/// Movies that are asked of a model beyond those that rows are chosen from: some are gone. For a filter there are
/// twice as many, and where it leaves too few of them, so many at most.
const SPARE: usize = 10;
const SCORED_MAX: usize = 1_000;
/// Rows among which those are chosen that are not all the same, for each that is shown.
const CHOICE: usize = 2;
/// Movies of a history, the latest ones, that speak by what is written about them where no model knows them.
const SPEAKING: usize = 5;
/// What likeness is worth beside what a model learnt.
const OF_CONTENT: f32 = 0.6;
/// What the first of those is worth that many look at, and that are popular; the last is worth next to nothing.
const OF_TRENDING: f32 = 0.3;
const OF_POPULAR: f32 = 0.2;

/// A row.
#[derive(Debug, Clone)]
pub struct Recommended {
    /// The movie.
    pub movie: Arc<OnShelf>,
    /// Why it is there.
    pub source: Source,
    /// The movie of the user's that says most for it.
    pub because: Option<Arc<OnShelf>>,
}

/// What an answer to somebody rests on. It is taken before anything that goes into the answer is read: as long as
/// another one is the same, so is the answer, but for what is popular among those of whom nothing is known.
#[derive(Debug, Clone)]
pub struct Ground {
    history: Arc<History>,
    model: Option<Arc<InForce>>,
    /// Everything that is known to be written.
    written: Revision,
    generation: u64,
}

impl Ground {
    /// Whether what rests on one of them rests on the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { history, model, written, generation } = self;
        let is_nothing = |history: &History| history.movies() == 0;
        let is_history = Arc::ptr_eq(history, &other.history)
            || is_nothing(history) && is_nothing(&other.history);
        let is_model = match (model, &other.model) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        };
        let is_state = *written == other.written && *generation == other.generation;
        is_history && is_model && is_state
    }
}

/// What is counted of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    basis: Basis,
    rows: [u32; Source::ALL.len()],
}

/// What is recommended.
#[derive(Debug, Clone)]
pub struct Recommendations {
    /// The best first.
    pub rows: Vec<Recommended>,
    /// The model that was asked; `None` where there is none.
    pub model: Option<ModelVersion>,
    /// What is counted of it each time that it is given.
    pub counts: Counts,
}

/// A movie that may be shown.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    movie: MovieId,
    /// 0 to 1.
    score: f32,
    source: Source,
    because: Option<MovieId>,
}

impl Recommender {
    /// What an answer to a user rests on, or to anybody.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn ground(&self, user: Option<&UserId>) -> Result<Ground, ServiceError> {
        let known = self.catalogue.known();
        let (generation, written) = (known.generation(), self.everything_written());
        let history = match user {
            Some(user) => self.histories.of(user).await?,
            None => Arc::default(),
        };
        Ok(Ground { history, model: self.models.in_force(), written, generation })
    }

    fn everything_written(&self) -> Revision {
        self.catalogue.known().watch(&[Scope::All]).need()
    }

    /// What a user may want to see, or anybody: never what the user had to do with already. The same for the
    /// same history, model and catalogue.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn recommend(
        &self,
        ground: &Ground,
        choice: &Choice,
    ) -> Result<Recommendations, ServiceError> {
        let history = &ground.history;
        let model = ground.model.as_deref();
        let limit = usize::from(choice.limit);
        let mut scored = CHOICE * limit + SPARE;
        if !choice.filter.is_open() {
            scored *= 2;
        }
        let (rows, basis) = loop {
            let mut candidates = self.candidates(&history.regards, model, scored).await?;
            let asked_all = candidates.len() < scored;
            candidates.retain(|one| !history.has(one.movie));
            let rows = self.shown(&candidates, choice, CHOICE * limit).await?;
            let enough = rows.len() >= limit || asked_all || scored >= SCORED_MAX;
            if enough {
                break self.filled(rows, history, choice).await?;
            }
            scored = SCORED_MAX;
        };
        let mut counts = Counts { basis, rows: [0; Source::ALL.len()] };
        for (row, _) in &rows {
            counts.rows[row.source as usize] += 1;
        }
        let rows = self.with_reasons(rows).await?;
        Ok(Recommendations { rows, model: model.map(|model| model.stored.version), counts })
    }

    /// Counts an answer that is given.
    pub fn count(&self, counts: &Counts) {
        self.metrics.recommended(counts.basis, &counts.rows);
    }

    /// What a history speaks for, best first: by a model, and for what that does not know, by what is written
    /// about it.
    async fn candidates(
        &self,
        history: &[Regard],
        model: Option<&InForce>,
        count: usize,
    ) -> Result<Vec<Candidate>, ServiceError> {
        let rows = model.map_or_else(Vec::new, |model| model.recommend(history, count));
        let best = rows.first().map_or(1.0, |row| row.score.max(f32::MIN_POSITIVE));
        let learnt = rows.into_iter().map(|row| Candidate {
            movie: row.movie,
            score: (row.score / best).clamp(0.0, 1.0),
            source: Source::Model,
            because: row.because,
        });
        let unheard = |regard: &&Regard| {
            regard.weight > 0.0 && model.is_none_or(|model| !model.knows(regard.movie))
        };
        let speaking: Vec<&Regard> = history.iter().rev().filter(unheard).take(SPEAKING).collect();
        if speaking.is_empty() {
            return Ok(learnt.collect());
        }
        let mut by_movie: HashMap<MovieId, Candidate> =
            learnt.map(|candidate| (candidate.movie, candidate)).collect();
        for regard in &speaking {
            let near = self.alike.near(regard.movie).await?;
            let best = near.first().map_or(1.0, |(_, likeness)| likeness.max(f32::MIN_POSITIVE));
            let sure = confidence(regard.weight).sqrt();
            for (movie, likeness) in near.iter() {
                let score = OF_CONTENT * sure * likeness / best;
                let because = Some(regard.movie);
                let new = Candidate { movie: *movie, score, source: Source::Content, because };
                let known = by_movie.entry(*movie).or_insert(new);
                if known.score < score {
                    *known = new;
                }
            }
        }
        let mut candidates: Vec<Candidate> = by_movie.into_values().collect();
        candidates.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.movie.cmp(&b.movie)));
        Ok(candidates)
    }

    /// The first so many candidates that may be shown.
    async fn shown(
        &self,
        candidates: &[Candidate],
        choice: &Choice,
        most: usize,
    ) -> Result<Vec<(Candidate, Arc<OnShelf>)>, ServiceError> {
        let mut rows = Vec::with_capacity(most);
        for chunk in candidates.chunks(most.max(1)) {
            let ids: Vec<MovieId> = chunk.iter().map(|one| one.movie).collect();
            for (one, movie) in chunk.iter().zip(self.shelf.get(&ids).await?) {
                let movie = movie.filter(|kept| choice.filter.accepts(&kept.movie));
                rows.extend(movie.map(|movie| (*one, movie)));
            }
            if rows.len() >= most {
                break;
            }
        }
        rows.truncate(most);
        Ok(rows)
    }

    /// The rows that are shown: the best that are not all the same, and where those are too few, what many look
    /// at, and what is popular, down to where the user cannot have seen all of it.
    async fn filled(
        &self,
        rows: Vec<(Candidate, Arc<OnShelf>)>,
        history: &History,
        choice: &Choice,
    ) -> Result<(Vec<(Candidate, Arc<OnShelf>)>, Basis), ServiceError> {
        let limit = usize::from(choice.limit);
        let basis = match rows.first() {
            Some((first, _)) if first.source == Source::Model => Basis::Model,
            Some(_) => Basis::Content,
            None => Basis::Cold,
        };
        let mut rows = diverse(&rows, limit);
        if rows.len() < limit {
            let ids = self.popular.trending().await?;
            let trending = falling(&ids, OF_TRENDING, Source::Trending);
            self.fill(&mut rows, trending, history, choice).await?;
        }
        // Those that were seen fill so many pages, the first one apart; one more has others.
        let pages = 2 + history.movies().div_ceil(usize::from(popular::NEXT));
        let mut after = None;
        for _ in 0..pages {
            if rows.len() >= limit {
                break;
            }
            let page = self.popular.popular(&choice.filter, after.as_ref()).await?;
            let candidates = falling(&page.ids, OF_POPULAR, Source::Popular);
            self.fill(&mut rows, candidates, history, choice).await?;
            let Some(next) = &page.next else { break };
            after = Some(next.clone());
        }
        Ok((rows, basis))
    }

    /// Adds to rows that are too few.
    async fn fill(
        &self,
        rows: &mut Vec<(Candidate, Arc<OnShelf>)>,
        mut candidates: Vec<Candidate>,
        history: &History,
        choice: &Choice,
    ) -> Result<(), ServiceError> {
        let shown: HashSet<MovieId> = rows.iter().map(|(one, _)| one.movie).collect();
        candidates.retain(|one| !shown.contains(&one.movie) && !history.has(one.movie));
        let left = usize::from(choice.limit) - rows.len();
        let more = self.shown(&candidates, choice, CHOICE * left).await?;
        rows.extend(diverse(&more, left));
        Ok(())
    }

    /// The rows with the movies that they are there for.
    async fn with_reasons(
        &self,
        rows: Vec<(Candidate, Arc<OnShelf>)>,
    ) -> Result<Vec<Recommended>, ServiceError> {
        let mut ids: Vec<MovieId> = rows.iter().filter_map(|(one, _)| one.because).collect();
        ids.sort_unstable();
        ids.dedup();
        let reasons: HashMap<MovieId, Arc<OnShelf>> = self
            .shelf
            .get(&ids)
            .await?
            .into_iter()
            .flatten()
            .map(|kept| (kept.movie.id, kept))
            .collect();
        let rows = rows.into_iter().map(|(one, movie)| {
            let because = one.because.and_then(|id| reasons.get(&id).cloned());
            Recommended { movie, source: one.source, because }
        });
        Ok(rows.collect())
    }
}

/// Candidates from a list, the first of which is worth so much.
fn falling(ids: &[MovieId], worth: f32, source: Source) -> Vec<Candidate> {
    #[expect(clippy::cast_precision_loss, reason = "lists are short")]
    let score = |place: usize| worth * (1.0 - place as f32 / ids.len() as f32);
    let places = ids.iter().enumerate();
    places
        .map(|(place, movie)| {
            let score = score(place);
            Candidate { movie: *movie, score, source, because: None }
        })
        .collect()
}

/// Those of some rows that are shown, in their order.
fn diverse(rows: &[(Candidate, Arc<OnShelf>)], limit: usize) -> Vec<(Candidate, Arc<OnShelf>)> {
    let best = rows.first().map_or(1.0, |(one, _)| one.score.max(f32::MIN_POSITIVE));
    let scores: Vec<f32> = rows.iter().map(|(one, _)| one.score / best).collect();
    let likeness = |one: usize, two: usize| rows[one].1.traits.likeness(&rows[two].1.traits);
    let chosen = diverse::choose(&scores, limit, likeness);
    chosen.into_iter().map(|place| rows[place].clone()).collect()
}
