//! Collections: what editors do with them, and how they stand now.
//!
//! Whether a collection is on follows from the clock, so each replica keeps what was said of all of them in
//! memory (the *register*), to know which of its answers holds now. The register is judged like any answer
//! that is kept: by the revision of the scope of all collections. So it is never older than answers may be,
//! and nothing has to tell it.
//!
//! **Invariant:** what a collection's answer is made of comes from one snapshot of the truth; the register
//! says what it is called and when it holds, and an answer that turns out otherwise is kept by nobody.
//! Where the collection has a search, the index says which movies those are and in which order, and the
//! answer is of the older of the two: it includes every write up to its revision.

mod import;
mod metrics;
mod register;

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        clock::Moment,
        collection::{Collection, Slug},
        movie::MovieId,
        revision::{AsOf, Revision, Scope},
        season::Standing,
    },
    store::{Assembled, Assembly, CollectionChange, CollectionOutcome, Store},
};

use super::{
    catalogue::{Catalogue, or_current},
    error::ServiceError,
    work::Work,
};

pub use {
    import::{Imported, Refused, bundled, export, import, load_bundled},
    metrics::{Metrics, Warmed},
    register::{Held, Listing},
};

use register::Register;

/// The collections of a catalogue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collections {
    catalogue: Catalogue,
    register: Arc<Register>,
    metrics: Arc<Metrics>,
    /// How long a collection that has a search waits for the index.
    catch_up: Duration,
}

/// What is to be read of one collection, as far as it is known before it is read.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub slug: Slug,
    /// The moment that it is read for.
    pub at: Moment,
    /// How it stands then; `None` where there is no such collection, as far as is known.
    pub standing: Option<Standing>,
    /// What its answer depends on, before that is made.
    pub scopes: Vec<Scope>,
    known: Option<Arc<Collection>>,
}

impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        (&self.slug, self.standing) == (&other.slug, other.standing)
    }
}

impl Plan {
    /// What is to be read of a collection for a moment, by what is known of it.
    fn of(slug: Slug, known: Option<(&Arc<Collection>, Standing)>, at: Moment) -> Self {
        let scopes = known.map_or_else(
            || vec![Scope::Collection(slug.to_string())],
            |(known, _)| known.definition.scopes(&slug, None),
        );
        let standing = known.map(|(_, standing)| standing);
        let known = known.map(|(known, _)| Arc::clone(known));
        Self { slug, at, standing, scopes, known }
    }

    /// Whether the index is asked for its movies.
    #[must_use]
    pub fn has_search(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.definition.search().is_some())
    }

    /// Whether it has a season that is on at that moment.
    #[must_use]
    pub fn is_in_season(&self) -> bool {
        self.standing.is_some_and(|standing| standing.active && standing != Standing::ALWAYS)
    }
}

/// A collection as it was read.
#[derive(Debug)]
pub struct Document {
    /// The collection and its movies.
    pub assembled: Assembled,
    /// How it stands.
    pub standing: Standing,
    /// What it depends on.
    pub scopes: Vec<Scope>,
}

/// What came of reading a planned collection.
#[derive(Debug)]
pub struct Read {
    /// The collection; `None` where there is no such.
    pub document: Option<Document>,
    /// Whether it is what was planned for: an answer under another name than it should have is for nobody
    /// else.
    pub is_as_planned: bool,
}

impl Collections {
    /// The collections of a catalogue. Those that have a search wait at most for `catch_up` for the index.
    #[must_use]
    pub fn new(catalogue: Catalogue, metrics: Metrics, catch_up: Duration) -> Self {
        let register = Arc::new(Register::new(Arc::clone(catalogue.known())));
        Self { catalogue, register, metrics: Arc::new(metrics), catch_up }
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.catalogue.known().clock().now()
    }

    /// The register, brought up to date if something was written. Where that fails, as it was: answers that
    /// it leads to are judged by themselves.
    ///
    /// # Errors
    /// [`ServiceError`] where there never was one.
    pub async fn held(&self) -> Result<Arc<Held>, ServiceError> {
        self.register.current(&self.catalogue, &self.metrics).await
    }

    /// The same, once its revision is known here, for an answer that names it.
    ///
    /// # Errors
    /// As [`Collections::held`].
    pub async fn held_and_known(&self) -> Result<Arc<Held>, ServiceError> {
        let held = self.held().await?;
        self.catalogue.settled(held.revision()).await;
        Ok(held)
    }

    /// What is to be read of a collection now.
    ///
    /// # Errors
    /// As [`Collections::held`].
    pub async fn plan(&self, slug: Slug) -> Result<Plan, ServiceError> {
        let held = self.held().await?;
        let now = self.now(); // after what was waited for
        Ok(held.plan_now(&slug, now))
    }

    /// Reads a planned collection, with `at_least` in it if there is such.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`]; of one that has a search, those of
    /// [`Catalogue::search`], and [`ServiceError::IndexBehind`].
    pub async fn read(&self, plan: &Plan, at_least: Revision) -> Result<AsOf<Read>, ServiceError> {
        let AsOf { revision, value } = self.assembled(plan, at_least).await?;
        let document = value.map(|assembled| {
            let definition = &assembled.collection.definition;
            let standing = definition.standing(plan.at);
            let mut scopes = definition.scopes(&plan.slug, Some(&assembled.found));
            if scopes != [Scope::All] {
                scopes.extend(assembled.movies.iter().map(|movie| Scope::of_movie(movie.id)));
                scopes.sort_unstable();
                scopes.dedup();
            }
            Document { assembled, standing, scopes }
        });
        let standing = document.as_ref().map(|document| document.standing);
        let is_as_planned = standing == plan.standing;
        Ok(AsOf { revision, value: Read { document, is_as_planned } })
    }

    async fn assembled(
        &self,
        plan: &Plan,
        at_least: Revision,
    ) -> Result<AsOf<Option<Assembled>>, ServiceError> {
        let mut known = plan.known.clone();
        loop {
            let search = known.as_ref().and_then(|known| known.definition.search());
            let (searched, ids) = match search {
                None => (None, Vec::new()),
                Some(query) => {
                    let found = self.catalogue.found(query, at_least, self.catch_up).await?;
                    (Some(found.revision), found.value)
                }
            };
            let AsOf { revision, value } = self.with_movies(plan, known, ids).await?;
            let revision = searched.map_or(revision, |searched| searched.min(revision));
            match value {
                None => return Ok(AsOf { revision, value: None }),
                Some(Assembly::Whole(whole)) => return Ok(AsOf { revision, value: Some(*whole) }),
                // It changed since; it must change again for another round.
                Some(Assembly::Unsearched(collection)) => known = Some(Arc::from(collection)),
            }
        }
    }

    async fn with_movies(
        &self,
        plan: &Plan,
        known: Option<Arc<Collection>>,
        searched: Vec<MovieId>,
    ) -> Result<AsOf<Option<Assembly>>, ServiceError> {
        let slug = plan.slug.clone();
        let read = async move |store: Arc<Store>| {
            store.assembled_collection(&slug, known.as_deref(), &searched).await
        };
        self.catalogue.detached(Work::List, read).await
    }

    /// What was said of a collection.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn definition(&self, slug: Slug) -> Result<AsOf<Option<Collection>>, ServiceError> {
        self.one(Work::Read, slug).await
    }

    /// The same, for the sake of a write that depends on how it is.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn to_write(&self, slug: Slug) -> Result<AsOf<Option<Collection>>, ServiceError> {
        self.one(Work::Write, slug).await
    }

    async fn one(&self, work: Work, slug: Slug) -> Result<AsOf<Option<Collection>>, ServiceError> {
        // Not for what is in it, but so that its rules need not be worked out again.
        let known = self.register.peek().collection(&slug);
        let read = async move |store: Arc<Store>| store.collection(&slug, known.as_deref()).await;
        let read = self.catalogue.detached(work, read).await?;
        self.catalogue.settled(read.revision).await;
        Ok(read)
    }

    /// Changes a collection. The revision is the one that the write made, or the catalogue's current one if
    /// it changed nothing.
    ///
    /// Dropping the future does not cancel a write that was begun; one that waits for leave is not begun.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`]; [`ServiceError::Store`], and then nothing was written, or (time-out of a
    /// commit) it is unknown.
    pub async fn write(
        &self,
        slug: Slug,
        change: CollectionChange,
    ) -> Result<AsOf<CollectionOutcome>, ServiceError> {
        let catalogue = self.catalogue.clone();
        let (made, revision, outcome) = self
            .catalogue
            .detached(Work::Write, async move |store| {
                let before = catalogue.known().before_write();
                let written = store.write_collection(&slug, &change, before.known()).await?;
                if let Some(revision) = written.revision {
                    let between = written.between.as_deref();
                    catalogue.tell(before, revision, &written.scopes, between);
                }
                let made = written.revision.is_some();
                Ok((made, or_current(&store, written.revision).await?, written.outcome))
            })
            .await?;
        let settled = self.catalogue.settled(revision).await;
        let revision: Revision = if made { revision } else { settled };
        Ok(AsOf { revision, value: outcome })
    }
}
