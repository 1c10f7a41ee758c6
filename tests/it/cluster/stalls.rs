//! Times in which the machine, or this process, stood still: busy machines do, and deadlines pass then
//! without anyone's fault. What is stale stays wrong all the same.

use std::{
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{check::Checker, load::Shared};

const STEP: Duration = Duration::from_millis(20);
/// Less than any deadline of the service.
const STALL: Duration = Duration::from_millis(300);

/// Watches until the run ends: with a thread, for the machine; with a task, for this process.
pub(crate) async fn watch(checker: Arc<Checker>, shared: Arc<Shared>) {
    let weak = (Arc::downgrade(&checker), Arc::downgrade(&shared));
    thread::spawn(move || {
        let mut last = Instant::now();
        while let Some((checker, shared)) = both(&weak) {
            note(&checker, &shared, last, "the machine stood still");
            last = Instant::now();
            thread::sleep(STEP);
        }
    });
    let mut last = Instant::now();
    while !shared.is_stopped() {
        note(&checker, &shared, last, "the checker stood still");
        last = Instant::now();
        sleep(STEP).await;
    }
}

fn both((checker, shared): &(Weak<Checker>, Weak<Shared>)) -> Option<(Arc<Checker>, Arc<Shared>)> {
    let both = (checker.upgrade()?, shared.upgrade()?);
    (!both.1.is_stopped()).then_some(both)
}

fn note(checker: &Checker, shared: &Shared, last: Instant, what: &'static str) {
    let gap = last.elapsed();
    if gap > STALL {
        shared.permits.stalled(last);
        checker.report(|report| {
            let at = report.elapsed().saturating_sub(gap);
            report.faults.push((at, format!("{what} ({gap:.1?})")));
        });
    }
}
