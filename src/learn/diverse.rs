//! Rows that are not all the same: maximal marginal relevance (Carbonell and Goldstein 1998).

/// What an answer's own score weighs against being unlike those before it. At 1 the order is that of scores.
const RELEVANCE: f32 = 0.8;

/// Chooses `count` of some candidates, each with its score from 0 to 1, best first, and gives their places. The
/// first has the highest score; each further one is that which has the most of its score left once its likeness
/// with the most similar one that was chosen is taken off, 4 to 1. Ties go to who is first.
///
/// What is left of a score only becomes less. So a candidate is compared with those that were chosen meanwhile
/// only when nobody else could be before it (Minoux 1978).
pub fn choose(scores: &[f32], count: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::with_capacity(count.min(scores.len()));
    let worth = |place: usize, near: f32| RELEVANCE * scores[place] - (1.0 - RELEVANCE) * near;
    // What is left of each one's score by those that it was compared with: the first so many that were chosen.
    // As whole numbers, of which a processor compares many at once.
    let mut left: Vec<i32> = (0..scores.len()).map(|place| ordered(worth(place, 0.0))).collect();
    let mut compared = vec![(0, 0.0_f32); scores.len()];
    while chosen.len() < count {
        let Some(best) = left.iter().copied().max().filter(|best| *best != CHOSEN) else { break };
        let Some(place) = left.iter().position(|one| *one == best) else { break };
        let (with, near) = &mut compared[place];
        if *with == chosen.len() {
            chosen.push(place);
            left[place] = CHOSEN;
            continue;
        }
        for other in &chosen[*with..] {
            *near = near.max(likeness(*other, place));
        }
        *with = chosen.len();
        left[place] = ordered(worth(place, *near));
    }
    chosen
}

/// Below every number.
const CHOSEN: i32 = i32::MIN;

/// A number whose order is that of [`f32::total_cmp`].
const fn ordered(number: f32) -> i32 {
    let bits = number.to_bits().cast_signed();
    bits ^ ((bits >> 31) & i32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_like_the_first_stands_back_for_what_is_nearly_as_good() {
        // 0 and 1 are of one kind, 2 of another.
        let alike = |one: usize, two: usize| if (one < 2) == (two < 2) { 1.0 } else { 0.0 };
        assert_eq!(choose(&[1.0, 0.95, 0.9], 3, alike), [0, 2, 1]);
        assert_eq!(choose(&[1.0, 0.95, 0.1], 3, alike), [0, 1, 2], "but not for what is bad");
        assert_eq!(choose(&[0.5, 0.5], 1, |_, _| 0.0), [0]);
        assert!(choose(&[], 3, alike).is_empty());
    }

    /// The same by comparing everybody with everybody.
    fn plainly(scores: &[f32], count: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < count.min(scores.len()) {
            let worth = |place: usize| {
                let near = chosen.iter().map(|one| likeness(*one, place)).fold(0.0_f32, f32::max);
                RELEVANCE * scores[place] - (1.0 - RELEVANCE) * near
            };
            let left = (0..scores.len()).filter(|place| !chosen.contains(place));
            let best = left.reduce(|a, b| if worth(b) > worth(a) { b } else { a });
            chosen.extend(best);
        }
        chosen
    }

    proptest! {
        #[test]
        fn the_choice_is_that_of_comparing_everybody(
            scores in prop::collection::vec(0_u8..=10, 0..30),
            likeness in prop::collection::vec(0_u8..=4, 900),
            count in 0_usize..35,
        ) {
            let mut scores: Vec<f32> = scores.into_iter().map(|tenths| f32::from(tenths) / 10.0).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            let alike = |one: usize, two: usize| {
                f32::from(likeness[one.min(two) * 30 + one.max(two)]) / 4.0
            };
            prop_assert_eq!(choose(&scores, count, alike), plainly(&scores, count, alike));
        }
    }
}
