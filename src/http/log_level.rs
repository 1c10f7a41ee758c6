//! The log's level, which is read and changed while the service runs: `/log-level` of the admin listener.
//!
//! **Invariant:** what a level is, and where the log goes, is known to who gives the functions.

use std::fmt;

/// The log's level.
pub struct LogLevel {
    read: Box<dyn Fn() -> String + Send + Sync>,
    change: Box<Change>,
}

type Change = dyn Fn(&str) -> Result<(), String> + Send + Sync;

impl LogLevel {
    /// A level that `read` tells and `change` changes, or says which rule the new one breaks.
    #[must_use]
    pub fn new(
        read: impl Fn() -> String + Send + Sync + 'static,
        change: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { read: Box::new(read), change: Box::new(change) }
    }

    /// The level in force.
    pub(super) fn get(&self) -> String {
        (self.read)()
    }

    /// Changes it.
    ///
    /// # Errors
    /// The rule that `level` breaks.
    pub(super) fn set(&self, level: &str) -> Result<(), String> {
        (self.change)(level)
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&self.get()).finish()
    }
}
