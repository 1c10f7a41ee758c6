//! Answers to one person: put together for each request. The last recommendation of each is kept here for some
//! seconds, for who asks for the same again, and nowhere else.
//!
//! **Invariant:** what is known up to is read before anything that goes into the answer is judged, so that the
//! answer includes every write up to it.
//! **Invariant:** what is kept is given only to the same user, who asks for the same, as long as everything that
//! it rests on is as it was: a write, a word of the user, an erasure or another model ends it.

use std::{sync::Arc, time::Duration};

use hyper::header::HeaderValue;

use crate::{
    cache::{entry::Payload as _, lease::Freshness, outcome::Failure},
    domain::{activity::UserId, recommend::Choice, revision::Revision},
    service::recommend::{Counts, Ground},
};

use super::{
    cached::CACHE_STATUS,
    call::Call,
    error::Problem,
    finished::Finished,
    response::{Answer, CATALOG_REVISION},
};

/// How long a recommendation is kept: what is trending is some seconds old then.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Bytes of them.
const BYTES_MAX: u64 = 16 << 20;

/// What holds of an answer that is put together from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    Answer::Read(Arc::new(with_status(found, standing, "fwd=bypass")))
}

fn with_status(found: Finished, standing: Standing, how: &str) -> Finished {
    let mark = if standing.unverified { "; detail=unverified" } else { "" };
    let status = HeaderValue::try_from(format!("marquee-l1; {how}{mark}"));
    let revision = HeaderValue::from(standing.revision.get());
    let status = status.expect("it is made of printable letters");
    found.with(CATALOG_REVISION, revision).with(CACHE_STATUS, status)
}

/// The last recommendation of each user.
#[derive(Debug)]
pub(super) struct Recommended(moka::sync::Cache<String, Arc<Kept>>);

/// One that was given, and for what.
#[derive(Debug)]
struct Kept {
    asked: Asked,
    counts: Counts,
    answer: Arc<Finished>,
}

/// What is asked for, and what the answer rests on.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) choice: Choice,
    pub(super) ground: Ground,
    pub(super) standing: Standing,
}

impl Asked {
    fn is_same(&self, other: &Self) -> bool {
        let Self { choice, ground, standing } = self;
        *standing == other.standing && ground.is_same(&other.ground) && *choice == other.choice
    }
}

impl Recommended {
    pub(super) fn new() -> Self {
        let weigh = |user: &String, kept: &Arc<Kept>| {
            let bytes = 1_000 + user.len() + kept.answer.weight();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::sync::Cache::builder().max_capacity(BYTES_MAX).weigher(weigh);
        Self(kept.time_to_live(KEPT_FOR).build())
    }

    /// The same as it was given before, if nothing is otherwise.
    pub(super) fn get(&self, user: Option<&UserId>, asked: &Asked) -> Option<(Answer, Counts)> {
        let kept = self.0.get(name(user)).filter(|kept| kept.asked.is_same(asked))?;
        Some((Answer::Read(Arc::clone(&kept.answer)), kept.counts))
    }

    /// Keeps an answer, and gives it.
    pub(super) fn put(
        &self,
        user: Option<&UserId>,
        asked: Asked,
        found: Finished,
        counts: Counts,
    ) -> Answer {
        let standing = asked.standing;
        let answer = Arc::new(with_status(found.twin(), standing, "hit"));
        self.0.insert(name(user).to_owned(), Arc::new(Kept { asked, counts, answer }));
        self::answer(found, standing)
    }

    /// Lets go of what a user was given.
    pub(super) fn forget(&self, user: &UserId) {
        self.0.invalidate(name(Some(user)));
    }
}

/// No pseudonym is empty.
fn name(user: Option<&UserId>) -> &str {
    user.map_or("", UserId::as_str)
}
