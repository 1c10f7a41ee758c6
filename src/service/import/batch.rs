//! Writing a batch so that one bad row costs only itself.

use std::future::Future;

use crate::store::{
    Store,
    error::StoreError,
    mutation::{Mutation, Outcome, Written},
};

/// What takes mutations: all of a call, or none.
pub(super) trait Target: Sync {
    /// Does mutations in one transaction.
    fn write(
        &self,
        mutations: &[Mutation],
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;
}

impl Target for Store {
    async fn write(&self, mutations: &[Mutation]) -> Result<Written, StoreError> {
        self.load(mutations).await
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Created,
    Updated,
    Unchanged,
    Rejected(String),
    /// The batch could not be finished.
    NotTried,
}

/// Rows of a batch that are tried together.
struct Part {
    mutations: Vec<Mutation>,
    /// Where each of them is in the batch.
    places: Vec<usize>,
}

/// Writes a batch if all of it can be done in one transaction, and else nothing.
pub(super) async fn attempt(target: &impl Target, mutations: &[Mutation]) -> Option<Vec<Fate>> {
    if mutations.is_empty() {
        return Some(Vec::new());
    }
    let written = target.write(mutations).await.ok()?;
    let is_done = written.outcomes.iter().all(Outcome::is_done);
    is_done.then(|| written.outcomes.iter().filter_map(fate).collect())
}

/// Writes a batch. Rows that the store does not do are rejected, and the others are tried without
/// them; where it fails without saying for which row, halves are tried, down to single rows.
///
/// Gives the fate of each row, and the error because of which some were not tried.
pub(super) async fn write(
    target: &impl Target,
    mutations: Vec<Mutation>,
) -> (Vec<Fate>, Option<StoreError>) {
    let rows = mutations.len();
    let mut fates = vec![Fate::NotTried; rows];
    let mut refused = 0;
    let mut parts = vec![Part { places: (0..rows).collect(), mutations }];
    while let Some(mut part) = parts.pop() {
        if part.mutations.is_empty() {
            continue;
        }
        match target.write(&part.mutations).await {
            Ok(written) => parts.extend(part.settle(&written, &mut fates)),
            Err(error) if part.mutations.len() > 1 && may_be_of_one_row(&error) => {
                let half = part.mutations.len() / 2;
                let rest = Part {
                    mutations: part.mutations.split_off(half),
                    places: part.places.split_off(half),
                };
                parts.extend([rest, part]); // the first half is tried first
            }
            Err(error) if is_of_the_row(&error) => {
                refused += 1;
                if refused == rows && rows > 1 {
                    return (fates, Some(error)); // none of them can be that bad
                }
                for place in part.places {
                    fates[place] = Fate::Rejected(causes(&error));
                }
            }
            Err(error) => return (fates, Some(error)),
        }
    }
    (fates, None)
}

impl Part {
    /// Notes what came of it; gives the rows that are to be tried again without the rejected ones.
    fn settle(self, written: &Written, fates: &mut [Fate]) -> Option<Self> {
        let mut again = Self { mutations: Vec::new(), places: Vec::new() };
        let is_done = written.outcomes.iter().all(Outcome::is_done);
        let rows = self.mutations.into_iter().zip(self.places).zip(&written.outcomes);
        for ((mutation, place), outcome) in rows {
            match fate(outcome) {
                Some(fate) if is_done || !outcome.is_done() => fates[place] = fate,
                _ => {
                    again.mutations.push(mutation);
                    again.places.push(place);
                }
            }
        }
        if again.places.len() == written.outcomes.len() {
            // No row is at fault, so trying again would go on for ever. A store does not do that.
            for place in again.places {
                fates[place] = Fate::Rejected("the store did not do it".to_owned());
            }
            return None;
        }
        Some(again)
    }
}

fn fate(outcome: &Outcome) -> Option<Fate> {
    Some(match outcome {
        Outcome::Created(_) => Fate::Created,
        Outcome::Updated(_) => Fate::Updated,
        Outcome::Unchanged(_) => Fate::Unchanged,
        Outcome::NotDone => return None,
        Outcome::ImdbIdTaken { by: None } => {
            Fate::Rejected("another movie of this file has its imdb_id".to_owned())
        }
        Outcome::ImdbIdTaken { by: Some(by) } => {
            Fate::Rejected(format!("movie {by} has its imdb_id"))
        }
        Outcome::Invalid(invalid) => Fate::Rejected(invalid.to_string()),
        Outcome::Deleted(id) | Outcome::NotFound(id) => {
            Fate::Rejected(format!("movie {id} is gone"))
        }
        Outcome::Stale { id, version } => {
            Fate::Rejected(format!("movie {id} has come to version {version}"))
        }
    })
}

/// Whether a smaller transaction may fare better.
const fn may_be_of_one_row(error: &StoreError) -> bool {
    is_of_the_row(error)
        || matches!(
            error,
            StoreError::TimedOut(_) | StoreError::Unanswered(_) | StoreError::Contended { .. }
        )
}

const fn is_of_the_row(error: &StoreError) -> bool {
    matches!(error, StoreError::Refused(_) | StoreError::BadRow { .. })
}

/// An error with its causes.
fn causes(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        domain::{
            clock::Moment,
            movie::{Movie, MovieData, MovieId},
        },
        store::mutation::Recognise,
    };

    /// A store that does not take rows of some titles.
    #[derive(Default)]
    struct Picky {
        taken: &'static [&'static str],
        refused: &'static [&'static str],
        down: &'static [&'static str],
        written: Mutex<Vec<String>>,
        calls: Mutex<usize>,
    }

    fn title(mutation: &Mutation) -> &str {
        match mutation {
            Mutation::Import { data, .. } => &data.title,
            _ => "",
        }
    }

    impl Target for Picky {
        async fn write(&self, mutations: &[Mutation]) -> Result<Written, StoreError> {
            *self.calls.lock().unwrap() += 1;
            let titles: Vec<_> = mutations.iter().map(title).collect();
            let has = |some: &[&str]| titles.iter().any(|title| some.contains(title));
            if has(self.down) {
                return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut));
            }
            if has(self.refused) {
                return Err(StoreError::Refused(sqlx::Error::RowNotFound));
            }
            let id = MovieId::new(7).unwrap();
            let now = Moment::from_unix_ms(0);
            let all = !has(self.taken);
            let outcome = |title: &&str| match all {
                true => Outcome::Created(Box::new(Movie {
                    id,
                    data: MovieData::default(),
                    version: 1,
                    created_at: now,
                    updated_at: now,
                })),
                false if self.taken.contains(title) => Outcome::ImdbIdTaken { by: Some(id) },
                false => Outcome::NotDone,
            };
            if all {
                self.written.lock().unwrap().extend(titles.iter().map(ToString::to_string));
            }
            Ok(Written {
                revision: None,
                scopes: Vec::new(),
                between: None,
                outcomes: titles.iter().map(outcome).collect(),
            })
        }
    }

    fn rows(titles: &str) -> Vec<Mutation> {
        let row = |title: &str| Mutation::Import {
            data: Box::new(MovieData { title: title.to_owned(), ..MovieData::default() }),
            recognise: Recognise::ByContent,
            created_at: None,
        };
        titles.split(' ').map(row).collect()
    }

    fn rejected(fates: &[Fate]) -> Vec<usize> {
        let is_rejected = |(_, fate): &(usize, &Fate)| matches!(fate, Fate::Rejected(_));
        fates.iter().enumerate().filter(is_rejected).map(|(n, _)| n).collect()
    }

    #[tokio::test]
    async fn rows_that_are_not_done_are_rejected_and_the_others_written_at_once() {
        let store = Picky { taken: &["b", "d"], ..Picky::default() };
        let (fates, error) = write(&store, rows("a b c d e")).await;
        assert!(error.is_none());
        assert_eq!(rejected(&fates), [1, 3]);
        assert_eq!(fates[1], Fate::Rejected("movie 7 has its imdb_id".to_owned()));
        assert_eq!(*store.written.lock().unwrap(), ["a", "c", "e"]);
        assert_eq!(*store.calls.lock().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_batch_that_is_refused_as_a_whole_loses_only_the_row_at_fault() {
        let store = Picky { refused: &["f"], taken: &["b"], ..Picky::default() };
        let (fates, error) = write(&store, rows("a b c d e f g h")).await;
        assert!(error.is_none());
        assert_eq!(rejected(&fates), [1, 5]);
        assert_eq!(*store.written.lock().unwrap(), ["a", "c", "d", "e", "g", "h"]);
    }

    #[tokio::test]
    async fn a_store_that_refuses_every_row_is_an_error_and_not_many_rejected_rows() {
        let store = Picky { refused: &["a", "b", "c"], ..Picky::default() };
        let (fates, error) = write(&store, rows("a b c")).await;
        assert!(matches!(error, Some(StoreError::Refused(_))));
        assert!(fates.contains(&Fate::NotTried));
    }

    #[tokio::test]
    async fn a_store_that_is_down_ends_it_at_once() {
        let store = Picky { down: &["b"], ..Picky::default() };
        let (fates, error) = write(&store, rows("a b c")).await;
        assert!(matches!(error, Some(StoreError::Unavailable(_))));
        assert_eq!(fates, vec![Fate::NotTried; 3]);
        assert_eq!(*store.calls.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn an_empty_batch_is_nothing() {
        let store = Picky::default();
        let (fates, error) = write(&store, Vec::new()).await;
        assert!(fates.is_empty() && error.is_none());
        assert_eq!(*store.calls.lock().unwrap(), 0);
    }
}
