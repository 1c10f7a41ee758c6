//! Batches that are written at once, so that the database need not wait for the next one, nor for one
//! processor.
//!
//! **Invariant:** no movie of a batch can be recognised as one of another that is being written: what
//! comes of them is what came of them one after the other, but for the order of new ids.
//! **Invariant:** a batch of which something cannot be done is written alone.

use std::{
    collections::{HashSet, VecDeque, hash_map::RandomState},
    hash::BuildHasher as _,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};

use super::batch::{self, Fate, Target};
use crate::store::{
    error::StoreError,
    mutation::{Mutation, Recognise},
};

/// Rows, and for each of them whatever the caller wants back with its fate.
#[derive(Debug)]
pub(super) struct Rows<O> {
    pub(super) mutations: Vec<Mutation>,
    pub(super) origins: Vec<O>,
}

/// A batch that was written.
#[derive(Debug)]
pub(super) struct Ended<O> {
    /// What became of each row.
    pub(super) fates: Vec<Fate>,
    pub(super) origins: Vec<O>,
    /// Why some were not tried.
    pub(super) error: Option<StoreError>,
}

/// What became of a batch that is being written.
enum Attempt<O> {
    Ended(Ended<O>),
    /// Nothing was written.
    Again(Rows<O>),
}

/// Batches on their way into a store.
pub(super) struct Writes<'a, T, O> {
    target: &'a T,
    under_way: FuturesUnordered<BoxFuture<'a, (u64, Attempt<O>)>>,
    /// What the movies of each are recognised by.
    marks: Vec<(u64, Marks)>,
    /// Those that are to be written alone.
    alone: VecDeque<Rows<O>>,
    begun: u64,
    hashes: RandomState,
}

/// Hashes of what movies are recognised by.
#[derive(Debug)]
pub(super) struct Marks(HashSet<u64>);

impl<'a, T: Target, O: Send + 'a> Writes<'a, T, O> {
    pub(super) fn new(target: &'a T) -> Self {
        Self {
            target,
            under_way: FuturesUnordered::new(),
            marks: Vec::new(),
            alone: VecDeque::new(),
            begun: 0,
            hashes: RandomState::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.alone.is_empty()
    }

    pub(super) fn marks(&self, mutations: &[Mutation]) -> Marks {
        let mut marks = HashSet::with_capacity(3 * mutations.len());
        for mutation in mutations {
            let Mutation::Import { data, recognise, .. } = mutation else { continue };
            marks.insert(self.hashes.hash_one(data.identity()));
            marks.extend(data.imdb_id.as_ref().map(|id| self.hashes.hash_one(id.to_string())));
            if let Recognise::ById(id) = recognise {
                marks.insert(self.hashes.hash_one(id.get()));
            }
        }
        Marks(marks)
    }

    /// Whether a batch may be written beside those that are.
    pub(super) fn has_room(&self, most: usize, marks: &Marks) -> bool {
        let meets = |(_, other): &(u64, Marks)| !marks.0.is_disjoint(&other.0);
        self.alone.is_empty() && self.marks.len() < most && !self.marks.iter().any(meets)
    }

    /// Begins to write a batch. It gets on while [`Writes::next`] is awaited.
    pub(super) fn begin(&mut self, rows: Rows<O>, marks: Marks) {
        let n = self.note(marks);
        let target = self.target;
        let attempt = async move {
            let Rows { mutations, origins } = rows;
            let attempt = match batch::attempt(target, &mutations).await {
                Some(fates) => Attempt::Ended(Ended { fates, origins, error: None }),
                None => Attempt::Again(Rows { mutations, origins }),
            };
            (n, attempt)
        };
        self.under_way.push(attempt.boxed());
    }

    fn note(&mut self, marks: Marks) -> u64 {
        self.begun += 1;
        self.marks.push((self.begun, marks));
        self.begun
    }

    fn begin_alone(&mut self, rows: Rows<O>) {
        let n = self.note(Marks(HashSet::new()));
        let target = self.target;
        let written = async move {
            let Rows { mutations, origins } = rows;
            let (fates, error) = batch::write(target, mutations).await;
            (n, Attempt::Ended(Ended { fates, origins, error }))
        };
        self.under_way.push(written.boxed());
    }

    /// The batch that ends next; none if none is under way. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Ended<O>> {
        loop {
            if self.under_way.is_empty() {
                let rows = self.alone.pop_front()?;
                self.begin_alone(rows);
            }
            let (n, attempt) = self.under_way.next().await?;
            self.marks.retain(|(other, _)| *other != n);
            match attempt {
                Attempt::Ended(ended) => return Some(ended),
                Attempt::Again(rows) => self.alone.push_back(rows),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        domain::{
            clock::Moment,
            movie::{Movie, MovieData, MovieId},
        },
        store::mutation::{Outcome, Written},
    };

    /// A store that is as slow as it is told, and does not do some rows unless they come alone.
    struct Slow {
        may_end: Semaphore,
        under_way: Mutex<(usize, usize)>,
        written: Mutex<Vec<String>>,
        bad: &'static [&'static str],
    }

    fn slow(bad: &'static [&'static str]) -> Slow {
        let (under_way, written) = (Mutex::default(), Mutex::default());
        Slow { may_end: Semaphore::new(0), under_way, written, bad }
    }

    impl Slow {
        fn most_at_once(&self) -> usize {
            self.under_way.lock().unwrap().1
        }
    }

    impl Target for Slow {
        async fn write(&self, mutations: &[Mutation]) -> Result<Written, StoreError> {
            {
                let mut under_way = self.under_way.lock().unwrap();
                under_way.0 += 1;
                under_way.1 = under_way.1.max(under_way.0);
            }
            self.may_end.acquire().await.unwrap().forget();
            let beside = self.under_way.lock().unwrap().0 - 1;
            let titles: Vec<_> = mutations.iter().map(title).collect();
            let done = Outcome::Created(Box::new(Movie {
                id: MovieId::new(7).unwrap(),
                data: MovieData::default(),
                version: 1,
                created_at: Moment::from_unix_ms(0),
                updated_at: Moment::from_unix_ms(0),
            }));
            let is_bad = |title: &str| self.bad.contains(&title);
            let all = beside == 0 || !titles.iter().any(|title| is_bad(title));
            let outcome = |title: &str| match (all, is_bad(title)) {
                (true, _) => done.clone(),
                (false, true) => Outcome::ImdbIdTaken { by: None },
                (false, false) => Outcome::NotDone,
            };
            let outcomes = titles.iter().map(|title| outcome(title)).collect();
            if all {
                self.written.lock().unwrap().extend(titles.into_iter().map(str::to_owned));
            }
            self.under_way.lock().unwrap().0 -= 1;
            Ok(Written { revision: None, scopes: Vec::new(), between: None, outcomes })
        }
    }

    fn title(mutation: &Mutation) -> &str {
        match mutation {
            Mutation::Import { data, .. } => &data.title,
            _ => "",
        }
    }

    fn row(title: &str, imdb_id: Option<&str>, recognise: Recognise) -> Mutation {
        let imdb_id = imdb_id.map(|id| id.parse().unwrap());
        let data = MovieData { title: title.to_owned(), imdb_id, ..MovieData::default() };
        Mutation::Import { data: Box::new(data), recognise, created_at: None }
    }

    fn rows(titles: &str) -> Rows<()> {
        let mutations: Vec<_> =
            titles.split(' ').map(|title| row(title, None, Recognise::ByContent)).collect();
        Rows { origins: vec![(); mutations.len()], mutations }
    }

    fn begin(writes: &mut Writes<'_, Slow, ()>, rows: Rows<()>) -> bool {
        let marks = writes.marks(&rows.mutations);
        let has_room = writes.has_room(2, &marks);
        if has_room {
            writes.begin(rows, marks);
        }
        has_room
    }

    #[tokio::test]
    async fn batches_of_other_movies_are_written_at_once_and_no_more_than_may_be() {
        let store = slow(&[]);
        let mut writes = Writes::new(&store);
        assert!(begin(&mut writes, rows("a b")));
        assert!(begin(&mut writes, rows("c d")));
        assert!(!begin(&mut writes, rows("e f")), "two are under way");
        assert!(writes.next().now_or_never().is_none());
        assert_eq!(store.most_at_once(), 2);
        store.may_end.add_permits(1);
        assert_eq!(writes.next().await.unwrap().fates.len(), 2);
        assert!(begin(&mut writes, rows("e f")));
        store.may_end.add_permits(2);
        let mut ended = 0;
        while let Some(batch) = writes.next().await {
            assert!(batch.error.is_none());
            ended += batch.origins.len();
        }
        assert_eq!(ended, 4);
        assert!(writes.is_empty());
    }

    #[test]
    fn a_movie_is_in_one_batch_at_a_time_however_it_is_recognised() {
        let store = slow(&[]);
        let by_id = |id| Recognise::ById(MovieId::new(id).unwrap());
        let content = Recognise::ByContent;
        for (one, other, has_room) in [
            (row("a", None, content), row("b", None, content), true),
            (row("Amélie", None, content), row("AMÉLIE", None, by_id(3)), false),
            (row("a", Some("tt0000001"), content), row("b", Some("tt0000001"), content), false),
            (row("a", Some("tt0000001"), content), row("b", Some("tt0000002"), content), true),
            (row("a", None, by_id(3)), row("b", None, by_id(3)), false),
            (row("a", None, by_id(3)), row("b", None, by_id(4)), true),
        ] {
            let mut writes = Writes::new(&store);
            let pair = format!("{one:?} {other:?}");
            assert!(begin(&mut writes, Rows { mutations: vec![one], origins: vec![()] }));
            let begun = begin(&mut writes, Rows { mutations: vec![other], origins: vec![()] });
            assert_eq!(begun, has_room, "{pair}");
        }
    }

    #[tokio::test]
    async fn a_batch_that_is_not_done_is_written_again_when_it_is_alone() {
        let store = slow(&["b"]);
        let mut writes = Writes::new(&store);
        for batch in ["a b", "c d"] {
            assert!(begin(&mut writes, rows(batch)));
            assert!(writes.next().now_or_never().is_none());
        }
        store.may_end.add_permits(1); // the first ends beside the second
        assert!(writes.next().now_or_never().is_none());
        assert_eq!(store.under_way.lock().unwrap().0, 1, "it waits to be alone");
        assert!(!begin(&mut writes, rows("e")), "it would wait for longer");
        store.may_end.add_permits(2);
        while let Some(batch) = writes.next().await {
            assert!(!batch.fates.iter().any(|fate| matches!(fate, Fate::Rejected(_))));
        }
        assert_eq!(*store.written.lock().unwrap(), ["c", "d", "a", "b"]);
    }
}
