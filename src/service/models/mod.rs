//! The model that this replica recommends by: which one is to be used is said in the truth, each poll tells of
//! it, and this loads it while the one before goes on answering.
//!
//! | | |
//! |---|---|
//! | `in_force` | a model that answers, by movies |
//! | `load` | from the truth's bytes to such a model, checked |
//! | `metrics` | what is counted |
//!
//! **Invariant:** a model answers only if all of it was checked. One that is refused changes nothing: the one
//! before stays, and at a start an older one is taken.
//! **Invariant:** a row of the table that makes no sense hides no other: it is told once, and passed over.
//! **Invariant:** what was answered by a model is not good any more once another is in force here.

mod in_force;
mod load;
mod metrics;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use serde::Serialize;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::known::Known,
    domain::model::{Checksum, ModelVersion, StoredModel},
    store::{Store, error::StoreError},
};

pub use in_force::{InForce, Scored};
pub use load::Refused;
pub use metrics::Metrics;
pub(super) use metrics::registered;

use load::Unloaded;

/// How often it is looked whether the model in force is the one that is to be used, whatever polls tell: a
/// database that was restored may have another one under the same number.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// The pause after a model could not be read.
const PAUSE: Duration = Duration::from_secs(2);

/// The models of a replica. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    in_force: ArcSwapOption<InForce>,
    /// What polls said last is to be used; `None` where nothing is, and before the first.
    wanted: watch::Sender<Option<ModelVersion>>,
    /// Models that were found to be of no use, and why: their bytes do not change.
    refused: Mutex<HashMap<Checksum, (ModelVersion, String)>>,
    /// What is wrong with rows that make no sense, as it was when it was looked last, each with its version.
    passed_over: Mutex<BTreeMap<String, Option<ModelVersion>>>,
    known: Arc<Known>,
    metrics: Arc<Metrics>,
    bytes_max: u64,
}

/// Models as an operator looks at them.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version in force here; none before the first.
    pub version: Option<ModelVersion>,
    /// Its checksum.
    pub sha256: Option<String>,
    /// When it was made.
    pub made_at: Option<String>,
    /// Movies that it speaks of.
    pub items: usize,
    /// Bytes that it takes in memory.
    pub bytes: usize,
    /// The version that is to be used, as the database says.
    pub wanted: Option<ModelVersion>,
    /// Why that one is not in force, if it was refused.
    pub refused: Option<String>,
}

impl Models {
    /// Models of at most so many bytes, none of them in force yet.
    #[must_use]
    pub fn new(known: Arc<Known>, metrics: Arc<Metrics>, bytes_max: u64) -> Self {
        Self(Arc::new(Inner {
            in_force: ArcSwapOption::empty(),
            wanted: watch::Sender::new(None),
            refused: Mutex::default(),
            passed_over: Mutex::default(),
            known,
            metrics,
            bytes_max,
        }))
    }

    /// The model in force. Never waits.
    #[must_use]
    pub fn in_force(&self) -> Option<Arc<InForce>> {
        self.0.in_force.load_full()
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Hears from a poll which model is to be used. Does not wait.
    pub fn heard(&self, version: Option<ModelVersion>) {
        self.0.wanted.send_if_modified(|wanted| {
            let changed = *wanted != version;
            *wanted = version;
            changed
        });
    }

    /// How they are; brings the gauges up to date.
    #[must_use]
    pub fn report(&self) -> Report {
        let wanted = *self.0.wanted.borrow();
        let refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = refused.values().filter(|(version, _)| Some(*version) == wanted);
        let refused = refused.next().map(|(_, why)| why.clone()).or_else(|| {
            let passed_over = self.0.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
            let of_wanted = |version: &Option<ModelVersion>| wanted.is_some() && *version == wanted;
            let mut found = passed_over.iter().filter(|(_, version)| of_wanted(version));
            found.next().map(|(why, _)| why.clone())
        });
        let in_force = self.in_force();
        self.0.metrics.show(in_force.as_deref());
        let of = in_force.as_deref();
        Report {
            version: of.map(|model| model.stored.version),
            sha256: of.map(|model| model.stored.model.checksum.to_string()),
            made_at: of.map(|model| model.stored.model.made_at.to_string()),
            items: of.map_or(0, InForce::items),
            bytes: of.map_or(0, InForce::bytes),
            wanted,
            refused,
        }
    }

    /// Loads what is to be used, again and again, until told to stop.
    pub async fn run(self, store: Arc<Store>, stop: CancellationToken) {
        let mut wanted = self.0.wanted.subscribe();
        let mut failing = false;
        loop {
            wanted.mark_unchanged();
            let pause = match self.settle(&store).await {
                Ok(()) => {
                    failing = false;
                    LOOK_EVERY
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        let cause = cause.unwrap_or_default();
                        tracing::warn!(%error, cause, "models cannot be read; it is tried again");
                    }
                    self.0.metrics.unread();
                    PAUSE
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                changed = wanted.changed() => if changed.is_err() { return },
                () = stop.cancelled() => return,
            }
        }
    }

    /// Puts the model that is to be used in force, if it is another one.
    ///
    /// # Errors
    /// The store's; a model that is refused is none.
    pub async fn settle(&self, store: &Store) -> Result<(), StoreError> {
        let kept = store.kept_models().await?;
        self.pass_over(kept.bad.iter().map(|bad| (bad.fault.to_string(), bad.version)).collect());
        let is_there = |version: &ModelVersion| {
            kept.good.iter().any(|model| model.version == *version)
                || kept.bad.iter().any(|bad| bad.version == Some(*version))
        };
        let Some(wanted) = kept.in_use.filter(is_there) else {
            if self.in_force().is_some() {
                self.put(None); // the database is another one
            }
            return Ok(());
        };
        // Where nothing answers yet, an older model is better than none.
        let or_older = self.in_force().is_none();
        let may_answer = |version: ModelVersion| version == wanted || or_older && version < wanted;
        for model in kept.good.iter().filter(|model| may_answer(model.version)) {
            if let Some(known) = self.in_force()
                && known.stored.model.checksum == model.model.checksum
            {
                // What is learnt from the same is the same; its version is another one.
                if known.stored.version != model.version {
                    self.put(Some(known.stored_as(model.clone())));
                }
                return Ok(());
            }
            if self.was_refused(model) {
                continue;
            }
            match load::load(store, model, self.0.bytes_max).await {
                Ok(loaded) => {
                    tracing::info!(
                        version = %model.version,
                        items = loaded.items(),
                        bytes = loaded.bytes(),
                        "another model is in force"
                    );
                    self.put(Some(loaded));
                    return Ok(());
                }
                Err(Unloaded::Store(error)) => return Err(error),
                Err(Unloaded::Refused(why)) => self.refuse(model, &why),
            }
        }
        Ok(())
    }

    fn put(&self, model: Option<InForce>) {
        let loaded = model.is_some();
        self.0.in_force.store(model.map(Arc::new));
        self.0.known.replace_model();
        if loaded {
            self.0.metrics.loaded();
        }
    }

    fn refuse(&self, model: &StoredModel, why: &Refused) {
        tracing::error!(
            version = %model.version,
            %why,
            in_force = self.in_force().map_or(0, |known| known.stored.version.get()),
            "a model was refused; the one before stays"
        );
        self.0.metrics.refused();
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(model.model.checksum, (model.version, why.to_string()));
    }

    /// Tells of rows that make no sense and were not told of before.
    fn pass_over(&self, bad: BTreeMap<String, Option<ModelVersion>>) {
        let mut passed_over = self.0.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        for why in bad.keys().filter(|why| !passed_over.contains_key(*why)) {
            tracing::warn!(%why, "a model is passed over, since what is said of it makes no sense");
            self.0.metrics.refused();
        }
        *passed_over = bad;
    }

    fn was_refused(&self, model: &StoredModel) -> bool {
        let refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.contains_key(&model.model.checksum)
    }
}
