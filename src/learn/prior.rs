//! What is popular of late, at any instant.

use super::interactions::{Event, History};

/// Counts that decay, brought up to date event by event.
#[derive(Debug, Clone)]
pub(super) struct Decaying {
    half_life: f64,
    /// Each item's count as of its last event, and that event's time.
    counts: Vec<(f64, i64)>,
}

impl Decaying {
    pub(super) fn new(items: usize, half_life: f64) -> Self {
        Self { half_life, counts: vec![(0.0, 0); items] }
    }

    /// Events come in order of time.
    pub(super) fn add(&mut self, event: Event) {
        let count = self.count(event.item as usize, event.time) + 1.0;
        self.counts[event.item as usize] = (count, event.time);
    }

    /// An item's count at an instant after all events.
    pub(super) fn count(&self, item: usize, now: i64) -> f64 {
        let (count, since) = self.counts[item];
        if count == 0.0 { 0.0 } else { count * (-((now - since) as f64) / self.half_life).exp2() }
    }
}

/// What a decayed count adds to a score of weight 1.
pub(super) fn of_count(count: f64) -> f32 {
    (1.0 + 10.0 * count).ln() as f32
}

/// All events of histories, in order of time; ties in the order of users.
pub(super) fn in_order(histories: &[History]) -> Vec<Event> {
    let mut events: Vec<Event> = histories.iter().flatten().copied().collect();
    events.sort_by_key(|event| event.time);
    events
}

/// Calls `f` with each of the given instants' number and the counts of what was before it. Instants are rounded
/// down to a grid, so that there are not too many: nothing from an instant on is counted.
pub(super) fn sweep(
    events: &[Event],
    items: usize,
    half_life: f64,
    instants: &[i64],
    mut f: impl FnMut(&[usize], &[f64]),
) {
    let Some(span) = events.first().zip(events.last()).map(|(first, last)| last.time - first.time)
    else {
        return;
    };
    let step = (span / GRID).max(1);
    let mut asked: Vec<(i64, usize)> =
        instants.iter().enumerate().map(|(n, at)| (at.div_euclid(step) * step, n)).collect();
    asked.sort_unstable();
    let mut decaying = Decaying::new(items, half_life);
    let mut events = events.iter().peekable();
    for group in asked.chunk_by(|left, right| left.0 == right.0) {
        let now = group[0].0;
        while let Some(event) = events.next_if(|event| event.time < now) {
            decaying.add(*event);
        }
        let counts: Vec<f64> = (0..items).map(|item| decaying.count(item, now)).collect();
        let users: Vec<usize> = group.iter().map(|(_, n)| *n).collect();
        f(&users, &counts);
    }
}

/// Instants that are told apart within the whole span of events.
const GRID: i64 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_halve_and_nothing_of_the_future_is_in_them() {
        let event = |item, time| Event { item, value: 1.0, time };
        let events = [event(0, 0), event(0, 10), event(1, 20), event(0, 4000)];
        let mut seen = Vec::new();
        sweep(&events, 2, 10.0, &[20, 30, 0], |users, counts| {
            seen.push((users.to_vec(), counts.to_vec()));
        });
        assert_eq!(seen[0], (vec![2], vec![0.0, 0.0]));
        assert_eq!(seen[1], (vec![0], vec![0.75, 0.0]));
        assert_eq!(seen[2], (vec![1], vec![0.375, 0.5]));
    }
}
