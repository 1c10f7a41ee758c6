//! An open index: one snapshot for all who ask, and one writer that makes the next.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tantivy::{
    Index as Engine, IndexWriter, Term,
    indexer::{IndexWriterOptions, LogMergePolicy},
};

use crate::domain::{
    list::{Filter, ListPage, ListQuery},
    movie::{Movie, MovieId},
    revision::{AsOf, Revision},
    search::{SearchPage, SearchQuery},
};

use super::{
    alike, answer,
    builder::register,
    document::document,
    error::{SearchError, guarded},
    files::Files,
    folder::{Folder, Stamp},
    schema::Fields,
    segment::{Part, open_all},
};

/// Memory of the thread that indexes changes; the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;

/// A change to a movie.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The movie is new, or is now like this.
    Put(Box<Movie>),
    /// There is no such movie any more.
    Delete(MovieId),
}

/// How large an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Movies.
    pub movies: u64,
    /// Segments, each searched by itself.
    pub segments: u64,
    /// Bytes that it holds in memory between queries: columns, dictionaries and cached postings.
    pub memory_bytes: u64,
}

/// An open index. Cheap to clone.
#[derive(Clone)]
pub struct Index(Arc<Inner>);

struct Inner {
    folder: Folder,
    name: String,
    epoch: String,
    files: Files,
    fields: Fields,
    engine: Engine,
    snapshot: ArcSwap<Snapshot>,
    /// Made with the first change.
    writer: Mutex<Option<IndexWriter>>,
}

/// The index as of a commit.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) revision: Revision,
    pub(super) parts: Vec<Arc<Part>>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { name, snapshot, .. } = &*self.0;
        f.debug_struct("Index").field("name", name).field("snapshot", &snapshot.load()).finish()
    }
}

impl Index {
    pub(super) fn open(folder: Folder, name: String, path: &Path) -> Result<Self, SearchError> {
        let files = Files::new(path.to_owned());
        let engine = Engine::open(files.clone())?;
        let fields = Fields::new();
        if engine.schema() != fields.schema {
            return Err(SearchError::Damaged("its fields are not those of its version".to_owned()));
        }
        register(&engine);
        let stamp = stamp(&engine)?;
        let snapshot = Snapshot::load(&engine, &fields, &stamp, &[])?;
        Ok(Self(Arc::new(Inner {
            folder,
            name,
            epoch: stamp.epoch,
            files,
            fields,
            engine,
            snapshot: ArcSwap::from_pointee(snapshot),
            writer: Mutex::default(),
        })))
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.0.folder.clone()
    }

    /// The last write that it includes.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.snapshot.load().revision
    }

    /// Makes changes, in their order, as one commit; whoever asks afterwards sees all of them. Calls
    /// wait for each other. `revision` is the last write that the index then includes.
    ///
    /// # Errors
    /// [`SearchError`]; none of the changes is then seen. After [`SearchError::Io`] and [`SearchError::Engine`] they
    /// may be made again: a new writer begins with what was committed, which may be these changes already.
    pub fn apply(&self, changes: &[Change], revision: Revision) -> Result<(), SearchError> {
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.folder.may_change(&self.0.name)?;
        let outcome = guarded(|| {
            let writer = match &mut *writer {
                Some(writer) => writer,
                none => none.insert(self.0.writer()?),
            };
            self.0.commit(writer, changes, revision)
        });
        if outcome.is_err() {
            *writer = None; // with all that it has not committed
        }
        outcome
    }

    /// Ends what writes to it, and its merges. Before an index is opened anew from the same files: two that write to
    /// them would each remove what the other one needs.
    pub fn rest(&self) {
        *self.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Looks for movies.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] where the index must be rebuilt.
    pub fn search(&self, query: &SearchQuery) -> Result<AsOf<SearchPage>, SearchError> {
        let snapshot = self.0.snapshot.load_full();
        let value = guarded(|| answer::search(&snapshot, &self.0.fields, query))?;
        Ok(AsOf { revision: snapshot.revision, value })
    }

    /// A page of a list: the rows, order and cursors that the store gives, and an exact total.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] where the index must be rebuilt.
    pub fn list(&self, query: &ListQuery) -> Result<AsOf<ListPage>, SearchError> {
        let snapshot = self.0.snapshot.load_full();
        let value = guarded(|| answer::list(&snapshot, &self.0.fields, query))?;
        Ok(AsOf { revision: snapshot.revision, value })
    }

    /// The movies that are most like one by what is written about them, with how much (0 to 1), the most alike
    /// first: rows of lists, of which the filter accepts each.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] where the index must be rebuilt.
    pub fn alike(
        &self,
        movie: &Movie,
        filter: &Filter,
        count: usize,
    ) -> Result<AsOf<Vec<(Movie, f32)>>, SearchError> {
        let snapshot = self.0.snapshot.load_full();
        let value = guarded(|| alike::alike(&snapshot, &self.0.fields, movie, filter, count))?;
        Ok(AsOf { revision: snapshot.revision, value })
    }

    /// Whether the files that it reads are still those in the folder: same file, same size. Costs a
    /// look at each file's metadata.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] where they are not, [`SearchError::Replaced`] where a newer index took
    /// its place, [`SearchError::Io`] where they cannot be looked at.
    pub fn check(&self) -> Result<(), SearchError> {
        self.0.folder.check(&self.0.name)?;
        let snapshot = self.0.snapshot.load_full();
        let names: Vec<_> = snapshot.parts.iter().flat_map(|part| part.files()).collect();
        self.0.files.check(names.iter().map(std::path::PathBuf::as_path))
    }

    /// Reads every file, piece by piece, and compares checksums.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] where one is wrong, [`SearchError::Io`] where they cannot be looked at.
    pub fn verify(&self) -> Result<(), SearchError> {
        guarded(|| {
            let engine = &self.0.engine;
            let of_segments = engine.load_metas()?.list_segment_files();
            // Some kinds of files not every segment has.
            for path in engine.directory().list_managed_files().intersection(&of_segments) {
                if !self.0.files.is_whole(path)? {
                    let what = format!("the checksum of {} is wrong", path.display());
                    return Err(SearchError::Damaged(what));
                }
            }
            Ok(())
        })
    }

    /// How large it is.
    ///
    /// # Errors
    /// [`SearchError::Io`].
    pub fn size(&self) -> Result<Size, SearchError> {
        let snapshot = self.0.snapshot.load();
        let parts = &snapshot.parts;
        let held: u64 = parts.iter().map(|part| part.bytes()).sum();
        Ok(Size {
            disk_bytes: self.0.files.disk_bytes().map_err(SearchError::of_folder)?,
            movies: snapshot.movies(),
            segments: parts.len() as u64,
            memory_bytes: held + self.0.files.cached_bytes(),
        })
    }
}

impl Inner {
    fn writer(&self) -> Result<IndexWriter, SearchError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter =
            self.engine.writer_with_options(options).map_err(SearchError::of_writing)?;
        writer.set_merge_policy(Box::new(merges()));
        Ok(writer)
    }

    fn commit(
        &self,
        writer: &mut IndexWriter,
        changes: &[Change],
        revision: Revision,
    ) -> Result<(), SearchError> {
        for change in changes {
            let id = match change {
                Change::Put(movie) => movie.id,
                Change::Delete(id) => *id,
            };
            writer.delete_term(Term::from_field_u64(self.fields.id, id.get().unsigned_abs()));
            if let Change::Put(movie) = change {
                let document = document(&self.fields, movie)?;
                writer.add_document(document).map_err(SearchError::of_writing)?;
            }
        }
        let stamp = Stamp::new(&self.epoch, revision);
        let mut commit = writer.prepare_commit().map_err(SearchError::of_writing)?;
        commit.set_payload(&stamp.text());
        commit.commit().map_err(SearchError::of_writing)?;
        let known = self.snapshot.load_full();
        let snapshot = Snapshot::load(&self.engine, &self.fields, &stamp, &known.parts)?;
        self.snapshot.store(Arc::new(snapshot));
        Ok(())
    }
}

impl Snapshot {
    fn load(
        engine: &Engine,
        fields: &Fields,
        stamp: &Stamp,
        known: &[Arc<Part>],
    ) -> Result<Self, SearchError> {
        let revision = Revision::new(stamp.revision);
        let revision =
            revision.ok_or_else(|| SearchError::Damaged("its revision is none".to_owned()))?;
        Ok(Self { revision, parts: open_all(engine, fields, known)? })
    }

    /// How many movies there are.
    pub(super) fn movies(&self) -> u64 {
        self.parts.iter().map(|part| part.movies).sum()
    }
}

fn stamp(engine: &Engine) -> Result<Stamp, SearchError> {
    let payload = engine.load_metas()?.payload;
    let payload =
        payload.ok_or_else(|| SearchError::Damaged("it was never completed".to_owned()))?;
    Ok(serde_json::from_str(&payload)?)
}

/// When segments are merged. The smallest ones of single writes often, for next to nothing; a segment
/// of which a fifth was deleted with others of its size, or by itself.
pub(super) fn merges() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(6);
    policy.set_min_layer_size(1_000);
    policy.set_del_docs_ratio_before_merge(0.2);
    policy
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        domain::{clock::Moment, movie::MovieData},
        search::BuildOptions,
    };

    fn titled(id: i64, title: &str) -> Movie {
        let at = Moment::from_unix_ms(0);
        let data = MovieData { title: title.to_owned(), ..MovieData::default() };
        Movie { id: MovieId::new(id).unwrap(), data, version: 1, created_at: at, updated_at: at }
    }

    #[test]
    fn changes_that_could_not_be_written_can_be_made_again() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::take(home.path()).unwrap();
        let at = |revision| Revision::new(revision).unwrap();
        let options = BuildOptions { threads: 1, memory_bytes: 0 };
        let mut builder = folder.build("epoch", options).unwrap();
        builder.add(&titled(1, "Alien")).unwrap();
        let index = builder.finish(at(1)).unwrap();
        let found = || {
            let query = SearchQuery::from_pairs(vec![("q".to_owned(), "alien".to_owned())]);
            index.search(&query.unwrap()).unwrap().value.total
        };
        let change = |id| [Change::Put(Box::new(titled(id, "Alien again")))];
        index.apply(&change(2), at(2)).unwrap();
        // What is written before it takes the name of what was there.
        let in_the_way = home.path().join(&index.0.name).join("meta.new");
        fs::create_dir(&in_the_way).unwrap();
        for _ in 0..3 {
            assert!(matches!(index.apply(&change(3), at(3)), Err(SearchError::Io(_))));
            assert_eq!((index.revision(), found()), (at(2), 2));
            index.check().unwrap();
        }
        fs::remove_dir(in_the_way).unwrap();
        index.apply(&change(3), at(3)).unwrap();
        assert_eq!((index.revision(), found()), (at(3), 3));
        index.rest();
        index.apply(&change(4), at(4)).unwrap();
        index.check().unwrap();
        index.verify().unwrap();
        assert_eq!(found(), 4);
    }
}
