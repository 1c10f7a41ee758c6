//! The catalogue with its cache: what is known of the truth, who follows it, and the tiers.

use std::sync::Arc;

use hyper::header::HeaderValue;
use prometheus::Registry;
use tokio_util::task::TaskTracker;

use super::AppError;
use crate::{
    cache::{known::Known, lease::Bounds, rule::Rules, tiers::Options},
    config::{Settings, cache::CacheSettings, value::CacheControl},
    domain::clock::Clock,
    http::{cached::ReadCache, class::Policies},
    service::{
        catalogue::{Catalogue, News},
        follow::Follower,
    },
    store::Store,
};

/// What reads and writes go through.
pub(super) struct Cached {
    pub(super) catalogue: Catalogue,
    pub(super) cache: ReadCache,
    pub(super) follower: Follower,
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
        let known = Arc::new(Known::new(bounds, clock, rules(cache)));
        let news = News::to_nobody();
        let catalogue = Catalogue::new(Arc::clone(store), Arc::clone(&known), news, tasks.clone());
        let options = Options {
            l1_bytes: cache.l1_bytes.get(),
            l1_ttl: cache.l1_ttl,
            catch_up: cache.catch_up_timeout,
        };
        let tiers = ReadCache::new(
            Arc::clone(&known),
            None,
            registry,
            tasks.clone(),
            options,
            policies(cache),
        );
        let follower = Follower::new(Arc::clone(store), known, cache.poll_interval);
        Ok(Self { catalogue, cache: tiers, follower })
    }
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

fn policies(settings: &CacheSettings) -> Policies {
    let value = |policy: &CacheControl| {
        HeaderValue::from_str(policy.as_str())
            .expect("the setting's type allows visible ASCII only")
    };
    Policies {
        lists: value(&settings.cache_control_lists),
        items: value(&settings.cache_control_items),
        feed: value(&settings.cache_control_feed),
        fixed: value(&settings.cache_control_static),
    }
}
