//! The public listener over real sockets, on a new database for each test.

mod admin;
mod compat;
mod conditions;
mod export;
mod reads;
mod refusals;
mod writes;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use prometheus::Registry;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::{known::Known, lease::Bounds, rule::Rules, tiers},
    domain::clock::{Clock, Moment},
    service::{
        activity::{self, Activity},
        catalogue::{Catalogue, News},
        collections::{self, Collections},
        follow::Follower,
        keys::KeyRing,
        models::{self, Models},
        recommend::{self, Recommender},
    },
    store::{self, Store},
};

use super::{
    api::{self, Api},
    auth::{self, Auth},
    cached::ReadCache,
    class::Policies,
    gate::Gate,
    observe::{self, Observer},
    server,
    services::Services,
};

/// A running server and its database. Ends with the test.
struct TestServer {
    address: SocketAddr,
    api: Arc<Api>,
    store: Arc<Store>,
    registry: Registry,
    /// By which leases are measured; it stands still.
    clock: Clock,
    tasks: TaskTracker,
    _stop: tokio_util::sync::DropGuard,
    _folder: TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Checks that it is a problem of this status with these places of faults, and gives its type.
    fn problem(&self, status: u16, places: &[&str]) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        let none = Vec::new();
        let faults = problem["errors"].as_array().unwrap_or(&none);
        let mut found: Vec<&str> = faults
            .iter()
            .map(|fault| {
                ["parameter", "pointer", "header"].iter().find_map(|kind| fault[kind].as_str())
            })
            .map(|place| place.expect("a place"))
            .collect();
        found.sort_unstable();
        assert_eq!(found, places, "{problem}");
        problem["type"].as_str().expect("a type").to_owned()
    }
}

impl TestServer {
    async fn start() -> Self {
        Self::with(api::Options::default()).await
    }

    async fn with(options: api::Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = store::Options {
            url: format!("sqlite:{}", folder.path().join("marquee.db").display()),
            connections: 4,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            watch_timeout: Duration::from_secs(10),
            changes_kept: 1_000_000,
        };
        let store = Arc::new(Store::open(database, Clock::system()).await.expect("a database"));
        store.migrate().await.expect("a schema");
        let tasks = TaskTracker::new();
        let clock = Clock::manual(Moment::from_unix_ms(0));
        let bounds = Bounds { staleness: Duration::from_secs(10), cap: Duration::from_mins(5) };
        let known = Arc::new(Known::new(bounds, clock.clone(), Rules::default()));
        let shared = Arc::clone(&known);
        let news = News::to_nobody();
        let catalogue = Catalogue::new(Arc::clone(&store), Arc::clone(&known), news, tasks.clone());
        let follower = Follower::new(Arc::clone(&store), shared, Duration::from_millis(250));
        follower.poll().await.expect("a first poll");
        let registry = Registry::new();
        let options_of_tiers = tiers::Options {
            l1_bytes: 1 << 20,
            l1_ttl: Duration::from_mins(10),
            season_ttl: Duration::from_mins(10),
            catch_up: Duration::from_millis(100),
        };
        let policies = Policies::default();
        let cache =
            ReadCache::new(known, None, None, &registry, tasks.clone(), options_of_tiers, policies);
        let bound = server::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let address = bound.address();
        let stop = CancellationToken::new();
        tasks.spawn(follower.run(stop.clone()));
        let keys = Arc::new(KeyRing::new(Arc::clone(&store), clock.clone(), bounds.cap));
        let auth = Auth::new(keys, None, auth::Options::default(), clock.clone(), &registry);
        let observer = Observer::new(&registry, observe::Options::default());
        let metrics = collections::Metrics::new(&registry);
        let collections = Collections::new(catalogue.clone(), metrics, options_of_tiers.catch_up);
        let gate = Gate::new(auth);
        let activity = Activity::new(
            Arc::clone(&store),
            clock.clone(),
            activity::Options::default(),
            activity::Metrics::new(&registry),
            tasks.clone(),
        );
        let models = models::Metrics::new(&registry);
        let models = Models::new(Arc::clone(catalogue.known()), Arc::new(models), 1 << 20);
        let recommender = Recommender::new(
            catalogue.clone(),
            activity.clone(),
            models,
            recommend::Metrics::new(&registry),
            options_of_tiers.l1_ttl,
        );
        let services = Services { catalogue, collections, activity, recommender };
        let api = Arc::new(Api::new(services, cache, gate, observer, options));
        tasks.spawn(bound.serve(Arc::clone(&api), server::Options::default(), stop.clone()));
        Self {
            address,
            api,
            store,
            registry,
            clock,
            tasks,
            _stop: stop.drop_guard(),
            _folder: folder,
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("host", "marquee.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        self.tasks.spawn(connection);
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string().as_bytes()).await
    }

    /// Creates a movie and gives its id.
    async fn create(&self, movie: &Value) -> i64 {
        let answer = self.json("POST", "/v1/movies", movie).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_i64().expect("an id")
    }
}
