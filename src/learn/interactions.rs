//! Who did what when: histories of users, in order of time.

use std::collections::HashMap;

/// One line of what happened, as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// The user's pseudonym.
    pub user: String,
    /// The item's key.
    pub item: String,
    /// How much the user liked it, on any one scale; 1 where there is none.
    pub value: f32,
    /// When, in any one unit; 0 where it is not known.
    pub time: i64,
}

/// What a user did with one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Position in [`Interactions::items`].
    pub item: u32,
    /// How much the user liked it, as it came.
    pub value: f32,
    /// When.
    pub time: i64,
}

/// One user's events, oldest first. An item is in it once.
pub type History = Vec<Event>;

/// What an event's value says while a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confidence {
    /// Nothing: whoever rated something chose it.
    #[default]
    Equal,
    /// How sure it is that the user wanted the item, from 0 to 1: who looked at a page says less than who
    /// watched the film.
    ByValue,
}

/// All that is learnt from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interactions {
    /// The items' keys, in order.
    pub items: Vec<String>,
    /// A history for each user, in the order of the users' keys.
    pub histories: Vec<History>,
    /// Items that belong together for another reason than that somebody had them all, such as having been
    /// opened from the same search; an event's value is how often. Their order says nothing, and nobody is
    /// asked about them.
    pub groups: Vec<History>,
    /// What values say.
    pub confidence: Confidence,
}

impl Interactions {
    /// Takes everything in; users and items are numbered by their keys' order, so what is made does not depend
    /// on the order of lines, ties in time apart: those stay as they came. Of a user's interactions with one
    /// item the latest counts.
    ///
    /// # Panics
    /// For more than 2^32 items or users.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = Interaction>) -> Self {
        Self::with_minimum(rows, 0)
    }

    /// As [`new`](Self::new), without rare ones: users with fewer than `minimum` items are left out, then items
    /// with fewer than `minimum` users, then users again, once each.
    ///
    /// # Panics
    /// For more than 2^32 items or users.
    #[must_use]
    pub fn with_minimum(rows: impl IntoIterator<Item = Interaction>, minimum: usize) -> Self {
        let (mut users, mut items) = (Numbers::default(), Numbers::default());
        let mut latest: HashMap<(u32, u32), usize> = HashMap::new();
        let mut events: Vec<Option<(u32, Event)>> = Vec::new();
        for row in rows {
            let (user, item) = (users.of(row.user), items.of(row.item));
            let place = latest.entry((user, item)).or_insert(usize::MAX);
            let older = events.get_mut(*place);
            if let Some(known) = older {
                if known.is_some_and(|(_, event)| event.time > row.time) {
                    continue;
                }
                *known = None;
            }
            *place = events.len();
            events.push(Some((user, Event { item, value: row.value, time: row.time })));
        }
        let mut events: Vec<(u32, Event)> = events.into_iter().flatten().collect();
        for by_user in [true, false, true] {
            keep_frequent(&mut events, minimum, by_user);
        }
        let (user_places, _) = users.in_order(events.iter().map(|(user, _)| *user));
        let (item_places, items) = items.in_order(events.iter().map(|(_, event)| event.item));
        let mut histories = vec![History::new(); user_places.iter().flatten().count()];
        for (user, event) in events {
            let places = (user_places[user as usize], item_places[event.item as usize]);
            if let (Some(user), Some(item)) = places {
                histories[user as usize].push(Event { item, ..event });
            }
        }
        for history in &mut histories {
            history.sort_by_key(|event| event.time); // stable: ties stay as they came
        }
        Self { items, histories, ..Self::default() }
    }

    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> usize {
        self.histories.iter().map(Vec::len).sum()
    }

    /// First and last time; `None` without events.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let times = || self.histories.iter().flatten().map(|event| event.time);
        Some((times().min()?, times().max()?))
    }

    /// Whether times tell what came after what: at least a tenth of all steps is a step in time.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        let steps = self.histories.iter().flat_map(|history| history.windows(2));
        let (mut all, mut timed) = (0_usize, 0_usize);
        for step in steps {
            all += 1;
            timed += usize::from(step[0].time < step[1].time);
        }
        timed * 10 >= all.max(1)
    }

    /// How many users each item has.
    #[must_use]
    pub fn popularity(&self) -> Vec<u32> {
        let mut users = vec![0; self.items.len()];
        for event in self.histories.iter().flatten() {
            users[event.item as usize] += 1;
        }
        users
    }
}

fn keep_frequent(events: &mut Vec<(u32, Event)>, minimum: usize, by_user: bool) {
    let key = |(user, event): &(u32, Event)| if by_user { *user } else { event.item };
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for event in events.iter() {
        *counts.entry(key(event)).or_default() += 1;
    }
    events.retain(|event| counts[&key(event)] >= minimum);
}

/// Numbers for keys.
#[derive(Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, key: String) -> u32 {
        let next = u32::try_from(self.0.len()).expect("fewer than 2^32 keys");
        *self.0.entry(key).or_insert(next)
    }

    /// The places of those that are left, by number, and their keys in order.
    fn in_order(self, left: impl Iterator<Item = u32>) -> (Vec<Option<u32>>, Vec<String>) {
        let mut places = vec![None; self.0.len()];
        for number in left {
            places[number as usize] = Some(0);
        }
        let mut keys: Vec<(String, u32)> =
            self.0.into_iter().filter(|(_, number)| places[*number as usize].is_some()).collect();
        keys.sort_unstable();
        for (place, (_, number)) in (0..).zip(&keys) {
            places[*number as usize] = Some(place);
        }
        (places, keys.into_iter().map(|(key, _)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str, item: &str, value: f32, time: i64) -> Interaction {
        Interaction { user: user.into(), item: item.into(), value, time }
    }

    #[test]
    fn the_latest_of_a_users_interactions_with_an_item_counts() {
        let rows = [row("u", "a", 1.0, 5), row("u", "b", 1.0, 3), row("u", "a", 9.0, 2)];
        let made = Interactions::new(rows.clone());
        assert_eq!(made.items, ["a", "b"]);
        let times: Vec<_> = made.histories[0].iter().map(|e| (e.item, e.time)).collect();
        assert_eq!(times, [(1, 3), (0, 5)]);
        let later = Interactions::new(rows.into_iter().chain([row("u", "b", 4.0, 9)]));
        assert_eq!(later.histories[0][1], Event { item: 1, value: 4.0, time: 9 });
    }

    #[test]
    fn the_order_of_lines_makes_no_difference_but_in_ties() {
        let rows: Vec<_> = (0..40_i64)
            .map(|n| row(&format!("u{}", n % 7), &format!("i{}", n * n % 11), 1.0, n))
            .collect();
        let mut turned = rows.clone();
        turned.reverse();
        assert_eq!(Interactions::new(rows), Interactions::new(turned));
    }

    #[test]
    fn rare_users_go_then_rare_items_then_users_again() {
        let mut rows = Vec::new();
        for user in ["u", "v", "w"] {
            rows.extend(["a", "b"].map(|item| row(user, item, 1.0, 0)));
        }
        rows.extend([row("x", "a", 1.0, 0), row("y", "a", 1.0, 0), row("y", "rare", 1.0, 0)]);
        let made = Interactions::with_minimum(rows, 2);
        assert_eq!(made.items, ["a", "b"]);
        assert_eq!(made.histories.len(), 3);
        assert_eq!(made.popularity(), [3, 3]);
    }

    #[test]
    fn equal_times_are_no_order() {
        let equal = Interactions::new((0..9).map(|n| row("u", &n.to_string(), 1.0, 7)));
        assert!(!equal.is_ordered());
        let timed = Interactions::new((0..9).map(|n| row("u", &n.to_string(), 1.0, n)));
        assert!(timed.is_ordered());
        assert_eq!(timed.span(), Some((0, 8)));
    }
}
