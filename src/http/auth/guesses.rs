//! Failures of credentials, counted for each address, so that trying out costs more than it can bring.
//!
//! **Invariant:** only what was refused anyway is slowed down: a good key passes whatever else came from
//! its address.
//! **Invariant:** memory is bounded, however many addresses there are.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::clock::Tick;

/// Failures of an address in a window that are answered as such.
pub(super) const FAILURES_MAX: u32 = 30;
/// The window.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses of a window; those beyond share one count.
const ADDRESSES_MAX: usize = 10_000;

/// Counts of the window at hand.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    began: Tick,
    counts: HashMap<IpAddr, u32, foldhash::quality::RandomState>,
    others: u32,
}

impl Guesses {
    /// Counts a failure. Where there were too many, how long to wait.
    pub(super) fn failed(&self, from: IpAddr, now: Tick) -> Option<Duration> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(window.began) >= WINDOW {
            *window = Window { began: now, ..Window::default() };
        }
        let left = WINDOW.saturating_sub(now.since(window.began));
        let is_full = window.counts.len() >= ADDRESSES_MAX;
        let address = network(from);
        let count = match window.counts.get_mut(&address) {
            Some(count) => count,
            None if is_full => &mut window.others,
            None => window.counts.entry(address).or_default(),
        };
        *count = count.saturating_add(1);
        (*count > FAILURES_MAX).then_some(left)
    }
}

/// Whoever has one IPv6 address has the 2^64 around it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Tick = Tick::from_nanos(3_600_000_000_000);

    #[test]
    fn an_address_that_fails_too_often_waits_for_the_next_window() {
        let guesses = Guesses::default();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for _ in 0..FAILURES_MAX {
            assert_eq!(guesses.failed(one, START), None);
        }
        let later = START.after(Duration::from_secs(45));
        assert_eq!(guesses.failed(one, later), Some(Duration::from_secs(15)));
        assert_eq!(guesses.failed(other, later), None, "others are not held to account");
        assert_eq!(guesses.failed(one, START.after(WINDOW)), None);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let guesses = Guesses::default();
        for n in 0..u16::try_from(FAILURES_MAX).unwrap() {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, n, n, n).into();
            assert_eq!(guesses.failed(address, START), None);
        }
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into();
        assert!(guesses.failed(address, START).is_some());
        let elsewhere = Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 9, 9, 9, 9).into();
        assert!(guesses.failed(elsewhere, START).is_none());
    }

    #[test]
    fn addresses_beyond_the_bound_share_a_count() {
        let guesses = Guesses::default();
        let address = |n: u32| std::net::Ipv4Addr::from_bits(n).into();
        let most = u32::try_from(ADDRESSES_MAX).unwrap();
        for n in 0..most + FAILURES_MAX {
            assert_eq!(guesses.failed(address(n), START), None);
        }
        assert!(guesses.failed(address(u32::MAX), START).is_some());
        assert_eq!(guesses.0.lock().unwrap().counts.len(), ADDRESSES_MAX);
        assert_eq!(guesses.failed(address(0), START), None, "who was there before keeps a count");
    }
}
