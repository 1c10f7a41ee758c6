//! How much can happen in one model.

use crate::catalogue::{Query, Write};

/// How much can happen.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) replicas: usize,
    /// What is asked for.
    pub(crate) queries: &'static [Query],
    /// Reads at once.
    pub(crate) open_requests: usize,
    /// Some reads say `Min-Catalog-Revision`.
    pub(crate) min_revisions: bool,
    /// What is written.
    pub(crate) kinds: &'static [Write],
    /// Writes, all in all.
    pub(crate) writes: u8,
    pub(crate) writers: Writers,
    pub(crate) messages: Messages,
    pub(crate) l2: bool,
    pub(crate) crashes: u8,
    pub(crate) restores: u8,
    /// The staleness bound in ticks; 0 stops the clock, and every lease is good.
    pub(crate) bound: u8,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// The replicas of the model.
    Own,
    /// Others, of which only what they commit is seen.
    Others,
    All,
}

/// Which messages arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Messages {
    None,
    /// Those that were sent.
    True,
    /// Lies as well.
    Any,
}
