//! What a request must pass before it costs anything: who calls, how much they have asked already, and
//! what they may do.
//!
//! **Invariant:** nothing here waits, and nothing here reads a body.

use std::sync::Arc;

use hyper::{Method, Response, header::HeaderMap};

use super::{
    audit::Who,
    auth::{Auth, Caller},
    class::Class,
    client::{Client, Clients},
    cors::Cors,
    error::Problem,
    front::Hit,
    limit::{self, KeyHolder, Limits, Standing, Verdict},
    response::Body,
    route::RouteSpec,
    safety::Safety,
    server::peer::Peer,
};
use crate::domain::{clock::Tick, rate::LimitClass};

/// Lets requests in.
#[derive(Debug)]
pub struct Gate {
    /// From where they come.
    pub clients: Clients,
    /// Who sends them, and what they may do.
    pub auth: Auth,
    /// How much they may ask; `None` for as much as they like.
    pub limits: Option<Arc<Limits>>,
    /// Which pages of other origins may read answers.
    pub cors: Cors,
    /// What answers say for their safety in browsers.
    pub safety: Safety,
}

/// What is found out of who sent a request, as far as it got.
#[derive(Debug, Default)]
pub(super) struct Visitor {
    /// Who sent it.
    pub(super) who: Who,
    /// How it stands, where a limit is in force. The answer says it, whatever it is.
    pub(super) standing: Option<Standing>,
}

/// A read that was let in at once.
#[derive(Debug)]
pub(super) struct Passed {
    /// From where it comes.
    pub(super) client: Client,
    caller: Caller,
}

impl Gate {
    /// A gate that takes no proxy's word and limits nobody.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        let (clients, cors, safety) = (Clients::default(), Cors::default(), Safety::default());
        Self { clients, auth, limits: None, cors, safety }
    }

    /// Lets a request in, and notes who sent it.
    ///
    /// A bad key counts for the address that it came from, so that guessing has the limit of a
    /// client without a key; what has no right to be asked counts for who asked it.
    ///
    /// # Errors
    /// Why it may not be made.
    pub(super) fn admit(
        &self,
        client: &Client,
        headers: &HeaderMap,
        spec: &RouteSpec,
        visitor: &mut Visitor,
    ) -> Result<(), Problem> {
        let caller = self.auth.authenticate(headers, client.address);
        let class = LimitClass::of(spec.class);
        visitor.who = match &caller {
            Ok(caller) => Who::Caller(caller.clone()),
            Err(refusal) => Who::Refused(*refusal),
        };
        if let Some(limits) = &self.limits {
            let who = limited(client, caller.as_ref().unwrap_or(&Caller::Anonymous));
            match limits.check(&who, class) {
                Verdict::Off => {}
                Verdict::Allowed(standing) => visitor.standing = Some(standing),
                Verdict::Refused(standing) => {
                    let refusal = standing.refusal();
                    visitor.standing = Some(standing);
                    return Err(refusal);
                }
            }
        }
        self.auth.authorize(&caller?, spec.class, client, headers)
    }

    /// Lets a read in that can be answered out of hand, and says how its client stands. `None` where it
    /// goes the long way: nothing was counted then.
    #[inline]
    pub(super) fn pass(&self, peer: &Peer, asked: &HeaderMap, hit: &mut Hit) -> Option<Passed> {
        let class = hit.route.spec().class;
        let (passed, standing) = self.pass_at(peer, asked, class, hit.now)?;
        match standing {
            Some(standing) => standing.say(hit.response.headers_mut()),
            None if hit.says_standing => Standing::unsay(hit.response.headers_mut()),
            None => {}
        }
        Some(passed)
    }

    /// Lets a read of a class in that can be answered out of hand at `now`; gives how its client stands, where a
    /// limit is in force. `None` where it goes the long way: nothing was counted then.
    #[inline]
    pub(super) fn pass_at(
        &self,
        peer: &Peer,
        asked: &HeaderMap,
        class: Class,
        now: Tick,
    ) -> Option<(Passed, Option<Standing>)> {
        let caller = self.auth.at_once(asked)?;
        let client = self.clients.identify(peer, asked);
        let who = limited(&client, &caller);
        let standing = match &self.limits {
            None => None,
            Some(limits) => limits.pass(&who, LimitClass::of(class), now)?,
        };
        self.auth.answered_at_once(&caller);
        Some((Passed { client, caller }, standing))
    }

    /// Says in an answer's head what is the same for every request, so that the head can be kept.
    pub(super) fn say(&self, head: &mut HeaderMap) {
        self.safety.say(head);
        if self.cors.is_constant() {
            self.cors.say(&HeaderMap::new(), head);
        }
    }

    /// Says in an answer's head what depends on the request.
    #[inline]
    pub(super) fn say_to(&self, asked: &HeaderMap, head: &mut HeaderMap) {
        if !self.cors.is_constant() {
            self.cors.say(asked, head);
        }
    }

    /// Adds what a browser asks for before a page of another origin may send something.
    pub(super) fn preflight(
        &self,
        method: &Method,
        asked: &HeaderMap,
        answer: &mut Response<Body>,
    ) {
        let _ = self.cors.preflight(method, asked, answer);
    }
}

impl Passed {
    /// Who sent it.
    pub(super) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// By what it is known in the log, beside its address.
    pub(super) fn key(&self) -> Option<&str> {
        self.caller.key()
    }
}

/// A visitor as limits see it.
#[inline]
fn limited<'a>(client: &'a Client, caller: &'a Caller) -> limit::Who<'a> {
    let key = caller.number().map(|id| KeyHolder { id, rates: caller.rates() });
    limit::Who { client, key }
}
