//! What somebody did, as it waits to be counted: in the memory of the process, for a moment.

use std::{net::IpAddr, sync::Arc};

use crate::{
    domain::{activity::UserId, clock::Tick, movie::MovieId},
    store::SearchKey,
};

/// A page of what a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The key of the query.
    pub key: SearchKey,
    /// What was looked for, in its canonical form.
    pub query: String,
    /// How many movies it finds.
    pub hits: u64,
    /// The movies of the page, in its order.
    pub movies: Vec<MovieId>,
    /// Whether it is the first page: others are no search of their own.
    pub is_first: bool,
}

/// What somebody looked at. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A movie.
    Movie(MovieId),
    /// A collection, by its name.
    Collection(Arc<str>),
    /// What a search found.
    Search(Arc<Shown>),
}

/// What kind of thing somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Looked at a movie.
    MovieView,
    /// Looked at a collection.
    CollectionView,
    /// Searched, or turned a page of what was found.
    Search,
    /// Said something of a movie.
    Interaction,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::MovieView, Self::CollectionView, Self::Search, Self::Interaction];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::MovieView => "movie_view",
            Self::CollectionView => "collection_view",
            Self::Search => "search",
            Self::Interaction => "interaction",
        }
    }
}

impl Subject {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Movie(_) => Kind::MovieView,
            Self::Collection(_) => Kind::CollectionView,
            Self::Search(_) => Kind::Search,
        }
    }
}

/// Whether somebody wants to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// Says nothing of it.
    #[default]
    Unsaid,
    /// Does not want to be tracked at all.
    OptedOut,
    /// Wants this request to be private.
    Private,
}

/// From where somebody comes: kept in memory until it is made a number, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    network: u64,
    key: u64,
}

/// What no network of IPv6 begins with, for IPv4 addresses.
const IPV4: u64 = 0xffff_ffff_0000_0000;

impl Client {
    /// Whoever is at an address, with a key or without. IPv6 addresses of one network (/64) are one
    /// client, since that is what a household has.
    #[must_use]
    #[inline]
    pub fn new(address: IpAddr, key: Option<u128>) -> Self {
        let network = match address {
            IpAddr::V4(address) => IPV4 | u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
        let key = key.map_or(0, |key| (key ^ (key >> 64)) as u64);
        Self { network, key }
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.network.to_le_bytes());
        bytes[8..].copy_from_slice(&self.key.to_le_bytes());
        bytes
    }
}

/// Something that somebody looked at.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    pub(super) subject: Subject,
    pub(super) client: Client,
    /// The pseudonym that a caller with a key gave.
    pub(super) user: Option<UserId>,
    pub(super) at: Tick,
    /// The last erasure that was known then.
    pub(super) erasures: u64,
    /// How often, one time right after the other.
    pub(super) times: u32,
}

impl Noted {
    /// Whether it is the same client who looks at the same movie again, so that one note does for both.
    #[inline]
    pub(super) fn is_again(&self, other: &Self) -> bool {
        match (&self.subject, &other.subject) {
            (Subject::Movie(one), Subject::Movie(same)) => {
                one == same
                    && self.client == other.client
                    && self.user.is_none()
                    && other.user.is_none()
                    && self.times < u32::MAX
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_a_network_and_a_key() {
        let of = |address: &str, key| Client::new(address.parse().unwrap(), key);
        assert_eq!(of("2001:db8::1", None), of("2001:db8::ffff:1", None));
        assert_ne!(of("2001:db8::1", None), of("2001:db8:0:1::1", None));
        assert_ne!(of("192.0.2.1", None), of("192.0.2.2", None));
        assert_ne!(of("192.0.2.1", None), of("192.0.2.1", Some(1)));
        assert_ne!(of("192.0.2.1", Some(1 << 64)), of("192.0.2.1", Some(2)));
    }

    #[test]
    fn what_is_noted_is_small() {
        assert!(size_of::<Noted>() <= 88, "{} bytes", size_of::<Noted>());
    }
}
