//! Activity: what is recorded of what people do, of how many, and for how long.

use super::value::{count, share};

/// Settings of activity.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Activity")]
pub struct ActivitySettings {
    /// Whether it is recorded what people look at, search for and say of movies. `off` records nothing, and
    /// deletes nothing that is there; what is sent to /v1/interactions is then ignored.
    #[arg(
        long,
        env = "MARQUEE_ACTIVITY",
        value_name = "WHETHER",
        default_value = "on",
        hide_possible_values = true
    )]
    pub activity: ActivityRecording,

    /// The share of clients whose looks and searches are recorded, from 0 to 1: others leave no trace that
    /// day. What is sent to /v1/interactions is recorded in any case.
    #[arg(long, env = "MARQUEE_ACTIVITY_SAMPLE", value_name = "SHARE", default_value = "1", value_parser = share)]
    pub activity_sample: f64,

    /// For how many days it is kept.
    #[arg(
        long,
        env = "MARQUEE_ACTIVITY_RETENTION",
        value_name = "DAYS",
        default_value = "90",
        value_parser = count(1, 3650)
    )]
    pub activity_retention: u32,
}

/// Whether activity is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ActivityRecording {
    /// It is.
    On,
    /// Nothing is.
    Off,
}
