//! What users did, at hand for a few seconds: of late, which speaks, and with which movies ever, which are not
//! shown.
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
    domain::{activity::UserId, movie::MovieId},
    learn::gather::{Regard, regards},
    service::{activity::Activity, catalogue::Catalogue, error::ServiceError, work::Work},
    store::Store,
};

/// The latest interactions of a user that speak.
const INTERACTIONS: u32 = 500;
/// Movies of a user with more of them that are left out, at most.
const SEEN_MAX: u32 = 100_000;
/// How long a history stays at hand: for so long, another replica's interactions may be missing.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// Bytes of histories at hand.
const BYTES_MAX: u64 = 16 << 20;
/// Counters of what was forgotten: a user has one of them.
const COUNTERS: usize = 256;

/// What a user did.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What the user made of movies of late, in the order of last times.
    pub(super) regards: Box<[Regard]>,
    /// Every movie that the user had to do with, these and older ones, by id.
    seen: Box<[MovieId]>,
}

impl History {
    fn new(regards: Vec<Regard>, older: Vec<MovieId>) -> Self {
        let mut seen = older;
        seen.extend(regards.iter().map(|regard| regard.movie));
        seen.sort_unstable();
        seen.dedup();
        Self { regards: regards.into(), seen: seen.into() }
    }

    /// Whether the user had to do with a movie.
    pub(super) fn has(&self, movie: MovieId) -> bool {
        self.seen.binary_search(&movie).is_ok()
    }

    /// How many movies the user had to do with.
    pub(super) const fn movies(&self) -> usize {
        self.seen.len()
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.regards) + size_of_val(&*self.seen)
    }
}

#[derive(Debug)]
struct Kept {
    history: Arc<History>,
    /// The last erasure that was known when it was read.
    erasures: u64,
}

/// Histories. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Histories {
    activity: Activity,
    catalogue: Catalogue,
    kept: moka::sync::Cache<UserId, Arc<Kept>>,
    /// Raised before a user's history is forgotten, so that one that was just being read is not kept.
    forgotten: Arc<[AtomicU64]>,
}

impl Histories {
    pub(super) fn new(activity: Activity, catalogue: Catalogue) -> Self {
        let weigh = |user: &UserId, kept: &Arc<Kept>| {
            let bytes = 200 + user.as_str().len() + kept.history.weight();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = moka::sync::Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(weigh)
            .time_to_live(KEPT_FOR)
            .build();
        let forgotten = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        Self { activity, catalogue, kept, forgotten }
    }

    /// What a user did.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn of(&self, user: &UserId) -> Result<Arc<History>, ServiceError> {
        let erasures = self.activity.erasures();
        if let Some(kept) = self.kept.get(user).filter(|kept| kept.erasures == erasures) {
            return Ok(Arc::clone(&kept.history));
        }
        let counter = self.counter(user);
        let before = counter.load(Ordering::Acquire);
        let done = self.activity.history(user, INTERACTIONS).await?;
        // Who did less did nothing else.
        let is_all = done.len() < INTERACTIONS as usize;
        let older = if is_all { Vec::new() } else { self.movies_of(user).await? };
        // In the order in which it was done: of two words at one instant the later one counts.
        let history = Arc::new(History::new(regards(done.iter().rev()), older));
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

    /// Every movie that a user had to do with, in any order.
    async fn movies_of(&self, user: &UserId) -> Result<Vec<MovieId>, ServiceError> {
        // What waits first: what arrives meanwhile is there twice, rather than not at all.
        let waiting = self.activity.unstored_of(user);
        let asked = user.clone();
        let read = async move |store: Arc<Store>| store.movies_of(&asked, SEEN_MAX).await;
        let mut movies = self.catalogue.detached(Work::List, read).await?;
        movies.extend(waiting.iter().map(|interaction| interaction.movie));
        Ok(movies)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_movie_of_a_user_is_known_whether_it_speaks_or_not() {
        let id = |n: i64| MovieId::new(n).unwrap();
        let regard = |n: i64| Regard { movie: id(n), weight: 1.0, at_ms: n };
        let history = History::new(vec![regard(7), regard(3)], vec![id(9), id(3), id(1)]);
        let known: Vec<i64> = (1..=10).filter(|n| history.has(id(*n))).collect();
        assert_eq!((known, history.movies()), (vec![1, 3, 7, 9], 4));
        assert_eq!(history.regards.len(), 2);
        let nothing = History::default();
        assert!(!nothing.has(id(1)) && nothing.movies() == 0);
    }
}
