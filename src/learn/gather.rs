//! Interactions as they are stored, gathered for training within a bound of memory.
//!
//! One user comes after the other, so that nothing is held of a user but the history that is learnt from. Where
//! all of them are more than fit, some users are left out, by a hash of their pseudonyms: the same ones each
//! time, and neither the active ones nor the new ones more than others.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::domain::{
    activity::{Interaction, Signal, UserId},
    movie::MovieId,
};

use super::interactions::{Confidence, Event, History, Interactions};

/// The latest movies of a user that count.
const HISTORY_MAX: usize = 1_000;
/// The weight of a signal that leaves no doubt: that of a like.
const SURE: f32 = 4.0;
/// What an event and its share of everything else take while a model is trained: histories are there up to
/// three times over.
const EVENT_BYTES: usize = 4 * size_of::<Event>();

/// What one user made of one movie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regard {
    /// The movie.
    pub movie: MovieId,
    /// How much it says for it: negative where the user did not like it.
    pub weight: f32,
    /// When the user last had to do with it, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What one user made of each movie, from what the user did, the oldest first, in the order of last times. What was
/// said of a movie last outweighs looks, which say nothing of whether it was liked; of looks the one that says most counts.
pub fn regards<'i>(done: impl IntoIterator<Item = &'i Interaction>) -> Vec<Regard> {
    struct Said {
        looks: f32,
        word: Option<(i64, f32)>,
        last: i64,
    }
    let mut by_movie: HashMap<MovieId, Said> = HashMap::new();
    for Interaction { movie, signal, at, .. } in done {
        let (at, weight) = (at.unix_ms(), signal.weight());
        let said = by_movie.entry(*movie).or_insert(Said { looks: 0.0, word: None, last: at });
        said.last = said.last.max(at);
        match signal {
            Signal::View | Signal::Opened | Signal::Watched => said.looks = said.looks.max(weight),
            Signal::Like | Signal::Dislike | Signal::Rating(_) => {
                if said.word.is_none_or(|(known, _)| known <= at) {
                    said.word = Some((at, weight));
                }
            }
        }
    }
    let mut regards: Vec<Regard> = by_movie
        .into_iter()
        .map(|(movie, said)| Regard {
            movie,
            weight: said.word.map_or(said.looks, |(_, weight)| weight),
            at_ms: said.last,
        })
        .collect();
    regards.sort_unstable_by_key(|regard| (regard.at_ms, regard.movie));
    regards
}

/// How sure it is that somebody wanted a movie, by the weight of what was done: 0 to 1.
#[must_use]
pub fn confidence(weight: f32) -> f32 {
    (weight / SURE).clamp(0.0, 1.0)
}

/// Histories that come in.
#[derive(Debug)]
pub struct Gatherer {
    events_max: usize,
    events: usize,
    /// Users whose hash is not below are left out.
    bound: u64,
    users: Vec<(u64, History)>,
    groups: Vec<History>,
    movies: HashMap<MovieId, u32>,
    left_out: u64,
}

impl Gatherer {
    /// Gathers as much as may be trained from within so much memory.
    #[must_use]
    pub fn new(memory_bytes: usize) -> Self {
        Self {
            events_max: (memory_bytes / EVENT_BYTES).max(1_000),
            events: 0,
            bound: u64::MAX,
            users: Vec::new(),
            groups: Vec::new(),
            movies: HashMap::new(),
            left_out: 0,
        }
    }

    /// Takes in what a user did. Movies that the user did not like are left out: that somebody had both of two
    /// movies says that they go together only where both were wanted.
    pub fn user<'i>(&mut self, user: &UserId, done: impl IntoIterator<Item = &'i Interaction>) {
        let hash = hash_of(user);
        if hash >= self.bound {
            self.left_out += 1;
            return;
        }
        let mut regards = regards(done);
        regards.retain(|regard| regard.weight > 0.0);
        let latest = &regards[regards.len().saturating_sub(HISTORY_MAX)..];
        if latest.is_empty() {
            return;
        }
        let history: History = latest
            .iter()
            .map(|regard| Event {
                item: self.number(regard.movie),
                value: confidence(regard.weight),
                time: regard.at_ms,
            })
            .collect();
        self.events += history.len();
        self.users.push((hash, history));
        while self.events > self.events_max && self.bound > 1 {
            self.bound /= 2;
            let before = self.users.len();
            let bound = self.bound;
            self.users.retain(|(hash, _)| *hash < bound);
            self.left_out += (before - self.users.len()) as u64;
            self.events = self.users.iter().map(|(_, history)| history.len()).sum();
        }
    }

    /// Takes in movies that were opened from the same search, each with by how many people.
    pub fn group(&mut self, opened: impl IntoIterator<Item = (MovieId, u32)>) {
        let event = |this: &mut Self, movie, times: u32| Event {
            item: this.number(movie),
            value: times as f32,
            time: 0,
        };
        let group: History =
            opened.into_iter().map(|(movie, times)| event(self, movie, times)).collect();
        if group.len() > 1 && self.events + group.len() <= self.events_max {
            self.events += group.len();
            self.groups.push(group);
        }
    }

    fn number(&mut self, movie: MovieId) -> u32 {
        let next = u32::try_from(self.movies.len()).unwrap_or(u32::MAX);
        *self.movies.entry(movie).or_insert(next)
    }

    /// Users that were left out for want of memory.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// All of it, without rare ones: users with fewer than `minimum` movies are left out, then movies with fewer
    /// than `minimum` users, then users again. Users and movies are numbered in an order that does not depend on
    /// how they came.
    #[must_use]
    pub fn finish(self, minimum: usize) -> Interactions {
        let Self { mut users, groups, movies, .. } = self;
        users.sort_unstable_by_key(|(hash, history)| (*hash, history.first().map(|e| e.time)));
        let mut histories: Vec<History> = users.into_iter().map(|(_, history)| history).collect();
        histories.retain(|history| history.len() >= minimum);
        let mut counts = vec![0_usize; movies.len()];
        for event in histories.iter().flatten() {
            counts[event.item as usize] += 1;
        }
        for history in &mut histories {
            history.retain(|event| counts[event.item as usize] >= minimum.max(1));
        }
        histories.retain(|history| history.len() >= minimum.max(1));

        let mut keys: Vec<(MovieId, u32)> = movies.into_iter().collect();
        keys.sort_unstable();
        let mut kept = vec![false; counts.len()];
        histories.iter().flatten().for_each(|event| kept[event.item as usize] = true);
        let (mut places, mut items) = (vec![None; counts.len()], Vec::new());
        for (movie, number) in keys {
            if kept[number as usize] {
                places[number as usize] = Some(items.len() as u32);
                items.push(movie.to_string());
            }
        }
        let renumbered = |history: &History| -> History {
            let place =
                |event: &Event| Some(Event { item: places[event.item as usize]?, ..*event });
            history.iter().filter_map(place).collect()
        };
        let mut groups: Vec<History> = groups.iter().map(renumbered).collect();
        groups.retain(|group| group.len() > 1);
        Interactions {
            items,
            histories: histories.iter().map(renumbered).collect(),
            groups,
            confidence: Confidence::ByValue,
        }
    }
}

/// A number that follows from a pseudonym, and from nothing else.
fn hash_of(user: &UserId) -> u64 {
    let digest = Sha256::digest(user.as_str().as_bytes());
    u64::from_be_bytes(std::array::from_fn(|n| digest[n]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Moment;

    fn did(user: &UserId, movie: i64, signal: Signal, at: i64) -> Interaction {
        let movie = MovieId::new(movie).unwrap();
        Interaction { user: user.clone(), movie, signal, at: Moment::from_unix_ms(at) }
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn words_outweigh_looks_and_the_last_word_counts() {
        let u = user("u");
        let done = [
            did(&u, 1, Signal::Like, 1),
            did(&u, 1, Signal::Dislike, 2),
            did(&u, 1, Signal::Watched, 9),
            did(&u, 2, Signal::View, 3),
            did(&u, 2, Signal::Watched, 4),
            did(&u, 2, Signal::Opened, 5),
        ];
        let got: Vec<_> =
            regards(&done).iter().map(|r| (r.movie.get(), r.weight, r.at_ms)).collect();
        assert_eq!(got, [(2, 3.0, 5), (1, -2.0, 9)]);
    }

    fn gathered(order: &[usize]) -> Interactions {
        let mut gatherer = Gatherer::new(1 << 20);
        let names: Vec<UserId> = (0..20).map(|n| user(&format!("u{n}"))).collect();
        for n in order {
            let u = &names[*n];
            let step = i64::try_from(*n).unwrap();
            let done: Vec<_> =
                (0..5).map(|k| did(u, 1 + (step + k * k) % 9, Signal::Watched, k)).collect();
            gatherer.user(u, &done);
        }
        gatherer.group([1, 2].map(|id| (MovieId::new(id).unwrap(), 7)));
        gatherer.group([1, 99].map(|id| (MovieId::new(id).unwrap(), 7)));
        gatherer.finish(3)
    }

    #[test]
    fn what_is_gathered_does_not_depend_on_the_order_of_users() {
        let forwards: Vec<usize> = (0..20).collect();
        let backwards: Vec<usize> = (0..20).rev().collect();
        let made = gathered(&forwards);
        assert_eq!(made, gathered(&backwards));
        assert_eq!(made.groups.len(), 1, "a group of one is none");
        assert_eq!(made.confidence, Confidence::ByValue);
        assert!(made.histories.iter().all(|history| history.len() >= 3));
    }

    #[test]
    fn disliked_and_rare_movies_are_not_learnt_from() {
        let mut gatherer = Gatherer::new(1 << 20);
        for n in 0..6 {
            let u = user(&format!("u{n}"));
            let mut done: Vec<_> = (1..=3).map(|id| did(&u, id, Signal::Like, id)).collect();
            done.push(did(&u, 4, Signal::Dislike, 9));
            if n == 0 {
                done.push(did(&u, 5, Signal::Like, 9));
            }
            gatherer.user(&u, &done);
        }
        assert_eq!(gatherer.finish(2).items, ["1", "2", "3"]);
    }

    #[test]
    fn more_than_fits_leaves_the_same_users_out_each_time() {
        let fill = || {
            let mut gatherer = Gatherer::new(0);
            for n in 0..1_000 {
                let u = user(&format!("u{n}"));
                let done: Vec<_> = (1..=4).map(|id| did(&u, id, Signal::Like, id)).collect();
                gatherer.user(&u, &done);
            }
            let left_out = gatherer.left_out();
            (left_out, gatherer.finish(2))
        };
        let (left_out, data) = fill();
        assert!(data.events() <= 1_000 && data.events() > 300, "{}", data.events());
        assert_eq!(left_out as usize, 1_000 - data.histories.len());
        assert_eq!(fill().1, data);
    }
}
