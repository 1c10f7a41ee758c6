//! The log: text or JSON lines on standard error.
//!
//! **Invariant:** whoever logs keeps secrets out; the types that hold them do not show them.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    error::Error,
    io::IsTerminal,
    panic::PanicHookInfo,
};

use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::log::{LogFormat, LogSettings};

/// Starts the log. Does nothing when one runs already, as in tests.
pub fn start(settings: &LogSettings) {
    // Standard error may be gone (a closed pipe): then there is nobody to tell about it.
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let layer = match settings.format() {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        // On a terminal the layer decides by itself, as NO_COLOR asks.
        LogFormat::Text if std::io::stderr().is_terminal() => lines.boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    let filtered = layer.with_filter(settings.log_level.filter());
    if tracing_subscriber::registry().with(filtered).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
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
}
