//! Mutations played on the movies that they concern, in memory and in order: a later mutation sees
//! what an earlier one of the same transaction did.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{
    change::ChangeKind,
    clock::Moment,
    movie::{Movie, MovieData, MovieId},
    text::name_key,
};

use super::{
    db::Session,
    dialect::Dialect,
    error::StoreError,
    facet::Names,
    mutation::{Mutation, Outcome, Recognise},
    row::{self, Columns},
    sql::{Sql, Value},
    statement::VALUES_MAX,
};

/// A movie of the transaction.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its id; none for a new movie until it is stored.
    pub(crate) id: Option<MovieId>,
    /// As it was stored.
    pub(crate) before: Option<Movie>,
    /// As it will be; none if it is to be deleted or does not exist.
    pub(crate) now: Option<MovieData>,
    version: i64,
    created_at: Option<Moment>,
}

impl Slot {
    fn stored(movie: Movie) -> Self {
        Self {
            id: Some(movie.id),
            now: Some(movie.data.clone()),
            version: movie.version,
            created_at: Some(movie.created_at),
            before: Some(movie),
        }
    }

    pub(crate) fn raw_id(&self) -> Option<i64> {
        self.id.map(MovieId::get)
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.before.as_ref().map(|movie| &movie.data) != self.now.as_ref()
    }

    pub(crate) fn is_updated(&self) -> bool {
        self.before.is_some() && self.now.is_some() && self.is_changed()
    }

    /// Whether another movie may have its `IMDb` id from now on.
    pub(crate) fn leaves_imdb_id(&self) -> bool {
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                before.data.imdb_id.is_some() && before.data.imdb_id != now.imdb_id
            }
            _ => false,
        }
    }

    pub(crate) const fn is_deleted(&self) -> bool {
        self.before.is_some() && self.now.is_none()
    }

    pub(crate) const fn kind(&self) -> ChangeKind {
        match (&self.before, &self.now) {
            (None, _) => ChangeKind::Created,
            (Some(_), Some(_)) => ChangeKind::Updated,
            (Some(_), None) => ChangeKind::Deleted,
        }
    }

    pub(crate) fn created_at(&self, now: Moment) -> Moment {
        self.created_at.unwrap_or(now)
    }

    /// Its values as they are to be written.
    pub(crate) fn written(&self, now: Moment) -> Option<row::Written<'_>> {
        let data = self.now.as_ref()?;
        Some(row::Written {
            data,
            version: self.version,
            created_at: self.created_at(now),
            updated_at: now,
        })
    }

    fn movie(&self, now: Moment) -> Option<Box<Movie>> {
        let data = self.now.clone()?;
        let id = self.id?;
        if let Some(before) = self.before.as_ref().filter(|before| before.data == data) {
            return Some(Box::new(before.clone()));
        }
        let created_at = self.created_at(now);
        Some(Box::new(Movie { id, data, version: self.version, created_at, updated_at: now }))
    }
}

/// What came of a mutation, before ids are known.
#[derive(Debug)]
enum Step {
    Created(usize),
    Updated(usize),
    Unchanged(usize),
    Done(Outcome),
}

/// The movies of a transaction.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) slots: Vec<Slot>,
    pub(crate) now: Moment,
    by_id: HashMap<MovieId, usize>,
    by_imdb_id: HashMap<String, usize>,
    by_identity: HashMap<Vec<u8>, Vec<usize>>,
    steps: Vec<Step>,
}

impl Play {
    /// Reads, and locks, every stored movie that the mutations may concern.
    pub(crate) async fn load(
        session: &mut Session,
        dialect: Dialect,
        mutations: &[Mutation],
        now: Moment,
    ) -> Result<Self, StoreError> {
        let mut ids = BTreeSet::new();
        let mut imdb_ids = BTreeSet::new();
        let mut identities = BTreeSet::new();
        for mutation in mutations {
            match mutation {
                Mutation::Create { data } => imdb_ids.extend(imdb_id(data)),
                Mutation::Delete { id, .. } => _ = ids.insert(id.get()),
                Mutation::Change { id, change, .. } => {
                    ids.insert(id.get());
                    imdb_ids.extend(change.imdb_id());
                }
                Mutation::Import { data, recognise, .. } => {
                    imdb_ids.extend(imdb_id(data));
                    match recognise {
                        Recognise::ById(id) => _ = ids.insert(id.get()),
                        Recognise::ByContent => _ = identities.insert(row::identity(data)),
                    }
                }
            }
        }
        let mut play = Self {
            slots: Vec::new(),
            now,
            by_id: HashMap::new(),
            by_imdb_id: HashMap::new(),
            by_identity: HashMap::new(),
            steps: Vec::new(),
        };
        play.read(session, dialect, "id", ids.into_iter().map(Value::from).collect()).await?;
        play.read(session, dialect, "imdb_id", imdb_ids.into_iter().map(Value::from).collect())
            .await?;
        play.read(session, dialect, "identity", identities.into_iter().map(Value::from).collect())
            .await?;
        Ok(play)
    }

    async fn read(
        &mut self,
        session: &mut Session,
        dialect: Dialect,
        column: &str,
        values: Vec<Value>,
    ) -> Result<(), StoreError> {
        for chunk in values.chunks(VALUES_MAX) {
            let mut sql = Sql::new("SELECT ");
            sql.push(row::WHOLE).push(" FROM movies m WHERE m.").push(column).push(" IN ");
            sql.bind_list(chunk.iter().cloned()).push(" ORDER BY m.id").push(dialect.for_update());
            for row in session.rows(sql).await? {
                if let Some(movie) = row::movie(&row, 0, Columns::Whole)?
                    && !self.by_id.contains_key(&movie.id)
                {
                    self.add(Slot::stored(movie));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, slot: Slot) -> usize {
        let n = self.slots.len();
        if let Some(id) = slot.id {
            self.by_id.insert(id, n);
        }
        self.slots.push(slot);
        self.index(n);
        n
    }

    /// Notes under which keys a movie is found now.
    fn index(&mut self, n: usize) {
        let Some(data) = &self.slots[n].now else { return };
        if let Some(id) = imdb_id(data) {
            self.by_imdb_id.insert(id, n);
        }
        let found = self.by_identity.entry(row::identity(data)).or_default();
        if !found.contains(&n) {
            found.push(n);
        }
    }

    fn unindex(&mut self, n: usize) {
        let Some(data) = &self.slots[n].now else { return };
        if let Some(id) = imdb_id(data) {
            self.by_imdb_id.remove(&id);
        }
        if let Some(found) = self.by_identity.get_mut(&row::identity(data)) {
            found.retain(|other| *other != n);
        }
    }

    /// Plays the mutations.
    pub(crate) fn run(&mut self, mutations: &[Mutation]) {
        for mutation in mutations {
            let step = match mutation {
                Mutation::Create { data } => self.create(data, None, None),
                Mutation::Change { id, change, expect } => match self.expected(*id, *expect) {
                    Err(outcome) => Step::Done(outcome),
                    Ok((n, movie)) => match change.apply(&movie) {
                        Ok(data) => self.become_(n, data),
                        Err(invalid) => Step::Done(Outcome::Invalid(invalid)),
                    },
                },
                Mutation::Delete { id, expect } => match self.expected(*id, *expect) {
                    Err(outcome) => Step::Done(outcome),
                    Ok((n, _)) => {
                        self.unindex(n);
                        self.slots[n].now = None;
                        Step::Done(Outcome::Deleted(*id))
                    }
                },
                Mutation::Import { data, recognise, created_at } => {
                    match self.recognise(data, *recognise) {
                        Some(n) => self.become_(n, (**data).clone()),
                        None => match recognise {
                            Recognise::ById(id) => self.create(data, Some(*id), *created_at),
                            Recognise::ByContent => self.create(data, None, *created_at),
                        },
                    }
                }
            };
            self.steps.push(step);
        }
    }

    fn expected(&self, id: MovieId, expect: Option<i64>) -> Result<(usize, Movie), Outcome> {
        let found = self.by_id.get(&id).map(|n| (*n, &self.slots[*n]));
        let Some((n, slot)) = found.filter(|(_, slot)| slot.now.is_some()) else {
            return Err(Outcome::NotFound(id));
        };
        if expect.is_some_and(|version| version != slot.version) {
            return Err(Outcome::Stale { id, version: slot.version });
        }
        slot.movie(self.now).map(|movie| (n, *movie)).ok_or(Outcome::NotFound(id))
    }

    fn recognise(&self, data: &MovieData, recognise: Recognise) -> Option<usize> {
        let alive = |n: &usize| self.slots[*n].now.is_some();
        if let Recognise::ById(id) = recognise {
            return self.by_id.get(&id).copied().filter(alive);
        }
        if let Some(n) = imdb_id(data).and_then(|id| self.by_imdb_id.get(&id)) {
            return Some(*n);
        }
        // Two IMDb ids are two movies, however alike.
        let compatible = |n: &usize| {
            let other = self.slots[*n].now.as_ref();
            other.is_some_and(|other| other.imdb_id.is_none() || data.imdb_id.is_none())
        };
        self.by_identity.get(&row::identity(data))?.iter().copied().find(compatible)
    }

    fn create(
        &mut self,
        data: &MovieData,
        id: Option<MovieId>,
        created_at: Option<Moment>,
    ) -> Step {
        if let Some(taken) = self.taken(data, None) {
            return Step::Done(taken);
        }
        let now = Some(data.clone());
        let n = match id.and_then(|id| self.by_id.get(&id).copied()) {
            // Deleted by an earlier mutation of this transaction, and now back.
            Some(n) => {
                self.slots[n].now = now;
                self.slots[n].version += 1;
                self.index(n);
                return Step::Updated(n);
            }
            None => self.add(Slot { id, before: None, now, version: 1, created_at }),
        };
        Step::Created(n)
    }

    fn become_(&mut self, n: usize, mut data: MovieData) -> Step {
        if let Some(taken) = self.taken(&data, Some(n)) {
            return Step::Done(taken);
        }
        if let Some(old) = &self.slots[n].now {
            keep_spelling(&mut data.genres, &old.genres);
            if *old == data {
                return Step::Unchanged(n);
            }
        }
        self.unindex(n);
        self.slots[n].now = Some(data);
        if self.slots[n].before.is_some() {
            self.slots[n].version += 1;
        }
        self.index(n);
        Step::Updated(n)
    }

    /// Whether another movie has the `IMDb` id.
    fn taken(&self, data: &MovieData, by: Option<usize>) -> Option<Outcome> {
        let other = *self.by_imdb_id.get(data.imdb_id.as_ref()?.as_str())?;
        if Some(other) == by {
            return None;
        }
        Some(Outcome::ImdbIdTaken { by: self.slots[other].id })
    }

    pub(crate) fn created(&self) -> impl Iterator<Item = usize> {
        let fresh = |(_, slot): &(usize, &Slot)| slot.before.is_none() && slot.now.is_some();
        self.slots.iter().enumerate().filter(fresh).map(|(n, _)| n)
    }

    /// Gives genres the spelling under which they were first stored.
    pub(crate) fn spell_genres(&mut self, genres: &Names) {
        for data in self.slots.iter_mut().filter_map(|slot| slot.now.as_mut()) {
            for genre in &mut data.genres {
                if let Some(name) = genres.get(&name_key(genre)) {
                    genre.clone_from(&name.spelling);
                }
            }
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.steps.iter().all(|step| !matches!(step, Step::Done(outcome) if !outcome.is_done()))
    }

    /// The outcomes when all mutations are done and stored.
    pub(crate) fn outcomes(self) -> Vec<Outcome> {
        let movie = |n: usize| self.slots[n].movie(self.now);
        let outcome = |step| match step {
            Step::Created(n) => movie(n).map_or(Outcome::NotDone, Outcome::Created),
            Step::Updated(n) => movie(n).map_or(Outcome::NotDone, Outcome::Updated),
            Step::Unchanged(n) => movie(n).map_or(Outcome::NotDone, Outcome::Unchanged),
            Step::Done(outcome) => outcome,
        };
        let steps: Vec<Step> = self.steps;
        steps.into_iter().map(outcome).collect()
    }

    /// The outcomes when one mutation is not done, and so none is.
    pub(crate) fn undone(self) -> Vec<Outcome> {
        let outcome = |step| match step {
            Step::Done(outcome) if !outcome.is_done() => outcome,
            _ => Outcome::NotDone,
        };
        self.steps.into_iter().map(outcome).collect()
    }
}

fn imdb_id(data: &MovieData) -> Option<String> {
    data.imdb_id.as_ref().map(ToString::to_string)
}

/// A genre that the movie had already keeps its spelling, so that another spelling is no change.
fn keep_spelling(genres: &mut [String], stored: &[String]) {
    let stored: BTreeMap<String, &String> =
        stored.iter().map(|genre| (name_key(genre), genre)).collect();
    for genre in genres {
        if let Some(spelling) = stored.get(&name_key(genre)) {
            genre.clone_from(spelling);
        }
    }
}
