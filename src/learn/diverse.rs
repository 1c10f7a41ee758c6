//! Rows that are not all the same: maximal marginal relevance (Carbonell and Goldstein 1998).

/// What an answer's own score weighs against being unlike those before it. At 1 the order is that of scores.
const RELEVANCE: f32 = 0.8;

/// Chooses `count` of some candidates, each with its score from 0 to 1, best first, and gives their places. The
/// first has the highest score; each further one is that which has the most of its score left once its likeness
/// with the most similar one that was chosen is taken off, 4 to 1. Ties go to who is first.
pub fn choose(scores: &[f32], count: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(count.min(scores.len()));
    // How much each is like the most similar one that was chosen.
    let mut near = vec![0.0_f32; scores.len()];
    let mut left: Vec<usize> = (0..scores.len()).collect();
    while chosen.len() < count {
        let worth = |place: usize| RELEVANCE * scores[place] - (1.0 - RELEVANCE) * near[place];
        let best = left.iter().enumerate().fold(None, |best: Option<(usize, f32)>, (n, place)| {
            let worth = worth(*place);
            if best.is_none_or(|(_, known)| worth > known) { Some((n, worth)) } else { best }
        });
        let Some((n, _)) = best else { break };
        let next = left.remove(n);
        for place in &left {
            near[*place] = near[*place].max(likeness(next, *place));
        }
        chosen.push(next);
    }
    chosen
}

#[cfg(test)]
mod tests {
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
}
