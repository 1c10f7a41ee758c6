//! Item–item weights by regression of each item on all others (EASE, Steck 2019), with the diagonal of its
//! denoising variant (EDLAE, Steck 2020).

use super::{
    dense::Square,
    error::LearnError,
    interactions::{Confidence, Event, History},
};

/// The latest events of a history that count: one user with thousands is no better evidence, and costs the
/// square of it.
const EVENTS_MAX: usize = 1_000;

/// Weights from items (rows) to items (columns), row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub(super) items: usize,
    pub(super) values: Vec<f32>,
}

impl Weights {
    /// What one item says of all others.
    pub(super) fn row(&self, item: usize) -> &[f32] {
        &self.values[item * self.items..(item + 1) * self.items]
    }
}

/// How many users have both of two items; where values say how sure that is, each counts by the geometric mean
/// of both.
pub(super) fn together(histories: &[History], items: usize, confidence: Confidence) -> Square {
    let mut counts = Square::zeros(items);
    let mut factors = Vec::new();
    for history in histories {
        let latest = &history[history.len().saturating_sub(EVENTS_MAX)..];
        let factor = |event: &Event| match confidence {
            Confidence::Equal => 1.0,
            Confidence::ByValue => f64::from(event.value).clamp(0.0, 1.0).sqrt(),
        };
        factors.clear();
        factors.extend(latest.iter().map(factor));
        for (left, by_left) in latest.iter().zip(&factors) {
            let column = left.item as usize * items;
            for (right, by_right) in latest.iter().zip(&factors) {
                counts.values[column + right.item as usize] += by_left * by_right;
            }
        }
    }
    counts
}

/// What a group counts for each of those who put its items together, as a share of a user's history.
const GROUP_SHARE: f64 = 0.25;
/// How often counts at most: beyond, a group says no more.
const GROUP_TIMES_MAX: f32 = 20.0;

/// Adds groups to the counts of users: two items of one as often as the rarer of both. (The matrix stays
/// positive definite, since a minimum is a kernel.)
pub(super) fn add_groups(counts: &mut Square, groups: &[History], items: usize) {
    for group in groups {
        let latest = &group[group.len().saturating_sub(EVENTS_MAX)..];
        for left in latest {
            let column = left.item as usize * items;
            for right in latest {
                let times = left.value.min(right.value).clamp(0.0, GROUP_TIMES_MAX);
                counts.values[column + right.item as usize] += GROUP_SHARE * f64::from(times);
            }
        }
    }
}

/// The weights for those counts.
pub(super) fn ease(
    mut counts: Square,
    ridge: f64,
    denoise: f64,
    threads: usize,
) -> Result<Weights, LearnError> {
    let items = counts.rows;
    counts.add_to_diagonal(|count| ridge + denoise * count);
    let inverse = counts.factor()?.inverse(threads);
    let scale: Vec<f64> = (0..items).map(|n| -1.0 / inverse.values[n * items + n]).collect();
    // The inverse is symmetric: its columns are the rows of what is made.
    let mut values: Vec<f32> = Vec::with_capacity(items * items);
    for (item, row) in inverse.values.chunks(items.max(1)).enumerate() {
        values.extend(row.iter().zip(&scale).map(|(value, scale)| (value * scale) as f32));
        values[item * items + item] = 0.0;
    }
    Ok(Weights { items, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    fn history(items: &[u32]) -> History {
        items.iter().map(|item| Event { item: *item, value: 1.0, time: 0 }).collect()
    }

    #[test]
    fn items_that_go_together_have_weight_and_an_item_none_for_itself() {
        let histories: Vec<_> =
            (0..30).map(|n| if n % 2 == 0 { history(&[0, 1]) } else { history(&[2, 3]) }).collect();
        let weights = ease(together(&histories, 4, Confidence::Equal), 1.0, 0.0, 1).unwrap();
        assert!(weights.row(0)[1] > 0.8 && weights.row(2)[3] > 0.8);
        assert!(weights.row(0)[2].abs() < 0.01);
        for item in 0..4 {
            assert!(weights.row(item)[item].abs() < f32::EPSILON);
        }
    }

    #[test]
    fn a_value_is_how_much_a_history_counts_and_a_group_links_what_nobody_had_both_of() {
        let sure = |value| History::from([0, 1].map(|item| Event { item, value, time: 0 }));
        let halves = together(&vec![sure(0.25); 16], 2, Confidence::ByValue);
        assert_eq!(halves.values, together(&vec![sure(1.0); 4], 2, Confidence::Equal).values);
        let mut counts = together(&[history(&[0]), history(&[1])], 2, Confidence::Equal);
        add_groups(&mut counts, &[sure(4.0)], 2);
        assert_eq!(counts.values, [2.0, 1.0, 1.0, 2.0]);
    }

    /// Two items with users a (both), b (first only), c (second only): the regression of one on the other has
    /// the weight a / (a + b + ridge).
    #[test]
    fn two_items_have_the_weight_that_algebra_gives() {
        let mut histories = vec![history(&[0, 1]); 6];
        histories.extend(vec![history(&[0]); 3]);
        histories.extend(vec![history(&[1]); 9]);
        let weights = ease(together(&histories, 2, Confidence::Equal), 2.0, 0.0, 1).unwrap();
        assert!((weights.row(0)[1] - 6.0 / 11.0).abs() < 1e-6, "{:?}", weights.values);
        assert!((weights.row(1)[0] - 6.0 / 17.0).abs() < 1e-6, "{:?}", weights.values);
    }
}
