//! A file that is read by position, and what is kept of what was read.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tantivy::{
    HasLen,
    directory::{FileHandle, OwnedBytes},
};

/// Bytes of postings that are kept in memory.
pub(super) const POSTINGS_CACHE_BYTES: u64 = 64 << 20;
/// Postings shorter than this are read each time: that costs no more than finding them in a cache.
const CACHED_MIN_BYTES: usize = 1 << 10;
/// Postings longer than this are read each time, so that no single list takes the whole cache.
const CACHED_MAX_BYTES: usize = 8 << 20;
/// Dictionaries and columns shorter than this are not shared.
const SHARED_MIN_BYTES: usize = 4 << 10;

/// Which file a path led to, and as it was when. Files of an index are written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
}

impl Identity {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        let written = (metadata.mtime(), metadata.mtime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), bytes: metadata.len(), written }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A range of a file's bytes.
type Piece = (u64, usize, usize);

/// What is kept of the files of an index.
pub(super) struct Kept {
    /// What readers hold, for as long as one does.
    shared: Mutex<HashMap<Piece, Weak<[u8]>>>,
    postings: moka::sync::Cache<Piece, Arc<[u8]>>,
}

impl Kept {
    pub(super) fn new() -> Self {
        let weigh = |_: &Piece, bytes: &Arc<[u8]>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let cache = moka::sync::Cache::builder();
        let postings = cache.max_capacity(POSTINGS_CACHE_BYTES).weigher(weigh).build();
        Self { shared: Mutex::default(), postings }
    }

    /// Bytes of postings that are kept at the moment.
    pub(super) fn cached_bytes(&self) -> u64 {
        self.postings.weighted_size()
    }

    fn posting(
        &self,
        piece: Piece,
        read: impl FnOnce() -> io::Result<Arc<[u8]>>,
    ) -> io::Result<Arc<[u8]>> {
        if !(CACHED_MIN_BYTES..=CACHED_MAX_BYTES).contains(&(piece.2 - piece.1)) {
            return read();
        }
        if let Some(bytes) = self.postings.get(&piece) {
            return Ok(bytes);
        }
        let bytes = read()?;
        self.postings.insert(piece, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn shared(
        &self,
        piece: Piece,
        read: impl FnOnce() -> io::Result<Arc<[u8]>>,
    ) -> io::Result<Arc<[u8]>> {
        if piece.2 - piece.1 < SHARED_MIN_BYTES {
            return read();
        }
        if let Some(bytes) = locked(&self.shared).get(&piece).and_then(Weak::upgrade) {
            return Ok(bytes);
        }
        let bytes = read()?;
        let mut shared = locked(&self.shared);
        if shared.len() == shared.capacity() {
            shared.retain(|_, bytes| bytes.strong_count() > 0);
        }
        shared.insert(piece, Arc::downgrade(&bytes));
        Ok(bytes)
    }
}

/// An open file.
pub(super) struct Handle {
    pub(super) file: File,
    pub(super) identity: Identity,
    pub(super) name: PathBuf,
    /// The same whenever the same file is opened.
    pub(super) number: u64,
    /// Its parts are read again and again by queries, rather than held by a reader.
    pub(super) holds_postings: bool,
    pub(super) kept: Arc<Kept>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.name).finish()
    }
}

impl HasLen for Handle {
    fn len(&self) -> usize {
        usize::try_from(self.identity.bytes).unwrap_or(usize::MAX)
    }
}

impl Handle {
    fn read(&self, range: &Range<usize>) -> io::Result<Arc<[u8]>> {
        let length = range.len();
        if range.end > self.len() {
            let what = format!("{} ends before byte {}", self.name.display(), range.end);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
        let at = u64::try_from(range.start).unwrap_or(u64::MAX);
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            self.file.read_exact_at(bytes, at).map_err(|error| {
                let what = format!("{} cannot be read at {at}: {error}", self.name.display());
                io::Error::new(error.kind(), what)
            })?;
        }
        Ok(bytes)
    }
}

impl FileHandle for Handle {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let piece = (self.number, range.start, range.end);
        let bytes = if self.holds_postings {
            self.kept.posting(piece, || self.read(&range))?
        } else {
            self.kept.shared(piece, || self.read(&range))?
        };
        Ok(OwnedBytes::new(bytes))
    }
}
