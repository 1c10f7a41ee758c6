//! Both regressions together, and what is popular of late: how much of each.

use super::{
    ByRound, LIKINGS, NEXT_RECENCIES, RECENCIES, Round, SHARES, TREND_PARTS, TREND_WEIGHTS, Tuner,
    WORTH,
};
use crate::learn::{
    interactions::{History, Interactions},
    parameters::{Next, Together, Trend},
    prior,
    score::{self, Weighing},
};

/// Both regressions together.
pub(super) struct Blend<'a> {
    pub(super) tuner: &'a Tuner<'a>,
    pub(super) together: Together,
    pub(super) weights: ByRound,
    pub(super) next: Option<(Next, ByRound)>,
    pub(super) share: f32,
    pub(super) liking: f32,
    pub(super) value_deviation: f32,
    /// Deviation of the scores of each, by which they are made comparable.
    pub(super) scale: (f32, f32),
}

impl<'a> Blend<'a> {
    pub(super) fn new(
        tuner: &'a Tuner<'a>,
        together: Together,
        weights: ByRound,
        next: Option<(Next, ByRound)>,
    ) -> Self {
        let (share, liking) = (0.0, 0.0);
        let mut blend = Self {
            tuner,
            together,
            weights,
            next,
            share,
            liking,
            value_deviation: 1.0,
            scale: (1.0, 1.0),
        };
        blend.measure();
        blend
    }

    fn measure(&mut self) {
        let Some(round) = self.tuner.rounds.first() else { return };
        let (items, threads) = (self.tuner.items, self.tuner.threads);
        let deviation = |weights: &ByRound, recency| {
            let weighing = Weighing::by_recency(recency);
            let scores = score::all(&weights[0], &round.asked, weighing, threads);
            score::deviation(&scores, items).max(f32::MIN_POSITIVE)
        };
        self.scale.0 = deviation(&self.weights, self.together.recency);
        if let Some((next, weights)) = &self.next {
            self.scale.1 = deviation(weights, next.recency);
        }
    }

    fn weighing(&self, recency: f32) -> Weighing {
        Weighing { recency, liking: self.liking, value_deviation: self.value_deviation }
    }

    /// Writes a user's scores.
    fn score(&self, number: usize, history: &History, row: &mut [f32]) {
        let by = (1.0 - self.share) / self.scale.0;
        if by > 0.0 {
            score::add(
                &self.weights[number],
                history,
                self.weighing(self.together.recency),
                by,
                row,
            );
        }
        if let Some((next, weights)) = self.next.as_ref().filter(|_| self.share > 0.0) {
            let by = self.share / self.scale.1;
            score::add(&weights[number], history, self.weighing(next.recency), by, row);
        }
    }

    fn gain(&self) -> f64 {
        self.tuner.mean(|number, round| {
            score::gain(&round.asked, self.tuner.items, self.tuner.threads, |user, row| {
                self.score(number, &round.asked.known[user], row);
            })
        })
    }

    /// Sets what `set` sets to the best of some values; the first is the one to beat.
    fn best_of<T: Copy>(&mut self, values: &[T], set: impl Fn(&mut Self, T)) {
        let mut best: Option<(f64, T)> = None;
        for value in values {
            set(self, *value);
            let gain = self.gain();
            if best.is_none_or(|(known, _)| gain > known * WORTH) {
                best = Some((gain, *value));
            }
        }
        if let Some((_, value)) = best {
            set(self, value);
        }
    }

    /// Share and recencies, in turns.
    pub(super) fn choose(&mut self, ordered: bool) {
        if !ordered || self.next.is_none() {
            return;
        }
        self.best_of(&SHARES, |blend, share| blend.share = share);
        for _ in 0..2 {
            self.best_of(&RECENCIES, |blend, recency| {
                blend.together.recency = recency;
                blend.measure();
            });
            self.best_of(&NEXT_RECENCIES, |blend, recency| {
                if let Some((next, _)) = &mut blend.next {
                    next.recency = recency;
                }
                blend.measure();
            });
            self.best_of(&SHARES, |blend, share| blend.share = share);
        }
        (self.tuner.step)();
    }

    pub(super) fn choose_liking(&mut self, value_deviation: f32) {
        if value_deviation > 1e-3 {
            self.value_deviation = value_deviation;
            self.best_of(&LIKINGS, |blend, liking| blend.liking = liking);
        }
    }

    pub(super) fn trend(&self, data: &Interactions) -> Option<Trend> {
        let (first, last) = data.span().filter(|(first, last)| first < last)?;
        let mut best = (self.gain() * WORTH, None);
        for part in TREND_PARTS {
            let half_life = (last - first) as f64 / part;
            let counts: Vec<Vec<f32>> =
                self.tuner.rounds.iter().map(|round| trends(round, data, half_life)).collect();
            for weight in TREND_WEIGHTS {
                let gain = self.tuner.mean(|number, round| {
                    let (items, threads) = (self.tuner.items, self.tuner.threads);
                    score::gain(&round.asked, items, threads, |user, row| {
                        self.score(number, &round.asked.known[user], row);
                        let of_user = &counts[number][user * items..(user + 1) * items];
                        for (score, trend) in row.iter_mut().zip(of_user) {
                            *score += weight * trend;
                        }
                    })
                });
                if gain > best.0 {
                    best = (gain, Some(Trend { half_life, weight }));
                }
            }
        }
        best.1
    }
}

/// For each user that is asked about, what was popular of late when they did what came next.
fn trends(round: &Round, data: &Interactions, half_life: f64) -> Vec<f32> {
    let items = data.items.len();
    let mut trends = vec![0.0; items * round.asked.known.len()];
    let instants: Vec<i64> = round.asked.next.iter().map(|event| event.time).collect();
    let events = prior::in_order(&round.histories);
    prior::sweep(&events, items, half_life, &instants, |users, counts| {
        let row: Vec<f32> = counts.iter().map(|count| prior::of_count(*count)).collect();
        for user in users {
            trends[user * items..(user + 1) * items].copy_from_slice(&row);
        }
    });
    trends
}
