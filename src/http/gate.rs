//! What a request must pass before it costs anything: who calls, and what they may do.
//!
//! **Invariant:** nothing here waits, and nothing here reads a body.

use hyper::http::request::Parts;

use super::{client, error::Problem, route::RouteSpec, server::peer::Peer};

/// Lets requests in.
#[derive(Debug, Default)]
pub(super) struct Gate {}

impl Gate {
    /// Lets a request in.
    ///
    /// # Errors
    /// Why it may not be made.
    #[expect(clippy::unused_self, reason = "what it knows of callers comes with keys and limits")]
    pub(super) fn admit(
        &self,
        peer: &Peer,
        parts: &Parts,
        spec: &RouteSpec,
    ) -> Result<(), Problem> {
        let _ = peer;
        if spec.class.writes() {
            client::may_write(&parts.headers)?;
        }
        Ok(())
    }
}
