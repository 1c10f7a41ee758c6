//! Item–item weights by regression of what came next on what was before.
//!
//! At each step of each history the past is a vector (the latest event counts 1, each one before it `past`
//! times as much) and so is the future (`future`, normalised). Ridge regression of the one on the other is
//! `(G + ridge I)^-1 C`; both sums are over pairs of events and depend on the distance of the two only, so no
//! step is gone through by itself.

use super::{
    dense::Square, ease::Weights, error::LearnError, interactions::History, parameters::Next,
};

/// Events apart from which nothing is counted.
const REACH: usize = 80;
/// Future events that count.
const FUTURE: usize = 20;

/// The two sums for histories.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    past: Square,
    /// A column for each item that came next.
    next: Square,
}

impl Steps {
    pub(super) fn new(histories: &[History], items: usize, past: f64, future: f64) -> Self {
        let mut sums = Self { past: Square::zeros(items), next: Square::zeros(items) };
        let decay: Vec<f64> = powers(past, REACH + 1);
        let kernel = kernel(past, future);
        for history in histories {
            // Of each number of steps: the sum of the weights' squares of one event over these steps.
            let mut squares = vec![0.0; history.len() + 1];
            let mut weight = 1.0;
            for steps in 0..history.len() {
                squares[steps + 1] = squares[steps] + weight;
                weight *= past * past;
            }
            for (later, event) in history.iter().enumerate() {
                let steps = history.len() - 1 - later;
                let column = event.item as usize * items;
                for distance in 0..=REACH.min(later) {
                    let before = history[later - distance].item as usize;
                    if distance == 0 {
                        sums.past.values[column + before] += squares[steps];
                        continue;
                    }
                    let both = decay[distance] * squares[steps];
                    sums.past.values[column + before] += both;
                    sums.past.values[before * items + event.item as usize] += both;
                    sums.next.values[column + before] += kernel[distance];
                }
            }
        }
        sums
    }

    /// The weights for these sums.
    pub(super) fn solve(&self, ridge: f64, threads: usize) -> Result<Weights, LearnError> {
        self.clone().into_weights(ridge, threads)
    }

    fn into_weights(mut self, ridge: f64, threads: usize) -> Result<Weights, LearnError> {
        let items = self.past.rows;
        self.past.add_to_diagonal(|_| ridge);
        self.past.factor()?.solve(&mut self.next, threads);
        let mut values = vec![0.0; items * items];
        for (to, column) in self.next.values.chunks(items.max(1)).enumerate() {
            for (from, value) in column.iter().enumerate() {
                values[from * items + to] = *value as f32;
            }
        }
        for item in 0..items {
            values[item * items + item] = 0.0; // what was seen is not shown again
        }
        Ok(Weights { items, values })
    }
}

/// The weights for histories, in one go and without a copy of the sums.
pub(super) fn follow(
    histories: &[History],
    items: usize,
    chosen: &Next,
    threads: usize,
) -> Result<Weights, LearnError> {
    Steps::new(histories, items, chosen.past, chosen.future).into_weights(chosen.ridge, threads)
}

fn powers(base: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(1.0), |power| Some(power * base)).take(count).collect()
}

/// For each distance of two events the sum, over the steps between them, of the earlier one's weight in the
/// past times the later one's in the future.
fn kernel(past: f64, future: f64) -> Vec<f64> {
    let (past, future) = (powers(past, REACH + 1), powers(future, FUTURE));
    let whole: f64 = future.iter().sum();
    let at = |distance: usize| -> f64 {
        let ahead = 0..FUTURE.min(distance);
        ahead.map(|ahead| past[distance - 1 - ahead] * future[ahead] / whole).sum()
    };
    (0..=REACH).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::interactions::Event;

    fn histories() -> Vec<History> {
        let event = |item| Event { item, value: 1.0, time: 0 };
        (0..6_u32)
            .map(|n| (0..9).map(|k| event((n * 5 + k * (n % 2 * 2 + 1)) % 12)).collect())
            .collect()
    }

    #[test]
    fn the_sums_over_pairs_are_those_over_steps() {
        let (items, past, future) = (12, 0.9, 0.8);
        let sums = Steps::new(&histories(), items, past, future);
        let (pasts, futures) = (powers(past, 9), powers(future, FUTURE));
        let whole: f64 = futures.iter().sum();
        let (mut squares, mut next) = (Square::zeros(items), Square::zeros(items));
        for history in histories() {
            for step in 1..history.len() {
                let weight = |place: usize| pasts[step - 1 - place];
                for left in 0..step {
                    for right in 0..step {
                        let (a, b) = (history[left].item as usize, history[right].item as usize);
                        *squares.at(a, b) += weight(left) * weight(right);
                    }
                    for ahead in step..history.len() {
                        let place = (history[left].item as usize, history[ahead].item as usize);
                        let future = futures[ahead - step] / whole;
                        *next.at(place.0, place.1) += weight(left) * future;
                    }
                }
            }
        }
        let near = |a: &Square, b: &Square| {
            a.values.iter().zip(&b.values).all(|(a, b)| (a - b).abs() < 1e-9)
        };
        assert!(near(&sums.past, &squares));
        assert!(near(&sums.next, &next));
    }

    #[test]
    fn what_follows_has_weight_and_what_came_before_has_none() {
        let event = |item| Event { item, value: 1.0, time: 0 };
        let histories: Vec<History> = (0..40).map(|_| vec![event(0), event(1), event(2)]).collect();
        let weights = Steps::new(&histories, 3, 0.5, 0.1).solve(1.0, 2).unwrap();
        assert!(weights.row(0)[1] > 0.5, "{:?}", weights.values);
        assert!(weights.row(1)[2] > 0.5, "{:?}", weights.values);
        assert!(weights.row(1)[0].abs() < 0.05, "{:?}", weights.values);
    }
}
