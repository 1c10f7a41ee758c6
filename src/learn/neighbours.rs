//! Item–item weights without a dense matrix: cosines of co-occurrence, damped where few users have both.
//!
//! What items beyond the dense matrices get, and the item-kNN that the evaluation compares with.

use super::{ease::Weights, interactions::History, parallel};

/// Users who have both that halve a cosine's damping.
const DAMPING: f32 = 10.0;
/// Latest events of a history that count.
const EVENTS_MAX: usize = 300;
/// Items whose co-occurrences are counted at once by one thread.
const BATCH: usize = 64;

/// For each item its most similar ones, the most similar first, ties by number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbours(pub(super) Vec<Vec<(u32, f32)>>);

impl Neighbours {
    /// Counts co-occurrences item by item, so that no more than a row for each thread is kept.
    pub(super) fn new(histories: &[History], items: usize, keep: usize, threads: usize) -> Self {
        let mut users_of: Vec<Vec<u32>> = vec![Vec::new(); items];
        for (user, history) in (0..).zip(histories) {
            for event in latest(history) {
                users_of[event.item as usize].push(user);
            }
        }
        let users_of = &users_of;
        let rows = parallel::map(items.div_ceil(BATCH), threads, |batch| {
            let mut counts = vec![0_u32; items];
            let mut touched = Vec::new();
            let last = ((batch + 1) * BATCH).min(items);
            (batch * BATCH..last)
                .map(|item| {
                    for user in &users_of[item] {
                        for event in latest(&histories[*user as usize]) {
                            let count = &mut counts[event.item as usize];
                            if *count == 0 {
                                touched.push(event.item);
                            }
                            *count += 1;
                        }
                    }
                    let own = users_of[item].len() as f32;
                    let mut row: Vec<(u32, f32)> = Vec::with_capacity(touched.len());
                    for other in touched.drain(..) {
                        let both = std::mem::take(&mut counts[other as usize]) as f32;
                        let norm = (own * users_of[other as usize].len() as f32).sqrt();
                        if other as usize != item {
                            row.push((other, both / (norm + DAMPING)));
                        }
                    }
                    keep_highest(&mut row, keep, |(_, weight)| *weight);
                    row
                })
                .collect::<Vec<_>>()
        });
        Self(rows.into_iter().flatten().collect())
    }

    /// The factor that brings these weights nearest to dense ones where both are, by least squares.
    pub(super) fn factor_to(&self, dense: &Weights, head: &[u32]) -> f32 {
        let mut place = vec![None; self.0.len()];
        for (dense, item) in head.iter().enumerate() {
            place[*item as usize] = Some(dense);
        }
        let (mut both, mut own) = (0.0_f64, 0.0_f64);
        for (row, item) in head.iter().enumerate() {
            for (other, weight) in &self.0[*item as usize] {
                let Some(column) = place[*other as usize] else { continue };
                both += f64::from(*weight) * f64::from(dense.row(row)[column]);
                own += f64::from(*weight).powi(2);
            }
        }
        if own > 0.0 { (both / own).max(0.0) as f32 } else { 0.0 }
    }
}

fn latest(history: &History) -> &[super::interactions::Event] {
    &history[history.len().saturating_sub(EVENTS_MAX)..]
}

/// Keeps the entries of the highest weight, highest first, ties by number.
pub(super) fn keep_highest<T>(
    row: &mut Vec<(u32, T)>,
    keep: usize,
    weight: impl Fn(&(u32, T)) -> f32,
) {
    let order = |a: &(u32, T), b: &(u32, T)| weight(b).total_cmp(&weight(a)).then(a.0.cmp(&b.0));
    if keep == 0 {
        row.clear();
    } else if row.len() > keep {
        row.select_nth_unstable_by(keep - 1, order);
        row.truncate(keep);
    }
    row.sort_unstable_by(order);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::interactions::Event;

    #[test]
    fn items_of_the_same_users_are_neighbours_whatever_the_number_of_threads() {
        let event = |item| Event { item, value: 1.0, time: 0 };
        let histories: Vec<History> =
            (0..60_u32).map(|n| vec![event(n % 3), event(n % 3 + 3), event(6 + n % 2)]).collect();
        let one = Neighbours::new(&histories, 8, 3, 1);
        assert_eq!(one.0[0][0].0, 3);
        assert_eq!(one.0[4][0].0, 1);
        assert!((one.0[0][0].1 - 20.0 / 30.0).abs() < 1e-6);
        assert!(one.0.iter().all(|row| row.len() <= 3));
        assert_eq!(one, Neighbours::new(&histories, 8, 3, 4));
    }
}
