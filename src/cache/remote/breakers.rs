//! The breakers: one for a server, and one for each part of a cluster.
//!
//! A cluster's nodes have ranges of its slots. With one breaker for all, a node that is away would
//! cost the keys of the others now and then; with one for each of some ranges it costs its own, and
//! those are not waited for.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{
    Missed,
    breaker::{Breaker, Failure, State, Ticket, Turn},
    jitter,
    missed::failure,
};

/// Parts of a cluster. A cluster of more nodes has some that share one.
const PARTS: usize = 64;

/// Slots of a cluster.
const SLOTS: usize = 16_384;

/// The breakers of one topology.
#[derive(Debug)]
pub(super) struct Breakers {
    parts: Vec<Mutex<Breaker>>,
    /// How many are not closed. What is logged is the first that opens, and the last that closes.
    broken: AtomicUsize,
}

/// An operation that was let through, and that must tell how it went.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    breakers: &'a Breakers,
    part: &'a Mutex<Breaker>,
    ticket: Option<Ticket>,
}

impl Breakers {
    /// One breaker.
    pub(super) fn of_server() -> Self {
        Self::new(1)
    }

    /// A breaker for each part of a cluster.
    pub(super) fn of_cluster() -> Self {
        Self::new(PARTS)
    }

    fn new(parts: usize) -> Self {
        let part = || Mutex::new(Breaker::new(jitter::fraction));
        Self {
            parts: std::iter::repeat_with(part).take(parts).collect(),
            broken: AtomicUsize::new(0),
        }
    }

    /// Leave to try with a key, whose braces hold `tag`; `None` where its part is left alone.
    pub(super) fn admit(&self, tag: &str, now: Instant) -> Option<Trial<'_>> {
        let part = match self.parts.len() {
            1 => 0,
            parts => usize::from(crc16(tag.as_bytes())) % SLOTS * parts / SLOTS,
        };
        let part = &self.parts[part];
        let ticket = lock(part).admit(now)?;
        Some(Trial { breakers: self, part, ticket: Some(ticket) })
    }

    /// What is let through: of a cluster, in the part that is worst off.
    pub(super) fn state(&self) -> State {
        let states = self.parts.iter().map(|part| lock(part).state());
        states.max_by_key(|state| *state as usize).unwrap_or(State::Closed)
    }

    fn log(&self, turn: Turn, missed: Option<&Missed>) {
        match turn {
            Turn::Opened if self.broken.fetch_add(1, Ordering::Relaxed) == 0 => {
                let why = missed.map(in_one_line).unwrap_or_default();
                tracing::warn!(why, "the shared cache is left alone: Redis fails");
            }
            Turn::Closed if self.broken.fetch_sub(1, Ordering::Relaxed) == 1 => {
                tracing::warn!("the shared cache is used again");
            }
            Turn::Opened | Turn::Closed => {}
        }
    }
}

impl Trial<'_> {
    /// Tells how it went.
    pub(super) fn end<T>(mut self, outcome: &Result<T, Missed>) {
        let Some(ticket) = self.ticket.take() else { return };
        let how = match outcome {
            Ok(_) => None,
            Err(Missed::Failed(error)) => failure(error),
            Err(Missed::Open | Missed::Busy | Missed::TimedOut) => Some(Failure::Passing),
        };
        let turn = match how {
            None => lock(self.part).succeeded(&ticket),
            Some(how) => lock(self.part).failed(&ticket, how, Instant::now()),
        };
        if let Some(turn) = turn {
            self.breakers.log(turn, outcome.as_ref().err());
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            lock(self.part).abandoned(ticket, Instant::now());
        }
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    // Its methods do not panic, and a count of failures is never half done.
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reason and its cause.
fn in_one_line(missed: &Missed) -> String {
    match missed {
        Missed::Failed(error) => error.to_string(),
        Missed::Open | Missed::Busy | Missed::TimedOut => missed.to_string(),
    }
}

/// The checksum by which a cluster places keys (CRC16, XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breakers: &Breakers, tag: &str) {
        while let Some(trial) = breakers.admit(tag, Instant::now()) {
            trial.end::<()>(&Err(Missed::TimedOut));
        }
    }

    #[test]
    fn keys_are_placed_as_a_cluster_places_them() {
        // From the specification of Redis Cluster.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn a_part_of_a_cluster_is_left_alone_without_the_others() {
        let breakers = Breakers::of_cluster();
        let tags: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        fail(&breakers, &tags[0]);
        assert_eq!(breakers.state(), State::Open);
        let now = Instant::now();
        let open = tags.iter().filter(|tag| breakers.admit(tag, now).is_none()).count();
        assert!((1..60).contains(&open), "{open} of a thousand are about one in 64");
    }

    #[test]
    fn a_server_is_left_alone_as_a_whole() {
        let breakers = Breakers::of_server();
        fail(&breakers, "a");
        assert!((0..100).all(|n| breakers.admit(&n.to_string(), Instant::now()).is_none()));
    }

    #[test]
    fn a_trial_that_nobody_waits_for_lets_the_next_one_try() {
        let breakers = Breakers::of_server();
        fail(&breakers, "a");
        let later = Instant::now() + std::time::Duration::from_secs(1);
        drop(breakers.admit("a", later).expect("a probe"));
        assert!(breakers.admit("a", later).is_some());
    }
}
