//! Classes of routes: what all answers of a kind have in common.

use hyper::header::HeaderValue;

/// A class of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Answers made from many movies.
    List,
    /// One movie.
    Item,
    /// Answers made from the index: searches and suggestions.
    Search,
    /// The change feed, which its readers poll.
    Feed,
    /// The whole catalogue.
    Export,
    /// What changes with a release only: the API's description.
    Static,
    /// Whatever changes the catalogue.
    Write,
    /// Collections: which there are, and one that is off or always on.
    Collection,
    /// A collection whose season is on.
    Season,
    /// What callers say of what people do.
    Signal,
    /// What editors study of what people do.
    Study,
    /// What is held of one person.
    Personal,
    /// What is answered to one person.
    Recommendation,
}

impl Class {
    /// Whether its requests change the catalogue.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Write)
    }

    /// Whether nobody may make its requests without showing who they are, but for somebody at this machine
    /// where there are no keys.
    pub(super) const fn is_guarded(self) -> bool {
        matches!(self, Self::Write | Self::Signal | Self::Study | Self::Personal)
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
            2 => Some(Self::Search),
            7 => Some(Self::Collection),
            8 => Some(Self::Season),
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

/// What answers to one person vary by.
const VARY_BY_USER: HeaderValue =
    HeaderValue::from_static("accept-encoding, authorization, x-user-id");

/// The `Cache-Control` of each class, and `Vary`.
#[derive(Debug, Clone)]
pub struct Policies {
    /// Of lists.
    pub lists: HeaderValue,
    /// Of single movies, and of what says that one does not exist.
    pub items: HeaderValue,
    /// Of searches and suggestions.
    pub searches: HeaderValue,
    /// Of the change feed.
    pub feed: HeaderValue,
    /// Of collections.
    pub collections: HeaderValue,
    /// Of collections whose season is on.
    pub season: HeaderValue,
    /// Of what is answered to one person.
    pub recommendations: HeaderValue,
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
            Class::Search => self.searches.clone(),
            Class::Feed => self.feed.clone(),
            Class::Static => self.fixed.clone(),
            Class::Collection => self.collections.clone(),
            Class::Season => self.season.clone(),
            Class::Recommendation => self.recommendations.clone(),
            Class::Export | Class::Write | Class::Signal | Class::Study | Class::Personal => {
                NO_STORE
            }
        }
    }
}

impl Policies {
    /// What answers of a class vary by.
    #[must_use]
    pub(super) fn vary_of(&self, class: Class) -> HeaderValue {
        match class {
            Class::Recommendation => VARY_BY_USER,
            _ => self.vary.clone(),
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        let policy = HeaderValue::from_static;
        Self {
            lists: policy("public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"),
            items: policy("public, max-age=60, stale-while-revalidate=30, stale-if-error=86400"),
            searches: policy("public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"),
            // A reader that polls wants to know now; its ETag spares it the body.
            feed: policy("no-cache"),
            collections: policy(
                "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400",
            ),
            season: policy("public, max-age=60, stale-while-revalidate=30, stale-if-error=86400"),
            recommendations: policy("private, max-age=10"),
            fixed: policy("public, max-age=300"),
            vary: VARY,
        }
    }
}

/// A policy of which nothing reaches beyond so many milliseconds from now: `max-age`, and with it
/// `stale-while-revalidate`. An answer is sent up to a second after its head was made.
pub(super) fn ending(policy: &HeaderValue, left_ms: i64) -> HeaderValue {
    let left = u64::try_from((left_ms / 1000 - 1).max(0)).unwrap_or(0);
    let Ok(text) = policy.to_str() else { return policy.clone() };
    let age = |name: &str| {
        let directives = text.split(',').map(str::trim);
        let mut values = directives.filter_map(|directive| directive.split_once('='));
        values
            .find(|(one, _)| one.eq_ignore_ascii_case(name))
            .and_then(|(_, age)| age.parse::<u64>().ok())
    };
    let kept = age("s-maxage").max(age("max-age")).unwrap_or(0).min(left);
    let directive = |directive: &str| {
        let Some((name, value)) = directive.split_once('=') else { return directive.to_owned() };
        let bound = match name.to_ascii_lowercase().as_str() {
            "max-age" | "s-maxage" => left,
            "stale-while-revalidate" => left - kept,
            _ => return directive.to_owned(),
        };
        match value.parse::<u64>() {
            Ok(age) => format!("{name}={}", age.min(bound)),
            Err(_) => directive.to_owned(),
        }
    };
    let text: Vec<String> = text.split(',').map(str::trim).map(directive).collect();
    HeaderValue::try_from(text.join(", ")).unwrap_or(NO_STORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_never_reaches_beyond_the_end_of_what_it_is_about() {
        let policy = HeaderValue::from_static(
            "public, max-age=60, stale-while-revalidate=30, stale-if-error=9",
        );
        let ends = |left| ending(&policy, left).to_str().unwrap().to_owned();
        assert_eq!(ends(1_000_000), policy.to_str().unwrap());
        assert_eq!(ends(76_500), "public, max-age=60, stale-while-revalidate=15, stale-if-error=9");
        assert_eq!(ends(31_000), "public, max-age=30, stale-while-revalidate=0, stale-if-error=9");
        assert_eq!(ends(-5), "public, max-age=0, stale-while-revalidate=0, stale-if-error=9");
    }
}
