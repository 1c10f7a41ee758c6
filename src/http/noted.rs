//! What is noted of a request: what it looked at, for whom, and whether it may be.
//!
//! **Invariant:** a pseudonym is taken from callers with a key or token only; whoever else sends one is
//! heard as if they had not.
//! **Invariant:** nothing here costs a request more than a look at its headers.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::{
    domain::{activity::UserId, movie::MovieId},
    service::activity::{Client, Subject, Visitor, Wish},
};

use super::{auth::Caller, finished::Finished, query::Query};

/// `X-User-Id`: the pseudonym of whoever a caller with a key asks for.
pub(super) const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// `Sec-GPC` (<https://www.w3.org/TR/gpc/>).
const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// What a request's headers say of who may know of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks<'r> {
    wish: Wish,
    user: Option<&'r HeaderValue>,
    users: u8,
}

impl<'r> Marks<'r> {
    /// What all headers say.
    pub(super) fn of(headers: &'r HeaderMap) -> Self {
        let mut marks = Self::default();
        headers.iter().for_each(|(name, value)| marks.see(name, value));
        marks
    }

    /// Looks at one header.
    #[inline]
    pub(super) fn see(&mut self, name: &HeaderName, value: &'r HeaderValue) {
        if *name == header::CACHE_CONTROL {
            if self.wish == Wish::Unsaid && asks_for_privacy(value.as_bytes()) {
                self.wish = Wish::Private;
            }
        } else if *name == header::DNT || *name == SEC_GPC {
            if value.as_bytes() == b"1" {
                self.wish = Wish::OptedOut;
            }
        } else if *name == X_USER_ID {
            (self.user, self.users) = (Some(value), self.users.saturating_add(1));
        }
    }

    /// Whether they want to be recorded.
    pub(super) const fn wish(&self) -> Wish {
        self.wish
    }

    /// The pseudonym, if `caller` may give one.
    pub(super) fn user(&self, caller: &Caller) -> Option<UserId> {
        caller.number()?;
        self.user.filter(|_| self.users == 1)?.to_str().ok()?.parse().ok()
    }

    /// Whether a pseudonym is there that is none.
    pub(super) fn has_bad_user(&self) -> bool {
        let good =
            |value: &HeaderValue| value.to_str().is_ok_and(|text| text.parse::<UserId>().is_ok());
        self.users > 1 || self.user.is_some_and(|value| !good(value))
    }

    /// Who looks.
    #[inline]
    pub(super) fn visitor(&self, address: IpAddr, caller: &Caller) -> Visitor {
        let client = Client::new(address, caller.number());
        let user = if self.user.is_some() { self.user(caller) } else { None };
        Visitor { client, user, wish: self.wish }
    }
}

/// Whether a request's `Cache-Control` says that nothing of it may be kept: `no-store` (RFC 9111, section
/// 5.2.1.5), or `private`, which is not of requests there and whose meaning is plain.
fn asks_for_privacy(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|directive| {
        let directive = directive.trim_ascii();
        directive.eq_ignore_ascii_case(b"private") || directive.eq_ignore_ascii_case(b"no-store")
    })
}

/// What a read that is kept looks at.
#[derive(Debug, Clone)]
pub(super) enum About {
    /// Nothing that is noted.
    Nothing,
    /// A movie.
    Movie(MovieId),
    /// A movie whose id is in the answer.
    MovieOfAnswer,
    /// A collection.
    Collection(String),
    /// What a search found, which is in the answer.
    Search,
}

impl About {
    /// What a query looks at.
    pub(super) fn of(query: &Query) -> Self {
        match query {
            Query::Movie(id) => Self::Movie(*id),
            Query::MovieByImdbId(_) => Self::MovieOfAnswer,
            Query::Collection(plan) => Self::Collection(plan.slug.to_string()),
            Query::Search(_) => Self::Search,
            Query::List(_)
            | Query::Genres
            | Query::Compat(_)
            | Query::Suggest(_)
            | Query::Similar { .. }
            | Query::Collections { .. }
            | Query::Trending { .. } => Self::Nothing,
        }
    }

    /// What its answer showed; nothing where that does not exist.
    pub(super) fn subject(self, answer: &Finished) -> Option<Subject> {
        if !answer.status.is_success() {
            return None;
        }
        match self {
            Self::Nothing => None,
            Self::Movie(id) => Some(Subject::Movie(id)),
            Self::MovieOfAnswer => id_of(&answer.body).map(Subject::Movie),
            Self::Collection(slug) => Some(Subject::Collection(slug.into())),
            Self::Search => answer.shown.clone().map(Subject::Search),
        }
    }
}

/// The id of the movie that a body is.
fn id_of(body: &[u8]) -> Option<MovieId> {
    let rest = body.strip_prefix(br#"{"id":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::{
        domain::{
            clock::Moment,
            movie::{Movie, MovieData},
            revision::{AsOf, Revision},
        },
        http::{class::Class, representation},
    };

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn wish(pairs: &[(&'static str, &'static str)]) -> Wish {
        Marks::of(&headers(pairs)).wish()
    }

    #[test]
    fn who_opts_out_or_asks_for_privacy_is_heard() {
        assert_eq!(wish(&[("dnt", "1")]), Wish::OptedOut);
        assert_eq!(wish(&[("sec-gpc", "1")]), Wish::OptedOut);
        for value in ["private", "max-age=0, Private", "No-Store", "no-cache ,no-store"] {
            assert_eq!(wish(&[("cache-control", value)]), Wish::Private, "{value}");
        }
        assert_eq!(wish(&[("cache-control", "private"), ("dnt", "1")]), Wish::OptedOut);
        assert_eq!(wish(&[("sec-gpc", "1"), ("cache-control", "private")]), Wish::OptedOut);
        for pair in [("dnt", "0"), ("sec-gpc", ""), ("cache-control", "no-cache, max-age=0")] {
            assert_eq!(wish(&[pair]), Wish::Unsaid, "{pair:?}");
        }
    }

    #[test]
    fn a_pseudonym_of_somebody_without_a_key_is_not_heard() {
        let given = headers(&[("x-user-id", "u-1")]);
        let marks = Marks::of(&given);
        assert_eq!(marks.user(&Caller::Anonymous), None);
        assert!(!marks.has_bad_user());
        assert!(Marks::of(&headers(&[("x-user-id", "a b")])).has_bad_user());
        assert!(Marks::of(&headers(&[("x-user-id", "a"), ("x-user-id", "b")])).has_bad_user());
    }

    #[test]
    fn a_movie_is_known_by_its_answer() {
        let id = MovieId::new(4_711).unwrap();
        let at = Moment::from_unix_ms(0);
        let data = MovieData { title: "a".into(), ..MovieData::default() };
        let movie = Movie { id, data, version: 1, created_at: at, updated_at: at };
        let revision = Revision::ZERO;
        let found = representation::found(&AsOf { revision, value: Some(movie) }, "tt0000001");
        let subject = About::MovieOfAnswer.subject(&found);
        assert!(matches!(subject, Some(Subject::Movie(found)) if found == id), "{subject:?}");
        let none = representation::found(&AsOf { revision, value: None }, "tt0000001");
        assert_eq!(none.status, StatusCode::NOT_FOUND);
        assert!(About::MovieOfAnswer.subject(&none).is_none());
        assert!(About::Movie(id).subject(&none).is_none());
        let other = Finished::bytes(Class::Item, HeaderValue::from_static("x"), "{}");
        assert!(About::MovieOfAnswer.subject(&other).is_none());
    }
}
