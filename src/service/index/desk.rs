//! How many ask the index at once, and for how long.
//!
//! Asking it keeps a processor busy and cannot be cut short. So only so many do at once, a few wait for
//! their turn, and the rest is sent away at once. Who gives up waiting leaves a question behind that is
//! still being answered, and that keeps its place until it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};
use tokio_util::task::TaskTracker;

use crate::{search::SearchError, service::error::ServiceError};

use super::{
    Options,
    metrics::{Asked, Metrics, Refused},
};

/// When who is sent away should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The desk.
#[derive(Debug)]
pub(super) struct Desk {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    timeout: Duration,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Too many others ask, or it took too long.
    Service(ServiceError),
    /// The index could not.
    Index(SearchError),
}

/// Somebody who waits; counts for as long as it does.
struct Waiter<'d>(&'d Desk);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
        self.0.metrics.waiting.dec();
    }
}

/// A question that is being answered; keeps its place for as long as it is.
struct Answering {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Answering {
    fn begin(metrics: Arc<Metrics>, permit: OwnedSemaphorePermit) -> Self {
        metrics.in_flight.inc();
        Self { metrics, _permit: permit }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}

impl Desk {
    pub(super) fn new(options: &Options, tasks: TaskTracker, metrics: Arc<Metrics>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(options.at_once)),
            waiting: AtomicUsize::new(0),
            waiting_max: options.waiting,
            timeout: options.timeout,
            tasks,
            metrics,
        }
    }

    /// Whether who came now would be sent away at once.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`].
    pub(super) fn look(&self) -> Result<(), ServiceError> {
        let full = self.permits.available_permits() == 0
            && self.waiting.load(Ordering::Acquire) >= self.waiting_max;
        if full { Err(self.overloaded()) } else { Ok(()) }
    }

    /// Whether who came now would be answered at once.
    pub(super) fn has_room(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Asks when it is this one's turn.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        asked: Asked,
        question: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let end = tokio::time::Instant::now() + self.timeout;
        let turn = timeout_at(end, self.turn()).await.map_err(|_| self.timed_out())?;
        let answering = self.answer(asked, turn.map_err(Unanswered::Service)?, question);
        timeout_at(end, answering).await.map_err(|_| self.timed_out())?
    }

    /// Asks if there is room at once.
    pub(super) async fn ask_at_once<T: Send + 'static>(
        &self,
        asked: Asked,
        question: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    ) -> Option<Result<T, Unanswered>> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.answer(asked, permit, question).await)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, ServiceError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        self.metrics.waiting.inc();
        let waiter = Waiter(self);
        if before >= self.waiting_max {
            return Err(self.overloaded());
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        drop(waiter);
        Ok(permit.expect("the semaphore is never closed"))
    }

    async fn answer<T: Send + 'static>(
        &self,
        asked: Asked,
        permit: OwnedSemaphorePermit,
        question: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let metrics = Arc::clone(&self.metrics);
        let answering = self.tasks.spawn_blocking(move || {
            let answering = Answering::begin(metrics, permit);
            let began = Instant::now();
            let answer = question();
            answering.metrics.took(asked, began.elapsed());
            answer
        });
        let answer = answering.await;
        answer
            .map_err(|panic| Unanswered::Service(ServiceError::Lost(panic)))?
            .map_err(Unanswered::Index)
    }

    fn overloaded(&self) -> ServiceError {
        self.metrics.refused(Refused::Overloaded);
        ServiceError::Overloaded { retry_after: RETRY_AFTER }
    }

    fn timed_out(&self) -> Unanswered {
        self.metrics.refused(Refused::TimedOut);
        Unanswered::Service(ServiceError::SearchTimedOut)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use prometheus::Registry;

    use super::*;

    fn desk(at_once: usize, waiting: usize, timeout: Duration) -> Arc<Desk> {
        let options = Options { memory_bytes: 0, threads: 1, at_once, waiting, timeout };
        let metrics = Arc::new(Metrics::new(&Registry::new()));
        Arc::new(Desk::new(&options, TaskTracker::new(), metrics))
    }

    #[tokio::test]
    async fn who_finds_the_desk_full_and_the_queue_too_is_sent_away() {
        let desk = desk(1, 1, Duration::from_secs(30));
        let (go, wait) = mpsc::channel::<()>();
        let first = desk.ask(Asked::Search, move || Ok(wait.recv().is_ok()));
        let second = desk.ask(Asked::Search, || Ok(true));
        let others = async {
            assert!(desk.look().is_err());
            assert!(desk.ask_at_once(Asked::List, || Ok(())).await.is_none());
            let third = desk.ask(Asked::Search, || Ok(true)).await;
            assert!(matches!(third, Err(Unanswered::Service(ServiceError::Overloaded { .. }))));
            go.send(()).expect("the first is being answered");
        };
        let (first, second, ()) = tokio::join!(first, second, others);
        assert!(first.is_ok_and(|told| told) && second.is_ok());
        assert!(desk.look().is_ok());
    }

    #[tokio::test]
    async fn who_waits_for_too_long_gives_up() {
        let desk = desk(0, 1, Duration::from_millis(1));
        let answer = desk.ask(Asked::Search, || Ok(())).await;
        assert!(matches!(answer, Err(Unanswered::Service(ServiceError::SearchTimedOut))));
        assert_eq!(desk.waiting.load(Ordering::Acquire), 0);
    }
}
