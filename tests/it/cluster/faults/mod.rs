//! Faults: each strikes, lasts a while, and heals.

mod balancer;
mod database;
pub(crate) mod permits;
mod process;
mod redis;
pub(crate) mod tamper;

use std::time::Duration;

use tokio::time::sleep;

use super::{check::Checker, load::Shared, rig::Cluster};
use crate::store::model::Dice;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Redis is killed, and comes back empty.
    RedisKilled,
    /// Redis hangs: it is stopped, and goes on later.
    RedisStopped,
    /// Each reply of Redis takes two seconds.
    RedisSlow,
    /// Redis forgets everything.
    RedisFlushed,
    /// Redis is killed, and comes back as it was a while ago.
    RedisFromOldDump,
    /// One replica's bytes to and from Redis vanish.
    RedisLostByOne,
    /// Every replica's bytes to and from Redis vanish.
    RedisLostByAll,
    /// One replica's bytes reach Redis, but no reply comes back.
    RedisDeaf,
    /// One replica's cache does not reach Redis, while the bus does.
    CacheLostByOne,
    /// Messages to some replicas are lost.
    MessagesLost,
    /// Messages come twice.
    MessagesDoubled,
    /// Messages overtake each other.
    MessagesReordered,
    /// Messages that no replica has sent.
    MessagesForged,
    /// Entries in Redis are corrupted, cut short, swapped between keys, and replaced by older ones.
    EntriesTampered,
    /// The load balancer's connections to one replica, and its checks of that one's health, are reset.
    BalancerCut,
    /// They are accepted, and nothing passes.
    BalancerHangs,
    /// They are slow.
    BalancerSlow,
    /// A replica is killed while it writes, and started again.
    ReplicaKilled,
    /// A replica is killed when it has committed a write and nobody has been told, and started again.
    ReplicaKilledUnheard,
    /// A replica is stopped for longer than the bound, and goes on.
    ReplicaStopped,
    /// One replica's bytes to and from the database vanish for longer than the bound.
    DatabaseLostByOne,
    /// Every replica's bytes to and from the database vanish for longer than the bound.
    DatabaseLostByAll,
    /// Connections to the database are cut.
    DatabaseCut,
    /// Each reply of the database takes a while.
    DatabaseSlow,
    /// The database is killed, and comes back with what was committed.
    DatabaseKilled,
    /// The system clock of a replica jumps forth and back by an hour.
    ClockJumps,
}

impl Fault {
    /// Those that no failure is permitted for come first.
    pub(crate) const ALL: [Self; 26] = [
        Self::RedisKilled,
        Self::RedisStopped,
        Self::RedisSlow,
        Self::RedisFlushed,
        Self::RedisFromOldDump,
        Self::RedisLostByOne,
        Self::RedisLostByAll,
        Self::RedisDeaf,
        Self::CacheLostByOne,
        Self::MessagesLost,
        Self::MessagesDoubled,
        Self::MessagesReordered,
        Self::MessagesForged,
        Self::EntriesTampered,
        Self::ClockJumps,
        Self::BalancerSlow,
        Self::BalancerCut,
        Self::BalancerHangs,
        Self::ReplicaKilled,
        Self::ReplicaKilledUnheard,
        Self::ReplicaStopped,
        Self::DatabaseLostByOne,
        Self::DatabaseLostByAll,
        Self::DatabaseCut,
        Self::DatabaseSlow,
        Self::DatabaseKilled,
    ];

    /// Lets it strike and heal. Gives whether it could be done on this machine.
    pub(crate) async fn strike(self, scene: &mut Scene<'_>) -> Done {
        match self {
            Self::RedisKilled
            | Self::RedisStopped
            | Self::RedisSlow
            | Self::RedisFlushed
            | Self::RedisFromOldDump
            | Self::RedisLostByOne
            | Self::RedisLostByAll
            | Self::RedisDeaf
            | Self::CacheLostByOne
            | Self::MessagesLost
            | Self::MessagesDoubled
            | Self::MessagesReordered => redis::strike(self, scene).await,
            Self::MessagesForged | Self::EntriesTampered => tamper::strike(self, scene).await,
            Self::BalancerCut | Self::BalancerHangs | Self::BalancerSlow => {
                balancer::strike(self, scene).await
            }
            Self::ReplicaKilled
            | Self::ReplicaKilledUnheard
            | Self::ReplicaStopped
            | Self::ClockJumps => process::strike(self, scene).await,
            Self::DatabaseLostByOne
            | Self::DatabaseLostByAll
            | Self::DatabaseCut
            | Self::DatabaseSlow
            | Self::DatabaseKilled => database::strike(self, scene).await,
        }
    }
}

/// Whether a fault was injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Yes,
    /// What it takes is not here, for this reason.
    No(&'static str),
}

/// Where faults strike.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) checker: &'a Checker,
    pub(crate) shared: &'a Shared,
    pub(crate) dice: Dice,
    /// How many replicas may be killed, from the first on.
    pub(crate) mortals: usize,
    /// How much longer than the short form's its faults last.
    pub(crate) stretch: u32,
    /// Entries of Redis as they were at some time, for later lies.
    pub(crate) loot: tamper::Loot,
}

impl Scene<'_> {
    /// A replica's number.
    fn replica(&mut self) -> usize {
        let count = self.cluster.nodes.len() as u64;
        usize::try_from(self.dice.roll(count)).expect("few")
    }

    /// The number of a replica that may be killed.
    fn mortal(&mut self) -> usize {
        usize::try_from(self.dice.roll(self.mortals as u64)).expect("few")
    }

    /// Lets a fault last.
    async fn last(&mut self, ms: u64) {
        let ms = ms + self.dice.roll(ms / 2 + 1);
        sleep(Duration::from_millis(ms) * self.stretch).await;
    }

    /// Lets a fault last longer than the bound.
    async fn outlast_the_bound(&mut self) {
        sleep(self.cluster.layout.limits.bound).await;
        self.last(500).await;
    }
}

/// Long enough for every connection to notice that its link is cut.
const NOTICED: Duration = Duration::from_millis(30);
