//! Writing collections: each write is one transaction of the row, its scopes and the revision.
//!
//! No movie changes by it, so the change feed has no row of such a revision.

use crate::domain::{
    clock::Moment,
    collection::{Collection, Definition, MovieRef, Slug, rule},
    revision::{Revision, Scope},
};

use super::{
    super::{
        Store,
        db::Session,
        dialect::Dialect,
        error::StoreError,
        sql::Sql,
        transaction::{raise_revision, touched_between},
        write::{End, Transaction},
    },
    named, row,
};

/// One wish of an editor.
#[derive(Debug, Clone, PartialEq)]
pub enum CollectionChange {
    /// A new collection.
    Create(Box<Definition>),
    /// Another definition of an existing one.
    Replace {
        /// What becomes of it.
        definition: Box<Definition>,
        /// The version that it must have, if any.
        expect: Option<i64>,
    },
    /// This definition, whether or not there is such a collection.
    Put(Box<Definition>),
    /// The end of an existing one.
    Delete {
        /// The version that it must have, if any.
        expect: Option<i64>,
    },
}

impl CollectionChange {
    fn definition(&self) -> Option<&Definition> {
        match self {
            Self::Create(definition) | Self::Put(definition) | Self::Replace { definition, .. } => {
                Some(definition)
            }
            Self::Delete { .. } => None,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum CollectionOutcome {
    /// The collection is new.
    Created(Box<Collection>),
    /// It changed.
    Updated(Box<Collection>),
    /// It already was as asked; nothing was written.
    Unchanged(Box<Collection>),
    /// It is gone.
    Deleted,
    /// There is no such collection.
    NotFound,
    /// There is one already.
    Exists,
    /// It has this version, and not the one expected.
    Stale(i64),
    /// These places of `movies` and of `exclude` name movies that there are not.
    UnknownMovies {
        /// Places in [`Definition::movies`].
        movies: Vec<usize>,
        /// Places in [`Definition::exclude`].
        exclude: Vec<usize>,
    },
    /// There are as many as there may be.
    TooMany,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenCollection {
    /// The revision that it made; `None` if it changed nothing.
    pub revision: Option<Revision>,
    /// What it touched.
    pub scopes: Vec<Scope>,
    /// What the writes touched that came between the revision that the caller knew and this one.
    pub between: Option<Vec<(Scope, Revision)>>,
    /// What came of the wish.
    pub outcome: CollectionOutcome,
}

impl Store {
    /// Changes a collection, also one that makes no sense as it is stored. Of a caller who has `known` a
    /// revision, it reads what others have touched since.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_collection(
        &self,
        slug: &Slug,
        change: &CollectionChange,
        known: Option<Revision>,
    ) -> Result<WrittenCollection, StoreError> {
        self.transact(&Write { slug, change, known }).await
    }
}

struct Write<'a> {
    slug: &'a Slug,
    change: &'a CollectionChange,
    known: Option<Revision>,
}

/// What a write finds under its name.
struct Stored {
    version: i64,
    created_at: Moment,
    /// The collection; `None` where it makes no sense: then it is unlike whatever is written.
    collection: Option<Collection>,
}

fn nothing(outcome: CollectionOutcome) -> End<WrittenCollection> {
    let written = WrittenCollection { revision: None, scopes: Vec::new(), between: None, outcome };
    End::RollBack(written)
}

impl Transaction for Write<'_> {
    type Value = WrittenCollection;

    async fn run(
        &self,
        session: &mut Session,
        dialect: Dialect,
        now: Moment,
    ) -> Result<End<WrittenCollection>, StoreError> {
        let Self { slug, change, known } = *self;
        let stored = locked(session, dialect, slug).await?;
        if let Some(outcome) = refusal(stored.as_ref(), change) {
            return Ok(nothing(outcome));
        }
        let before = stored.as_ref().and_then(|stored| stored.collection.as_ref());
        if let (Some(before), Some(definition)) = (before, change.definition())
            && before.definition == *definition
        {
            return Ok(nothing(CollectionOutcome::Unchanged(Box::new(before.clone()))));
        }
        if let Some(definition) = change.definition()
            && let Some(unknown) = unknown(session, definition, before).await?
        {
            return Ok(nothing(unknown));
        }
        // The row first, so that who waits for it does not hold up everybody else.
        let outcome = self.store(session, stored.as_ref(), now).await?;
        let revision = raise_revision(session, dialect).await?;
        if matches!(outcome, CollectionOutcome::Created(_)) {
            // From here on nobody else makes one.
            let count =
                session.row(Sql::new("SELECT COUNT(*) FROM collections")).await?.integer(0)?;
            if usize::try_from(count).unwrap_or(usize::MAX) > rule::COLLECTIONS_MAX {
                return Ok(nothing(CollectionOutcome::TooMany));
            }
        }
        let between = match known {
            Some(known) => Some(touched_between(session, known, revision).await?),
            None => None,
        };
        let mut sql = Sql::new("UPDATE collections SET revision = ");
        sql.bind(revision.get()).push(" WHERE slug = ").bind(slug.as_str());
        session.run(sql).await?;
        let scopes = vec![Scope::Collection(slug.to_string()), Scope::Collections];
        let mut sql = Sql::new("INSERT INTO catalog_revisions (scope, revision) VALUES ");
        for (n, scope) in scopes.iter().enumerate() {
            sql.push(if n > 0 { ", (" } else { "(" });
            sql.bind(scope.to_string()).push(", ").bind(revision.get()).push(")");
        }
        sql.push(&dialect.or_set("scope", "revision"));
        session.run(sql).await?;
        let outcome = outcome.written_at(revision);
        Ok(End::Commit(WrittenCollection { revision: Some(revision), scopes, between, outcome }))
    }
}

impl Write<'_> {
    async fn store(
        &self,
        session: &mut Session,
        stored: Option<&Stored>,
        now: Moment,
    ) -> Result<CollectionOutcome, StoreError> {
        let slug = self.slug;
        let Some(definition) = self.change.definition() else {
            let mut sql = Sql::new("DELETE FROM collections WHERE slug = ");
            sql.bind(slug.as_str());
            session.run(sql).await?;
            return Ok(CollectionOutcome::Deleted);
        };
        let json = row::definition(definition);
        let Definition { title, description, .. } = definition;
        let revision = Revision::ZERO; // until it is known
        let definition = definition.clone();
        if let Some(stored) = stored {
            let version = stored.version + 1;
            let mut sql = Sql::new("UPDATE collections SET title = ");
            sql.bind(title.as_str()).push(", description = ").bind(description.clone());
            sql.push(", definition = ").bind(json).push(", version = ").bind(version);
            sql.push(", updated_at = ").bind(now.unix_ms()).push(" WHERE slug = ");
            sql.bind(slug.as_str());
            session.run(sql).await?;
            let slug = slug.clone();
            let (created_at, updated_at) = (stored.created_at, now);
            let updated =
                Collection { slug, definition, version, revision, created_at, updated_at };
            return Ok(CollectionOutcome::Updated(Box::new(updated)));
        }
        let mut sql = Sql::new(format!("INSERT INTO collections ({}) VALUES (", row::COLUMNS));
        sql.bind(slug.as_str()).push(", ").bind(title.as_str()).push(", ");
        sql.bind(description.clone()).push(", ").bind(json).push(", 1, 0, ");
        sql.bind(now.unix_ms()).push(", ").bind(now.unix_ms()).push(")");
        session.run(sql).await?;
        let slug = slug.clone();
        let (created_at, updated_at) = (now, now);
        let created = Collection { slug, definition, version: 1, revision, created_at, updated_at };
        Ok(CollectionOutcome::Created(Box::new(created)))
    }
}

impl CollectionOutcome {
    fn written_at(mut self, revision: Revision) -> Self {
        if let Self::Created(collection) | Self::Updated(collection) = &mut self {
            collection.revision = revision;
        }
        self
    }
}

/// Why a change is not for what is stored.
fn refusal(stored: Option<&Stored>, change: &CollectionChange) -> Option<CollectionOutcome> {
    match (stored, change) {
        (Some(_), CollectionChange::Create(_)) => Some(CollectionOutcome::Exists),
        (None, CollectionChange::Replace { .. } | CollectionChange::Delete { .. }) => {
            Some(CollectionOutcome::NotFound)
        }
        (
            Some(stored),
            CollectionChange::Replace { expect: Some(version), .. }
            | CollectionChange::Delete { expect: Some(version) },
        ) if stored.version != *version => Some(CollectionOutcome::Stale(stored.version)),
        _ => None,
    }
}

/// What is stored of a collection, which nobody else changes until the transaction ends.
async fn locked(
    session: &mut Session,
    dialect: Dialect,
    slug: &Slug,
) -> Result<Option<Stored>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(row::COLUMNS).push(" FROM collections WHERE slug = ").bind(slug.as_str());
    sql.push(dialect.for_update());
    let rows = session.rows(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (version, created_at) = row::head(row)?;
    let collection = match row::collection(row) {
        Ok(collection) => Some(collection),
        // Nothing could mend it otherwise.
        Err(error) => {
            tracing::warn!(%error, "a collection that is to be written makes no sense as it is stored");
            None
        }
    };
    Ok(Some(Stored { version, created_at, collection }))
}

/// The references that lead to no movie, unless the collection had them before: whoever changes its title
/// need not mend what became of its movies.
async fn unknown(
    session: &mut Session,
    definition: &Definition,
    stored: Option<&Collection>,
) -> Result<Option<CollectionOutcome>, StoreError> {
    let named = named(session, definition.movies.iter().chain(&definition.exclude)).await?;
    let had = |movie: &MovieRef| {
        stored.is_some_and(|stored| {
            let Definition { movies, exclude, .. } = &stored.definition;
            movies.contains(movie) || exclude.contains(movie)
        })
    };
    let unknown = |list: &[MovieRef]| -> Vec<usize> {
        let places = list.iter().enumerate();
        places
            .filter(|(_, movie)| named.of(movie).is_none() && !had(movie))
            .map(|(n, _)| n)
            .collect()
    };
    let (movies, exclude) = (unknown(&definition.movies), unknown(&definition.exclude));
    let any = !movies.is_empty() || !exclude.is_empty();
    Ok(any.then_some(CollectionOutcome::UnknownMovies { movies, exclude }))
}
