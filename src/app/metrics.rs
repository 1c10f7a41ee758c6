//! What is told of the process itself: its build, its resources, its runtime, its log.

use std::sync::{Mutex, PoisonError};

use prometheus::{
    Counter, IntGauge, Opts, Registry,
    core::{Collector, Desc},
    process_collector::ProcessCollector,
    proto::MetricFamily,
};
use tokio::runtime::{Handle, RuntimeMetrics};

use crate::telemetry;

/// Registers all of it. To be called in the runtime that it is about.
///
/// # Panics
/// For a registry that has it already.
pub(super) fn register(registry: &Registry) {
    let build = Opts::new("marquee_build_info", "The version that runs; always 1.")
        .const_label("version", env!("CARGO_PKG_VERSION"));
    let build = IntGauge::with_opts(build).expect("the name is valid");
    build.set(1);
    let mut collectors: Vec<Box<dyn Collector>> = vec![
        Box::new(build),
        Box::new(ProcessCollector::for_self()),
        Box::new(Runtime::new(Handle::current().metrics())),
    ];
    if let Some(log) = telemetry::log() {
        collectors.push(Box::new(log.dropped().clone()));
    }
    for collector in collectors {
        registry.register(collector).expect("names are registered once");
    }
}

/// Tokio's own counters, which cost nothing to keep.
#[derive(Debug)]
struct Runtime {
    metrics: RuntimeMetrics,
    workers: IntGauge,
    tasks: IntGauge,
    queue: IntGauge,
    busy: Counter,
    /// Seconds that were told of `busy`.
    told: Mutex<f64>,
}

impl Runtime {
    fn new(metrics: RuntimeMetrics) -> Self {
        let gauge = |name: &str, help: &str| IntGauge::new(name, help).expect("the name is valid");
        Self {
            metrics,
            workers: gauge("marquee_runtime_workers", "Threads that run tasks."),
            tasks: gauge("marquee_runtime_tasks", "Tasks that have not ended: connections, loads."),
            queue: gauge(
                "marquee_runtime_queue_depth",
                "Tasks that are ready and that no thread has taken yet.",
            ),
            busy: Counter::new(
                "marquee_runtime_busy_seconds_total",
                "Seconds that threads spent running tasks, all threads added up.",
            )
            .expect("the name is valid"),
            told: Mutex::new(0.0),
        }
    }
}

impl Collector for Runtime {
    fn desc(&self) -> Vec<&Desc> {
        let Self { workers, tasks, queue, busy, .. } = self;
        [workers.desc(), tasks.desc(), queue.desc(), busy.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Self { metrics, workers, tasks, queue, busy, told } = self;
        let set = |gauge: &IntGauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(workers, metrics.num_workers());
        set(tasks, metrics.num_alive_tasks());
        set(queue, metrics.global_queue_depth());
        let seconds: f64 = (0..metrics.num_workers())
            .map(|worker| metrics.worker_total_busy_duration(worker).as_secs_f64())
            .sum();
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        busy.inc_by((seconds - *told).max(0.0));
        *told = seconds.max(*told);
        [workers.collect(), tasks.collect(), queue.collect(), busy.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_process_tells_of_its_build_and_its_resources() {
        let registry = Registry::new();
        register(&registry);
        let names: Vec<String> =
            registry.gather().iter().map(|family| family.name().to_owned()).collect();
        for name in [
            "marquee_build_info",
            "marquee_runtime_busy_seconds_total",
            "marquee_runtime_tasks",
            "process_cpu_seconds_total",
            "process_open_fds",
            "process_resident_memory_bytes",
            "process_start_time_seconds",
        ] {
            assert!(names.iter().any(|there| there == name), "{name} is not in {names:?}");
        }
    }
}
