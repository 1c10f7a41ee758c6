//! What users did and the store does not have yet: it is seen by who asks for their history at once.
//!
//! **Invariant:** it has a bound, and nobody waits for it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::activity::{Interaction, UserId},
    store::{Interest, Recorded},
};

use super::tally::NoRoom;

/// Most rows that wait.
pub(super) const ROWS_MAX: usize = 50_000;

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// A caller said so: it is an event, and is counted for the movie when it is stored.
    Said,
    /// It was seen, and is counted already.
    Seen,
}

#[derive(Debug)]
struct Row {
    recorded: Recorded,
    told: Told,
}

#[derive(Debug, Default)]
struct Rows {
    all: VecDeque<Row>,
    /// So many of the first are on their way to the store.
    sent: usize,
}

/// Rows that wait.
#[derive(Debug, Default)]
pub(super) struct Unstored(Mutex<Rows>);

/// Rows that are to be stored now.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) rows: Vec<Recorded>,
    /// How many of them are events of their own.
    pub(super) said: u64,
}

impl Unstored {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a row.
    pub(super) fn push(&self, recorded: Recorded, told: Told) -> Result<(), NoRoom> {
        let mut rows = self.lock();
        if rows.all.len() >= ROWS_MAX {
            return Err(NoRoom);
        }
        rows.all.push_back(Row { recorded, told });
        Ok(())
    }

    /// Whether there is room for a row.
    pub(super) fn has_room(&self) -> bool {
        self.lock().all.len() < ROWS_MAX
    }

    /// All rows, which are on their way from here on; `interest` tells how what was said is counted for its
    /// movie. None may be on its way already.
    pub(super) fn send(&self, interest: impl Fn(&Interaction) -> Option<Interest>) -> Sending {
        let mut rows = self.lock();
        rows.sent = rows.all.len();
        let mut sending = Sending { rows: Vec::with_capacity(rows.all.len()), said: 0 };
        for Row { recorded, told } in &rows.all {
            let mut recorded = recorded.clone();
            if *told == Told::Said {
                sending.said += 1;
                recorded.interest = interest(&recorded.interaction);
            }
            sending.rows.push(recorded);
        }
        sending
    }

    /// Whether rows wait that are not on their way.
    pub(super) fn is_waiting(&self) -> bool {
        let rows = self.lock();
        rows.all.len() > rows.sent
    }

    /// How many events of their own are among what is not on its way.
    pub(super) fn unsent(&self) -> u64 {
        let rows = self.lock();
        let rest = rows.all.iter().skip(rows.sent);
        rest.filter(|row| row.told == Told::Said).count() as u64
    }

    /// Those that were on their way have arrived, or never will.
    pub(super) fn arrived(&self) {
        let mut rows = self.lock();
        let sent = std::mem::take(&mut rows.sent);
        rows.all.drain(..sent);
    }

    /// What a user did, the oldest first.
    pub(super) fn of(&self, user: &UserId) -> Vec<Interaction> {
        let rows = self.lock();
        let of_user = rows.all.iter().map(|row| &row.recorded.interaction);
        of_user.filter(|interaction| interaction.user == *user).cloned().collect()
    }

    /// Forgets a user; gives how many events of their own were among what was not on its way.
    pub(super) fn erase(&self, user: &UserId) -> u64 {
        let mut rows = self.lock();
        let (mut n, mut said) = (0, 0);
        let Rows { all, sent } = &mut *rows;
        let sent_before = *sent;
        all.retain(|row| {
            let stays = row.recorded.interaction.user != *user;
            if !stays {
                *sent -= usize::from(n < sent_before);
                said += u64::from(n >= sent_before && row.told == Told::Said);
            }
            n += 1;
            stays
        });
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            activity::{Hour, Signal},
            clock::Moment,
            movie::MovieId,
        },
        store::EventKey,
    };

    fn row(user: &str, movie: i64) -> Recorded {
        let interaction = Interaction {
            user: user.parse().unwrap(),
            movie: MovieId::new(movie).unwrap(),
            signal: Signal::Like,
            at: Moment::from_unix_ms(movie),
        };
        let event = EventKey::of(&[user.as_bytes(), &movie.to_le_bytes()]);
        Recorded { interaction, event, erasures: 0, interest: None }
    }

    fn movies(unstored: &Unstored, user: &str) -> Vec<i64> {
        let of = unstored.of(&user.parse().unwrap());
        of.iter().map(|interaction| interaction.movie.get()).collect()
    }

    #[test]
    fn rows_are_seen_until_they_have_arrived() {
        let unstored = Unstored::default();
        unstored.push(row("a", 1), Told::Said).unwrap();
        unstored.push(row("a", 2), Told::Seen).unwrap();
        let interest = Interest { hour: Hour::new(1), views: 1, client: 2 };
        let sending = unstored.send(|_| Some(interest));
        assert_eq!((sending.rows.len(), sending.said), (2, 1));
        let counted: Vec<_> = sending.rows.iter().map(|row| row.interest).collect();
        assert_eq!(counted, [Some(interest), None], "what was seen is counted already");
        unstored.push(row("a", 3), Told::Said).unwrap();
        assert_eq!(movies(&unstored, "a"), [1, 2, 3]);
        assert!(unstored.is_waiting());
        assert_eq!(unstored.unsent(), 1);
        unstored.arrived();
        assert_eq!(movies(&unstored, "a"), [3]);
        assert_eq!(unstored.send(|_| None).said, 1);
    }

    #[test]
    fn an_erased_user_is_not_seen_whether_on_the_way_or_not() {
        let unstored = Unstored::default();
        for (user, movie) in [("a", 1), ("b", 2), ("a", 3)] {
            unstored.push(row(user, movie), Told::Said).unwrap();
        }
        unstored.send(|_| None);
        unstored.push(row("a", 4), Told::Said).unwrap();
        unstored.push(row("b", 5), Told::Said).unwrap();
        assert_eq!(unstored.erase(&"a".parse().unwrap()), 1);
        assert_eq!((movies(&unstored, "a"), movies(&unstored, "b")), (vec![], vec![2, 5]));
        unstored.arrived();
        assert_eq!(movies(&unstored, "b"), [5]);
    }

    #[test]
    fn there_is_an_end_to_what_waits() {
        let unstored = Unstored::default();
        for n in 0..ROWS_MAX {
            unstored.push(row("a", i64::try_from(n).unwrap() + 1), Told::Seen).unwrap();
        }
        assert!(!unstored.has_room());
        assert_eq!(unstored.push(row("a", 1), Told::Said), Err(NoRoom));
    }
}
