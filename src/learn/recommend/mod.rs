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

/// Links in a line of the processor's cache.
const LINKS_OF_A_LINE: usize = 64 / size_of::<Link>();

/// Memory that answers are computed in; one for each thread, used again and again.
#[derive(Debug, Default)]
pub struct Desk {
    /// Of each item; blank between questions.
    sums: Vec<Sum>,
    /// The items that are spoken of are the first `touched_len`.
    touched: Vec<u32>,
    touched_len: usize,
    /// Who speaks, the latest first.
    speaking: Vec<Speaker>,
    seen: Vec<u32>,
}

/// What is said of an item: side by side, since all of it is needed at once.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// What all of them say, without what the item begins with.
    said: f32,
    /// 1 for an item that is spoken of.
    touched: u32,
    /// What says most for it: how much that is, as the bits of a number that is not negative, which are in the
    /// order of numbers; and below that how many speak after it, so that of equal ones the latest counts. 0 if
    /// nothing speaks for it.
    most: u64,
}

/// An item of a history, and what its words weigh.
#[derive(Debug, Clone, Copy)]
struct Speaker {
    item: u32,
    together: f32,
    next: f32,
}

impl Desk {
    fn begin(&mut self, items: usize, history: &History) {
        self.end();
        self.seen.clear();
        self.seen.extend(history.iter().map(|event| event.item));
        self.seen.sort_unstable();
        if self.sums.len() != items {
            self.sums = vec![Sum::default(); items];
            // One more than there are items: each place is written before it is known whether it counts.
            self.touched = vec![0; items + 1];
        }
    }

    /// Lets the speakers say what they have to say.
    ///
    /// Without branches: whether an item was touched before, and whether somebody says more for it than those
    /// before, is as good as random, and a wrong guess of the processor costs more than everything else here.
    fn listen(&mut self, model: &Model) {
        // Their links are all over the memory. Here the processor fetches all of them at once, below one after
        // the other.
        let at_hand = self.speaking.iter().fold(0, |sum, speaker| {
            let lines = model.links(speaker.item).iter().step_by(LINKS_OF_A_LINE);
            lines.fold(sum, |sum, link| sum ^ link.to)
        });
        std::hint::black_box(at_hand);
        let (mut len, mut after) = (0, u64::MAX >> 32);
        let (sums, touched) = (&mut self.sums[..], &mut self.touched[..]);
        for Speaker { item, together, next } in &self.speaking {
            for link in model.links(*item) {
                let says = together * link.together + next * link.next;
                let sum = &mut sums[link.to as usize];
                touched[len] = link.to;
                len += 1 - sum.touched as usize;
                let speaks_for = (says + 0.0).max(0.0).to_bits(); // -0.0 + 0.0 is 0.0
                let most = u64::from(speaks_for) << 32 | after;
                *sum = Sum { said: sum.said + says, touched: 1, most: sum.most.max(most) };
            }
            after -= 1;
        }
        self.touched_len = len;
    }

    /// The item with what was said of it.
    fn answer(&self, item: u32, score: f32) -> Recommendation {
        let most = self.sums[item as usize].most;
        let place = (u64::MAX >> 32) - (most & (u64::MAX >> 32));
        let speaker = self.speaking.get(usize::try_from(place).unwrap_or(usize::MAX));
        let because = speaker.filter(|_| most >> 32 > 0).map(|speaker| speaker.item);
        Recommendation { item, score, because }
    }

    fn touched(&self) -> &[u32] {
        &self.touched[..self.touched_len]
    }

    /// Leaves it as it was found.
    fn end(&mut self) {
        for item in &self.touched[..self.touched_len] {
            self.sums[*item as usize] = Sum::default();
        }
        self.touched_len = 0;
    }

    fn is_seen(&self, item: u32) -> bool {
        self.seen.binary_search(&item).is_ok()
    }
}

/// The weights of an event of a history in both regressions.
fn factors<'a>(model: &'a Model, latest: &'a [Event]) -> impl Iterator<Item = Speaker> + 'a {
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
        let speaker = Speaker { item: event.item, together: by * together, next: by * next };
        together *= parameters.together.recency;
        next *= of_next;
        Some(speaker)
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
        desk.speaking.clear();
        desk.speaking.extend(factors(self, score::latest(history)));
        desk.listen(self);
        let may = |item: u32| allowed.is_none_or(|allowed| allowed(item));
        let mut aside = Many::new(count);
        for item in desk.touched() {
            let score = prior.scores[*item as usize] + desk.sums[*item as usize].said;
            // Nearly all are below, and nothing more is asked of them.
            if score >= aside.least && !desk.is_seen(*item) && may(*item) {
                aside.put(score, *item);
            }
        }
        let mut best = aside.best();
        for item in &prior.order {
            let score = prior.scores[*item as usize];
            if !best.takes(score, *item) {
                break;
            }
            let touched = desk.sums[*item as usize].touched > 0;
            if !touched && !desk.is_seen(*item) && may(*item) {
                best.put(score, *item);
            }
        }
        let answers = best.0.iter().map(|(score, item)| desk.answer(*item, *score)).collect();
        desk.end();
        answers
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

/// The best few of many: what may be among them is put aside, and sorted out when there is much of it.
struct Many {
    /// Numbers whose order is that of the best: scores, the highest first, and below them items.
    aside: Vec<u64>,
    count: usize,
    /// What is below is not among the best.
    least: f32,
}

impl Many {
    fn new(count: usize) -> Self {
        let aside = Vec::with_capacity(ASIDE * count.min(1_024));
        Self { aside, count, least: f32::NEG_INFINITY }
    }

    fn put(&mut self, score: f32, item: u32) {
        self.aside.push(u64::from(!ordered(score)) << 32 | u64::from(item));
        if self.aside.len() >= ASIDE * self.count {
            self.sort_out();
            let last = self.aside.iter().max();
            self.least = last.map_or(f32::NEG_INFINITY, |last| unpacked(*last).0);
        }
    }

    fn sort_out(&mut self) {
        if self.aside.len() > self.count {
            self.aside.select_nth_unstable(self.count - 1);
            self.aside.truncate(self.count);
        }
    }

    fn best(mut self) -> Best {
        self.sort_out();
        self.aside.sort_unstable();
        Best(self.aside.iter().map(|packed| unpacked(*packed)).collect(), self.count)
    }
}

/// How many times as many as are wanted are put aside.
const ASIDE: usize = 4;

/// The highest bit of 32.
const SIGN: u32 = 1 << 31;

/// A number whose order is that of [`f32::total_cmp`].
fn ordered(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

#[expect(clippy::cast_possible_truncation, reason = "halves")]
fn unpacked(packed: u64) -> (f32, u32) {
    let ordered = !((packed >> 32) as u32);
    let bits = if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN };
    (f32::from_bits(bits), packed as u32)
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
