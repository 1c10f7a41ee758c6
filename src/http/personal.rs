//! Answers to one person: put together for each request, and kept by nobody but who asked.
//!
//! **Invariant:** what is known up to is read before anything that goes into the answer is judged, so that the
//! answer includes every write up to it.

use std::sync::Arc;

use hyper::header::HeaderValue;

use crate::{
    cache::{lease::Freshness, outcome::Failure},
    domain::revision::Revision,
};

use super::{
    cached::CACHE_STATUS,
    call::Call,
    error::Problem,
    finished::Finished,
    response::{Answer, CATALOG_REVISION},
};

/// What holds of an answer that is put together from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The revision that it includes every write up to.
    pub(super) revision: Revision,
    /// Whether it must be marked: the truth was not reached for longer than the bound.
    pub(super) unverified: bool,
}

/// Waits for the revision that a request asks for, and says what holds of its answer.
///
/// # Errors
/// 503 where it is too long ago that the truth was reached, or it does not have that revision.
pub(super) async fn begin(call: &Call<'_>) -> Result<Standing, Problem> {
    let known = call.api.catalogue.known();
    let freshness = known.lease().freshness(known.clock().tick());
    if freshness == Freshness::Expired {
        return Err(Failure::Expired.into());
    }
    call.caught_up().await?;
    Ok(Standing { revision: known.verified(), unverified: freshness != Freshness::Fresh })
}

/// The answer that was put together.
pub(super) fn answer(found: Finished, standing: Standing) -> Answer {
    let status = if standing.unverified {
        "marquee-l1; fwd=bypass; detail=unverified"
    } else {
        "marquee-l1; fwd=bypass"
    };
    let status = HeaderValue::from_static(status);
    let revision = HeaderValue::from(standing.revision.get());
    Answer::Read(Arc::new(found.with(CATALOG_REVISION, revision).with(CACHE_STATUS, status)))
}
