//! Why the shared cache was of no use this time.

use redis::RedisError;

use super::breaker::Failure;

/// Why an operation was not done, or may not have been. Never a reason for a request to fail.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    /// Redis failed lately, and is left alone for a moment.
    #[error("the shared cache is left alone after failures")]
    Open,
    /// There are too many operations at once.
    #[error("too many operations of the shared cache at once")]
    Busy,
    /// There was no answer within the deadline.
    #[error("the shared cache did not answer in time")]
    TimedOut,
    /// Redis, or the way to it, failed.
    #[error("the shared cache failed")]
    Failed(#[source] RedisError),
}

impl Missed {
    /// The label of every reason, for metrics.
    pub const LABELS: [&'static str; 4] = ["open", "busy", "timed_out", "failed"];

    /// A word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::Failed(_) => "failed",
        }
    }
}

/// What an error says of the server: `None` where it is well, and refused this one command.
pub(super) fn failure(error: &RedisError) -> Option<Failure> {
    // Its memory is full, or another program has a key of ours: the next read may well be answered.
    if matches!(error.code(), Some("OOM" | "WRONGTYPE")) {
        return None;
    }
    let definite = error.is_connection_refusal()
        || error.kind() == redis::ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
    Some(if definite { Failure::Definite } else { Failure::Passing })
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ErrorKind, make_extension_error};

    use super::*;

    #[test]
    fn a_full_memory_is_no_failure_of_the_server() {
        for code in ["OOM", "WRONGTYPE"] {
            assert_eq!(failure(&make_extension_error(code.to_owned(), None)), None);
        }
    }

    #[test]
    fn who_refuses_us_will_refuse_the_next_operation_too() {
        let refused = RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        let password = RedisError::from((ErrorKind::AuthenticationFailed, "wrong"));
        for error in [refused, password] {
            assert_eq!(failure(&error), Some(Failure::Definite), "{error}");
        }
        let reset = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(failure(&reset), Some(Failure::Passing));
    }
}
