//! What is shown to whom nothing is known of: what many look at these days, and what is popular. It is the same
//! for everybody, and at hand.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        activity::{TrendingAsk, Window},
        list::Filter,
        movie::MovieId,
        revision::Revision,
    },
    service::{catalogue::Catalogue, error::ServiceError, work::Work},
};

use super::shelf::most_popular;

/// How long it is at hand.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Filters of which the most popular movies are at hand.
const FILTERS: u64 = 1_000;
/// Movies that are trending, at most.
const TRENDING: u16 = crate::domain::activity::LIMIT_MAX;
/// The most popular movies of a filter.
const POPULAR: u16 = 200;

type Ids = Arc<[MovieId]>;

/// Finds them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Popular {
    catalogue: Catalogue,
    trending: moka::sync::Cache<(), Ids>,
    by_filter: moka::sync::Cache<String, Ids>,
}

impl Popular {
    pub(super) fn new(catalogue: Catalogue) -> Self {
        let trending = moka::sync::Cache::builder().max_capacity(1).time_to_live(KEPT_FOR).build();
        let by_filter =
            moka::sync::Cache::builder().max_capacity(FILTERS).time_to_live(KEPT_FOR).build();
        Self { catalogue, trending, by_filter }
    }

    /// What is trending this week, best first.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn trending(&self) -> Result<Ids, ServiceError> {
        if let Some(ids) = self.trending.get(&()) {
            return Ok(ids);
        }
        let ask = TrendingAsk { window: Window::Week, genre: None, limit: TRENDING };
        let now = self.catalogue.known().clock().now();
        let read = async move |store: Arc<crate::store::Store>| store.trending(&ask, now).await;
        let trends = self.catalogue.detached(Work::Read, read).await?;
        let ids: Ids = trends.iter().map(|trend| trend.movie).collect();
        self.trending.insert((), Arc::clone(&ids));
        Ok(ids)
    }

    /// The most popular movies that a filter accepts, best first. Some may be missing that were written within
    /// the last seconds.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn popular(&self, filter: &Filter) -> Result<Ids, ServiceError> {
        let query = most_popular(filter.clone(), POPULAR);
        let key = query.canonical();
        if let Some(ids) = self.by_filter.get(&key) {
            return Ok(ids);
        }
        let page = self.catalogue.list(query, Revision::ZERO).await?;
        let ids: Ids = page.value.movies.iter().map(|movie| movie.id).collect();
        self.by_filter.insert(key, Arc::clone(&ids));
        Ok(ids)
    }
}
