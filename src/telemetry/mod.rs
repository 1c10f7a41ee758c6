//! The log, text or JSON lines on standard error, and, in builds with `otel`, traces.
//!
//! **Invariant:** whoever logs keeps secrets out; the types that hold them do not show them.
//! **Invariant:** nobody waits for the log (`lines`).

mod lines;
#[cfg(feature = "otel")]
mod traces;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    error::Error,
    io::{self, IsTerminal},
    panic::PanicHookInfo,
    str::FromStr as _,
    sync::{Mutex, OnceLock, PoisonError},
};

use prometheus::IntCounter;
use tokio::runtime::Handle;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

use self::lines::Lines;
use crate::config::{
    log::{LogFormat, LogLevel, LogSettings},
    watching::WatchingSettings,
};

/// The target of spans that only traces have.
const SPANS: &str = "spans";

/// The log of this process, once it was started. `tracing` has one for each process, too.
static LOG: OnceLock<Log> = OnceLock::new();

/// The log as it can be asked and told.
#[derive(Debug)]
pub struct Log {
    lines: Lines,
    filter: reload::Handle<Targets, Registry>,
    level: Mutex<LogLevel>,
}

/// What is left to be done when the program ends; done when this is dropped.
#[derive(Debug)]
#[must_use = "dropped, it ends the log"]
pub struct Ending {
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
}

/// Starts the log, and traces if `watching` says where to. Does nothing when a log runs already.
///
/// # Errors
/// The system's, when there is no thread to be had that writes it.
pub fn start(
    settings: &LogSettings,
    watching: Option<&WatchingSettings>,
    runtime: &Handle,
) -> io::Result<Ending> {
    let queue = Lines::to(io::stderr())?;
    let lines =
        tracing_subscriber::fmt::layer().with_writer(queue.clone()).log_internal_errors(false);
    let layer = match settings.format() {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        // On a terminal the layer decides by itself, as NO_COLOR asks.
        LogFormat::Text if io::stderr().is_terminal() => lines.boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    let (filter, handle) = reload::Layer::new(filter(&settings.log_level));
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    #[cfg(feature = "otel")]
    let (traces, subscriber) = {
        let traces = watching.and_then(|settings| traces::Traces::start(settings, runtime));
        let layer = traces.as_ref().map(traces::Traces::layer);
        (traces, subscriber.with(layer))
    };
    #[cfg(not(feature = "otel"))]
    let _ = (watching, runtime);
    if subscriber.try_init().is_ok() {
        let level = Mutex::new(settings.log_level.clone());
        // Only the first log comes here.
        let _ = LOG.set(Log { lines: queue, filter: handle, level });
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(Ending {
        #[cfg(feature = "otel")]
        traces,
    })
}

/// What is logged, and nothing that is a part of traces only.
fn filter(level: &LogLevel) -> Targets {
    level.filter().with_target(SPANS, LevelFilter::OFF)
}

/// The log of this process; `None` where it was not started.
#[must_use]
pub fn log() -> Option<&'static Log> {
    LOG.get()
}

impl Log {
    /// The counter of lines that were dropped, since standard error took them too slowly.
    #[must_use]
    pub const fn dropped(&self) -> &IntCounter {
        self.lines.dropped()
    }

    /// The level in force.
    #[must_use]
    pub fn level(&self) -> String {
        self.level.lock().unwrap_or_else(PoisonError::into_inner).to_string()
    }

    /// Changes the level.
    ///
    /// # Errors
    /// The rule that the new level breaks.
    pub fn set_level(&self, text: &str) -> Result<(), String> {
        let level = LogLevel::from_str(text).map_err(|rule| rule.to_string())?;
        let mut current = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter
            .reload(filter(&level))
            .map_err(|error| format!("cannot be changed: {error}"))?;
        *current = level;
        Ok(())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces.take() {
            traces.end();
        }
        if let Some(log) = LOG.get() {
            log.lines.flush();
        }
    }
}

/// Puts a panic on one line of the log, where machines that read it find it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, backtrace, "panic: {}", panic.payload_as_str().unwrap_or("(no text)"));
}

/// An error with its causes, in one line. Causes that an error already tells itself are not repeated.
#[must_use]
pub fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::StoreError;

    #[test]
    fn an_error_tells_each_of_its_causes_once() {
        let refused = std::io::Error::other("connection refused");
        let error = StoreError::Unavailable(sqlx::Error::Io(refused));
        let line = in_one_line(&error);
        assert_eq!(line.matches("connection refused").count(), 1, "{line}");
        assert!(line.starts_with("the database is not reachable: "), "{line}");
    }

    #[test]
    fn spans_of_traces_are_not_in_the_log_at_any_level() {
        let filter = filter(&"trace".parse().unwrap());
        assert!(!filter.would_enable(SPANS, &tracing::Level::ERROR));
        assert!(filter.would_enable("marquee::store", &tracing::Level::TRACE));
    }
}
