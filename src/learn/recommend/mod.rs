//! Answers from a model: what next, and what is like it.
//!
//! Scores start at the prior (what is popular of late) and get what the history's items say. Only items that
//! were spoken of are looked at one by one; the others are in the order of the prior already. So an answer costs
//! the links of the history, not the size of the catalogue.

use super::{
    interactions::{Event, History},
    model::{Link, Model},
    prior,
    score::{self, Weighing},
};

/// An item to show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    /// Its number in the model.
    pub item: u32,
    /// The higher the better; comparable within one answer only.
    pub score: f32,
    /// The item of the history that says most for it; `None` where it is here for being popular.
    pub because: Option<u32>,
}

/// What all items begin with, and their order by it.
#[derive(Debug, Clone)]
pub struct Prior {
    scores: Vec<f32>,
    order: Vec<u32>,
}

impl Prior {
    fn new(scores: Vec<f32>) -> Self {
        let mut order: Vec<u32> = (0..).take(scores.len()).collect();
        order.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b)));
        Self { scores, order }
    }

    /// From decayed counts of items, as of now.
    #[must_use]
    pub fn of_counts(model: &Model, counts: &[f64]) -> Self {
        let weight = model.parameters.trend.map_or(LEAST, |trend| trend.weight);
        let scores = counts.iter().map(|count| weight * prior::of_count(*count)).collect();
        Self::new(scores)
    }

    /// What is popular of late as of when the model was made.
    #[must_use]
    pub fn at_training(model: &Model) -> Self {
        let counts: Vec<f64> = model.trend.iter().map(|count| f64::from(*count)).collect();
        Self::of_counts(model, &counts)
    }

    /// Nothing but the order of popularity, with which ties end.
    #[must_use]
    pub fn tie_break(model: &Model) -> Self {
        let counts = model.popularity.iter();
        Self::new(counts.map(|users| LEAST * prior::of_count(f64::from(*users))).collect())
    }
}

/// The weight of a prior that only breaks ties.
const LEAST: f32 = 1e-6;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What the user did, oldest first; items by their numbers in the model. They are not shown again.
    pub history: &'a History,
    /// What all items begin with.
    pub prior: &'a Prior,
    /// How many are wanted.
    pub count: usize,
    /// Which items may be shown; all of them if `None`.
    pub allowed: Option<&'a dyn Fn(u32) -> bool>,
}

/// Memory that answers are computed in; one for each thread, used again and again.
#[derive(Debug, Default)]
pub struct Desk {
    /// Each item's score, and the number of the question in which it was set: side by side, since both are
    /// needed at once.
    scores: Vec<(u32, f32)>,
    question: u32,
    touched: Vec<u32>,
    seen: Vec<u32>,
}

impl Desk {
    fn begin(&mut self, items: usize, history: &History) {
        self.touched.clear();
        self.seen.clear();
        self.seen.extend(history.iter().map(|event| event.item));
        self.seen.sort_unstable();
        self.question = self.question.wrapping_add(1);
        if self.scores.len() != items || self.question == 0 {
            self.scores = vec![(0, 0.0); items];
            self.question = 1;
        }
    }

    fn add(&mut self, links: &[Link], together: f32, next: f32, prior: &[f32]) {
        for link in links {
            let more = together * link.together + next * link.next;
            let (set_in, score) = &mut self.scores[link.to as usize];
            if *set_in == self.question {
                *score += more;
            } else {
                *set_in = self.question;
                *score = prior[link.to as usize] + more;
                self.touched.push(link.to);
            }
        }
    }

    fn is_seen(&self, item: u32) -> bool {
        self.seen.binary_search(&item).is_ok()
    }
}

/// The weights of an event of a history in both regressions.
fn factors<'a>(
    model: &'a Model,
    latest: &'a [Event],
) -> impl Iterator<Item = (u32, f32, f32)> + 'a {
    let parameters = &model.parameters;
    let (liking, value_deviation) = (parameters.liking, parameters.value_deviation);
    let weighing = Weighing { recency: 1.0, liking, value_deviation };
    let mean = score::mean_value(latest);
    let (mut together, mut next) = (1.0_f32, 1.0_f32);
    let of_next = parameters.next.map_or(0.0, |next| next.recency);
    latest.iter().rev().map_while(move |event| {
        if together.max(next) < score::FORGOTTEN {
            return None;
        }
        let by = score::liking(event.value, mean, weighing);
        let weights = (event.item, by * together, by * next);
        together *= parameters.together.recency;
        next *= of_next;
        Some(weights)
    })
}

impl Model {
    /// A history from keys, values and times; items that the model does not know are left out, and of one item
    /// the latest event counts.
    #[must_use]
    pub fn history<'k>(&self, events: impl IntoIterator<Item = (&'k str, f32, i64)>) -> History {
        let mut history: History = events
            .into_iter()
            .filter_map(|(key, value, time)| Some(Event { item: self.number(key)?, value, time }))
            .collect();
        history.sort_by_key(|event| event.time);
        let mut seen = std::collections::HashSet::new();
        history.reverse();
        history.retain(|event| seen.insert(event.item));
        history.reverse();
        history
    }

    /// The best items for a history, best first; ties by number.
    pub fn recommend(&self, question: Question<'_>, desk: &mut Desk) -> Vec<Recommendation> {
        let Question { history, prior, count, allowed } = question;
        if count == 0 || prior.scores.len() != self.items.len() {
            return Vec::new();
        }
        desk.begin(self.items.len(), history);
        let latest = score::latest(history);
        for (item, together, next) in factors(self, latest) {
            desk.add(self.links(item), together, next, &prior.scores);
        }
        let may = |item: u32| allowed.is_none_or(|allowed| allowed(item));
        let mut best = Best::new(count);
        for item in &desk.touched {
            let (_, score) = desk.scores[*item as usize];
            if best.takes(score, *item) && !desk.is_seen(*item) && may(*item) {
                best.put(score, *item);
            }
        }
        for item in &prior.order {
            let score = prior.scores[*item as usize];
            if !best.takes(score, *item) {
                break;
            }
            let touched = desk.scores[*item as usize].0 == desk.question;
            if !touched && !desk.is_seen(*item) && may(*item) {
                best.put(score, *item);
            }
        }
        best.0.iter().map(|(score, item)| self.because(latest, *item, *score)).collect()
    }

    fn because(&self, latest: &[Event], item: u32, score: f32) -> Recommendation {
        let mut most = (0.0, None);
        for (from, together, next) in factors(self, latest) {
            let links = self.links(from);
            if let Ok(at) = links.binary_search_by_key(&item, |link| link.to) {
                let says = together * links[at].together + next * links[at].next;
                if says > most.0 {
                    most = (says, Some(from));
                }
            }
        }
        Recommendation { item, score, because: most.1 }
    }

    /// What goes together with an item, the most similar first.
    #[must_use]
    pub fn similar(
        &self,
        item: u32,
        count: usize,
        allowed: Option<&dyn Fn(u32) -> bool>,
    ) -> Vec<Recommendation> {
        let mut best = Best::new(count);
        for link in self.links(item) {
            let score = link.together;
            let fits = score > 0.0 && best.takes(score, link.to);
            if fits && link.to != item && allowed.is_none_or(|allowed| allowed(link.to)) {
                best.put(score, link.to);
            }
        }
        let because = Some(item);
        best.0
            .iter()
            .map(|(score, item)| Recommendation { item: *item, score: *score, because })
            .collect()
    }
}

/// The best few, in order.
pub(super) struct Best(pub(super) Vec<(f32, u32)>, usize);

impl Best {
    pub(super) fn new(count: usize) -> Self {
        Self(Vec::with_capacity(count.min(1_024)), count)
    }

    /// Whether there is a place for that score.
    pub(super) fn takes(&self, score: f32, item: u32) -> bool {
        self.0.len() < self.1 || self.0.last().is_some_and(|last| before((score, item), *last))
    }

    pub(super) fn put(&mut self, score: f32, item: u32) {
        let at = self.0.partition_point(|known| before(*known, (score, item)));
        if self.0.len() == self.1 {
            self.0.pop();
        }
        self.0.insert(at.min(self.0.len()), (score, item));
    }
}

fn before(left: (f32, u32), right: (f32, u32)) -> bool {
    left.0.total_cmp(&right.0).reverse().then(left.1.cmp(&right.1)).is_lt()
}

#[cfg(test)]
mod tests;
