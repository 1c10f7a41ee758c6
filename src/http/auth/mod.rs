//! Who calls, and what they may do.
//!
//! A caller shows an API key or a token in `Authorization`, or nothing. What it shows must be good, also
//! where nothing was needed: whoever sends a key relies on it, and should hear of its end from the
//! first request on rather than from the first that fails for another reason.
//!
//! **Invariant:** nothing here waits for anything; a caller costs a look into memory, and a token's
//! first use the check of a signature.
//! **Invariant:** no secret gets into a problem, the log or a metric.

mod bearer;
mod guesses;
mod jwks;
mod local;
mod metrics;
mod refusal;
mod token;
mod tokens;

use std::{net::IpAddr, sync::Arc};

use hyper::header::HeaderMap;
use prometheus::Registry;

use crate::{
    domain::{api_key::Role, clock::Clock, rate::KeyRates},
    service::keys::{Key, KeyRing},
};

use super::{
    class::Class,
    client::Client,
    error::{Kind, Problem},
};

pub use jwks::BadJwks;
pub use token::Expected;
pub use tokens::{JwksError, Tokens};

pub(super) use refusal::Refusal;

use bearer::Credentials;
use guesses::Guesses;
use metrics::{Decision, Metrics};
use refusal::Reason;
use token::Verified;

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadAccess {
    /// Everybody.
    #[default]
    Open,
    /// Whoever has a key or token of any role.
    Key,
}

/// Who can reach the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// This machine only.
    #[default]
    Loopback,
    /// Others too.
    Network,
}

/// What is asked of callers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Who may read.
    pub read_access: ReadAccess,
    /// Who can reach the listener.
    pub reach: Reach,
}

/// Who calls.
#[derive(Debug, Clone, Default)]
pub(super) enum Caller {
    /// Somebody who does not say.
    #[default]
    Anonymous,
    /// Whoever has this key.
    Key(Arc<Key>),
    /// Whom a token is about.
    Token(Arc<Verified>),
}

impl Caller {
    fn role(&self) -> Option<Role> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(key.role),
            Self::Token(token) => token.role,
        }
    }

    /// By what it is known in the log: the key's id, or whom the token is about.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(key.id.as_str()),
            Self::Token(token) => Some(&token.subject),
        }
    }

    /// A number of its own among all keys and subjects of tokens.
    #[inline]
    pub(super) fn number(&self) -> Option<u128> {
        match self {
            Self::Anonymous => None,
            Self::Key(key) => Some(key.id.number().into()),
            Self::Token(token) => Some(token.number),
        }
    }

    /// The rates that a key has of its own.
    #[inline]
    pub(super) fn rates(&self) -> Option<&Arc<KeyRates>> {
        let Self::Key(key) = self else { return None };
        // What cannot be read was written by a later release: the usual rates hold then.
        key.limits(|text| text.parse::<KeyRates>().ok().map(Arc::new))?.as_ref()
    }

    const fn decision(&self) -> Decision {
        match self {
            Self::Anonymous => Decision::Anonymous,
            Self::Key(_) => Decision::Key,
            Self::Token(_) => Decision::Token,
        }
    }
}

/// Tells callers apart.
#[derive(Debug)]
pub struct Auth {
    keys: Arc<KeyRing>,
    tokens: Option<Arc<Tokens>>,
    options: Options,
    clock: Clock,
    guesses: Guesses,
    metrics: Metrics,
}

impl Auth {
    /// Takes `keys`, and `tokens` if there is an issuer of any.
    #[must_use]
    pub fn new(
        keys: Arc<KeyRing>,
        tokens: Option<Arc<Tokens>>,
        options: Options,
        clock: Clock,
        registry: &Registry,
    ) -> Self {
        let (guesses, metrics) = (Guesses::default(), Metrics::new(registry, Arc::clone(&keys)));
        Self { keys, tokens, options, clock, guesses, metrics }
    }

    /// Who sends a request with these headers from an address.
    ///
    /// # Errors
    /// Why what it shows is not taken.
    pub(super) fn authenticate(
        &self,
        headers: &HeaderMap,
        from: IpAddr,
    ) -> Result<Caller, Refusal> {
        self.identify(headers).map_err(|reason| {
            let wait = reason.is_guess().then(|| self.guesses.failed(from, self.clock.tick()));
            let wait = wait.flatten();
            let throttled = wait.map(|_| Decision::RefusedThrottled);
            self.metrics.decided(throttled.unwrap_or(reason.decision()));
            Refusal { reason, wait }
        })
    }

    /// Whether a caller may make a request of this class.
    ///
    /// # Errors
    /// 401 where it should say who it is, 403 where that does not help.
    pub(super) fn authorize(
        &self,
        caller: &Caller,
        class: Class,
        client: &Client,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let (decision, verdict) = match self.needed(class) {
            None => (caller.decision(), Ok(())),
            Some(needs) => match (caller, caller.role()) {
                (_, Some(role)) if role >= needs => (caller.decision(), Ok(())),
                (Caller::Anonymous, _) if class.is_guarded() && self.writes_are_open() => {
                    match local::check(client, headers) {
                        Ok(()) => (Decision::Anonymous, Ok(())),
                        Err(reason) => (Decision::Forbidden, Err(not_local(&reason))),
                    }
                }
                (Caller::Anonymous, _) => (Decision::RefusedMissing, Err(refusal::missing(needs))),
                (_, has) => (Decision::Forbidden, Err(refusal::insufficient(has, needs))),
            },
        };
        self.metrics.decided(decision);
        verdict
    }

    /// Who sends a read that may be answered at once. `None` where it may not, or not for sure: the
    /// long way finds out, and counts it.
    pub(super) fn at_once(&self, headers: &HeaderMap) -> Option<Caller> {
        let caller = self.identify(headers).ok()?;
        let open = self.options.read_access == ReadAccess::Open;
        (open || caller.role().is_some()).then_some(caller)
    }

    /// Counts a read that was answered at once.
    pub(super) fn answered_at_once(&self, caller: &Caller) {
        self.metrics.decided(caller.decision());
    }

    fn identify(&self, headers: &HeaderMap) -> Result<Caller, Reason> {
        let token = match Credentials::of(headers) {
            Credentials::None => return Ok(Caller::Anonymous),
            Credentials::Bearer(token) => token,
            Credentials::Malformed => return Err(Reason::Malformed),
            Credentials::OtherScheme => return Err(Reason::OtherScheme),
            Credentials::Several => return Err(Reason::Several),
        };
        match &self.tokens {
            // No token begins so: it would have to begin with the base64 of `{`.
            Some(tokens) if !token.starts_with(b"mq_") => {
                tokens.verify(token).map(Caller::Token).map_err(Reason::Token)
            }
            _ => self.keys.verify(token).map(Caller::Key).map_err(Reason::Key),
        }
    }

    /// The role that a class of requests needs.
    const fn needed(&self, class: Class) -> Option<Role> {
        match (class, self.options.read_access) {
            (Class::Write | Class::Study, _) => Some(Role::Editor),
            // Whoever shows films to people may say what they do with them.
            (Class::Signal, _) => Some(Role::Reader),
            (Class::Personal, _) => Some(Role::Admin),
            // It is the same for everybody, and a browser has no key when it loads the page.
            (Class::Static, _) => None,
            (
                Class::List
                | Class::Item
                | Class::Search
                | Class::Feed
                | Class::Export
                | Class::Collection
                | Class::Season
                | Class::Recommendation,
                access,
            ) => match access {
                ReadAccess::Open => None,
                ReadAccess::Key => Some(Role::Reader),
            },
        }
    }

    /// Whether nobody ever asked for keys, so that whoever is at this machine may write. A key that
    /// was revoked or has expired still says that somebody did.
    fn writes_are_open(&self) -> bool {
        self.options.reach == Reach::Loopback && self.tokens.is_none() && !self.keys.any()
    }
}

fn not_local(reason: &local::NotLocal) -> Problem {
    let detail = format!(
        "{reason} may not write while there are no keys: `marquee keys create --name NAME --role \
         editor` makes one"
    );
    Problem::new(Kind::Forbidden, detail)
}
