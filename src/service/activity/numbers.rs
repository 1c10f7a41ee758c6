//! Clients and users as numbers that mean something on one day only.
//!
//! **Invariant:** a number is a hash under the day's salt. Once the salt is gone nobody can tell whose it
//! was, nor whether two of different days are one client's.

use std::{collections::HashMap, fmt};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::{
    domain::activity::{Day, UserId},
    store::Salt,
};

use super::event::Client;

/// What clients are hashed as.
pub(super) const CLIENT: &[u8] = b"client";
/// Numbers that are remembered, so that who comes often is not hashed again.
const REMEMBERED: usize = 50_000;

/// The numbers of one day.
pub(super) struct Numbers {
    day: Day,
    salt: Salt,
    clients: HashMap<Client, u64, RandomState>,
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").field("day", &self.day).finish_non_exhaustive()
    }
}

impl Numbers {
    pub(super) fn new(day: Day, salt: Salt) -> Self {
        Self { day, salt, clients: HashMap::default() }
    }

    /// The day that they are of.
    pub(super) const fn day(&self) -> Day {
        self.day
    }

    /// A client's.
    pub(super) fn of_client(&mut self, client: Client) -> u64 {
        if let Some(number) = self.clients.get(&client) {
            return *number;
        }
        let number = number(&self.salt, CLIENT, &client.bytes());
        if self.clients.len() >= REMEMBERED {
            self.clients.clear();
        }
        self.clients.insert(client, number);
        number
    }

    /// A user's; that of a client of one day is the client's.
    pub(super) fn of_user(&self, user: &UserId) -> u64 {
        if let Some(client) = user.client_of_day() {
            return client;
        }
        number(&self.salt, b"user", user.as_str().as_bytes())
    }
}

/// A number under a salt.
pub(super) fn number(salt: &Salt, kind: &[u8], what: &[u8]) -> u64 {
    let digest = Sha256::new()
        .chain_update(salt.as_bytes())
        .chain_update(kind)
        .chain_update(what)
        .finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_all_day_and_another_on_the_next() {
        let client = Client::new([192, 0, 2, 1].into(), None);
        let mut today = Numbers::new(Day::new(1), Salt::new([1; 32]));
        let mut tomorrow = Numbers::new(Day::new(2), Salt::new([2; 32]));
        assert_eq!(today.of_client(client), today.of_client(client));
        assert_ne!(today.of_client(client), tomorrow.of_client(client));
        let user: UserId = "u".parse().unwrap();
        assert_ne!(today.of_user(&user), tomorrow.of_user(&user));
        assert!(!format!("{today:?}").contains('['), "no salt is shown");
    }

    #[test]
    fn however_many_clients_come_only_so_many_are_remembered() {
        let mut numbers = Numbers::new(Day::new(1), Salt::new([1; 32]));
        for n in 0..REMEMBERED as u128 + 10 {
            numbers.of_client(Client::new([192, 0, 2, 1].into(), Some(n)));
        }
        assert!(numbers.clients.len() <= REMEMBERED);
    }
}
