//! Settings: typed once (a flag or an environment variable), checked once, handed down as arguments.
//!
//! One file for each section. The fields' types hold the rules of single values, [`Settings::check`]
//! the rules between values. What a section's features do is not known here.
//!
//! **Invariant:** no module but `app` and `commands` reads settings.
//! **Invariant:** no setting without a feature that it sets.

pub mod admin;
pub mod bad_setting;
pub mod cache;
pub mod catalogue;
pub mod database;
pub mod database_url;
pub mod describe;
pub mod http;
pub mod log;
pub mod redis;
pub mod redis_url;
pub mod value;

use self::{
    admin::AdminSettings, bad_setting::BadSetting, cache::CacheSettings,
    catalogue::CatalogueSettings, database::DatabaseSettings, http::HttpSettings, log::LogSettings,
    redis::RedisSettings,
};

/// Every setting of a server.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// The public listener.
    #[command(flatten)]
    pub http: HttpSettings,
    /// The admin listener.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Where the catalogue is kept.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// What is kept of answers.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The cache that replicas share.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// What is in the catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueSettings,
    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogSettings,
}

impl Settings {
    /// Checks the rules that one value's type cannot hold.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.http.check()?;
        self.cache.check()?;
        self.redis.check()
    }
}

/// What a command needs that works on the catalogue without serving it.
#[derive(Debug, Clone, clap::Args)]
pub struct StoreSettings {
    /// Where the catalogue is kept.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogSettings,
}
