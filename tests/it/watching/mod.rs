//! What can be seen of a running service: metrics, the log, traces.

mod access_log;
mod database;
mod log;
mod metrics;
mod trace_context;
#[cfg(feature = "otel")]
mod traces;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{cache::metric, client::Client};

/// Longer than anything here takes on the slowest machine: only a hang gets there.
const HANG: Duration = Duration::from_mins(2);

/// Waits until a metric has a value.
async fn until(admin: Client, name: &str, labels: &[&str], has: impl Fn(f64) -> bool) {
    let waiting = async {
        while !has(metric(admin, name, labels).await) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(HANG, waiting).await.unwrap_or_else(|_| panic!("{name} {labels:?} never gets there"));
}
