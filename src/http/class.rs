//! Classes of routes: what all answers of a kind have in common.

use hyper::header::HeaderValue;

/// A class of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Answers made from many movies.
    List,
    /// One movie.
    Item,
    /// The change feed, which its readers poll.
    Feed,
    /// The whole catalogue.
    Export,
    /// What changes with a release only: the API's description.
    Static,
    /// Whatever changes the catalogue.
    Write,
}

impl Class {
    /// Whether its requests change the catalogue.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Write)
    }

    /// Its number in an entry of the shared tier.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The class of a number; only those that are kept.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::List),
            1 => Some(Self::Item),
            _ => None,
        }
    }
}

/// Answers that no cache may keep: writes and errors.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What answers to reads vary by, where everybody gets the same.
pub const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");
/// What they vary by where callers need a key: a browser that keeps an answer gives it to whoever has
/// that key only.
pub const VARY_BY_CALLER: HeaderValue = HeaderValue::from_static("accept-encoding, authorization");

/// The `Cache-Control` of each class, and `Vary`.
#[derive(Debug, Clone)]
pub struct Policies {
    /// Of lists.
    pub lists: HeaderValue,
    /// Of single movies, and of what says that one does not exist.
    pub items: HeaderValue,
    /// Of the change feed.
    pub feed: HeaderValue,
    /// Of the API's description and explorer.
    pub fixed: HeaderValue,
    /// What answers vary by.
    pub vary: HeaderValue,
}

impl Policies {
    /// The policy of a class.
    #[must_use]
    pub(super) fn of(&self, class: Class) -> HeaderValue {
        match class {
            Class::List => self.lists.clone(),
            Class::Item => self.items.clone(),
            Class::Feed => self.feed.clone(),
            Class::Static => self.fixed.clone(),
            Class::Export | Class::Write => NO_STORE,
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        let policy = HeaderValue::from_static;
        Self {
            lists: policy("public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"),
            items: policy("public, max-age=60, stale-while-revalidate=30, stale-if-error=86400"),
            // A reader that polls wants to know now; its ETag spares it the body.
            feed: policy("no-cache"),
            fixed: policy("public, max-age=300"),
            vary: VARY,
        }
    }
}
