//! Histories cut before what is to be foretold.

use super::interactions::{Event, History, Interactions};

/// What is known of some users, and what each did next.
#[derive(Debug, Clone, Default)]
pub(super) struct Split {
    /// What is learnt from: a history for each user.
    pub(super) known: Vec<History>,
    /// What each user did next.
    pub(super) next: Vec<Event>,
}

impl Split {
    /// Takes the last `cut` events away from each history that has at least two more; the first of those taken
    /// is what comes next.
    pub(super) fn before_last(histories: &[History], cut: usize) -> Self {
        let mut split = Self::default();
        for history in histories.iter().filter(|history| history.len() >= cut + 2) {
            let at = history.len() - cut;
            split.known.push(history[..at].to_vec());
            split.next.push(history[at]);
        }
        split
    }

    /// Takes one event away from each history of at least three, the `back`-th from its end: what is foretold
    /// where there is no order.
    pub(super) fn without(histories: &[History], back: usize) -> Self {
        let mut split = Self::default();
        for history in histories.iter().filter(|history| history.len() >= back.max(3)) {
            let mut known = history.clone();
            let next = known.remove(history.len() - back);
            split.known.push(known);
            split.next.push(next);
        }
        split
    }

    /// Leaves the last event of each history out: the protocol of the evaluation. Histories of one event stay
    /// whole and have nothing to foretell.
    pub(super) fn leave_last_out(histories: &[History]) -> Self {
        Self::before_last(histories, 1)
    }

    /// Knows what happened before an instant, of everybody; foretells the first event from then on of users who
    /// have at least two before it, where the item is known by then. The second part is for training only.
    pub(super) fn at(data: &Interactions, instant: i64) -> (Self, Interactions) {
        let mut before = vec![History::new(); data.histories.len()];
        let mut seen = vec![false; data.items.len()];
        for (part, history) in before.iter_mut().zip(&data.histories) {
            part.extend(history.iter().take_while(|event| event.time < instant));
            for event in part.iter() {
                seen[event.item as usize] = true;
            }
        }
        let mut split = Self::default();
        for (part, history) in before.iter().zip(&data.histories) {
            match history.get(part.len()) {
                Some(next) if part.len() >= 2 && seen[next.item as usize] => {
                    split.known.push(part.clone());
                    split.next.push(*next);
                }
                _ => {}
            }
        }
        before.retain(|history| !history.is_empty());
        let items = data.items.clone();
        (split, Interactions { items, histories: before, ..Interactions::default() })
    }
}

/// The instant before which `share` of all events are.
pub(super) fn instant_of(data: &Interactions, share: f64) -> i64 {
    let mut times: Vec<i64> = data.histories.iter().flatten().map(|event| event.time).collect();
    times.sort_unstable();
    let at = (times.len() as f64 * share) as usize;
    times.get(at).copied().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(times: &[i64]) -> History {
        times.iter().map(|t| Event { item: *t as u32 % 5, value: 1.0, time: *t }).collect()
    }

    #[test]
    fn what_comes_next_is_in_no_history() {
        let histories = [history(&[1, 2, 3, 4]), history(&[1, 2, 3]), history(&[1, 2])];
        let split = Split::before_last(&histories, 2);
        assert_eq!(split.known, [history(&[1, 2])]);
        assert_eq!(split.next[0].time, 3);
        let without = Split::without(&histories, 2);
        assert_eq!(without.known, [history(&[1, 2, 4]), history(&[1, 3])]);
        assert_eq!(without.next, [history(&[3])[0], history(&[2])[0]]);
        assert_eq!(
            Split::leave_last_out(&histories).known,
            [history(&[1, 2, 3]), history(&[1, 2])]
        );
    }

    #[test]
    fn a_split_in_time_knows_nothing_from_then_on() {
        let items = (0..5).map(|n| n.to_string()).collect();
        let histories = vec![history(&[1, 2, 3, 8]), history(&[6, 7, 8]), history(&[0, 4, 9])];
        let data = Interactions { items, histories, ..Interactions::default() };
        let (split, training) = Split::at(&data, 5);
        assert!(training.histories.iter().flatten().all(|event| event.time < 5));
        assert_eq!(split.next.iter().map(|event| event.time).collect::<Vec<_>>(), [8, 9]);
        assert_eq!(instant_of(&data, 0.5), 6);
    }
}
