//! Seasons on every replica: what everybody will ask for when one begins is made and kept before it does,
//! and made anew while it lasts whenever a write superseded it. So is what campaigns name.
//!
//! **Invariant:** this makes answers sooner, never righter: what is answered is judged as any other, and
//! which collection is on follows from the clock when it is asked for.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use hyper::StatusCode;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::{key::Key, tiers::Prepared},
    domain::{clock::Moment, revision::Revision, season::Standing},
    service::collections::{Held, Warmed},
};

use super::{
    cached::ReadCache,
    campaigns::{self, Campaigns, Target},
    error::Problem,
    handlers::collections::ListQuery,
    query::Query,
    services::Services,
};

/// Most answers that are kept for seasons and campaigns.
const ANSWERS_MAX: usize = 500 + campaigns::TARGETS_MAX;

/// How soon it is looked again at the earliest, when writes come one after the other; or after as long as it took.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// For how long it is not tried again to keep what there was no room for.
const CROWDED: Duration = Duration::from_secs(10);

/// When what is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long before a season begins, or ends, what it brings is made. Zero makes nothing ahead.
    pub ahead: Duration,
    /// How often it is looked at least whether there is something to make.
    pub every: Duration,
}

/// Keeps the answers of seasons ready.
#[derive(Debug, Clone)]
pub struct Keeper {
    services: Services,
    cache: ReadCache,
    campaigns: Campaigns,
    options: Options,
}

impl Keeper {
    /// A keeper of what `cache` answers by `services`.
    #[must_use]
    pub fn new(services: Services, cache: ReadCache, options: Options) -> Self {
        Self { services, cache, campaigns: Campaigns::default(), options }
    }

    /// Keeps them ready until told to stop: looks whenever more is known, but at most half of the time, and now
    /// and then in any case.
    pub async fn run(self, stop: CancellationToken) {
        let known = self.cache.tiers().known();
        let (mut failing, mut crowding) = (false, false);
        let mut crowded = HashMap::new();
        loop {
            let seen = known.news();
            let began = Instant::now();
            let failed = tokio::select! {
                failed = self.turn(&mut crowded) => failed,
                () = stop.cancelled() => return,
            };
            if crowding != std::mem::replace(&mut crowding, !crowded.is_empty()) && crowding {
                let answers = crowded.len();
                tracing::warn!(
                    answers,
                    "what seasons and campaigns bring has no room in an eighth of --l1-bytes"
                );
            }
            if failed != std::mem::replace(&mut failing, failed) {
                if failed {
                    tracing::warn!("what seasons bring could not be made ahead; it is tried again");
                } else {
                    tracing::info!("what seasons bring is made ahead again");
                }
            }
            let every = self.options.every;
            let pause = began.elapsed().clamp(PAUSE_MIN.min(every), every);
            let news = async {
                sleep(pause).await;
                known.news_after(seen).await;
            };
            tokio::select! {
                () = news => {}
                () = sleep(every) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// What campaigns are to keep.
    pub(super) const fn campaigns(&self) -> &Campaigns {
        &self.campaigns
    }

    /// What the calendar says.
    pub(super) fn now(&self) -> Moment {
        self.services.collections.now()
    }

    /// Makes the answer to a target, and keeps it until the next turn, which knows why.
    ///
    /// # Errors
    /// Why it could not be made, or that the answer is that there is no such thing.
    pub(super) async fn prepare(&self, target: &Target) -> Result<Prepared, Problem> {
        let query = target.now(&self.services.collections).await?;
        let (prepared, status) = self.cache.prepare(query, &self.services).await?;
        match status {
            StatusCode::NOT_FOUND => Err(target.missing()),
            _ => Ok(prepared),
        }
    }

    /// Makes what is to be there and is not; whether that failed. `crowded` has what there was no room for, and when.
    async fn turn(&self, crowded: &mut HashMap<Key, Instant>) -> bool {
        let Ok(held) = self.services.collections.held().await else { return true };
        let now = self.services.collections.now();
        let mut wanted = HashSet::new();
        let mut failed = false;
        let mut queries = self.wanted(&held, now);
        for target in self.campaigns.wanted(now) {
            // A collection may be gone by now: then there is nothing to keep.
            queries.extend(target.now(&self.services.collections).await.ok());
        }
        // The index lacks for a while what has just been written; others need not wait for it.
        queries.sort_by_key(Query::needs_index);
        for query in queries.into_iter().take(ANSWERS_MAX) {
            let (key, of) = (query.ask(Revision::ZERO).key, query.route());
            if crowded.get(&key).is_some_and(|since| since.elapsed() < CROWDED) {
                wanted.insert(key);
                continue;
            }
            let prepared = self.cache.prepare(query, &self.services).await;
            crowded.remove(&key);
            match prepared {
                Ok((Prepared::Already, _)) => {}
                Ok((Prepared::NoRoom, _)) => {
                    self.services.collections.metrics().warmed(Warmed::NoRoom);
                    crowded.insert(key.clone(), Instant::now());
                }
                Ok((Prepared::FromL2, _)) => self.made(&key, Warmed::FromL2),
                Ok((Prepared::Loaded, _)) => self.made(&key, Warmed::Loaded),
                Err(problem) => {
                    failed = true;
                    self.services.collections.metrics().warmed(Warmed::Failed);
                    let route = of.spec().operation;
                    tracing::debug!(route, detail = problem.detail(), "not made ahead");
                }
            }
            wanted.insert(key);
        }
        crowded.retain(|key, _| wanted.contains(key));
        let bytes = self.cache.tiers().let_go(&wanted);
        self.services.collections.metrics().show(held.counts(now), bytes);
        failed
    }

    fn made(&self, key: &Key, from: Warmed) {
        self.services.collections.metrics().warmed(from);
        tracing::debug!(%key, ?from, "made ahead");
    }

    /// What is on now, and what is to come, in the order of urgency.
    fn wanted(&self, held: &Held, now: Moment) -> Vec<Query> {
        let mut wanted = Vec::new();
        let mut coming = Vec::new();
        for plan in held.seasonal(now) {
            let change = plan.standing.and_then(|standing| standing.until);
            if let Some(at) = change.filter(|at| self.is_soon(now, *at)) {
                let then = held.plan_then(&plan.slug, at);
                coming.push((at, Query::Collection(Box::new(then))));
            }
            // Its page as it is after a season, as long as before one.
            let since = plan.standing.and_then(|standing| standing.since);
            let is_just_over = since.is_some_and(|since| since < now && self.is_soon(since, now));
            if plan.is_in_season() || is_just_over {
                wanted.push(Query::Collection(Box::new(plan)));
            }
        }
        coming.sort_by_key(|(at, _)| *at);
        // Their lists as well: ahead of a change, and as long after it, while the first come to ask for them.
        let standing = held.standing_now(now);
        let lists = |standing: Standing, at| {
            [None, Some(true)].map(|active| {
                let query = ListQuery { active, ..ListQuery::FIRST };
                (at, Query::Collections { query, standing, at })
            })
        };
        if standing.since.is_some_and(|since| since < now && self.is_soon(since, now)) {
            wanted.extend(lists(standing, now).into_iter().map(|(_, query)| query));
        }
        if let Some(at) = standing.until.filter(|at| self.is_soon(now, *at)) {
            coming.extend(lists(held.standing_then(at), at));
        }
        wanted.extend(coming.into_iter().map(|(_, query)| query));
        wanted
    }

    fn is_soon(&self, now: Moment, at: Moment) -> bool {
        let left = at.unix_ms().saturating_sub(now.unix_ms());
        let ahead = i64::try_from(self.options.ahead.as_millis()).unwrap_or(i64::MAX);
        left <= ahead && ahead > 0
    }
}
