//! The audit trail: a line for each write and each refusal, under the target `audit`.
//!
//! **Invariant:** each write has its line, whatever came of it; lines of refusals have a bound for each
//! second, and what is left out is counted in the next line.
//! **Invariant:** lines have ids and names, never secrets.

use std::{
    borrow::Cow,
    fmt::Write as _,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hyper::{Method, Response, StatusCode};

use crate::domain::{
    api_key::{KeyId, Role},
    clock::{Clock, Tick},
    movie::MovieId,
    revision::Revision,
};

use super::{
    auth::{Caller, Refusal},
    class::Class,
    gate::Visitor,
    request_id::RequestId,
    response::Body,
    route::Route,
};

/// Lines of refusals in a second.
const REFUSALS_MAX: u32 = 10;
/// Characters of a path's parameter that is no id.
const PARAMETER_MAX: usize = 64;

/// What is known of who sent a request.
#[derive(Debug, Clone, Default)]
pub(super) enum Who {
    /// It was refused before anybody asked.
    #[default]
    Unasked,
    /// This caller.
    Caller(Caller),
    /// Somebody whose credentials are not taken.
    Refused(Refusal),
}

impl Who {
    /// By what it is known in the log.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Caller(caller) => caller.key(),
            Self::Unasked | Self::Refused(_) => None,
        }
    }
}

/// The movies that a write created, changed or deleted, where its path does not say; an extension of
/// its answer.
#[derive(Debug, Clone)]
pub(super) struct Touched(pub(super) Vec<MovieId>);

/// The collection that a write created, where its path does not say; an extension of its answer.
#[derive(Debug, Clone)]
pub(super) struct TouchedCollection(pub(super) String);

/// The revision of a write, also where the answer does not tell it; an extension of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrittenAs(pub(super) Revision);

/// A request on its way, whose line is written when it is answered, or when its client leaves: a
/// write goes on then.
#[derive(Debug)]
pub(super) struct Trail<'a> {
    audit: &'a Audit,
    id: &'a RequestId,
    /// The client's address.
    client: IpAddr,
    method: &'a Method,
    /// Who sent it, as far as that is known.
    pub(super) visitor: Visitor,
    /// The operation, once it is found.
    pub(super) route: Option<Route>,
    /// The path's parameter.
    pub(super) parameter: Cow<'a, str>,
    is_told: bool,
}

/// Writes the trail.
#[derive(Debug)]
pub(super) struct Audit {
    clock: Clock,
    refusals: Mutex<Window>,
}

/// The lines of refusals in the second at hand.
#[derive(Debug, Default)]
struct Window {
    began: Tick,
    told: u32,
    untold: u64,
}

impl Audit {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, refusals: Mutex::default() }
    }

    /// Begins a request's trail.
    pub(super) fn begin<'a>(
        &'a self,
        client: IpAddr,
        method: &'a Method,
        id: &'a RequestId,
    ) -> Trail<'a> {
        let parameter = Cow::Borrowed("");
        let visitor = Visitor::default();
        Trail { audit: self, id, client, method, visitor, route: None, parameter, is_told: false }
    }

    /// The number of refusals before this one that have no line; `None` where this one has none
    /// either.
    fn may_tell_of_refusal(&self) -> Option<u64> {
        let now = self.clock.tick();
        let mut window = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(window.began) >= Duration::from_secs(1) {
            (window.began, window.told) = (now, 0);
        }
        if window.told >= REFUSALS_MAX {
            window.untold += 1;
            return None;
        }
        window.told += 1;
        Some(std::mem::take(&mut window.untold))
    }
}

impl Trail<'_> {
    /// Writes the line of a request that was answered, if it is a write or was refused.
    pub(super) fn end(mut self, response: &Response<Body>) {
        self.is_told = true;
        let refused = matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        ) || matches!(self.visitor.who, Who::Refused(_));
        if refused {
            if let Some(untold) = self.audit.may_tell_of_refusal() {
                self.tell("refused", Some(response), untold);
            }
        } else if self.writes() {
            self.tell("write", Some(response), 0);
        }
    }

    fn writes(&self) -> bool {
        let erases = self.route == Some(Route::EraseUser);
        erases || self.route.is_some_and(|route| route.spec().class.writes())
    }

    /// Whether its path names a person, which no line must.
    fn is_about_a_person(&self) -> bool {
        self.route.is_some_and(|route| route.spec().class == Class::Personal)
    }

    fn is_about_a_collection(&self) -> bool {
        matches!(
            self.route,
            Some(
                Route::ListCollections
                    | Route::GetCollection
                    | Route::GetCollectionDefinition
                    | Route::CreateCollection
                    | Route::ReplaceCollection
                    | Route::DeleteCollection
            )
        )
    }

    fn tell(&self, kind: &'static str, response: Option<&Response<Body>>, untold: u64) {
        let (mut key, mut name, mut subject, mut reason) = (None, None, None, None);
        let (caller, role) = match &self.visitor.who {
            Who::Unasked => ("unasked", None),
            Who::Caller(Caller::Anonymous) => ("anonymous", None),
            Who::Caller(Caller::Key(by)) => {
                (key, name) = (Some(by.id), Some(by.name.as_str()));
                ("key", Some(by.role.as_str()))
            }
            Who::Caller(Caller::Token(by)) => {
                subject = Some(by.subject.as_str());
                ("token", by.role.map(Role::as_str))
            }
            Who::Refused(refusal) => {
                key = refusal.reason.key();
                reason = Some(refusal.reason.text());
                ("refused", None)
            }
        };
        let extensions = response.map(Response::extensions);
        let parameter = || self.parameter.chars().take(PARAMETER_MAX).collect::<String>();
        let (mut movies, mut collection) = (String::new(), None);
        if self.is_about_a_collection() {
            let created = extensions.and_then(|all| all.get::<TouchedCollection>());
            let slug = created.map_or_else(parameter, |created| created.0.clone());
            collection = (!slug.is_empty()).then_some(slug);
        } else if !self.is_about_a_person() {
            let touched = extensions.and_then(|all| all.get::<Touched>());
            movies = touched.map_or_else(parameter, |touched| ids(&touched.0));
        }
        let written = response.and_then(|response| response.extensions().get::<WrittenAs>());
        tracing::info!(
            target: "audit",
            caller,
            key = key.as_ref().map(KeyId::as_str),
            key_name = name,
            subject,
            role,
            reason,
            client = %self.client,
            method = self.method.as_str(),
            route = self.route.map(|route| route.spec().operation),
            movies = (!movies.is_empty()).then_some(movies),
            collection,
            status = response.map(|response| response.status().as_u16()),
            revision = written.map(|written| written.0.get()),
            request_id = self.id.as_str(),
            untold = (untold > 0).then_some(untold),
            "{kind}"
        );
    }
}

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        if !self.is_told && self.writes() {
            self.tell("write whose client left", None, 0);
        }
    }
}

fn ids(movies: &[MovieId]) -> String {
    let mut text = String::new();
    for (n, id) in movies.iter().enumerate() {
        let _ = write!(text, "{}{id}", if n > 0 { "," } else { "" }); // cannot fail
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Moment;

    #[test]
    fn refusals_beyond_the_bound_of_a_second_are_counted_in_the_next_line() {
        let clock = Clock::manual(Moment::from_unix_ms(0));
        let audit = Audit::new(clock.clone());
        for _ in 0..REFUSALS_MAX {
            assert_eq!(audit.may_tell_of_refusal(), Some(0));
        }
        for _ in 0..25 {
            assert_eq!(audit.may_tell_of_refusal(), None);
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(audit.may_tell_of_refusal(), Some(25));
        assert_eq!(audit.may_tell_of_refusal(), Some(0));
    }
}
