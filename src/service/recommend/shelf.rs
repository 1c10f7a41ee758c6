//! Movies at hand, as rows of lists have them: answers that nobody else is given are put together from these,
//! without asking the truth for what did not change.
//!
//! **Invariant:** a movie that is given includes every write that was known when it was asked for. It is judged
//! as any answer that is kept: by its tag, and the revision of its scope.

use std::{sync::Arc, time::Duration};

use crate::{
    cache::known::Watched,
    domain::{
        field::FieldSet,
        list::{Filter, ListQuery, Sort, Start},
        movie::{Movie, MovieId},
        revision::{Revision, Scope},
    },
    learn::likeness::Traits,
    service::{catalogue::Catalogue, error::ServiceError},
};

/// Bytes of movies at hand.
const BYTES_MAX: u64 = 16 << 20;
/// Movies that are read at once.
const AT_ONCE: usize = 200;

/// A movie, and what it is compared by.
#[derive(Debug)]
pub struct OnShelf {
    /// The movie, without what rows of lists leave out.
    pub movie: Movie,
    /// What it is compared by.
    pub traits: Traits,
}

#[derive(Debug)]
struct Kept {
    tag: Revision,
    watched: Watched,
    /// `None` where there is no such movie.
    movie: Option<Arc<OnShelf>>,
}

impl Kept {
    fn is_good(&self) -> bool {
        self.tag >= self.watched.need()
    }

    fn weight(&self) -> u32 {
        let movie = self.movie.as_ref().map_or(0, |kept| {
            let data = &kept.movie.data;
            let lists = [&data.directors, &data.genres, &data.countries, &data.languages];
            let names = lists.into_iter().flatten().map(|name| name.len() + size_of::<String>());
            size_of::<OnShelf>() + data.title.len() + names.sum::<usize>() + kept.traits.weight()
        });
        u32::try_from(movie + 200).unwrap_or(u32::MAX)
    }
}

/// Movies at hand. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    catalogue: Catalogue,
    movies: moka::sync::Cache<MovieId, Arc<Kept>>,
}

impl Shelf {
    /// A shelf on which nothing stays for longer than `ttl`.
    pub(super) fn new(catalogue: Catalogue, ttl: Duration) -> Self {
        let movies = moka::sync::Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(|_, kept: &Arc<Kept>| kept.weight())
            .time_to_live(ttl)
            .build();
        Self { catalogue, movies }
    }

    /// These movies, in their order; `None` for those that there are not.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn get(
        &self,
        ids: &[MovieId],
    ) -> Result<Vec<Option<Arc<OnShelf>>>, ServiceError> {
        let mut found = Vec::with_capacity(ids.len());
        let mut missing = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            let kept = self.movies.get(id).filter(|kept| kept.is_good());
            if kept.is_none() {
                missing.push((place, *id));
            }
            found.push(kept.and_then(|kept| kept.movie.clone()));
        }
        for chunk in missing.chunks(AT_ONCE) {
            let read = self.read(chunk.iter().map(|(_, id)| *id).collect()).await?;
            for (place, id) in chunk {
                found[*place] = read.iter().find(|kept| kept.movie.id == *id).cloned();
            }
        }
        Ok(found)
    }

    async fn read(&self, ids: Vec<MovieId>) -> Result<Vec<Arc<OnShelf>>, ServiceError> {
        let known = self.catalogue.known();
        let watched: Vec<Watched> =
            ids.iter().map(|id| known.watch(&[Scope::of_movie(*id)])).collect();
        let need = watched.iter().map(Watched::need).max().unwrap_or_default();
        let page = self.catalogue.list(of_ids(&ids), need).await?;
        let tag = page.revision;
        let mut movies = Vec::with_capacity(ids.len());
        for movie in page.value.movies {
            let traits = Traits::of(&movie.data);
            movies.push(Arc::new(OnShelf { movie, traits }));
        }
        for (id, watched) in ids.into_iter().zip(watched) {
            let movie = movies.iter().find(|kept| kept.movie.id == id).cloned();
            self.movies.insert(id, Arc::new(Kept { tag, watched, movie }));
        }
        Ok(movies)
    }
}

/// The list of these movies, at most 500.
pub(super) fn of_ids(ids: &[MovieId]) -> ListQuery {
    let filter = Filter { ids: Some(ids.iter().copied().collect()), ..Filter::default() };
    most_popular(filter, u16::try_from(ids.len()).unwrap_or(u16::MAX))
}

/// The most popular movies that a filter accepts.
pub(super) fn most_popular(filter: Filter, limit: u16) -> ListQuery {
    let (sort, start, fields) = (Sort::DEFAULT, Start::First, FieldSet::of_lists());
    ListQuery { filter, sort, limit, start, fields }
}
