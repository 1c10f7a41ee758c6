//! Each rule of the cache's consistency, broken on purpose, is noticed by the checker; kept, it is not.
//!
//! Debug builds have a hidden flag `--break-rule`. A scenario has just the fault that its rule is for. It
//! is repeated, since some faults must fall between two polls: with the rule kept, every round must pass;
//! with the rule broken, one must not.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    check::Limits,
    faults::permits::Trouble,
    load::{
        readers::{Reader, Via},
        shapes,
        writers::Writer,
    },
    programs::Redis,
    redis_link::Post,
    report::Report,
    rig::{Cluster, Layout, Truth},
    run::Stage,
    truth::ShapeId,
    wire::{Coding, Reply},
};
use crate::fault_proxy::Link;

/// Times that a scenario is tried.
const ROUNDS: u64 = 12;
/// The bound of the replicas here.
const BOUND: Duration = Duration::from_millis(800);

/// One or two replicas, with a rule broken or not.
struct Trial {
    stage: Stage,
    reader: Reader,
    writer: Writer,
    ids: Vec<i64>,
}

/// A layout for a scenario.
fn layout(replicas: usize, poll: Duration, broken: Option<&str>) -> Layout {
    Layout {
        replicas,
        balanced: false,
        limits: Limits { bound: BOUND, cap: Duration::from_secs(30) },
        poll,
        flags: broken.iter().map(|rule| format!("--break-rule={rule}")).collect(),
        ..Layout::default()
    }
}

impl Trial {
    async fn new(layout: Layout) -> Self {
        Self::on(Cluster::start(layout).await).await
    }

    async fn on(cluster: Cluster) -> Self {
        let stage = Stage::set(cluster, 20, 1).await;
        let (reader, writer) = (stage.reader(0), stage.writer(1));
        let ids = stage.checker.living();
        Self { stage, reader, writer, ids }
    }

    fn movie(&self, n: usize) -> ShapeId {
        shapes::movie(&self.stage.checker, self.ids[n])
    }

    /// Reads at a replica.
    async fn read(&mut self, replica: usize, shape: ShapeId) -> Option<Reply> {
        self.reader.ask(shape, Via::Replica(replica), Coding::Identity, false, 0).await
    }

    /// Changes a movie at a replica.
    async fn write(&mut self, replica: usize, n: usize, round: u64) {
        let (id, patch) = (self.ids[n], json!({"votes": 1_000 + round}));
        let reply = self.writer.patch(id, patch, Via::Replica(replica)).await;
        let revision = reply.and_then(|reply| reply.revision).expect("the write is done");
        self.learnt(revision).await;
    }

    /// Waits until the truth is known up to a revision, so that nobody changes a movie twice meanwhile.
    async fn learnt(&self, revision: i64) {
        while self.stage.checker.head() < revision {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Loses the next message to a replica that `write` causes.
    async fn lose(&mut self, replica: usize, n: usize, from: usize, round: u64) {
        let link = |trial: &Self| trial.stage.cluster.nodes[replica].redis.lost();
        self.stage.cluster.nodes[replica].redis.set_post(Post::Lost);
        let before = link(self);
        self.write(from, n, round).await;
        wait_for(|| link(self) > before).await;
        self.stage.cluster.nodes[replica].redis.set_post(Post::Delivered);
    }

    /// Whether the checker has seen a promise broken.
    fn is_caught(&self) -> bool {
        self.stage.checker.report(|report| caught(report))
    }

    async fn end(self) -> Report {
        self.stage.strike().await
    }
}

/// Whether a promise was broken; that something could not be answered is none.
fn caught(report: &Report) -> bool {
    report.violations.iter().any(|violation| !violation.rule.starts_with("no failure"))
}

/// Waits for an event that comes soon; that it does not come is for the rounds to show.
async fn wait_for(event: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(2);
    while !event() && Instant::now() < until {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Holds a scenario with the rule kept, and with it broken.
async fn hold(rule: &str, scenario: impl AsyncFn(Option<&str>) -> Report) {
    let kept = scenario(None).await;
    assert_eq!(kept.violated, 0, "with the rule kept: {kept}");
    let broken = scenario(Some(rule)).await;
    assert!(caught(&broken), "nothing was noticed of the broken rule: {broken}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_not_validated_is_noticed() {
    hold("no-validation", async |broken| {
        let mut trial = Trial::new(layout(2, Duration::from_millis(150), broken)).await;
        let shape = trial.movie(0);
        for round in 0..3 {
            trial.read(1, shape).await;
            trial.write(0, 0, round).await;
            sleep(BOUND + Duration::from_millis(50)).await;
            trial.read(1, shape).await;
            if trial.is_caught() {
                break;
            }
        }
        trial.end().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_moved_by_the_bus_is_noticed() {
    hold("bus-moves-cursor", async |broken| {
        // Seldom, so that no poll falls between a message that is lost and the next one.
        let mut trial = Trial::new(layout(2, Duration::from_millis(350), broken)).await;
        let shape = trial.movie(0);
        for round in 0..ROUNDS {
            trial.read(1, shape).await;
            trial.lose(1, 0, 0, round).await;
            let before = trial.stage.cluster.nodes[1].redis.delivered();
            trial.write(0, 1, round).await;
            wait_for(|| trial.stage.cluster.nodes[1].redis.delivered() > before).await;
            sleep(BOUND + Duration::from_millis(50)).await;
            trial.read(1, shape).await;
            if trial.is_caught() || broken.is_none() && round == 3 {
                break;
            }
        }
        trial.end().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_renewed_by_the_bus_is_noticed() {
    hold("bus-renews-lease", async |broken| {
        let mut trial = Trial::new(layout(2, Duration::from_millis(150), broken)).await;
        let shape = trial.movie(0);
        trial.read(1, shape).await;
        trial.stage.shared.permits.open(Trouble::Database(Some(1)));
        trial.stage.cluster.nodes[1].database.set(Link::Blackhole);
        trial.lose(1, 0, 0, 0).await;
        let since = Instant::now();
        for round in 0.. {
            trial.write(0, 1, round).await;
            sleep(BOUND / 8).await;
            trial.read(1, shape).await;
            if trial.is_caught() || since.elapsed() > BOUND * 2 {
                break;
            }
        }
        let report = trial.end().await;
        assert!(broken.is_some() || report.marked() > 0, "answers go on, and are marked: {report}");
        report
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_that_ignores_the_need_is_noticed() {
    hold("flight-ignores-need", async |broken| {
        let mut layout = layout(1, Duration::from_millis(400), broken);
        layout.connections = 3;
        let mut trial = Trial::new(layout).await;
        let shape = trial.movie(0);
        let mut other = trial.stage.reader(1);
        for round in 0..ROUNDS {
            // The entry is no longer good, so the next read loads.
            trial.write(0, 0, 2 * round).await;
            let database = &trial.stage.cluster.nodes[0].database;
            let before = database.delayed();
            database.set(Link::Late(Duration::from_millis(300)));
            let load = trial.stage.tasks.spawn(async move {
                other.ask(shape, Via::Replica(0), Coding::Identity, false, 0).await;
                other
            });
            wait_for(|| trial.stage.cluster.nodes[0].database.delayed() > before).await;
            trial.stage.cluster.nodes[0].database.set(Link::Up);
            trial.write(0, 0, 2 * round + 1).await;
            trial.read(0, shape).await;
            other = load.await.expect("no panic");
            if trial.is_caught() {
                break;
            }
        }
        trial.end().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_is_read_after_its_data_is_noticed() {
    hold("tag-after-data", async |broken| {
        let mut trial = Trial::new(layout(1, Duration::from_millis(150), broken)).await;
        let shape = trial.movie(0);
        let mut other = trial.stage.reader(1);
        for round in 0..60 {
            trial.write(0, 0, 2 * round).await;
            let load = trial.stage.tasks.spawn(async move {
                other.ask(shape, Via::Replica(0), Coding::Identity, false, 0).await;
                other
            });
            trial.write(0, 0, 2 * round + 1).await;
            other = load.await.expect("no panic");
            trial.read(0, shape).await;
            if trial.is_caught() {
                break;
            }
        }
        trial.end().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_another_epoch_is_noticed() {
    hold("any-epoch", async |broken| {
        let layout = layout(1, Duration::from_millis(150), broken);
        // Another catalogue, with more revisions, leaves its entries in Redis.
        let mut first = Trial::new(layout.clone()).await;
        for round in 0..20 {
            first.write(0, 19, round).await;
        }
        for n in 0..20 {
            let shape = first.movie(n);
            first.read(0, shape).await;
        }
        let redis = first.leave().await;
        let truth = Truth::new(false).await;
        let mut second = Trial::on(Cluster::start_on(layout, truth, redis).await).await;
        for n in 0..20 {
            let shape = second.movie(n);
            second.read(0, shape).await;
        }
        second.end().await
    })
    .await;
}

impl Trial {
    /// Ends the replicas, and leaves Redis as it is.
    async fn leave(self) -> Redis {
        let mut entries = Vec::new();
        let until = Instant::now() + Duration::from_secs(2);
        while entries.len() < 20 && Instant::now() < until {
            let redis = self.stage.cluster.redis.lock().await;
            let mut connection = redis.connect().await.expect("Redis answers");
            let keys = redis::cmd("KEYS").arg("*:e").query_async(&mut connection).await;
            entries = keys.unwrap_or_default();
            let _: &Vec<Vec<u8>> = &entries;
        }
        self.stage.leave().await
    }
}
