//! A quota that replicas share: each has tokens ahead, and asks for more before it needs them.
//!
//! A new bucket may admit a few requests at once: its lease. When half of it is used, a task asks the
//! shared cache for as many as are missing, and no request waits for that. So what replicas admit in
//! any window is at most the quota and one lease for each of them. A replica that spends faster than
//! Redis answers refuses what it has no token for, so a burst gets its whole quota over some round
//! trips, not at once.
//!
//! **Invariant:** no request waits for Redis.
//! **Invariant:** while Redis is away, each replica goes by its own buckets alone, which are judged in
//! any case.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    cell::Wait,
    table::{Bucket, Name},
};
use crate::{
    cache::remote::{Digest, Missed, Remote, TokenWindow},
    domain::clock::{Clock, Tick},
};

/// Buckets that wait for tokens; more ask again with their next request.
const QUEUE: usize = 4096;
/// Questions to Redis at once.
const ASKED_AT_ONCE: usize = 64;
/// How long a bucket asks nothing after a question that was not answered.
const PAUSE: Duration = Duration::from_millis(250);
/// How long it asks nothing at least when there was nothing to have.
const PAUSE_WHEN_EMPTY: Duration = Duration::from_millis(5);

/// A bucket's part of a shared quota.
#[derive(Debug)]
pub(super) struct Share {
    /// Tokens in hand.
    tokens: AtomicI64,
    /// Most of them.
    lease: i64,
    /// Whether more were asked for.
    asking: AtomicBool,
    /// When asking is of use again, in ticks.
    ask_from: AtomicU64,
}

impl Share {
    pub(super) const fn new(lease: i64) -> Self {
        Self {
            tokens: AtomicI64::new(lease),
            lease,
            asking: AtomicBool::new(false),
            ask_from: AtomicU64::new(0),
        }
    }
}

/// What all replicas share by way of Redis.
#[derive(Debug)]
pub(super) struct Cluster {
    remote: Remote,
    clock: Clock,
    /// Whether Redis answered last.
    answers: AtomicBool,
    queue: mpsc::Sender<Arc<Bucket>>,
    /// Taken by whoever runs it.
    waiting: Mutex<mpsc::Receiver<Arc<Bucket>>>,
}

impl Cluster {
    pub(super) fn new(remote: Remote, clock: Clock) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Mutex::new(waiting);
        Self { remote, clock, answers: AtomicBool::new(true), queue, waiting }
    }

    /// Spends a token of a bucket, if replicas' quotas are in force.
    #[inline]
    pub(super) fn spend(&self, bucket: &Arc<Bucket>, now: Tick) -> Result<(), Wait> {
        if !self.answers.load(Ordering::Acquire) {
            self.ask(bucket, now); // finds out when it is back
            return Ok(());
        }
        let share = &bucket.share;
        let before = share.tokens.fetch_sub(1, Ordering::AcqRel);
        if before - 1 <= share.lease / 2 {
            self.ask(bucket, now);
        }
        if before > 0 {
            return Ok(());
        }
        share.tokens.fetch_add(1, Ordering::AcqRel);
        Err(Wait(share.ask_from.load(Ordering::Acquire).saturating_sub(now.as_nanos())))
    }

    fn ask(&self, bucket: &Arc<Bucket>, now: Tick) {
        let share = &bucket.share;
        if now.as_nanos() < share.ask_from.load(Ordering::Acquire)
            || share.asking.swap(true, Ordering::AcqRel)
        {
            return;
        }
        if self.queue.try_send(Arc::clone(bucket)).is_err() {
            share.asking.store(false, Ordering::Release);
        }
    }

    /// Asks for tokens until told to stop. A second call waits for the first to end.
    ///
    /// Dropping the future loses what is being asked for.
    pub(super) async fn run(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        let places = Arc::new(Semaphore::new(ASKED_AT_ONCE));
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                Some((place, waiting.recv().await?))
            };
            let next = tokio::select! {
                next = next => next,
                () = stop.cancelled() => None,
            };
            let Some((place, bucket)) = next else { return };
            let cluster = Arc::clone(&self);
            tasks.spawn(async move {
                cluster.refill(&bucket).await;
                drop(place);
            });
        }
    }

    async fn refill(&self, bucket: &Bucket) {
        let share = &bucket.share;
        let missing = share.lease - share.tokens.load(Ordering::Acquire);
        let want = u32::try_from(missing).unwrap_or(0);
        let answer = match want {
            0 => None,
            _ => Some(self.remote.take_tokens(&digest(&bucket.name), &windows(bucket), want).await),
        };
        let pause = match answer {
            None => Duration::ZERO,
            Some(Ok(granted)) => {
                share.tokens.fetch_add(i64::from(granted.tokens), Ordering::AcqRel);
                self.answered(true);
                let all = granted.tokens == want;
                if all { Duration::ZERO } else { granted.wait.max(PAUSE_WHEN_EMPTY) }
            }
            Some(Err(missed)) => {
                if !matches!(missed, Missed::Busy) {
                    self.answered(false);
                }
                PAUSE
            }
        };
        let from = self.clock.tick().after(pause);
        share.ask_from.store(from.as_nanos(), Ordering::Release);
        share.asking.store(false, Ordering::Release);
    }

    fn answered(&self, answers: bool) {
        if self.answers.swap(answers, Ordering::AcqRel) == answers {
            return;
        }
        if answers {
            tracing::info!("quotas are shared with other replicas again");
        } else {
            tracing::warn!("quotas are this replica's own: Redis does not answer");
        }
    }
}

/// Under which name replicas count a client. Redis hears of no addresses.
fn digest(name: &Name) -> Digest {
    let mut hash = Sha256::new();
    hash.update([name.kind as u8, name.class as u8]);
    hash.update(name.id[0].to_be_bytes());
    hash.update(name.id[1].to_be_bytes());
    let mut digest = Digest::default();
    digest.copy_from_slice(&hash.finalize()[..size_of::<Digest>()]);
    digest
}

fn windows(bucket: &Bucket) -> Vec<TokenWindow> {
    let window = |window: &super::cell::Window| TokenWindow {
        window_s: window.rate.window_s(),
        interval_us: window.interval_ns().div_ceil(1000).max(1),
        burst: window.rate.burst(),
    };
    bucket.policy.windows().iter().map(window).collect()
}
