//! What was said of all collections, in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::{
    cache::known::{Known, Watched},
    domain::{
        clock::Moment,
        collection::{Collection, Slug},
        revision::{AsOf, Revision, Scope},
        season::Standing,
    },
    service::{catalogue::Catalogue, error::ServiceError, work::Work},
    store::StoredCollections,
};

use super::{Metrics, Plan};

/// Every collection as of a revision.
#[derive(Debug)]
pub struct Held {
    /// The revision; none before the first.
    tag: Option<Revision>,
    generation: u64,
    watched: Watched,
    by_slug: BTreeMap<Slug, Arc<One>>,
    /// How all of them stand, as it was last worked out for now.
    now: Last,
}

/// A collection, and how it stands.
#[derive(Debug)]
struct One {
    collection: Arc<Collection>,
    now: Last,
}

/// A standing, for as long as it holds: it is asked for again and again.
#[derive(Debug, Default)]
struct Last(StdMutex<Option<Standing>>);

impl Last {
    /// How things stand at a moment, if that is known.
    fn at(&self, at: Moment) -> Option<Standing> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|standing| standing.holds_at(at))
    }

    /// How things stand now.
    fn now(&self, now: Moment, work_out: impl FnOnce() -> Standing) -> Standing {
        if let Some(standing) = self.at(now) {
            return standing;
        }
        let standing = work_out();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
        standing
    }
}

impl One {
    fn new(collection: Collection) -> Arc<Self> {
        Arc::new(Self { collection: Arc::new(collection), now: Last::default() })
    }

    fn standing_now(&self, now: Moment) -> Standing {
        self.now.now(now, || self.collection.definition.standing(now))
    }

    /// How it stands at any moment, which is not remembered.
    fn standing_at(&self, at: Moment) -> Standing {
        self.now.at(at).unwrap_or_else(|| self.collection.definition.standing(at))
    }
}

/// A collection and how it stands at a moment.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The collection.
    pub collection: Arc<Collection>,
    /// How it stands.
    pub standing: Standing,
}

impl Held {
    /// The revision that it includes every write up to.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.tag.unwrap_or_default()
    }

    /// A collection, as it was read.
    pub(super) fn collection(&self, slug: &Slug) -> Option<Arc<Collection>> {
        self.by_slug.get(slug).map(|one| Arc::clone(&one.collection))
    }

    /// Every collection with how it stands at a moment, by name.
    pub fn at(&self, at: Moment) -> impl Iterator<Item = Listing> {
        self.by_slug.values().map(move |one| Listing {
            collection: Arc::clone(&one.collection),
            standing: one.standing_at(at),
        })
    }

    /// The collections that have seasons, as they are to be read now.
    pub fn seasonal(&self, now: Moment) -> impl Iterator<Item = Plan> {
        let has_seasons = |one: &&Arc<One>| one.collection.definition.seasons.is_some();
        self.by_slug.values().filter(has_seasons).map(move |one| {
            let standing = one.standing_now(now);
            Plan::of(one.collection.slug.clone(), Some((&one.collection, standing)), now)
        })
    }

    /// A collection as it is to be read now.
    #[must_use]
    pub fn plan_now(&self, slug: &Slug, now: Moment) -> Plan {
        let one = self.by_slug.get(slug);
        Plan::of(slug.clone(), one.map(|one| (&one.collection, one.standing_now(now))), now)
    }

    /// A collection as it is to be read at another moment.
    #[must_use]
    pub fn plan_then(&self, slug: &Slug, at: Moment) -> Plan {
        let one = self.by_slug.get(slug);
        Plan::of(slug.clone(), one.map(|one| (&one.collection, one.standing_at(at))), at)
    }

    /// For how long all of them stand as they do now. What it says of being active means nothing.
    #[must_use]
    pub fn standing_now(&self, now: Moment) -> Standing {
        let all = || common(self.by_slug.values().map(|one| one.standing_now(now)));
        self.now.now(now, all)
    }

    /// The same at any moment, which is not remembered.
    #[must_use]
    pub fn standing_then(&self, at: Moment) -> Standing {
        let all = || common(self.by_slug.values().map(|one| one.standing_at(at)));
        self.now.at(at).unwrap_or_else(all)
    }

    /// How many there are, and how many of them are on now.
    #[must_use]
    pub fn counts(&self, now: Moment) -> (usize, usize) {
        let on = self.by_slug.values().filter(|one| one.standing_now(now).active);
        (self.by_slug.len(), on.count())
    }
}

/// The time in which all of these hold.
fn common(all: impl Iterator<Item = Standing>) -> Standing {
    let nothing = Standing { active: true, since: None, until: None, next: None };
    all.fold(nothing, |time, one| Standing {
        since: time.since.max(one.since),
        until: [time.until, one.until].into_iter().flatten().min(),
        ..time
    })
}

/// The register.
#[derive(Debug)]
pub(super) struct Register {
    known: Arc<Known>,
    held: ArcSwap<Held>,
    /// One reload at a time.
    reloading: Mutex<Reloads>,
}

#[derive(Debug, Default)]
struct Reloads {
    /// When it last failed, unless it has succeeded since.
    failed: Option<Instant>,
}

/// For how long after a failure it is not tried again: those who waited for it are answered from what is held, and
/// each of them would wait as long.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

impl Register {
    pub(super) fn new(known: Arc<Known>) -> Self {
        let held = Held {
            tag: None,
            generation: known.generation(),
            watched: known.watch(&[Scope::Collections]),
            by_slug: BTreeMap::new(),
            now: Last::default(),
        };
        Self { known, held: ArcSwap::from_pointee(held), reloading: Mutex::default() }
    }

    pub(super) fn peek(&self) -> Arc<Held> {
        self.held.load_full()
    }

    /// Whether what is held includes all that it must.
    fn is_good(&self, held: &Held) -> bool {
        let is_of_this_life = held.generation == self.known.generation();
        is_of_this_life && held.tag.is_some_and(|tag| held.watched.is_met_by(tag))
    }

    pub(super) async fn current(
        &self,
        catalogue: &Catalogue,
        metrics: &Metrics,
    ) -> Result<Arc<Held>, ServiceError> {
        let held = self.peek();
        if self.is_good(&held) {
            return Ok(held);
        }
        let mut reloads = self.reloading.lock().await;
        let held = self.peek();
        if self.is_good(&held) {
            return Ok(held); // somebody did it meanwhile
        }
        if held.tag.is_some() && reloads.failed.is_some_and(|at| at.elapsed() < FAILURE_PAUSE) {
            return Ok(held);
        }
        match self.reload(&held, catalogue).await {
            Ok(new) => {
                if reloads.failed.take().is_some() {
                    tracing::info!("the database answers again which collections there are");
                }
                metrics.reloaded();
                self.held.store(Arc::clone(&new));
                Ok(new)
            }
            Err(error) if held.tag.is_some() => {
                metrics.failed_to_reload();
                if reloads.failed.replace(Instant::now()).is_none() {
                    tracing::warn!(%error, "collections were changed and cannot be read");
                }
                Ok(held)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads those that changed, and keeps the others.
    async fn reload(
        &self,
        before: &Held,
        catalogue: &Catalogue,
    ) -> Result<Arc<Held>, ServiceError> {
        // Before the read: what comes meanwhile is not known to be in it.
        let generation = self.known.generation();
        let watched = self.known.watch(&[Scope::Collections]);
        let is_of_this_life = generation == before.generation;
        let since = before.tag.filter(|_| is_of_this_life).unwrap_or_default();
        let AsOf { revision, value } = catalogue
            .detached(Work::Read, async move |store| store.collections(since).await)
            .await?;
        let StoredCollections { all, changed, is_bumped, bad } = value;
        for error in bad {
            tracing::error!(%error, "a collection makes no sense, and is left out");
        }
        let mut by_slug: BTreeMap<Slug, Arc<One>> =
            changed.into_iter().map(|new| (new.slug.clone(), One::new(new))).collect();
        for (slug, revision) in all {
            let same =
                before.by_slug.get(&slug).filter(|known| known.collection.revision == revision);
            if let Some(known) = same.filter(|_| is_of_this_life && !is_bumped) {
                by_slug.entry(slug).or_insert_with(|| Arc::clone(known));
            }
        }
        let (tag, now) = (Some(revision), Last::default());
        Ok(Arc::new(Held { tag, generation, watched, by_slug, now }))
    }
}
