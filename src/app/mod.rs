//! The service put together: settings → store → catalogue → listeners, and all of it ended in order.
//!
//! **Invariant:** every task belongs to the [`App`], and ends when it is stopped or dropped.
//! **Invariant:** the public listener accepts nobody before the catalogue can be read.

mod auth;
mod cached;
mod index;
mod limits;
mod listener;
mod metrics;
pub mod models;
pub mod redis;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use prometheus::Registry;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::{auth::Access, cached::Cached, index::TemporaryFolder, listener::Listener};
use crate::{
    cache::remote::RemoteError,
    config::{
        Settings, bad_setting::BadSetting, catalogue::BundledCatalogue, database::DatabaseSettings,
    },
    domain::clock::Clock,
    http::{
        admin::{Admin, Phase},
        limit::Limits,
        log_level::LogLevel,
        server::{
            Drained,
            metrics::Connections,
            tls::{Reloaded, Tls, TlsError},
        },
        services::Services,
    },
    search::SearchError,
    service::{bundled, import::ImportError},
    store::{self, Store, error::StoreError},
    telemetry::{self, in_one_line},
};

/// How often the store is cleaned.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// How long writes that outlived their clients, and then the connections to the database, may take
/// to end once everybody was answered.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// How long a command that serves nobody waits for the revisions.
const WATCH_TIMEOUT: Duration = Duration::from_secs(5);

const STALE_STATISTICS: &str = "the statistics for lists could not be renewed";

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database.
    #[error("cannot open the database {url}")]
    Database {
        /// Which one, without secrets.
        url: String,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The bundled catalogue.
    #[error("cannot load the bundled catalogue")]
    Bundled(#[source] ImportError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] RemoteError),
    /// The authority that Redis' certificate is checked with.
    #[error(transparent)]
    RedisAuthority(#[from] redis::UnreadableAuthority),
    /// The rules of limits.
    #[error(transparent)]
    Limits(#[from] limits::BadFile),
    /// A listener that others can reach, and nobody has a key.
    #[error("the catalogue is not served yet")]
    Exposed(#[source] BadSetting),
    /// The public keys of an issuer of tokens.
    #[error("tokens cannot be checked")]
    Jwks(#[source] BadSetting),
    /// An address to listen on.
    #[error("cannot listen on {address} ({setting})")]
    Listen {
        /// The setting that says so.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The folder of the index.
    #[error("cannot use {} (--index-dir)", folder.display())]
    Index {
        /// Which one.
        folder: PathBuf,
        /// What is wrong with it.
        source: SearchError,
    },
    /// A path to listen on.
    #[error("cannot listen on {path} (--listen-unix)")]
    ListenUnix {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Opens the store and brings its schema up to date.
///
/// # Errors
/// [`AppError::Database`].
pub async fn open_store(settings: &DatabaseSettings, clock: Clock) -> Result<Store, AppError> {
    let failed = |source| AppError::Database { url: settings.database_url.to_string(), source };
    let options = store_options(settings, WATCH_TIMEOUT);
    let store = Store::open(options, clock).await.map_err(failed)?;
    store.migrate().await.map_err(failed)?;
    Ok(store)
}

fn store_options(settings: &DatabaseSettings, watch_timeout: Duration) -> store::Options {
    store::Options {
        url: settings.database_url.expose().to_owned(),
        connections: settings.connections(),
        acquire_timeout: settings.database_acquire_timeout,
        statement_timeout: settings.database_statement_timeout,
        watch_timeout,
        changes_kept: settings.changes_kept.into(),
    }
}

/// A running service.
#[derive(Debug)]
pub struct App {
    public: Listener,
    admin: Listener,
    phase: watch::Sender<Phase>,
    drain_delay: Duration,
    store: Arc<Store>,
    limits: Arc<Limits>,
    /// Where their rules are read again.
    limits_file: Option<PathBuf>,
    tls: Option<Arc<Tls>>,
    /// Work that may outlive its client, and the housekeeping.
    tasks: TaskTracker,
    housekeeping: CancellationToken,
    /// Ends all that was not stopped before when the app is dropped.
    _end: DropGuard,
    /// The folder of the index, where it goes with the process: it goes last.
    _index_folder: Option<TemporaryFolder>,
}

impl App {
    /// Starts the service: first the admin listener, so that it can be watched while the schema is
    /// brought up to date, and the public one when all is there.
    ///
    /// Dropping the future ends what was started.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, AppError> {
        let began = Instant::now();
        let end = CancellationToken::new();
        let guard = end.clone().drop_guard();
        let tasks = TaskTracker::new();
        let url = &settings.database.database_url;
        let failed = |source| AppError::Database { url: url.to_string(), source };

        // A poll that takes longer than the bound proves nothing that is worth having.
        let options = store_options(&settings.database, settings.cache.staleness_bound);
        let registry = Registry::new();
        let tls = listener::tls(&settings.tls, clock.clone(), &registry)?;
        let [of_public, of_admin] = Connections::of(&registry, ["public", "admin"]);
        let store = Arc::new(Store::open(options, clock.clone()).await.map_err(failed)?);
        metrics::register(&registry);
        store.register_metrics(&registry);
        let cached = Cached::new(settings, clock.clone(), &registry, &store, &tasks)?;
        let Cached { services, keeper, cache, follower, bus, remote, index } = cached;
        let Services { catalogue, activity, recommender, .. } = services.clone();
        let access = Access::new(settings, &clock, &registry, &store)?;
        let follower = follower.with_keys(Arc::clone(&access.keys));
        let limits = limits::limits(&settings.limits, remote, clock.clone(), &registry)?;
        let (phase, seen) = watch::channel(Phase::Starting);
        let observer = listener::observer(&registry, &settings.watching);
        let health = Admin::new(catalogue.clone(), cache.clone(), registry, seen)
            .with_log_level(log_level())
            .with_limits(Arc::clone(&limits))
            .with_keeper(keeper.clone())
            .with_models(recommender.models().clone());
        let admin = Listener::admin(&settings.admin, health, of_admin, &end).await?;

        store.migrate().await.map_err(failed)?;
        tracing::info!(database = %url, "the database is ready");
        access.keys.load().await.map_err(failed)?;
        access.check(settings)?;
        load_bundled_catalogue(settings, &store, &end).await?;
        follower.poll().await.map_err(failed)?;
        let housekeeping = end.child_token();
        let kept_days = settings.activity.activity_retention.into();
        tasks.spawn(keep_house(Arc::clone(&store), kept_days, housekeeping.clone()));
        tasks.spawn(activity.clone().run(housekeeping.clone()));
        tasks.spawn(follower.run(housekeeping.clone()));
        tasks.spawn(keeper.run(housekeeping.clone()));
        models::begin(settings, &store, &clock, &recommender, &tasks, &housekeeping).await;
        tasks.spawn(Arc::clone(&limits).run(tasks.clone(), housekeeping.clone()));
        access.follow(&tasks, &housekeeping);
        let index_folder = match index {
            // A start takes that much longer for an index that is opened, at most, and then for what it lacks.
            Some(index) => index.begin(&tasks, housekeeping.clone(), began.elapsed() / 4).await,
            None => None,
        };
        if let Some(bus) = bus {
            let known = Arc::clone(catalogue.known());
            tasks.spawn(cached::listen(bus, known, housekeeping.clone()));
        }

        if let Some(tls) = &tls {
            tasks.spawn(Arc::clone(tls).watch(housekeeping.clone()));
        }
        let gate = limits::gate(settings, access.auth, Arc::clone(&limits));
        let api = listener::api(settings, services, cache, gate, observer);
        let public = Listener::public(settings, api, of_public, tls.clone(), &end).await?;
        phase.send_replace(Phase::Running);
        Ok(Self {
            public,
            admin,
            phase,
            drain_delay: settings.http.drain_delay,
            store,
            limits,
            limits_file: settings.limits.rate_limit_file.clone(),
            tls,
            tasks,
            housekeeping,
            _end: guard,
            _index_folder: index_folder,
        })
    }

    /// Where the public listener is, with its actual port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.public.address
    }

    /// Where the admin listener is, with its actual port.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }

    /// Reads again what can change while the service runs, and logs what did: the rules of limits, the
    /// certificate. What is of no use is logged, and changes nothing.
    pub fn reload(&self) {
        tracing::info!("told to read its files again");
        if let Some(file) = &self.limits_file {
            limits::reload(file, &self.limits);
        }
        let _ = self.reload_tls();
    }

    /// Reads the TLS certificate again; `None` without TLS.
    #[must_use]
    pub fn reload_tls(&self) -> Option<Reloaded> {
        self.tls.as_ref().map(|tls| tls.reload())
    }

    /// Waits until a listener ends without having been told to, which is a bug.
    pub async fn broken(&mut self) {
        tokio::select! {
            ended = &mut self.public.ended => tracing::error!(?ended, "the public listener ended"),
            ended = &mut self.admin.ended => tracing::error!(?ended, "the admin listener ended"),
        }
    }

    /// Ends the service: not ready, and connections end with their next answer; no more clients, answers to those that wait for one, then the
    /// writes of those that did not wait, then the connections to the database.
    ///
    /// Takes `--drain-delay`, `--drain-deadline` and some seconds at most. Dropping the future cuts off
    /// what is left.
    pub async fn stop(self) -> Drained {
        self.phase.send_replace(Phase::Draining);
        self.public.retire();
        sleep(self.drain_delay).await;
        let drained = self.public.stop().await;
        self.housekeeping.cancel();
        self.tasks.close();
        if timeout(LAST_WRITES, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "ended with work in the database unfinished");
        }
        if timeout(LAST_WRITES, self.store.close()).await.is_err() {
            tracing::warn!("ended with connections to the database open");
        }
        self.admin.stop().await;
        drained
    }
}

/// The level of the log, for the admin listener.
fn log_level() -> Option<LogLevel> {
    let log = telemetry::log()?;
    Some(LogLevel::new(|| log.level(), |level| log.set_level(level)))
}

/// Fills a new database of the embedded kind with real films, unless the settings say otherwise.
async fn load_bundled_catalogue(
    settings: &Settings,
    store: &Store,
    stop: &CancellationToken,
) -> Result<(), AppError> {
    let embedded = settings.database.database_url.file().is_some();
    if !embedded || settings.catalogue.bundled_catalogue == BundledCatalogue::Skip {
        return Ok(());
    }
    if let Some(summary) = bundled::load(store, stop).await.map_err(AppError::Bundled)? {
        let (movies, elapsed) = (summary.created, summary.elapsed);
        tracing::info!(movies, ?elapsed, "the bundled catalogue was loaded");
        if let Err(error) = store.refresh_statistics().await {
            tracing::warn!(error = in_one_line(&error), "{STALE_STATISTICS}");
        }
    }
    Ok(())
}

/// Cleans the store now and then, and looks again at how its movies are spread.
async fn keep_house(store: Arc<Store>, kept_days: i64, stop: CancellationToken) {
    let mut times = interval(HOUSEKEEPING);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times.tick().await; // the first is at once
    loop {
        tokio::select! {
            _ = times.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.housekeeping().await {
            tracing::warn!(error = in_one_line(&error), "the store could not be cleaned");
        }
        if let Err(error) = store.forget_activity(kept_days).await {
            tracing::warn!(error = in_one_line(&error), "old activity could not be deleted");
        }
        if let Err(error) = store.refresh_statistics().await {
            tracing::warn!(error = in_one_line(&error), "{STALE_STATISTICS}");
        }
    }
}
