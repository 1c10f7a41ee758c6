//! The cache: how much is kept, how old an answer may be, and what caches downstream are told.

use std::time::Duration;

use super::{
    bad_setting::BadSetting,
    value::{Bytes, CacheControl, duration},
};

/// Settings of the cache.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheSettings {
    /// Most bytes of answers kept in the process; 0 keeps none.
    #[arg(
        long,
        env = "MARQUEE_L1_BYTES",
        value_name = "BYTES",
        default_value = "256MiB",
        value_parser = Bytes::up_to_1_tib
    )]
    pub l1_bytes: Bytes,

    /// How long an answer that nothing has superseded is kept in the process, give or take a tenth.
    #[arg(
        long,
        env = "MARQUEE_L1_TTL",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = duration(Duration::from_millis(100), Duration::from_hours(24 * 30))
    )]
    pub l1_ttl: Duration,

    /// How old what an answer does not include may be: every answer includes each write that was
    /// committed longer ago, or carries a mark (`Cache-Status: …; detail=unverified`).
    #[arg(
        long,
        env = "MARQUEE_STALENESS_BOUND",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = duration(Duration::from_millis(20), Duration::from_hours(1))
    )]
    pub staleness_bound: Duration,

    /// How long marked answers are given while the database cannot be reached. After that, 503.
    #[arg(
        long,
        env = "MARQUEE_STALENESS_CAP",
        value_name = "DURATION",
        default_value = "5m",
        value_parser = duration(Duration::from_millis(20), Duration::from_hours(24 * 30))
    )]
    pub staleness_cap: Duration,

    /// How often the database is asked what has changed, give or take a fifth.
    #[arg(
        long,
        env = "MARQUEE_POLL_INTERVAL",
        value_name = "DURATION",
        default_value = "250ms",
        value_parser = duration(Duration::from_millis(5), Duration::from_mins(10))
    )]
    pub poll_interval: Duration,

    /// How long a request waits for the revision that it asks for (`Min-Catalog-Revision`).
    #[arg(
        long,
        env = "MARQUEE_CATCH_UP_TIMEOUT",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = duration(Duration::from_millis(1), Duration::from_mins(1))
    )]
    pub catch_up_timeout: Duration,

    /// The Cache-Control of lists.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_LISTS",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"
    )]
    pub cache_control_lists: CacheControl,

    /// The Cache-Control of single movies.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_ITEMS",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=60, stale-while-revalidate=30, stale-if-error=86400"
    )]
    pub cache_control_items: CacheControl,

    /// The Cache-Control of searches and suggestions.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_SEARCH",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400"
    )]
    pub cache_control_search: CacheControl,

    /// The Cache-Control of the change feed.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_FEED",
        value_name = "DIRECTIVES",
        default_value = "no-cache"
    )]
    pub cache_control_feed: CacheControl,

    /// The Cache-Control of the API's description and explorer.
    #[arg(
        long,
        env = "MARQUEE_CACHE_CONTROL_STATIC",
        value_name = "DIRECTIVES",
        default_value = "public, max-age=300"
    )]
    pub cache_control_static: CacheControl,

    /// Breaks a rule of the consistency protocol, so that tests can see that it is noticed.
    #[cfg(debug_assertions)]
    #[arg(long, value_name = "RULE", hide = true, value_parser = [
        "tag-after-data",
        "no-validation",
        "bus-renews-lease",
        "bus-moves-cursor",
        "flight-ignores-need",
        "any-epoch",
    ])]
    pub break_rule: Option<String>,
}

impl CacheSettings {
    /// Refuses bounds that contradict each other.
    pub(super) fn check(&self) -> Result<(), BadSetting> {
        // The longest time between two polls is a fifth more than the interval, and one may be lost.
        if self.poll_interval.mul_f64(1.5) > self.staleness_bound {
            return Err(BadSetting::new(
                "--poll-interval",
                "MARQUEE_POLL_INTERVAL",
                "must be at most two thirds of --staleness-bound, or every answer would be marked",
                &format!("{:?}", self.poll_interval),
            ));
        }
        if self.staleness_cap < self.staleness_bound {
            return Err(BadSetting::new(
                "--staleness-cap",
                "MARQUEE_STALENESS_CAP",
                "must not be below --staleness-bound",
                &format!("{:?}", self.staleness_cap),
            ));
        }
        Ok(())
    }
}
