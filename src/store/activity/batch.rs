//! A batch of what people did, in one transaction.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest, Sha256};

use crate::domain::{
    activity::{Day, Hour, Interaction, Sketch},
    clock::Moment,
    movie::MovieId,
};

use super::{
    super::{
        Store,
        db::Session,
        dialect::{Dialect, Merge},
        error::StoreError,
        sql::{Sql, Value},
        write::{End, Transaction},
    },
    counted::{Clients, Counted, ROWS, Table, merge},
    erasure,
    searches::SearchKey,
};

/// Looks at movies by the hour.
pub(super) const MOVIE_VIEWS: Table = Table {
    name: "movie_views",
    key: &["hour", "movie_id"],
    columns: &[("views", Merge::Add)],
    clients: Clients::Indexed,
};
const COLLECTION_DAYS: Table = Table {
    name: "collection_days",
    key: &["day", "slug"],
    columns: &[("views", Merge::Add)],
    clients: Clients::None,
};
const SEARCHES: Table = Table {
    name: "searches",
    key: &["day", "query_key"],
    columns: &[
        ("query", Merge::Set),
        ("searches", Merge::Add),
        ("hits", Merge::Set),
        ("opened", Merge::Add),
        ("positions", Merge::Add),
    ],
    clients: Clients::Indexed,
};
const SEARCH_OPENED: Table = Table {
    name: "search_opened",
    key: &["day", "query_key", "movie_id"],
    columns: &[("opened", Merge::Add)],
    clients: Clients::None,
};

/// Who writes batches: a random number for each life of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterId([u8; 16]);

impl WriterId {
    /// Another one than all others.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }
}

/// What is to count once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey([u8; 16]);

impl EventKey {
    /// The key of what has these parts in common.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(hash(parts))
    }

    /// The key of what is like nothing else: the `number`th of whoever has drawn `source` at random. Of one
    /// source the keys are in the order of their numbers.
    #[must_use]
    pub fn numbered(source: u64, number: u64) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key[8..].copy_from_slice(&source.to_be_bytes());
        Self(key)
    }
}

/// A hash of parts, none of which can pass for a part of another.
pub(super) fn hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// Looks at a movie in an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MovieViews {
    /// The hour.
    pub hour: Hour,
    /// The movie.
    pub movie: MovieId,
    /// How many.
    pub views: u32,
    /// By whom.
    pub clients: Sketch,
}

/// Looks at a collection in a day.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionViews {
    /// The day.
    pub day: Day,
    /// The collection's name.
    pub slug: String,
    /// How many.
    pub views: u32,
    /// By whom.
    pub clients: Sketch,
}

/// Searches for the same in a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Searches {
    /// The day.
    pub day: Day,
    /// The key of the query.
    pub key: SearchKey,
    /// What was looked for, in its canonical form.
    pub query: String,
    /// How often.
    pub searches: u32,
    /// How many movies the last one found.
    pub hits: u64,
    /// From how many of them something was opened.
    pub opened: u32,
    /// The sum of the positions of what was opened first.
    pub positions: u64,
    /// By whom.
    pub clients: Sketch,
}

/// A movie that was opened from searches for the same in a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenedFromSearch {
    /// The day.
    pub day: Day,
    /// The key of the query.
    pub key: SearchKey,
    /// The movie.
    pub movie: MovieId,
    /// How often.
    pub opened: u32,
    /// By whom.
    pub clients: Sketch,
}

/// How a movie is counted of which somebody said something, beside that being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// The hour of which it was said.
    pub hour: Hour,
    /// Looks that it is.
    pub views: u32,
    /// The number of whoever said it.
    pub client: u64,
}

/// What a user did.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What.
    pub interaction: Interaction,
    /// Under which key it counts once.
    pub event: EventKey,
    /// The last erasure that was known when it was noted.
    pub erasures: u64,
    /// How it is counted for its movie, if there is such a movie: the first time that it is stored.
    pub interest: Option<Interest>,
}

/// A batch of what people did.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityBatch {
    /// Who writes it.
    pub writer: WriterId,
    /// Its number among the writer's: each is higher than the one before.
    pub number: i64,
    /// Looks at movies.
    pub views: Vec<MovieViews>,
    /// Looks at collections.
    pub collections: Vec<CollectionViews>,
    /// Searches.
    pub searches: Vec<Searches>,
    /// What was opened from them.
    pub opened: Vec<OpenedFromSearch>,
    /// What users did.
    pub interactions: Vec<Recorded>,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is stored now; so many interactions were of users who were erased.
    Now {
        /// How many.
        erased: usize,
    },
    /// It was stored before.
    Before,
}

impl Store {
    /// Stores a batch, in one transaction and once: one that was stored before changes nothing, so that a
    /// batch of which it is not known what became may be sent again.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn store_activity(&self, batch: &ActivityBatch) -> Result<Stored, StoreError> {
        self.transact(&Write(batch)).await
    }
}

struct Write<'a>(&'a ActivityBatch);

impl Transaction for Write<'_> {
    type Value = Stored;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<Stored>, StoreError> {
        let batch = self.0;
        if last_batch(session, batch.writer).await?.is_some_and(|last| last >= batch.number) {
            return Ok(End::RollBack(Stored::Before));
        }
        // First what waits for erasures, then rows, each table's in the order of their keys.
        let kept = erasure::not_erased(session, dialect, &batch.interactions).await?;
        let erased = batch.interactions.len() - kept.len();
        let looks = with_interests(session, &batch.views, &kept).await?;
        insert_interactions(session, dialect, &kept).await?;
        let looks: Vec<_> = looks.iter().map(views).collect();
        merge(session, dialect, &MOVIE_VIEWS, &looks).await?;
        let collections: Vec<_> = batch.collections.iter().map(collection).collect();
        merge(session, dialect, &COLLECTION_DAYS, &collections).await?;
        let searches: Vec<_> = batch.searches.iter().map(searches).collect();
        merge(session, dialect, &SEARCHES, &searches).await?;
        let opened: Vec<_> = batch.opened.iter().map(opened).collect();
        merge(session, dialect, &SEARCH_OPENED, &opened).await?;
        note_batch(session, dialect, batch, now).await?;
        Ok(End::Commit(Stored::Now { erased }))
    }
}

async fn last_batch(session: &mut Session, writer: WriterId) -> Result<Option<i64>, StoreError> {
    let mut sql = Sql::new("SELECT batch FROM activity_writers WHERE writer = ");
    sql.bind(writer.0.as_slice());
    session.rows(sql).await?.first().map(|row| row.integer(0)).transpose()
}

async fn note_batch(
    session: &mut Session,
    dialect: Dialect,
    batch: &ActivityBatch,
    now: Moment,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("INSERT INTO activity_writers (writer, batch, seen_at) VALUES (");
    sql.bind(batch.writer.0.as_slice()).push(", ").bind(batch.number).push(", ");
    sql.bind(now.unix_ms()).push(")");
    sql.push(&dialect.or_merge("writer", &[("batch", Merge::Set), ("seen_at", Merge::Set)]));
    session.run(sql).await?;
    Ok(())
}

/// Looks at movies, with what is counted for interactions that are not stored yet, of movies that there are.
/// In the order of their keys.
async fn with_interests(
    session: &mut Session,
    looks: &[MovieViews],
    rows: &[&Recorded],
) -> Result<Vec<MovieViews>, StoreError> {
    let mut new: BTreeMap<EventKey, (MovieId, Interest)> = BTreeMap::new();
    for Recorded { interaction, event, interest, .. } in rows {
        if let Some(interest) = interest {
            new.entry(*event).or_insert((interaction.movie, *interest));
        }
    }
    if new.is_empty() {
        return Ok(looks.to_vec());
    }
    let events: Vec<EventKey> = new.keys().copied().collect();
    for events in events.chunks(ROWS) {
        let mut sql = Sql::new("SELECT event FROM interactions WHERE event IN ");
        sql.bind_list(events.iter().map(|event| event.0.as_slice()));
        for row in session.rows(sql).await? {
            if let Ok(event) = <[u8; 16]>::try_from(row.bytes(0)?) {
                new.remove(&EventKey(event));
            }
        }
    }
    let mut ids: Vec<i64> = new.values().map(|(movie, _)| movie.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut there: HashSet<i64> = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(ROWS) {
        let mut sql = Sql::new("SELECT id FROM movies WHERE id IN ");
        sql.bind_list(ids.iter().copied());
        for row in session.rows(sql).await? {
            there.insert(row.integer(0)?);
        }
    }
    let mut all: BTreeMap<(Hour, MovieId), MovieViews> =
        looks.iter().map(|look| ((look.hour, look.movie), *look)).collect();
    for (movie, Interest { hour, views, client }) in new.into_values() {
        if there.contains(&movie.get()) {
            let none = MovieViews { hour, movie, views: 0, clients: Sketch::default() };
            let look = all.entry((hour, movie)).or_insert(none);
            look.views = look.views.saturating_add(views);
            look.clients.add(client);
        }
    }
    Ok(all.into_values().collect())
}

async fn insert_interactions(
    session: &mut Session,
    dialect: Dialect,
    rows: &[&Recorded],
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS) {
        let mut sql = Sql::new(dialect.insert_new());
        sql.push("interactions (user_id, happened_at, event, movie_id, kind, value, day) VALUES ");
        for (n, Recorded { interaction, event, .. }) in rows.iter().enumerate() {
            let Interaction { user, movie, signal, at } = interaction;
            if n > 0 {
                sql.push(", ");
            }
            let values: [Value; 7] = [
                user.as_str().into(),
                at.unix_ms().into(),
                event.0.as_slice().into(),
                movie.get().into(),
                i64::from(signal.code()).into(),
                signal.value().into(),
                Day::of(*at).get().into(),
            ];
            sql.bind_list(values);
        }
        session.run(sql).await?;
    }
    Ok(())
}

fn views(row: &MovieViews) -> Counted {
    Counted {
        key: vec![row.hour.get().into(), row.movie.get().into()],
        values: vec![row.views.into()],
        clients: row.clients,
    }
}

fn collection(row: &CollectionViews) -> Counted {
    Counted {
        key: vec![row.day.get().into(), row.slug.as_str().into()],
        values: vec![row.views.into()],
        clients: row.clients,
    }
}

fn searches(row: &Searches) -> Counted {
    let large = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    Counted {
        key: vec![row.day.get().into(), row.key.as_bytes().into()],
        values: vec![
            row.query.as_str().into(),
            row.searches.into(),
            large(row.hits),
            row.opened.into(),
            large(row.positions),
        ],
        clients: row.clients,
    }
}

fn opened(row: &OpenedFromSearch) -> Counted {
    Counted {
        key: vec![row.day.get().into(), row.key.as_bytes().into(), row.movie.get().into()],
        values: vec![row.opened.into()],
        clients: row.clients,
    }
}
