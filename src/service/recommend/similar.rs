//! What is like a movie.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        list::Filter,
        model::ModelVersion,
        movie::{Movie, MovieId},
        recommend::{SimilarQuery, Source},
        revision::{AsOf, Revision, Scope},
    },
    service::error::ServiceError,
};

use super::{Recommender, shelf::most_popular};

/// Movies that a model is asked for, and as many are looked for by what is written about them.
const CANDIDATES: usize = 200;
/// With so many times the rows that are wanted, it is not looked further.
const PLENTY: usize = 3;

/// A movie that is like another one.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarRow {
    /// The movie, without what rows of lists leave out.
    pub movie: Movie,
    /// How it was found.
    pub source: Source,
}

/// What is like a movie.
#[derive(Debug, Clone, PartialEq)]
pub struct Similar {
    /// The most similar first.
    pub rows: Vec<SimilarRow>,
    /// The model that was asked; `None` where there is none.
    pub model: Option<ModelVersion>,
    /// What the answer depends on.
    pub scopes: Vec<Scope>,
}

impl Recommender {
    /// What is like a movie; `None` where there is no such movie. The rows are one state of the catalogue, of
    /// `at_least` or later if there is such. *Which* movies are alike is as of the model, and for what the model
    /// does not know, as of when it was asked.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`], [`ServiceError::Store`].
    pub async fn similar(
        &self,
        query: &SimilarQuery,
        at_least: Revision,
    ) -> Result<AsOf<Option<Similar>>, ServiceError> {
        let SimilarQuery { movie: id, choice } = query;
        let AsOf { revision, value } = self.catalogue.movie(*id).await?;
        let Some(movie) = value else { return Ok(AsOf { revision, value: None }) };
        let limit = usize::from(choice.limit);
        let model = self.models.in_force();
        let mut candidates: Vec<(MovieId, Source)> = Vec::new();
        if let Some(model) = &model {
            let scored = model.similar(*id, CANDIDATES).into_iter();
            candidates.extend(scored.map(|row| (row.movie, Source::Model)));
        }
        // A filter may leave next to nothing of what the model names.
        if candidates.len() < PLENTY * limit || !choice.filter.is_open() {
            let near =
                self.alike.to(&movie, &choice.filter, CANDIDATES.min(PLENTY * limit)).await?;
            let known: HashSet<MovieId> = candidates.iter().map(|(id, _)| *id).collect();
            let new = near.into_iter().filter(|(id, _)| !known.contains(id));
            candidates.extend(new.map(|(id, _)| (id, Source::Content)));
        }

        if let Some(asked) = &choice.filter.ids {
            candidates.retain(|(id, _)| asked.contains(id));
        }
        let ids: Vec<MovieId> = candidates.iter().map(|(id, _)| *id).collect();
        let Accepted { revision: read_at, movies: mut there } =
            self.accepted(&ids, &choice.filter, at_least).await?;
        let (mut rows, mut looked_at) = (Vec::with_capacity(limit), vec![*id]);
        for (id, source) in candidates {
            if rows.len() == limit {
                break;
            }
            looked_at.push(id);
            rows.extend(there.remove(&id).map(|movie| SimilarRow { movie, source }));
        }
        let model = model.map(|model| model.stored.version);
        let value = Similar { rows, model, scopes: scopes(looked_at) };
        Ok(AsOf { revision: revision.min(read_at.unwrap_or(revision)), value: Some(value) })
    }

    /// Those of some movies that a filter accepts, all of one moment, if there are any to be looked at.
    async fn accepted(
        &self,
        ids: &[MovieId],
        filter: &Filter,
        at_least: Revision,
    ) -> Result<Accepted, ServiceError> {
        if ids.is_empty() {
            return Ok(Accepted::default());
        }
        let scopes = scopes(ids.to_vec());
        let need = self.catalogue.known().watch(&scopes).need().max(at_least);
        let filter = Filter { ids: Some(ids.iter().copied().collect()), ..filter.clone() };
        let most = u16::try_from(ids.len()).unwrap_or(u16::MAX);
        let page = self.catalogue.list(most_popular(filter, most), need).await?;
        let movies = page.value.movies.into_iter().map(|movie| (movie.id, movie)).collect();
        Ok(Accepted { revision: Some(page.revision), movies })
    }
}

/// Movies by their ids, and the moment that they are of.
#[derive(Default)]
struct Accepted {
    revision: Option<Revision>,
    movies: HashMap<MovieId, Movie>,
}

/// What is like a movie depends on it, on those that were looked at for the rows, and on the model.
fn scopes(movies: Vec<MovieId>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = movies.into_iter().map(Scope::of_movie).collect();
    scopes.push(Scope::Model);
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}
