//! The catalogue with its cache: what is known of the truth, who follows it, and the tiers.

use std::sync::Arc;

use hyper::header::HeaderValue;
use prometheus::Registry;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    AppError,
    auth::private,
    index::{self, Kept},
    redis,
};
use crate::{
    cache::{
        bus::{Bus, Message, Touched},
        known::Known,
        lease::Bounds,
        remote::Remote,
        rule::Rules,
        shared,
        tiers::Options,
    },
    config::{
        Settings, activity::ActivityRecording, cache::CacheSettings, overload::OverloadLimit,
        redis::RedisSettings, value::CacheControl,
    },
    domain::clock::Clock,
    http::{
        cached::ReadCache,
        class::{Policies, VARY},
        seasons::{self, Keeper},
        services::Services,
    },
    service::{
        activity::{self, Activity, Recording},
        catalogue::{Catalogue, News},
        collections::{self, Collections},
        follow::Follower,
        models::{self, Models},
        overload::{self, Connections, Limits, Overload},
        recommend::{self, Recommender},
    },
    store::Store,
};

/// What reads and writes go through.
pub(super) struct Cached {
    pub(super) services: Services,
    pub(super) keeper: Keeper,
    pub(super) cache: ReadCache,
    pub(super) follower: Follower,
    pub(super) bus: Option<Arc<Bus>>,
    /// Redis, for what else replicas share.
    pub(super) remote: Option<Remote>,
    /// The index, if there is to be one.
    pub(super) index: Option<Kept>,
}

impl Cached {
    pub(super) fn new(
        settings: &Settings,
        clock: Clock,
        registry: &Registry,
        store: &Arc<Store>,
        tasks: &TaskTracker,
    ) -> Result<Self, AppError> {
        let cache = &settings.cache;
        let bounds = Bounds { staleness: cache.staleness_bound, cap: cache.staleness_cap };
        let overload = overload(settings, registry, &clock);
        let activity = activity(settings, registry, store, clock.clone(), tasks);
        let known = Arc::new(Known::new(bounds, clock, rules(cache)));
        let redis = redis::options(&settings.redis)?;
        let options = redis.as_ref();
        let bus = options.map(|options| Bus::new(&options.servers, &options.prefix)).transpose()?;
        let bus = bus.map(Arc::new);
        let news = bus.clone().map_or_else(News::to_nobody, |bus| news(bus, Arc::clone(&known)));
        let remote = redis.map(Remote::new).transpose()?;
        // The first crowd must find connections: to make them takes longer than an operation may.
        remote.iter().for_each(Remote::connect);
        let l2 = remote.clone().map(|remote| {
            let RedisSettings { redis_ttl, redis_fill_wait, .. } = settings.redis;
            let season_ttl = settings.collections.season_redis_ttl;
            (remote, shared::Options { ttl: redis_ttl, season_ttl, fill_wait: redis_fill_wait })
        });
        let (index, finder) = index::index(settings, registry, store, &known, tasks)?;
        let catalogue = Catalogue::new(Arc::clone(store), Arc::clone(&known), news, tasks.clone())
            .behind(overload)
            .with_index(finder);
        let options = Options {
            l1_bytes: cache.l1_bytes.get(),
            l1_ttl: cache.l1_ttl,
            season_ttl: settings.collections.season_l1_ttl,
            catch_up: cache.catch_up_timeout,
        };
        let tiers = ReadCache::new(
            Arc::clone(&known),
            l2,
            bus.clone(),
            registry,
            tasks.clone(),
            options,
            private(policies(settings), settings.auth.read_access),
        );
        let metrics = collections::Metrics::new(registry);
        let collections = Collections::new(catalogue.clone(), metrics, cache.catch_up_timeout);
        let models = Models::new(
            Arc::clone(&known),
            Arc::new(models::Metrics::new(registry)),
            settings.learning.training.model_memory.get(),
        );
        let recommender = Recommender::new(
            catalogue.clone(),
            activity.clone(),
            models.clone(),
            recommend::Metrics::new(registry),
            cache.l1_ttl,
        );
        let options = seasons::Options {
            ahead: settings.collections.season_warm_ahead,
            every: cache.poll_interval,
        };
        let services = Services { catalogue, collections, activity: activity.clone(), recommender };
        let keeper = Keeper::new(services.clone(), tiers.clone(), options);
        let follower = Follower::new(Arc::clone(store), known, cache.poll_interval)
            .with_activity(activity)
            .with_models(models);
        Ok(Self { services, keeper, cache: tiers, follower, bus, remote, index })
    }
}

/// Who records what people do.
fn activity(
    settings: &Settings,
    registry: &Registry,
    store: &Arc<Store>,
    clock: Clock,
    tasks: &TaskTracker,
) -> Activity {
    let settings = &settings.activity;
    let options = activity::Options {
        recording: match settings.activity {
            ActivityRecording::On => Recording::On,
            ActivityRecording::Off => Recording::Off,
        },
        sample: settings.activity_sample,
        kept_days: settings.activity_retention.into(),
    };
    let metrics = activity::Metrics::new(registry);
    Activity::new(Arc::clone(store), clock, options, metrics, tasks.clone())
}

/// The gate before the store, if there is to be one. Its metrics are there in any case.
fn overload(settings: &Settings, registry: &Registry, clock: &Clock) -> Option<Overload> {
    let metrics = overload::Metrics::new(registry);
    let limits = match settings.overload.overload_limit {
        OverloadLimit::Off => return None,
        OverloadLimit::Auto => Limits::Adaptive,
        OverloadLimit::Fixed(limit) => Limits::Fixed(limit),
    };
    let connections = Connections {
        most: settings.database.connections(),
        shared: settings.database.database_url.file().is_none(),
    };
    let queue_time = settings.overload.overload_queue_time;
    Some(Overload::new(overload::Options { limits, queue_time, connections }, &metrics, clock))
}

/// Tells the bus of writes.
fn news(bus: Arc<Bus>, known: Arc<Known>) -> News {
    News::to(move |revision, scopes| {
        let touched = Touched::of(scopes.to_vec());
        let (epoch, sender) = (known.epoch(), bus.sender());
        bus.publish(Message { epoch, sender, revision, touched });
    })
}

/// Carries messages of the bus until told to stop.
pub(super) async fn listen(bus: Arc<Bus>, known: Arc<Known>, stop: CancellationToken) {
    let sender = bus.sender();
    let heed = move |message: Message| {
        if message.sender == sender {
            return;
        }
        let Message { epoch, revision, touched, .. } = message;
        match touched {
            Touched::Everything => known.hint(epoch, revision, None),
            Touched::Scopes(scopes) => known.hint(epoch, revision, Some(&scopes)),
        }
    };
    bus.run(heed, stop).await;
}

#[cfg(debug_assertions)]
fn rules(settings: &CacheSettings) -> Rules {
    use clap::ValueEnum as _;

    use crate::cache::rule::Rule;

    let broken = settings.break_rule.as_deref().map(|name| {
        Rule::from_str(name, false).unwrap_or_else(|_| panic!("there is no rule {name}"))
    });
    broken.map_or_else(Rules::default, Rules::but)
}

#[cfg(not(debug_assertions))]
fn rules(_settings: &CacheSettings) -> Rules {
    Rules::default()
}

fn policies(settings: &Settings) -> Policies {
    let Settings { cache: settings, collections, learning, .. } = settings;
    let value = |policy: &CacheControl| {
        HeaderValue::from_str(policy.as_str())
            .expect("the setting's type allows visible ASCII only")
    };
    Policies {
        lists: value(&settings.cache_control_lists),
        items: value(&settings.cache_control_items),
        searches: value(&settings.cache_control_search),
        feed: value(&settings.cache_control_feed),
        collections: value(&collections.cache_control_collections),
        season: value(&collections.cache_control_season),
        recommendations: value(&learning.cache_control_personal),
        fixed: value(&settings.cache_control_static),
        vary: VARY,
    }
}
