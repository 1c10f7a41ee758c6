//! Building an index anew.

use std::{fs, path::PathBuf};

use tantivy::{
    Index as Engine, IndexSettings, IndexWriter, TantivyDocument, indexer::IndexWriterOptions,
    store::Compressor, tokenizer::TextAnalyzer,
};

use crate::domain::{movie::Movie, revision::Revision};

use super::{
    Index,
    document::document,
    error::{SearchError, guarded},
    files::Files,
    folder::{Folder, Stamp},
    index::merges,
    schema::Fields,
    tokens::Terms,
};

/// Least memory of an indexing thread that tantivy takes.
const MEMORY_MIN_BYTES: usize = 15_000_000;
/// Bytes of stored movies that are compressed together. A row is read by reading its block.
const STORED_BLOCK_BYTES: usize = 4_096;

/// How much a rebuild may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildOptions {
    /// Threads that index.
    pub threads: usize,
    /// Memory that those threads share, in bytes; at least 15 MB a thread is used.
    pub memory_bytes: usize,
}

/// A new index that is being filled. Dropped before it is finished, it leaves nothing behind.
pub struct Builder {
    folder: Folder,
    name: String,
    epoch: String,
    fields: Fields,
    writer: Option<IndexWriter>,
    path: Remove,
}

/// A folder that is removed when it is no longer wanted; renamed, it is not there any more.
struct Remove(PathBuf);

impl Drop for Remove {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left is swept away at the next start
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new(
        folder: Folder,
        name: String,
        path: PathBuf,
        epoch: &str,
        options: BuildOptions,
    ) -> Result<Self, SearchError> {
        let path = Remove(path);
        let fields = Fields::new();
        let settings = IndexSettings {
            docstore_compression: Compressor::Lz4,
            docstore_blocksize: STORED_BLOCK_BYTES,
            ..IndexSettings::default()
        };
        let files = Files::new(path.0.clone());
        let engine = Engine::create(files, fields.schema.clone(), settings);
        let engine = engine.map_err(SearchError::of_writing)?;
        register(&engine);
        let threads = options.threads.max(1);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread((options.memory_bytes / threads).max(MEMORY_MIN_BYTES))
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter =
            engine.writer_with_options(options).map_err(SearchError::of_writing)?;
        writer.set_merge_policy(Box::new(merges()));
        Ok(Self { folder, name, epoch: epoch.to_owned(), fields, writer: Some(writer), path })
    }

    /// Adds a movie. A movie that was added before must not be added again.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn add(&mut self, movie: &Movie) -> Result<(), SearchError> {
        let document: TantivyDocument = document(&self.fields, movie)?;
        let Some(writer) = &self.writer else { return Err(SearchError::Replaced) };
        guarded(|| writer.add_document(document).map_err(SearchError::of_writing))?;
        Ok(())
    }

    /// Completes the index, as of `revision`, and puts it in the place of the one that the folder had.
    /// [`Index`]es of that one go on answering from it, and can no longer be kept up.
    ///
    /// # Errors
    /// [`SearchError`]; the folder then has what it had.
    pub fn finish(mut self, revision: Revision) -> Result<Index, SearchError> {
        let Some(mut writer) = self.writer.take() else { return Err(SearchError::Replaced) };
        let stamp = Stamp::new(&self.epoch, revision).text();
        guarded(|| {
            let mut commit = writer.prepare_commit().map_err(SearchError::of_writing)?;
            commit.set_payload(&stamp);
            commit.commit().map_err(SearchError::of_writing)?;
            writer.wait_merging_threads().map_err(SearchError::of_writing)
        })?;
        self.folder.put(&self.name, &self.path.0)
    }
}

/// Gives an open index the tokenizers that its schema names.
pub(super) fn register(engine: &Engine) {
    for terms in [Terms::Words, Terms::Names, Terms::Starts] {
        engine.tokenizers().register(terms.name(), TextAnalyzer::from(terms));
    }
}
