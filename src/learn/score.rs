//! Scores of all items for a history, and how good they are.

use super::{ease::Weights, interactions::History, parallel, split::Split};

/// Latest events of a history that are looked at when it is asked about.
pub(super) const HISTORY_MAX: usize = 500;
/// Events whose weight has decayed below this share of the latest one's are not looked at.
pub(super) const FORGOTTEN: f32 = 0.01;
/// Ranks that count when parameters are chosen: more than are shown, since that is less noisy.
const DEPTH: usize = 20;

/// How events of a history are weighed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighing {
    /// Weight of an event, relative to the next later one.
    pub(super) recency: f32,
    /// See [`Parameters`](super::parameters::Parameters).
    pub(super) liking: f32,
    pub(super) value_deviation: f32,
}

impl Weighing {
    /// By recency alone.
    pub(super) const fn by_recency(recency: f32) -> Self {
        Self { recency, liking: 0.0, value_deviation: 1.0 }
    }
}

/// The part of a history that counts, oldest first.
pub(super) fn latest(history: &History) -> &[super::interactions::Event] {
    &history[history.len().saturating_sub(HISTORY_MAX)..]
}

/// The factor by which an event's value changes its weight: 1 at the user's mean, never below -1: what was
/// disliked counts against what is like it.
pub(super) fn liking(value: f32, mean: f32, weighing: Weighing) -> f32 {
    if weighing.liking == 0.0 {
        return 1.0;
    }
    let deviations = (value - mean) / weighing.value_deviation.max(1e-6);
    (1.0 + weighing.liking * deviations).clamp(-1.0, 3.0)
}

/// The mean value of a history.
pub(super) fn mean_value(history: &[super::interactions::Event]) -> f32 {
    history.iter().map(|event| event.value).sum::<f32>() / (history.len().max(1) as f32)
}

/// The standard deviation of values from their user's mean.
pub(super) fn value_deviation(histories: &[History]) -> f32 {
    let (mut squares, mut count) = (0.0_f64, 0_usize);
    for history in histories {
        let mean = mean_value(history);
        for event in history {
            squares += f64::from(event.value - mean).powi(2);
            count += 1;
        }
    }
    (squares / count.max(1) as f64).sqrt() as f32
}

/// Adds to `scores` what a history says by these weights, times `by`.
pub(super) fn add(
    weights: &Weights,
    history: &History,
    weighing: Weighing,
    by: f32,
    scores: &mut [f32],
) {
    let history = latest(history);
    let mean = mean_value(history);
    let mut decay = 1.0;
    for event in history.iter().rev() {
        if decay < FORGOTTEN {
            break;
        }
        let factor = by * decay * liking(event.value, mean, weighing);
        for (score, weight) in scores.iter_mut().zip(weights.row(event.item as usize)) {
            *score += factor * weight;
        }
        decay *= weighing.recency;
    }
}

/// Scores of all items for each user of a split, one user after the other.
pub(super) fn all(
    weights: &Weights,
    split: &Split,
    weighing: Weighing,
    threads: usize,
) -> Vec<f32> {
    let items = weights.items;
    let mut scores = vec![0.0; items * split.known.len()];
    parallel::each_chunk(&mut scores, items.max(1), threads, |user, row| {
        add(weights, &split.known[user], weighing, 1.0, row);
    });
    scores
}

/// At which place, from 0, what came next is among the items that are not in the history. Of equal scores the
/// item with the lower number is first.
pub(super) fn place(scores: &[f32], known: &History, next: u32) -> usize {
    let own = scores[next as usize];
    let better = |item: usize, score: f32| score > own || (score == own && item < next as usize);
    let all = scores.iter().enumerate().filter(|(item, score)| better(*item, **score)).count();
    let seen =
        known.iter().filter(|event| better(event.item as usize, scores[event.item as usize]));
    all - seen.count()
}

/// What a place is worth.
pub(super) fn gain_at(place: usize, depth: usize) -> f64 {
    if place < depth { 1.0 / (place as f64 + 2.0).log2() } else { 0.0 }
}

/// The mean gain of scores that `f` writes for each user, into a row of zeros.
pub(super) fn gain(
    split: &Split,
    items: usize,
    threads: usize,
    f: impl Fn(usize, &mut [f32]) + Sync,
) -> f64 {
    let chunk = 64;
    let gains = parallel::map(split.known.len().div_ceil(chunk), threads, |number| {
        let mut row = vec![0.0; items];
        let users = number * chunk..((number + 1) * chunk).min(split.known.len());
        let gain = |user: usize| {
            row.fill(0.0);
            f(user, &mut row);
            gain_at(place(&row, &split.known[user], split.next[user].item), DEPTH)
        };
        users.map(gain).collect::<Vec<f64>>()
    });
    gains.iter().flatten().sum::<f64>() / split.known.len().max(1) as f64
}

/// By how much scores of a user differ, in the mean over users.
pub(super) fn deviation(scores: &[f32], items: usize) -> f32 {
    let rows = scores.chunks(items.max(1));
    let users = rows.len().max(1) as f64;
    let of_row = |row: &[f32]| {
        let mean = row.iter().map(|s| f64::from(*s)).sum::<f64>() / row.len() as f64;
        let squares = row.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>();
        (squares / row.len() as f64).sqrt()
    };
    (rows.map(of_row).sum::<f64>() / users) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::interactions::Event;

    #[test]
    fn the_place_leaves_out_what_is_known_and_breaks_ties_by_number() {
        let known = vec![Event { item: 0, value: 1.0, time: 0 }];
        assert_eq!(place(&[9.0, 5.0, 7.0, 5.0], &known, 3), 2);
        assert_eq!(place(&[9.0, 5.0, 7.0, 5.0], &known, 1), 1);
        assert_eq!(place(&[0.0, 5.0, 7.0, 5.0], &known, 2), 0);
    }

    #[test]
    fn what_is_disliked_counts_against() {
        let weighing = Weighing { recency: 1.0, liking: 0.5, value_deviation: 2.0 };
        assert!((liking(7.0, 7.0, weighing) - 1.0).abs() < 1e-6);
        assert!((liking(9.0, 7.0, weighing) - 1.5).abs() < 1e-6);
        assert!((liking(0.0, 7.0, weighing) + 0.75).abs() < 1e-6);
        assert!((liking(-90.0, 7.0, weighing) + 1.0).abs() < 1e-6);
        assert!((liking(0.0, 7.0, Weighing::by_recency(0.9)) - 1.0).abs() < 1e-6);
    }
}
