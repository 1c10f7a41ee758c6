//! Settings: typed once (a flag or an environment variable), checked once, handed down as arguments.
//!
//! One file for each section. The fields' types hold the rules of single values, [`Settings::check`]
//! the rules between values. What a section's features do is not known here.
//!
//! **Invariant:** no module but `app` and `commands` reads settings.
//! **Invariant:** no setting without a feature that it sets.

pub mod activity;
pub mod admin;
pub mod auth;
pub mod bad_setting;
pub mod cache;
pub mod catalogue;
pub mod collections;
pub mod connections;
pub mod cors;
pub mod database;
pub mod database_url;
pub mod describe;
pub mod http;
pub mod index;
pub mod learning;
pub mod limits;
pub mod log;
pub mod overload;
pub mod redis;
pub mod redis_url;
pub mod tls;
pub mod value;
pub mod watching;

use std::path::PathBuf;

use self::{
    activity::ActivitySettings, admin::AdminSettings, auth::AuthSettings, bad_setting::BadSetting,
    cache::CacheSettings, catalogue::CatalogueSettings, collections::CollectionSettings,
    connections::ConnectionSettings, cors::CorsSettings, database::DatabaseSettings,
    http::HttpSettings, index::IndexSettings, learning::LearningSettings, limits::LimitSettings,
    log::LogSettings, overload::OverloadSettings, redis::RedisSettings, tls::TlsSettings,
    watching::WatchingSettings,
};

/// Every setting of a server.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// The public listener.
    #[command(flatten)]
    pub http: HttpSettings,
    /// Its connections.
    #[command(flatten)]
    pub connections: ConnectionSettings,
    /// How they are encrypted.
    #[command(flatten)]
    pub tls: TlsSettings,
    /// How many requests a client may make.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// Which pages of other origins may use the API.
    #[command(flatten)]
    pub cors: CorsSettings,
    /// The admin listener.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// Who may call.
    #[command(flatten)]
    pub auth: AuthSettings,
    /// Where the catalogue is kept.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// What is kept of answers.
    #[command(flatten)]
    pub cache: CacheSettings,
    /// The cache that replicas share.
    #[command(flatten)]
    pub redis: RedisSettings,
    /// What searches are answered from.
    #[command(flatten)]
    pub index: IndexSettings,
    /// What recommendations come from.
    #[command(flatten)]
    pub learning: LearningSettings,
    /// How much is asked of the database at once.
    #[command(flatten)]
    pub overload: OverloadSettings,
    /// What is in the catalogue.
    #[command(flatten)]
    pub catalogue: CatalogueSettings,
    /// How its collections are kept.
    #[command(flatten)]
    pub collections: CollectionSettings,
    /// What is recorded of what people do.
    #[command(flatten)]
    pub activity: ActivitySettings,
    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogSettings,
    /// What is told of requests.
    #[command(flatten)]
    pub watching: WatchingSettings,
}

impl Settings {
    /// The folder of the index; `None` for one that goes with the process.
    #[must_use]
    pub fn index_dir(&self) -> Option<PathBuf> {
        let beside = || {
            let mut name = self.database.database_url.file()?.as_os_str().to_owned();
            name.push("-index");
            Some(PathBuf::from(name))
        };
        self.index.index_dir.clone().or_else(beside)
    }

    /// Checks the rules that one value's type cannot hold.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.connections.check(&self.limits)?;
        self.limits.check(&self.redis)?;
        self.tls.check()?;
        self.auth.check()?;
        self.cache.check()?;
        self.redis.check()?;
        self.overload.check(&self.database, &self.http)?;
        self.watching.check()
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
