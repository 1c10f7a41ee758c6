//! A service put together by hand, with all that a hit may meet: a limit in force, metrics, keys.

use std::{sync::Arc, time::Duration};

use marquee::{
    cache::{known::Known, lease::Bounds, rule::Rules, tiers},
    domain::clock::Clock,
    exchange::synthetic::Synthetic,
    http::{
        api::{self, Api},
        auth::{self, Auth},
        cached::ReadCache,
        class::Policies,
        gate::Gate,
        limit::{self, Limits},
        observe::{self, Observer},
        services::Services,
    },
    service::{
        activity::{self, Activity},
        catalogue::{Catalogue, News},
        collections::{self, Collections},
        follow::Follower,
        keys::KeyRing,
        models::{self, Models},
        recommend::{self, Recommender},
    },
    store::{self, MUTATIONS_MAX, Store, mutation::Mutation},
};
use prometheus::Registry;
use tokio_util::task::TaskTracker;

const MOVIES: u64 = 2_000;

/// The handler of a service on a new database of made-up movies, and its store. Tasks that outlive a request
/// belong to `tasks`.
pub(crate) async fn service(
    url: String,
    clock: Clock,
    tasks: &TaskTracker,
) -> (Arc<Api>, Arc<Store>) {
    let options = store::Options {
        url,
        connections: 2,
        acquire_timeout: Duration::from_mins(1),
        statement_timeout: Duration::from_mins(1),
        watch_timeout: Duration::from_mins(1),
        changes_kept: 1_000,
    };
    let store = Arc::new(Store::open(options, Clock::system()).await.expect("a database"));
    store.migrate().await.expect("a schema");
    let synthetic = Synthetic::new(MOVIES, 1);
    let all: Vec<_> =
        synthetic.iter().map(|data| Mutation::Create { data: Box::new(data) }).collect();
    for batch in all.chunks(MUTATIONS_MAX) {
        store.write(batch, None).await.expect("a write");
    }
    store.refresh_statistics().await.expect("statistics");
    // Nobody follows the store: there are no writes.
    let bounds = Bounds { staleness: Duration::from_hours(1), cap: Duration::from_hours(2) };
    let known = Arc::new(Known::new(bounds, clock.clone(), Rules::default()));
    let news = News::to_nobody();
    let catalogue = Catalogue::new(Arc::clone(&store), Arc::clone(&known), news, tasks.clone());
    let follower = Follower::new(Arc::clone(&store), Arc::clone(&known), Duration::from_hours(1));
    follower.poll().await.expect("a first poll");
    let registry = Registry::new();
    let tiers = tiers::Options {
        l1_bytes: 64 << 20,
        l1_ttl: Duration::from_hours(1),
        season_ttl: Duration::from_hours(1),
        catch_up: Duration::from_secs(1),
    };
    let policies = Policies::default();
    let cache = ReadCache::new(known, None, None, &registry, tasks.clone(), tiers, policies);
    let keys = Arc::new(KeyRing::new(Arc::clone(&store), clock.clone(), bounds.cap));
    let auth = Auth::new(keys, None, auth::Options::default(), clock.clone(), &registry);
    let observer = Observer::new(&registry, observe::Options::default());
    let metrics = collections::Metrics::new(&registry);
    let collections = Collections::new(catalogue.clone(), metrics, tiers.catch_up);
    let (recorded, metrics) = (activity::Options::default(), activity::Metrics::new(&registry));
    let (stored, ticks) = (Arc::clone(&store), clock.clone());
    let activity = Activity::new(stored, ticks, recorded, metrics, tasks.clone());
    let metrics = Arc::new(models::Metrics::new(&registry));
    let models = Models::new(Arc::clone(catalogue.known()), metrics, 1 << 20);
    let metrics = recommend::Metrics::new(&registry);
    let (films, done) = (catalogue.clone(), activity.clone());
    let recommender = Recommender::new(films, done, models, metrics, tiers.l1_ttl);
    let services = Services { catalogue, collections, activity, recommender };
    let mut gate = Gate::new(auth);
    let rules = "read=1000000/1s".parse().expect("rules");
    let limits = limit::Options { rules, ..limit::Options::default() };
    gate.limits = Some(Arc::new(Limits::new(limits, clock, &registry)));
    let options = api::Options::default();
    let api = Arc::new(Api::new(services, cache, gate, observer, options));
    (api, store)
}
