//! Collections: reading what editors said of them, and a collection with its movies.

mod row;
mod write;

use std::{collections::HashMap, time::Instant};

use crate::domain::{
    collection::{Collection, CollectionQuery, MovieRef, Slug},
    movie::{ImdbId, Movie, MovieId},
    revision::{AsOf, Revision, Scope},
};

use super::{
    Store,
    db::{Purpose, Session},
    error::StoreError,
    row::{self as movie_row, Columns},
    sql::{Sql, Value},
};

pub use write::{CollectionChange, CollectionOutcome, WrittenCollection};

/// Every collection, as of a revision.
#[derive(Debug, Default)]
pub struct StoredCollections {
    /// Those that there are, with the revisions of their last changes, by slug.
    pub all: Vec<(Slug, Revision)>,
    /// Those that changed after the revision that was asked about; all, where the whole catalogue did.
    pub changed: Vec<Collection>,
    /// Whether the whole catalogue did (`marquee bump`): then rows may have changed that say nothing of it.
    pub is_bumped: bool,
    /// Rows that make no sense. They must not keep the others from being read.
    pub bad: Vec<StoreError>,
}

/// What came of putting a collection together.
#[derive(Debug)]
pub enum Assembly {
    /// It is whole.
    Whole(Box<Assembled>),
    /// It has a search, and is not the one for which it was asked what that finds.
    Unsearched(Box<Collection>),
}

/// A collection with its movies, all of one moment.
#[derive(Debug)]
pub struct Assembled {
    /// The collection.
    pub collection: Collection,
    /// What each of its references leads to.
    pub found: Vec<Option<MovieId>>,
    /// Its movies: those that it names, then those of its query.
    pub movies: Vec<Movie>,
}

impl Store {
    /// The collections that there are, and those that changed after `since`, by a write or by a bump.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn collections(
        &self,
        since: Revision,
    ) -> Result<AsOf<StoredCollections>, StoreError> {
        let (mut session, revision) = self.snapshot_session().await?;
        let read = all(&mut session, revision, since).await;
        session.roll_back().await; // also after a statement that was refused: it is as good as before
        read
    }

    /// What was said of a collection. `known` is as for [`Store::assembled_collection`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn collection(
        &self,
        slug: &Slug,
        known: Option<&Collection>,
    ) -> Result<AsOf<Option<Collection>>, StoreError> {
        let (mut session, revision) = self.snapshot_session().await?;
        let read = stored(&mut session, slug, known).await;
        session.roll_back().await;
        Ok(AsOf { revision, value: read? })
    }

    /// A collection with its movies. `known` is it as it was read before, to be taken if it has not
    /// changed: rules of seasons need not be worked out again then. `searched` is what its search finds,
    /// in that order; movies that are no more are left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn assembled_collection(
        &self,
        slug: &Slug,
        known: Option<&Collection>,
        searched: &[MovieId],
    ) -> Result<AsOf<Option<Assembly>>, StoreError> {
        let (mut session, revision) = self.snapshot_session().await?;
        let read = self.read_assembled(&mut session, slug, known, searched).await;
        session.roll_back().await;
        Ok(AsOf { revision, value: read? })
    }

    async fn read_assembled(
        &self,
        session: &mut Session,
        slug: &Slug,
        known: Option<&Collection>,
        searched: &[MovieId],
    ) -> Result<Option<Assembly>, StoreError> {
        Ok(match stored(session, slug, known).await? {
            Some(collection)
                if matches!(collection.definition.query, Some(CollectionQuery::Search(_)))
                    && known != Some(&collection) =>
            {
                Some(Assembly::Unsearched(Box::new(collection)))
            }
            Some(collection) => {
                let whole = self.assemble(session, collection, searched).await?;
                Some(Assembly::Whole(Box::new(whole)))
            }
            None => None,
        })
    }

    async fn assemble(
        &self,
        session: &mut Session,
        collection: Collection,
        searched: &[MovieId],
    ) -> Result<Assembled, StoreError> {
        let definition = &collection.definition;
        let named = named(session, definition.movies.iter().chain(&definition.exclude)).await?;
        let mut movies: Vec<Movie> = Vec::new();
        let mut found = Vec::with_capacity(definition.movies.len());
        for reference in &definition.movies {
            let movie = named.of(reference);
            found.push(movie.map(|movie| movie.id));
            // One that is named in two ways is there once.
            let fresh = movie.filter(|movie| movies.iter().all(|other| other.id != movie.id));
            movies.extend(fresh.cloned());
        }
        let Some(query) = &definition.query else {
            return Ok(Assembled { collection, found, movies });
        };
        let excluded = definition.exclude.iter().filter_map(|movie| named.of(movie));
        let mut left_out: Vec<MovieId> = excluded.map(|movie| movie.id).collect();
        left_out.extend(movies.iter().map(|movie| movie.id));
        let limit = usize::from(query.limit());
        let rows = match query {
            CollectionQuery::List(query) => {
                // As many more as may have to be left out.
                let most = limit + left_out.len();
                let query = crate::domain::list::ListQuery {
                    limit: u16::try_from(most).unwrap_or(u16::MAX),
                    ..(**query).clone()
                };
                self.rows_within(session, &query).await?
            }
            CollectionQuery::Search(_) => {
                let references: Vec<MovieRef> =
                    searched.iter().copied().map(MovieRef::Id).collect();
                let mut there = self::named(session, references.iter()).await?.by_id;
                searched.iter().filter_map(|id| there.remove(id)).collect()
            }
        };
        let rows = rows.into_iter().filter(|movie| !left_out.contains(&movie.id));
        movies.extend(rows.take(limit));
        Ok(Assembled { collection, found, movies })
    }

    /// A session that sees one state of the catalogue, on a living connection, and of which revision that is.
    pub(super) async fn snapshot_session(&self) -> Result<(Session, Revision), StoreError> {
        let give_up = Instant::now() + super::DEAD_CONNECTIONS;
        loop {
            let mut session = self.session(Purpose::Read).await?;
            match self.begin_whole(&mut session).await {
                Ok(head) => return Ok((session, head.whole)),
                Err(error) if error.is_dead_connection() && Instant::now() < give_up => {
                    self.db.metrics.retried();
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn all(
    session: &mut Session,
    revision: Revision,
    since: Revision,
) -> Result<AsOf<StoredCollections>, StoreError> {
    let mut sql = Sql::new("SELECT revision FROM catalog_revisions WHERE scope = ");
    sql.bind(Scope::Bump.to_string()).push(" AND revision > ").bind(since.get());
    let is_bumped = !session.rows(sql).await?.is_empty();
    let since = if is_bumped { Revision::ZERO } else { since };
    let mut stored = StoredCollections { is_bumped, ..StoredCollections::default() };
    let sql = Sql::new("SELECT revision, slug FROM collections ORDER BY slug");
    for row in session.rows(sql).await? {
        let changed = Revision::new(row.integer(0)?).unwrap_or_default();
        match row::slug(&row.text(1)?) {
            Ok(slug) => stored.all.push((slug, changed)),
            Err(error) => stored.bad.push(error),
        }
    }
    if stored.all.iter().any(|(_, changed)| *changed > since) {
        let mut sql = Sql::new("SELECT ");
        sql.push(row::COLUMNS).push(" FROM collections WHERE revision > ").bind(since.get());
        for row in session.rows(sql).await? {
            match row::collection(&row) {
                Ok(collection) => stored.changed.push(collection),
                Err(error) => stored.bad.push(error),
            }
        }
    }
    Ok(AsOf { revision, value: stored })
}

/// A collection as it is stored; `known` if that is it.
async fn stored(
    session: &mut Session,
    slug: &Slug,
    known: Option<&Collection>,
) -> Result<Option<Collection>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(row::COLUMNS).push(" FROM collections WHERE slug = ").bind(slug.as_str());
    let rows = session.rows(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    match known {
        Some(known) if row::is(row, known)? => Ok(Some(known.clone())),
        _ => row::collection(row).map(Some),
    }
}

/// Movies by the ways in which they are named.
struct Named {
    by_id: HashMap<MovieId, Movie>,
    by_imdb_id: HashMap<ImdbId, MovieId>,
}

impl Named {
    fn of(&self, reference: &MovieRef) -> Option<&Movie> {
        let id = match reference {
            MovieRef::Id(id) => id,
            MovieRef::Imdb(id) => self.by_imdb_id.get(id)?,
        };
        self.by_id.get(id)
    }
}

async fn named<'r>(
    session: &mut Session,
    references: impl Iterator<Item = &'r MovieRef>,
) -> Result<Named, StoreError> {
    let (mut ids, mut imdb_ids): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for reference in references {
        match reference {
            MovieRef::Id(id) => ids.push(id.get().into()),
            MovieRef::Imdb(id) => imdb_ids.push(id.as_str().into()),
        }
    }
    let mut named = Named { by_id: HashMap::new(), by_imdb_id: HashMap::new() };
    for (column, values) in [("id", ids), ("imdb_id", imdb_ids)] {
        if values.is_empty() {
            continue;
        }
        let mut sql = Sql::new("SELECT ");
        sql.push(movie_row::listed(session.dialect()))
            .push(" FROM movies m WHERE m.")
            .push(column)
            .push(" IN ");
        sql.bind_list(values);
        for row in session.rows(sql).await? {
            let Some(movie) = movie_row::movie(&row, 0, Columns::Listed)? else { continue };
            if let Some(imdb_id) = movie.data.imdb_id.clone() {
                named.by_imdb_id.insert(imdb_id, movie.id);
            }
            named.by_id.insert(movie.id, movie);
        }
    }
    Ok(named)
}
