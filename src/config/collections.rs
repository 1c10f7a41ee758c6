//! Collections: what is made ahead of their seasons, and how long what they bring is kept.

use std::time::Duration;

use super::value::{CacheControl, duration};

/// Settings of collections.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Collections")]
pub struct CollectionSettings {
    /// How long before a season begins, or ends, what it brings is made and kept by every replica, so that
    /// its first request is a hit; `0s` makes nothing ahead.
    #[arg(
        long,
        env = "MARQUEE_SEASON_WARM_AHEAD",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = duration(Duration::ZERO, Duration::from_hours(24))
    )]
    pub season_warm_ahead: Duration,

    /// How long the answer of a collection whose season is on is kept in the process, give or take a tenth,
    /// unless something supersedes it.
    #[arg(
        long,
        env = "MARQUEE_SEASON_L1_TTL",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(24 * 30))
    )]
    pub season_l1_ttl: Duration,

    /// How long it is kept in Redis, give or take a tenth.
    #[arg(
        long,
        env = "MARQUEE_SEASON_REDIS_TTL",
        value_name = "DURATION",
        default_value = "6h",
        value_parser = duration(Duration::from_secs(1), Duration::from_hours(30 * 24))
    )]
    pub season_redis_ttl: Duration,

    /// The Cache-Control of collections. Its max-age and stale-while-revalidate end with a season, whatever they
    /// say; stale-if-error does not.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_COLLECTIONS",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"
    )]
    pub cache_control_collections: CacheControl,

    /// The Cache-Control of collections whose season is on, likewise.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_SEASON",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=60, stale-while-revalidate=30, stale-if-error=86400"
    )]
    pub cache_control_season: CacheControl,
}
