//! A request on its way through a handler.

use hyper::{Method, body::Incoming, http::request::Parts};

use crate::cache::outcome::Failure;

use super::{
    api::Api,
    audit::Who,
    body::{self, Accepts, Bounds},
    cached,
    client::Client,
    error::Problem,
    params,
};

/// A request on its way through a handler.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) parts: &'a Parts,
    /// From where it comes.
    pub(super) client: &'a Client,
    /// Who sent it.
    pub(super) who: &'a Who,
    /// The value of the path's parameter, decoded.
    pub(super) parameter: &'a str,
    pub(super) body: &'a mut Incoming,
}

impl Call<'_> {
    /// The query string, encoded.
    pub(super) fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    /// Refuses parameters, for operations that have none.
    pub(super) fn no_parameters(&self) -> Result<(), Problem> {
        params::none(self.query())
    }

    /// Waits until the revision that the request asks for is in the truth, for reads that are not kept.
    pub(super) async fn caught_up(&self) -> Result<(), Problem> {
        let at_least = cached::at_least(&self.parts.headers)?;
        if self.api.catalogue.known().reach(at_least, self.api.options.catch_up).await {
            return Ok(());
        }
        Err(Failure::Behind.into())
    }

    /// Whether only the head of the answer is asked for.
    pub(super) fn wants_head_only(&self) -> bool {
        self.parts.method == Method::HEAD
    }

    /// Reads the body.
    pub(super) async fn bytes(&mut self, accepts: Accepts) -> Result<bytes::Bytes, Problem> {
        let bytes_max = self.api.options.body_bytes_max;
        self.bytes_up_to(bytes_max, accepts).await
    }

    /// Reads a body that may have `bytes_max` bytes.
    pub(super) async fn bytes_up_to(
        &mut self,
        bytes_max: usize,
        accepts: Accepts,
    ) -> Result<bytes::Bytes, Problem> {
        let bounds = Bounds { bytes_max, timeout: self.api.options.body_timeout };
        body::read(&self.parts.headers, self.body, accepts, bounds, &self.api.body_memory).await
    }
}
