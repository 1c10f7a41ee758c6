//! A run: a cluster, its readers and writers, every fault in turn, and what came of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    check::Checker,
    faults::{Done, Fault, Scene, tamper::Loot},
    follow::follow,
    load::{
        Shared,
        population::Population,
        readers::{Choice, Habit, Reader},
        shapes,
        writers::Writer,
    },
    programs::Redis,
    report::Report,
    rig::{Cluster, Layout},
    stalls::watch,
    vitals::Vitals,
};
use crate::store::model::Dice;

/// Longer than the truth takes to be known at the end.
const END: Duration = Duration::from_secs(30);

/// How long, how much and how hard.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) layout: Layout,
    pub(crate) seed: u64,
    pub(crate) movies: usize,
    pub(crate) readers: u64,
    /// Between two questions of a reader.
    pub(crate) reader_pause: Duration,
    pub(crate) writers: u64,
    /// Between two writes of a writer, about.
    pub(crate) writer_pause: Duration,
    /// Between two faults.
    pub(crate) healthy: Duration,
    /// Faults are gone through again until this long after the start; once at least.
    pub(crate) lasts: Duration,
    /// Whether the last replica is never killed, so that it can be watched from beginning to end.
    pub(crate) spares_the_last: bool,
    /// How many times longer than usual faults last.
    pub(crate) stretch: u32,
    /// Whether and how often progress is printed.
    pub(crate) progress: Option<Duration>,
}

/// What readers and writers need, on a running cluster.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) checker: Arc<Checker>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) population: Arc<Population>,
    /// Readers and writers.
    pub(crate) tasks: TaskTracker,
    follower: JoinHandle<()>,
    ended: CancellationToken,
    pub(crate) seed: u64,
}

impl Stage {
    /// Follows the truth of a cluster, and fills it with movies.
    pub(crate) async fn set(cluster: Cluster, movies: usize, seed: u64) -> Self {
        let checker = Arc::new(Checker::new(cluster.layout.limits));
        let shared = Arc::new(Shared::new(cluster.nodes.len()));
        let population = Arc::new(Population::new(movies));
        let (tasks, ended) = (TaskTracker::new(), CancellationToken::new());
        let url = cluster.truth.url().to_owned();
        let follower = TaskTracker::new().spawn(follow(url, Arc::clone(&checker), ended.clone()));
        let stage = Self { cluster, checker, shared, population, tasks, follower, ended, seed };
        stage.writer(0).fill().await;
        let filled = stage.shared.written();
        while stage.checker.head() < filled {
            sleep(Duration::from_millis(2)).await;
        }
        stage
    }

    pub(crate) fn writer(&self, n: u64) -> Writer {
        let addresses = self.cluster.addresses();
        Writer::new(&self.checker, &self.shared, &self.population, &addresses, self.seed_of(n))
    }

    pub(crate) fn reader(&self, n: u64) -> Reader {
        let addresses = self.cluster.addresses();
        Reader::new(&self.checker, &self.shared, &addresses, self.seed_of(1_000 + n))
    }

    /// Every reader, writer and schedule has numbers of its own that follow from the seed.
    pub(crate) fn seed_of(&self, n: u64) -> u64 {
        Dice(self.seed ^ n.wrapping_mul(0x9e37_79b9)).roll(u64::MAX)
    }

    /// Stops readers and writers, waits until all answers are checked, and gives the report.
    pub(crate) async fn strike(self) -> Report {
        self.shared.stop();
        self.tasks.close();
        let done = timeout(END, self.tasks.wait()).await;
        self.ended.cancel();
        let followed = timeout(END, self.follower).await;
        self.checker.finish();
        self.checker.report(|report| {
            if done.is_err() || !matches!(followed, Ok(Ok(()))) {
                report.violate("everyone ends when told to, and every answer is checked", || {
                    format!(
                        "readers and writers: {done:?}; the follower of the truth: {followed:?}"
                    )
                });
            }
            std::mem::replace(report, Report::new())
        })
    }
}

impl Stage {
    /// Ends everyone, checked or not; gives back the Redis as they left it.
    pub(crate) async fn leave(self) -> Redis {
        self.shared.stop();
        self.tasks.close();
        self.tasks.wait().await;
        self.ended.cancel();
        let _ = self.follower.await;
        self.cluster.into_redis()
    }
}

/// Runs a plan; gives how its last replica fared, too, if that is never killed.
pub(crate) async fn run(plan: Plan) -> (Report, Option<Vitals>) {
    let cluster = Cluster::start(plan.layout.clone()).await;
    let stage = Stage::set(cluster, plan.movies, plan.seed).await;
    let mut dice = Dice(stage.seed_of(2_000));
    let ids = stage.checker.living();
    let fixed = shapes::register(&stage.checker, &mut dice, &ids);
    let choice = Arc::new(Choice { fixed, followed: std::sync::Mutex::default() });
    for n in 0..plan.readers {
        let balanced = plan.layout.balanced && n.is_multiple_of(4);
        let habit = if balanced { Habit::Balancer } else { Habit::Replicas };
        stage.tasks.spawn(stage.reader(n).run(habit, Arc::clone(&choice), plan.reader_pause));
    }
    for n in 1..=plan.writers {
        stage.tasks.spawn(stage.writer(n).run(plan.writer_pause));
    }
    let (checker, shared) = (Arc::clone(&stage.checker), Arc::clone(&stage.shared));
    stage.tasks.spawn(watch(checker, shared));
    if let Some(pause) = plan.progress {
        let (checker, shared) = (Arc::clone(&stage.checker), Arc::clone(&stage.shared));
        stage.tasks.spawn(async move {
            let mut last = Instant::now();
            while !shared.is_stopped() {
                sleep(Duration::from_millis(200)).await;
                if last.elapsed() >= pause {
                    last = Instant::now();
                    eprintln!("{}", checker.report(|report| report.progress()));
                }
            }
        });
    }
    let nodes = &stage.cluster.nodes;
    let lasting = nodes.last().filter(|_| plan.spares_the_last);
    let (struck, watched) = (
        async {
            faults(&plan, &stage, dice).await;
            stage.shared.stop();
        },
        async {
            match lasting {
                Some(node) => Some(Vitals::watch(&node.replica, &stage.shared).await),
                None => None,
            }
        },
    );
    let ((), vitals) = tokio::join!(struck, watched);
    (stage.strike().await, vitals)
}

/// Injects every fault, in an order that the seed decides, until the time is up.
async fn faults(plan: &Plan, stage: &Stage, dice: Dice) {
    let began = Instant::now();
    let mut scene = Scene {
        cluster: &stage.cluster,
        checker: &stage.checker,
        shared: &stage.shared,
        dice,
        mortals: stage.cluster.nodes.len() - usize::from(plan.spares_the_last),
        stretch: plan.stretch,
        loot: Loot::default(),
    };
    loop {
        sleep(plan.healthy).await;
        let mut faults = Fault::ALL;
        for at in (1..faults.len()).rev() {
            let with = scene.dice.roll(at as u64 + 1);
            faults.swap(at, usize::try_from(with).expect("few"));
        }
        for fault in faults {
            let (at, since) = (stage.checker.report(|report| report.elapsed()), Instant::now());
            stage.checker.report(|report| report.is_faulty = true);
            let done = fault.strike(&mut scene).await;
            stage.checker.report(|report| {
                // What comes right after it may still come of it.
                report.is_faulty = done == Done::Yes;
                let name = match done {
                    Done::Yes => format!("{fault:?} ({:.1?})", since.elapsed()),
                    Done::No(reason) => format!("{fault:?} was not injected: {reason}"),
                };
                report.faults.push((at, name));
            });
            sleep(plan.healthy / 2).await;
            stage.checker.report(|report| report.is_faulty = false);
            sleep(plan.healthy / 2).await;
            if plan.lasts > Duration::ZERO && began.elapsed() > plan.lasts {
                return;
            }
        }
        if began.elapsed() >= plan.lasts {
            return;
        }
    }
}
