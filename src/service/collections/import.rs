//! Collections from files, and into them: one a line, as JSON.

use std::io::BufRead;

use serde_json::Value;

use crate::{
    domain::{
        collection::{self, Definition, Naming, Slug},
        invalid::Invalid,
        json,
        revision::Revision,
    },
    store::{CollectionChange, CollectionOutcome, Store, error::StoreError},
};

/// The bundled collections, which go with the bundled catalogue.
static BUNDLED: &str = include_str!("../../../data/collections.jsonl");

/// Bytes of a line, at most: several times what the longest collection has.
const LINE_MAX: usize = 1024 * 1024;

/// What came of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Collections that are new.
    pub created: usize,
    /// Collections that changed.
    pub updated: usize,
    /// Collections that were as the file says.
    pub unchanged: usize,
    /// Lines that were not taken.
    pub refused: usize,
}

/// A line that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its number, from 1 on.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// Why an import ended.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read the collections")]
    Read(#[source] std::io::Error),
    /// The store failed.
    #[error("cannot write the collections")]
    Store(#[source] StoreError),
}

/// Takes collections from lines of JSON, each in a transaction of its own: one whose slug exists becomes
/// what the line says, also where what is stored of it makes no sense. Lines that are of no use are told to
/// `refused`, and the others taken.
///
/// # Errors
/// `ImportError`; what was taken before stays.
pub async fn import(
    store: &Store,
    mut lines: impl BufRead,
    mut refused: impl FnMut(Refused),
) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let most = LINE_MAX as u64 + 1;
        let read = std::io::Read::take(&mut lines, most).read_until(b'\n', &mut text);
        if read.map_err(ImportError::Read)? == 0 {
            break;
        }
        let start =
            if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text) } else { &text };
        let trimmed = start.trim_ascii();
        if trimmed.is_empty() {
            continue;
        }
        if text.len() > LINE_MAX {
            let error =
                std::io::Error::other(format!("line {line} has more than {LINE_MAX} bytes"));
            return Err(ImportError::Read(error));
        }
        let outcome = match parse(trimmed) {
            Ok((slug, definition)) => {
                let change = CollectionChange::Put(Box::new(definition));
                match store.write_collection(&slug, &change, None).await {
                    Ok(written) => told(&written.outcome),
                    // That of a movie that the line names, say: the others may name better ones.
                    Err(error @ StoreError::BadRow { .. }) => Err(error.to_string()),
                    Err(error) => return Err(ImportError::Store(error)),
                }
            }
            Err(reason) => Err(reason),
        };
        match outcome {
            Ok(Done::Created) => imported.created += 1,
            Ok(Done::Updated) => imported.updated += 1,
            Ok(Done::Unchanged) => imported.unchanged += 1,
            Err(reason) => {
                imported.refused += 1;
                refused(Refused { line, reason });
            }
        }
    }
    Ok(imported)
}

enum Done {
    Created,
    Updated,
    Unchanged,
}

fn parse(line: &[u8]) -> Result<(Slug, Definition), String> {
    match json::parse(line).map_err(|malformed| malformed.to_string())? {
        Value::Object(object) => {
            let read = collection::read(&object, Naming::Document);
            read.map_err(|invalid: Invalid| invalid.to_string())
        }
        _ => Err("is not a JSON object".to_owned()),
    }
}

fn told(outcome: &CollectionOutcome) -> Result<Done, String> {
    match outcome {
        CollectionOutcome::Created(_) => Ok(Done::Created),
        CollectionOutcome::Updated(_) => Ok(Done::Updated),
        CollectionOutcome::Unchanged(_) => Ok(Done::Unchanged),
        CollectionOutcome::UnknownMovies { movies, exclude } => {
            let places = movies.iter().map(|n| format!("/movies/{n}"));
            let places = places.chain(exclude.iter().map(|n| format!("/exclude/{n}")));
            let places: Vec<String> = places.collect();
            Err(format!("names movies that the catalogue does not have: {}", places.join(", ")))
        }
        CollectionOutcome::TooMany => {
            let most = collection::rule::COLLECTIONS_MAX;
            Err(format!("is one more than the {most} that there may be"))
        }
        CollectionOutcome::Deleted
        | CollectionOutcome::NotFound
        | CollectionOutcome::Exists
        | CollectionOutcome::Stale(_) => Err("was not stored, and nothing says why".to_owned()),
    }
}

/// The bundled collections as lines.
#[must_use]
pub fn bundled() -> &'static [u8] {
    BUNDLED.as_bytes()
}

/// Puts the bundled collections into a catalogue, where it has none of their names.
///
/// # Errors
/// [`StoreError`]
pub async fn load_bundled(store: &Store) -> Result<usize, StoreError> {
    let mut created = 0;
    for line in BUNDLED.lines() {
        let (slug, definition) = match parse(line.as_bytes()) {
            Ok(parsed) => parsed,
            Err(reason) => {
                tracing::error!(reason, "a bundled collection makes no sense");
                continue;
            }
        };
        let change = CollectionChange::Create(Box::new(definition));
        match store.write_collection(&slug, &change, None).await?.outcome {
            CollectionOutcome::Created(_) => created += 1,
            CollectionOutcome::Exists => {}
            other => {
                let reason = told(&other).err().unwrap_or_default();
                tracing::warn!(%slug, reason, "a bundled collection was not taken");
            }
        }
    }
    Ok(created)
}

/// Every collection as lines that [`import`] takes, by slug; and what could not be read.
///
/// # Errors
/// [`StoreError`]
pub async fn export(store: &Store) -> Result<(Vec<String>, Vec<StoreError>), StoreError> {
    let stored = store.collections(Revision::default()).await?.value;
    let mut collections = stored.changed;
    collections.sort_by(|one, other| one.slug.cmp(&other.slug));
    Ok((
        collections.iter().map(crate::domain::collection::Collection::to_line).collect(),
        stored.bad,
    ))
}
