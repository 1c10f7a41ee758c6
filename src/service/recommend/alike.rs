//! Movies that are alike by what is written about them: for movies that no model speaks of, and before there is
//! a model.
//!
//! The index finds who has rare things in common. Where it cannot be asked, and where too few have any, lists
//! of the directors' films and of the genres' most popular ones are compared in memory. Either way a question
//! costs a few short reads, whatever the size of the catalogue.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    domain::{
        list::Filter,
        movie::{Movie, MovieId},
        revision::Revision,
        text::name_key,
    },
    learn::likeness::Traits,
    service::{catalogue::Catalogue, error::ServiceError},
};

use super::shelf::most_popular;

/// Directors whose films are looked at.
const DIRECTORS: usize = 3;
/// Films of each.
const OF_DIRECTOR: u16 = 50;
/// Films of its genres.
const OF_GENRES: u16 = 150;
/// What popularity adds to likeness where lists are compared.
const FAME: f32 = 0.1;

/// Answers that are at hand, for who puts several together.
const KEPT: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_mins(10);
/// Movies of such an answer.
const NEAR: usize = 60;

/// How alike movies are to one, from 0 to 1, the most alike first.
type Near = Arc<[(MovieId, f32)]>;

/// Finds them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Alike {
    catalogue: Catalogue,
    near: moka::sync::Cache<MovieId, Near>,
}

impl Alike {
    pub(super) fn new(catalogue: Catalogue) -> Self {
        let near = moka::sync::Cache::builder().max_capacity(KEPT).time_to_live(KEPT_FOR).build();
        Self { catalogue, near }
    }

    /// What is like a movie, as it was found within the last minutes; nothing for one that is gone.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn near(&self, id: MovieId) -> Result<Near, ServiceError> {
        if let Some(near) = self.near.get(&id) {
            return Ok(near);
        }
        let near: Near = match self.catalogue.movie(id).await?.value {
            Some(movie) => self.to(&movie, &Filter::default(), NEAR).await?.into(),
            None => Arc::default(),
        };
        self.near.insert(id, Arc::clone(&near));
        Ok(near)
    }

    /// What is like a movie and accepted by a filter, the most alike first, ties by id; without it itself.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub(super) async fn to(
        &self,
        movie: &Movie,
        filter: &Filter,
        count: usize,
    ) -> Result<Vec<(MovieId, f32)>, ServiceError> {
        let indexed = match self.catalogue.index() {
            Some(index) => index.alike(movie.clone(), filter.clone(), count).await,
            None => None,
        };
        let (mut found, mut pool) = match indexed {
            Some(rows) => {
                (rows.into_iter().map(|(row, points)| (row.id, points)).collect(), Vec::new())
            }
            None => (Vec::new(), self.of_directors(movie, filter).await?),
        };
        if found.len() < count {
            pool.extend(self.of_genres(movie, filter).await?);
            let least = found.last().map_or(1.0, |(_, points): &(MovieId, f32)| *points);
            let known: BTreeSet<MovieId> = found.iter().map(|(id, _)| *id).collect();
            let own = Traits::of(&movie.data);
            let mut more: Vec<(MovieId, f32)> = pool
                .iter()
                .filter(|row| row.id != movie.id && !known.contains(&row.id))
                .map(|row| (row.id, likeness(&own, row)))
                .collect();
            more.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            more.dedup_by_key(|(id, _)| *id);
            // What the index found has something rare in common, and so comes before.
            found.extend(more.into_iter().map(|(id, likeness)| (id, least * likeness)));
        }
        found.truncate(count);
        Ok(found)
    }

    async fn of_directors(
        &self,
        movie: &Movie,
        filter: &Filter,
    ) -> Result<Vec<Movie>, ServiceError> {
        let mut films = Vec::new();
        for name in movie.data.directors.iter().take(DIRECTORS) {
            let key = name_key(name);
            if filter.director.as_ref().is_some_and(|director| *director != key) {
                continue;
            }
            let filter = Filter { director: Some(key), ..filter.clone() };
            films.extend(self.list(filter, OF_DIRECTOR).await?);
        }
        Ok(films)
    }

    /// The most popular movies that have all of its genres; where there are next to none, any of them.
    async fn of_genres(&self, movie: &Movie, filter: &Filter) -> Result<Vec<Movie>, ServiceError> {
        let keys: Vec<String> = movie.data.genres.iter().map(|name| name_key(name)).collect();
        let mut all = filter.clone();
        all.genres.extend(keys.iter().map(|key| BTreeSet::from([key.clone()])));
        let mut films = self.list(all, OF_GENRES).await?;
        if films.len() < usize::from(OF_GENRES) / 3 && keys.len() > 1 {
            let mut any = filter.clone();
            any.genres.insert(keys.into_iter().collect());
            films.extend(self.list(any, OF_GENRES).await?);
        }
        Ok(films)
    }

    async fn list(&self, filter: Filter, limit: u16) -> Result<Vec<Movie>, ServiceError> {
        let page = self.catalogue.list(most_popular(filter, limit), Revision::ZERO).await?;
        Ok(page.value.movies)
    }
}

fn likeness(own: &Traits, row: &Movie) -> f32 {
    let popularity = row.data.popularity.unwrap_or(0.0) / 100.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is 0 to 1")]
    let fame = popularity as f32;
    (1.0 - FAME) * own.likeness(&Traits::of(&row.data)) + FAME * fame
}
