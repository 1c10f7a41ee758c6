//! `POST /v1/collections`, `PUT` and `DELETE /v1/collections/{slug}`: what editors do with collections.

use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};

use crate::{
    domain::{
        collection::{self, Collection, Definition, DefinitionView, Naming, Slug, rule},
        invalid::{Fault, Faults, Invalid},
        revision::{AsOf, Revision},
    },
    service::error::ServiceError,
    store::{CollectionChange, CollectionOutcome},
};

use super::{
    super::{
        audit::TouchedCollection,
        body::{self, Accepts},
        call::Call,
        conditional::{Condition, ETag},
        error::{Kind, Problem},
        query::Query,
        response::{Answer, Body, CATALOG_REVISION, no_content, written},
    },
    collections::{PATH, no_such_collection, slug},
};

pub(crate) async fn create(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let object = body::object(call.bytes(Accepts::Json).await?).await?;
    let read = collection::read(&object, Naming::New);
    let (slug, definition) = read.map_err(|invalid| Problem::document(&invalid))?;
    may_be_read(&call, &definition)?;
    let change = CollectionChange::Create(Box::new(definition));
    let AsOf { revision, value } = call.api.collections.write(slug.clone(), change).await?;
    match value {
        CollectionOutcome::Created(collection) => {
            let mut response = saved(StatusCode::CREATED, &collection, revision);
            let location = HeaderValue::from_str(&format!("{PATH}/{slug}"));
            let location = location.expect("a slug is visible ASCII");
            response.headers_mut().insert(header::LOCATION, location);
            response.extensions_mut().insert(TouchedCollection(slug.to_string()));
            Ok(Answer::Final(response))
        }
        other => Err(refusal(&slug, other)),
    }
}

pub(crate) async fn replace(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let slug = slug(call.parameter)?;
    let object = body::object(call.bytes(Accepts::Json).await?).await?;
    let read = collection::read(&object, Naming::Known(&slug));
    let (_, definition) = read.map_err(|invalid| Problem::document(&invalid))?;
    may_be_read(&call, &definition)?;
    let expected = Expected::of(&call, &slug).await?;
    let definition = Box::new(definition);
    let change = CollectionChange::Replace { definition, expect: expected.version() };
    let AsOf { revision, value } = call.api.collections.write(slug.clone(), change).await?;
    match value {
        CollectionOutcome::Updated(collection) | CollectionOutcome::Unchanged(collection) => {
            Ok(Answer::Final(saved(StatusCode::OK, &collection, revision)))
        }
        other => Err(expected.refusal(&slug, other)),
    }
}

pub(crate) async fn delete(call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let slug = slug(call.parameter)?;
    let expected = Expected::of(&call, &slug).await?;
    let change = CollectionChange::Delete { expect: expected.version() };
    let AsOf { revision, value } = call.api.collections.write(slug.clone(), change).await?;
    if value != CollectionOutcome::Deleted {
        return Err(expected.refusal(&slug, value));
    }
    let mut response = no_content();
    response.headers_mut().insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    Ok(Answer::Final(response))
}

/// Whether a collection could be read here: a search needs an index, built or not.
fn may_be_read(call: &Call<'_>, definition: &Definition) -> Result<(), Problem> {
    if definition.search().is_none() || call.api.catalogue.index().is_some() {
        return Ok(());
    }
    let detail = "is a search, and this replica keeps no index (--index=off): use a list's filters";
    Err(Problem::document(&Invalid::one(Fault::pointer("/query", detail))))
}

/// The answer to a write that left this collection: its definition, as `/definition` shows it.
fn saved(status: StatusCode, collection: &Collection, revision: Revision) -> Response<Body> {
    let mut response = written(status, &DefinitionView(collection));
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(collection).to_header());
    headers.insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    response
}

/// The tag of a definition as it is now.
fn etag(collection: &Collection) -> ETag {
    let view = DefinitionView(collection);
    ETag::of(&serde_json::to_vec(&view).expect("a collection has a JSON form"))
}

/// What a write requires the collection to be.
enum Expected {
    /// Anything that exists.
    Nothing,
    /// Anything that exists, said so in `If-Match`.
    Existing,
    /// This version, whose tag `If-Match` named.
    Version(i64),
}

impl Expected {
    /// Reads `If-Match`, and compares its tags with those that the collection has now: its definition's,
    /// and that of the document that everybody reads.
    async fn of(call: &Call<'_>, slug: &Slug) -> Result<Self, Problem> {
        let tags = match Condition::if_match(&call.parts.headers)? {
            None => return Ok(Self::Nothing),
            Some(Condition::Any) => return Ok(Self::Existing),
            Some(tags) => tags,
        };
        let collections = &call.api.collections;
        let stored = match collections.to_write(slug.clone()).await {
            // It has no tag. Who has seen that may say so.
            Err(ServiceError::Store(error)) if error.is_bad_collection() => {
                return Err(failed(
                    "what is stored of the collection cannot be read: If-Match: * is met all the same",
                ));
            }
            read => read?.value,
        };
        let Some(stored) = stored else {
            return Err(failed("there is no such collection to match"));
        };
        if tags.names_strongly(&etag(&stored)) {
            return Ok(Self::Version(stored.version));
        }
        // The document says which version it is of. It may be of a later one than `stored` by now; the
        // transaction notices.
        let plan = collections.plan(slug.clone()).await?;
        let shown = call.api.cache.etag(Query::Collection(Box::new(plan)), call.api).await?;
        if shown.is_some_and(|shown| tags.names_strongly(&shown)) {
            return Ok(Self::Version(stored.version));
        }
        Err(failed("the collection's ETag is not in If-Match: read it again"))
    }

    const fn version(&self) -> Option<i64> {
        match self {
            Self::Nothing | Self::Existing => None,
            Self::Version(version) => Some(*version),
        }
    }

    /// The answer to a write that was not done.
    fn refusal(&self, slug: &Slug, outcome: CollectionOutcome) -> Problem {
        match (self, outcome) {
            (Self::Existing | Self::Version(_), CollectionOutcome::NotFound) => {
                failed("there is no such collection to match")
            }
            (_, outcome) => refusal(slug, outcome),
        }
    }
}

fn failed(detail: &'static str) -> Problem {
    Problem::new(Kind::PreconditionFailed, detail)
}

/// The problem that an outcome is to its writer.
fn refusal(slug: &Slug, outcome: CollectionOutcome) -> Problem {
    match outcome {
        CollectionOutcome::NotFound => no_such_collection(slug),
        CollectionOutcome::Exists => Problem::new(
            Kind::CollectionExists,
            format!("there is a collection {slug}: PUT {PATH}/{slug} replaces it"),
        ),
        CollectionOutcome::Stale(version) => Problem::new(
            Kind::PreconditionFailed,
            format!("collection {slug} has version {version}: read it again"),
        ),
        CollectionOutcome::UnknownMovies { movies, exclude } => {
            let mut faults = Faults::default();
            for (list, places) in [("movies", movies), ("exclude", exclude)] {
                for n in places {
                    faults.pointer(format!("/{list}/{n}"), "names a movie that there is not");
                }
            }
            match faults.or(()) {
                Err(invalid) => Problem::document(&invalid),
                Ok(()) => Problem::internal(),
            }
        }
        CollectionOutcome::TooMany => {
            let detail =
                format!("is one more than the {} that there may be", rule::COLLECTIONS_MAX);
            Problem::document(&Invalid::one(Fault::pointer("", detail)))
        }
        CollectionOutcome::Created(_)
        | CollectionOutcome::Updated(_)
        | CollectionOutcome::Unchanged(_)
        | CollectionOutcome::Deleted => Problem::internal(),
    }
}
