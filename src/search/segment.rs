//! A segment of the index, opened for queries.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use tantivy::{
    DocId, DocSet, HasLen, Index, Segment, SegmentReader, TERMINATED, TantivyError,
    fastfield::AliveBitSet,
    index::{InvertedIndexReader, SegmentComponent, SegmentId, SegmentMeta},
    postings::{SegmentPostings, TermInfo},
    schema::{Field, IndexRecordOption},
    store::StoreReader,
};

use super::{columns::Columns, error::SearchError, schema::Fields};

/// Decompressed blocks of stored movies that are kept for each segment.
const STORED_BLOCKS_CACHED: usize = 32;

/// What never changes of a segment.
pub(super) struct Base {
    indexes: HashMap<Field, Arc<InvertedIndexReader>>,
    pub(super) columns: Columns,
    pub(super) stored: StoreReader,
    dictionary_bytes: u64,
}

/// A segment with those of its movies that are not deleted.
pub(super) struct Part {
    pub(super) base: Arc<Base>,
    alive: Option<AliveBitSet>,
    pub(super) documents: DocId,
    pub(super) movies: u64,
    /// Held so that a merge does not remove the files.
    meta: SegmentMeta,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part")
            .field("id", &self.meta.id())
            .field("movies", &self.movies)
            .finish_non_exhaustive()
    }
}

impl Part {
    /// Opens a segment, with what is open of it already.
    pub(super) fn open(
        segment: &Segment,
        fields: &Fields,
        known: Option<&Self>,
    ) -> Result<Self, SearchError> {
        let reader = SegmentReader::open(segment)?;
        let base = match known {
            Some(known) => Arc::clone(&known.base),
            None => Arc::new(Base::open(&reader, segment, fields)?),
        };
        Ok(Self {
            base,
            alive: reader.alive_bitset().cloned(),
            documents: reader.max_doc(),
            movies: u64::from(reader.num_docs()),
            meta: segment.meta().clone(),
        })
    }

    pub(super) fn id(&self) -> SegmentId {
        self.meta.id()
    }

    /// Whether it is exactly this segment, with these deletions.
    pub(super) fn is(&self, meta: &SegmentMeta) -> bool {
        self.meta.id() == meta.id() && self.meta.delete_opstamp() == meta.delete_opstamp()
    }

    #[inline]
    pub(super) fn is_alive(&self, document: DocId) -> bool {
        self.alive.as_ref().is_none_or(|alive| alive.is_alive(document))
    }

    pub(super) fn index(&self, field: Field) -> Result<&InvertedIndexReader, SearchError> {
        let index = self.base.indexes.get(&field).map(Arc::as_ref);
        index.ok_or_else(|| SearchError::Damaged("a field is missing".to_owned()))
    }

    /// What the dictionary of a field says of a term.
    pub(super) fn term(&self, field: Field, term: &[u8]) -> Result<Option<TermInfo>, SearchError> {
        Ok(self.index(field)?.terms().get(term)?)
    }

    /// The movies that have a term, deleted ones too.
    pub(super) fn postings(
        &self,
        field: Field,
        term: &TermInfo,
        record: IndexRecordOption,
    ) -> Result<SegmentPostings, SearchError> {
        Ok(self.index(field)?.read_postings_from_terminfo(term, record)?)
    }

    /// How many movies have a term, counted up to `most`.
    pub(super) fn count(
        &self,
        field: Field,
        term: &TermInfo,
        most: usize,
    ) -> Result<usize, SearchError> {
        if self.alive.is_none() {
            return Ok(most.min(term.doc_freq as usize));
        }
        let mut postings = self.postings(field, term, IndexRecordOption::Basic)?;
        let mut count = 0;
        while count < most && postings.doc() != TERMINATED {
            count += usize::from(self.is_alive(postings.doc()));
            postings.advance();
        }
        Ok(count)
    }

    /// The names that its files may have.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        [
            SegmentComponent::Postings,
            SegmentComponent::Positions,
            SegmentComponent::FastFields,
            SegmentComponent::FieldNorms,
            SegmentComponent::Terms,
            SegmentComponent::Store,
            SegmentComponent::Delete,
        ]
        .into_iter()
        .map(|component| self.meta.relative_path(component))
    }

    /// Bytes that it holds in memory.
    pub(super) fn bytes(&self) -> u64 {
        let alive = self.alive.as_ref().map_or(0, |alive| alive.space_usage().get_bytes());
        self.base.columns.bytes() as u64 + self.base.dictionary_bytes + alive
    }
}

impl Base {
    fn open(
        reader: &SegmentReader,
        segment: &Segment,
        fields: &Fields,
    ) -> Result<Self, SearchError> {
        let mut indexes = HashMap::new();
        for field in fields.indexed() {
            indexes.insert(field, reader.inverted_index(field)?);
        }
        let terms = segment.open_read(SegmentComponent::Terms).map_err(TantivyError::from)?;
        Ok(Self {
            indexes,
            columns: Columns::read(reader, fields)?,
            stored: reader.get_store_reader(STORED_BLOCKS_CACHED)?,
            dictionary_bytes: terms.len() as u64,
        })
    }
}

/// Opens all segments of an index, with what is open of them already. A merge may remove one between
/// the moment it is listed and the moment it is opened; then there is a new list.
pub(super) fn open_all(
    index: &Index,
    fields: &Fields,
    known: &[Arc<Part>],
) -> Result<Vec<Arc<Part>>, SearchError> {
    const ATTEMPTS: u32 = 5;
    let mut attempt = 1;
    loop {
        let parts: Result<Vec<_>, _> = index
            .searchable_segments()?
            .iter()
            .map(|segment| {
                let same = known.iter().find(|part| part.id() == segment.id());
                match same {
                    Some(part) if part.is(segment.meta()) => Ok(Arc::clone(part)),
                    same => Part::open(segment, fields, same.map(Arc::as_ref)).map(Arc::new),
                }
            })
            .collect();
        match parts {
            Err(SearchError::Damaged(_)) if attempt < ATTEMPTS => attempt += 1,
            parts => return parts,
        }
    }
}
