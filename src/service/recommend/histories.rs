//! What users did of late, at hand for a few seconds.
//!
//! **Invariant:** an interaction that was answered by this replica is in every history that is asked for
//! afterwards, and of a user whose data were erased there is none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    domain::activity::UserId,
    learn::gather::{Regard, regards},
    service::{activity::Activity, error::ServiceError},
};

/// The latest interactions of a user that are looked at.
const INTERACTIONS: u32 = 500;
/// How long a history stays at hand: for so long, another replica's interactions may be missing.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Bytes of histories at hand.
const BYTES_MAX: u64 = 16 << 20;
/// Counters of what was forgotten: a user has one of them.
const COUNTERS: usize = 256;

/// What a user made of movies, in the order of last times.
pub(super) type History = Arc<[Regard]>;

#[derive(Debug)]
struct Kept {
    history: History,
    /// The last erasure that was known when it was read.
    erasures: u64,
}

/// Histories. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Histories {
    activity: Activity,
    kept: moka::sync::Cache<UserId, Arc<Kept>>,
    /// Raised before a user's history is forgotten, so that one that was just being read is not kept.
    forgotten: Arc<[AtomicU64]>,
}

impl Histories {
    pub(super) fn new(activity: Activity) -> Self {
        let weigh = |user: &UserId, kept: &Arc<Kept>| {
            let bytes = 200 + user.as_str().len() + size_of_val(&*kept.history);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::sync::Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(weigh)
            .time_to_live(KEPT_FOR)
            .build();
        let forgotten = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        Self { activity, kept, forgotten }
    }

    /// What a user made of movies.
    ///
    /// # Errors
    /// [`ServiceError::Store`].
    pub(super) async fn of(&self, user: &UserId) -> Result<History, ServiceError> {
        let erasures = self.activity.erasures();
        if let Some(kept) = self.kept.get(user).filter(|kept| kept.erasures == erasures) {
            return Ok(Arc::clone(&kept.history));
        }
        let counter = self.counter(user);
        let before = counter.load(Ordering::Acquire);
        let done = self.activity.history(user, INTERACTIONS).await?;
        let history: History = regards(&done).into();
        let kept = Kept { history: Arc::clone(&history), erasures };
        if counter.load(Ordering::Acquire) == before {
            self.kept.insert(user.clone(), Arc::new(kept));
            // Between the look and the insertion it may have been forgotten.
            if counter.load(Ordering::Acquire) != before {
                self.kept.invalidate(user);
            }
        }
        Ok(history)
    }

    /// Notes that there is something new of a user, which the truth has by now.
    pub(super) fn forget(&self, user: &UserId) {
        self.counter(user).fetch_add(1, Ordering::AcqRel);
        self.kept.invalidate(user);
    }

    fn counter(&self, user: &UserId) -> &AtomicU64 {
        let sum = user
            .as_str()
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        &self.forgotten[sum % COUNTERS]
    }
}
