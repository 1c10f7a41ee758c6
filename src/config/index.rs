//! The index that searches, suggestions and some lists are answered from.

use std::{path::PathBuf, time::Duration};

use super::value::{Bytes, count, duration};

/// Settings of the index.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Search")]
pub struct IndexSettings {
    /// Whether this replica keeps an index: without one, searches and suggestions are answered by 503, and
    /// lists by the database alone.
    #[arg(
        long,
        env = "MARQUEE_INDEX",
        value_name = "WHETHER",
        default_value = "on",
        hide_possible_values = true
    )]
    pub index: Switch,

    /// Folder of the index, which no other process uses. It is derived from the database: lost or
    /// damaged, it is made anew. By default it is beside the file of an embedded database, named after it
    /// and ending in `-index`; for other databases, a temporary folder that goes with the process.
    #[arg(long, env = "MARQUEE_INDEX_DIR", value_name = "FOLDER")]
    pub index_dir: Option<PathBuf>,

    /// Memory that building the index may take before what it has is written to its folder.
    #[arg(
        long,
        env = "MARQUEE_INDEX_MEMORY",
        value_name = "BYTES",
        default_value = "64MiB",
        value_parser = Bytes::from_16_mib_to_16_gib
    )]
    pub index_memory: Bytes,

    /// Searches at once; 0 is two for each processor. Four times as many wait, and more are answered by 503.
    #[arg(
        long,
        env = "MARQUEE_SEARCH_CONCURRENCY",
        value_name = "NUMBER",
        default_value = "0",
        value_parser = count(0, 10_000)
    )]
    pub search_concurrency: u32,

    /// How long a search may take, waiting for its turn included. After that, 503.
    #[arg(
        long,
        env = "MARQUEE_SEARCH_TIMEOUT",
        value_name = "DURATION",
        default_value = "2s",
        value_parser = duration(Duration::from_millis(10), Duration::from_mins(1))
    )]
    pub search_timeout: Duration,
}

/// Whether there is an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// There is.
    On,
    /// There is none.
    Off,
}
