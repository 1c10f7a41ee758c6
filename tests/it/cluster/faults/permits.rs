//! Which failures are permitted, and when. Faults of Redis never permit one.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::cluster::{
    check::Checker,
    load::readers::Via,
    wire::{NoAnswer, Reply},
};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A replica, or every one, does not reach the database.
    Database(Option<usize>),
    /// A replica is stopped or gone.
    Process(usize),
    /// The load balancer does not reach a replica.
    Balancer,
    /// The machine stood still, so that deadlines passed.
    Stall,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Read,
    Write,
}

/// A request that was not answered as wished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) via: Via,
    pub(crate) sent: Instant,
    pub(crate) arrived: Instant,
    pub(crate) request: Request,
}

/// Every trouble of a run.
#[derive(Debug)]
pub(crate) struct Permits {
    began: Instant,
    windows: Mutex<Vec<Window>>,
}

#[derive(Debug)]
struct Window {
    trouble: Trouble,
    from: Instant,
    until: Option<Instant>,
}

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The service says that it cannot answer now.
    Unavailable,
    /// The load balancer says so.
    Gateway,
    /// Nobody says anything.
    Silence,
}

impl Permits {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, windows: Mutex::default() }
    }

    /// From now on there is this trouble. Gives what [`Permits::close`] asks for.
    pub(crate) fn open(&self, trouble: Trouble) -> usize {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.push(Window { trouble, from: Instant::now(), until: None });
        windows.len() - 1
    }

    /// The trouble ends so much later than now.
    pub(crate) fn close(&self, window: usize, grace: Duration) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows[window].until = Some(Instant::now() + grace);
    }

    /// The machine stood still from an instant until now; what it had to do then is late for a while.
    pub(crate) fn stalled(&self, from: Instant) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Some(Instant::now() + Duration::from_secs(2));
        windows.push(Window { trouble: Trouble::Stall, from, until });
    }

    fn permit(&self, who: &Asker, failure: Failure) -> bool {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter().any(|window| {
            let ended = window.until.is_some_and(|until| until < who.sent);
            if window.from > who.arrived || ended {
                return false;
            }
            match (window.trouble, who.via) {
                // One that stands still may hold locks, and so hold up everyone's writes.
                (Trouble::Process(at), Via::Replica(asked)) => {
                    at == asked
                        || (who.request == Request::Write && failure == Failure::Unavailable)
                }
                // The load balancer answers for a replica that is gone, and for all of them.
                (Trouble::Process(_), Via::Balancer) | (Trouble::Stall, _) => true,
                // Whoever asks replicas themselves has no part in it, and neither has the service.
                (Trouble::Balancer, Via::Replica(_)) => false,
                (Trouble::Balancer, Via::Balancer) => failure != Failure::Unavailable,
                (Trouble::Database(_), Via::Balancer) => failure != Failure::Silence,
                (Trouble::Database(at), Via::Replica(asked)) => {
                    // A partitioned replica may hold locks, and so hold up everyone's writes.
                    let hit = at.is_none_or(|at| at == asked) || who.request == Request::Write;
                    hit && failure == Failure::Unavailable
                }
            }
        })
    }

    /// Judges that there was no answer.
    pub(crate) fn no_answer(&self, checker: &Checker, who: &Asker, target: &str, error: &NoAnswer) {
        let permitted = self.permit(who, Failure::Silence);
        self.judge(checker, who, permitted, "requests without an answer", || {
            format!("{target}: {error}")
        });
    }

    /// Judges an answer that is neither what was asked for nor the client's fault.
    pub(crate) fn refused(&self, checker: &Checker, who: &Asker, target: &str, reply: &Reply) {
        let failure = match (reply.status, reply.problem) {
            (503, true) => Some(Failure::Unavailable),
            (502..=504, false) => Some(Failure::Gateway),
            _ => None,
        };
        let permitted = failure.is_some_and(|failure| self.permit(who, failure));
        let what = match failure {
            Some(Failure::Unavailable) => "503s of the service",
            Some(_) => "errors of the load balancer",
            None => "answers that make no sense",
        };
        self.judge(checker, who, permitted, what, || {
            let head = String::from_utf8_lossy(&reply.head);
            format!("{target}\n{head}{}", String::from_utf8_lossy(&reply.body))
        });
    }

    fn judge(
        &self,
        checker: &Checker,
        who: &Asker,
        permitted: bool,
        what: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        checker.report(|report| {
            report.count(what);
            if !permitted {
                report.violate("no failure without a fault that permits it", || {
                    let took = who.arrived - who.sent;
                    let at = (who.sent - self.began).as_secs_f64();
                    format!("{who:?}, sent at {at:.3} s, failed after {took:?}: {}", detail())
                });
            }
        });
    }
}

#[test]
fn a_balancer_that_does_not_reach_a_replica_permits_its_own_failures_only() {
    let permits = Permits::new(Instant::now());
    let window = permits.open(Trouble::Balancer);
    let permitted = |via, failure| {
        // After what was closed just before, whatever the clock's step.
        let (now, request) = (Instant::now() + Duration::from_millis(1), Request::Write);
        permits.permit(&Asker { via, sent: now, arrived: now, request }, failure)
    };
    let failures = [Failure::Unavailable, Failure::Gateway, Failure::Silence];
    assert_eq!(failures.map(|failure| permitted(Via::Balancer, failure)), [false, true, true]);
    assert_eq!(failures.map(|failure| permitted(Via::Replica(0), failure)), [false; 3]);
    permits.close(window, Duration::ZERO);
    assert!(!permitted(Via::Balancer, Failure::Gateway));
}
