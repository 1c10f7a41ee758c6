//! What is shown to whom nothing is known of: what many look at these days, and what is popular. It is the same
//! for everybody, and at hand.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        activity::{TrendingAsk, Window},
        cursor::Position,
        list::{self, Filter, ListQuery, Start},
        movie::MovieId,
        revision::Revision,
    },
    service::{catalogue::Catalogue, error::ServiceError, work::Work},
};

use super::shelf::most_popular;

/// How long it is at hand.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// Pages of popular movies that are at hand, of all filters.
const PAGES: u64 = 1_000;
/// Movies that are trending, at most.
const TRENDING: u16 = crate::domain::activity::LIMIT_MAX;
/// The most popular movies of a filter: more than anybody is shown who did not see most of them.
const FIRST: u16 = 200;
/// Those of a page after them.
pub(super) const NEXT: u16 = list::LIMIT_MAX;

type Ids = Arc<[MovieId]>;

/// Some of the most popular movies that a filter accepts, best first.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) ids: Box<[MovieId]>,
    /// Where it goes on; `None` after the last.
    pub(super) next: Option<Position>,
}

/// Finds them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Popular {
    catalogue: Catalogue,
    trending: moka::sync::Cache<(), Ids>,
    by_filter: moka::sync::Cache<String, Arc<Page>>,
}

impl Popular {
    pub(super) fn new(catalogue: Catalogue) -> Self {
        let trending = moka::sync::Cache::builder().max_capacity(1).time_to_live(KEPT_FOR).build();
        let by_filter =
            moka::sync::Cache::builder().max_capacity(PAGES).time_to_live(KEPT_FOR).build();
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
        let trends = self.catalogue.detached(Work::List, read).await?;
        let ids: Ids = trends.iter().map(|trend| trend.movie).collect();
        self.trending.insert((), Arc::clone(&ids));
        Ok(ids)
    }

    /// A page of the most popular movies that a filter accepts: the first, or the one after a place. Some may be
    /// missing that were written within the last seconds.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn popular(
        &self,
        filter: &Filter,
        after: Option<&Position>,
    ) -> Result<Arc<Page>, ServiceError> {
        let query = match after {
            None => most_popular(filter.clone(), FIRST),
            Some(place) => {
                let start = Start::At(place.clone());
                ListQuery { start, ..most_popular(filter.clone(), NEXT) }
            }
        };
        let key = query.canonical();
        if let Some(page) = self.by_filter.get(&key) {
            return Ok(page);
        }
        let list = self.catalogue.list(query, Revision::ZERO).await?.value;
        let ids = list.movies.iter().map(|movie| movie.id).collect();
        let page = Arc::new(Page { ids, next: list.next });
        self.by_filter.insert(key, Arc::clone(&page));
        Ok(page)
    }
}
