//! The index's files, read by position.
//!
//! tantivy's own directory maps files into memory, so that a file that is cut under a running process
//! ends it (SIGBUS). Here a read that comes short is an error like any other. What is read often is
//! kept: dictionaries and columns as long as somebody holds them, postings in a cache of bounded size.
//!
//! Nothing is synced to the disk: the index is derived, and what a crash of the machine may have cut is
//! found by its checksums when it is opened after a boot (see [`folder`](super::folder)).

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tantivy::{
    Directory, HasLen as _,
    directory::{
        AntiCallToken, DirectoryLock, FileHandle, FileSlice, Lock, OwnedBytes, TerminatingWrite,
        WatchCallback, WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
        footer::Footer,
    },
};

use super::{
    error::SearchError,
    handle::{Handle, Identity, Kept, locked},
};

/// A file that was opened once.
struct Opened {
    identity: Identity,
    number: u64,
    handle: Weak<Handle>,
}

/// The files of one index.
#[derive(Clone)]
pub(super) struct Files(Arc<Inner>);

struct Inner {
    root: PathBuf,
    /// Every file that was opened and not deleted here.
    opened: Mutex<HashMap<PathBuf, Opened>>,
    /// The file of that name as it was last written here; held while it is written.
    replaced: Mutex<HashMap<PathBuf, Identity>>,
    kept: Arc<Kept>,
    next_number: AtomicU64,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.0.root).finish()
    }
}

impl Files {
    /// The files in a folder, which must exist.
    pub(super) fn new(root: PathBuf) -> Self {
        Self(Arc::new(Inner {
            root,
            opened: Mutex::default(),
            replaced: Mutex::default(),
            kept: Arc::new(Kept::new()),
            next_number: AtomicU64::new(0),
        }))
    }

    /// Bytes of postings that are kept at the moment.
    pub(super) fn cached_bytes(&self) -> u64 {
        self.0.kept.cached_bytes()
    }

    /// Bytes of all files.
    pub(super) fn disk_bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(&self.0.root)? {
            // A file that a merge has just removed.
            bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(bytes)
    }

    /// Whether the files of these names are those that were opened; names that never were are passed
    /// over. Otherwise says what became of one, or what kept it from being looked at.
    pub(super) fn check<'p>(
        &self,
        paths: impl Iterator<Item = &'p Path>,
    ) -> Result<(), SearchError> {
        for path in paths {
            let opened = locked(&self.0.opened).get(path).map(|opened| opened.identity);
            if let Some(identity) = opened {
                same(&self.0.root.join(path), identity)?;
            }
        }
        let replaced = locked(&self.0.replaced);
        replaced.iter().try_for_each(|(path, identity)| same(&self.0.root.join(path), *identity))
    }

    /// Whether a file of a segment has the checksum that stands at its end. tantivy would read it as a whole, which
    /// are hundreds of megabytes where there are millions of movies.
    pub(super) fn is_whole(&self, path: &Path) -> Result<bool, SearchError> {
        self.check([path].into_iter())?;
        let file = File::open(self.full(path))?;
        let bytes = file.metadata()?.len();
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(bytes).unwrap_or(usize::MAX))];
        let last = bytes - piece.len() as u64;
        file.read_exact_at(&mut piece, last)?;
        let end = FileSlice::new(Arc::new(OwnedBytes::new(piece.clone())));
        let (footer, before) = Footer::extract_footer(end)?;
        let (mut sum, mut at) = (crc32fast::Hasher::new(), 0);
        let body = last + before.len() as u64;
        while at < body {
            let left = usize::try_from(body - at).unwrap_or(usize::MAX);
            let length = left.min(piece.len());
            file.read_exact_at(&mut piece[..length], at)?;
            sum.update(&piece[..length]);
            at += length as u64;
        }
        Ok(sum.finalize() == footer.crc)
    }

    fn full(&self, path: &Path) -> PathBuf {
        self.0.root.join(path)
    }
}

/// How much of a file is read at once for its checksum: more than tantivy lets a footer have.
const PIECE_BYTES: usize = 1 << 20;

fn same(path: &Path, identity: Identity) -> Result<(), SearchError> {
    let name = path.file_name().unwrap_or_default().display();
    let metadata = fs::metadata(path)
        .map_err(|error| SearchError::of_looking(&format!("{name} is gone"), error))?;
    if Identity::of(&metadata) == identity {
        return Ok(());
    }
    Err(SearchError::Damaged(if metadata.len() == identity.bytes {
        format!("{name} is another file, or was written to")
    } else {
        format!("{name} has {} bytes, not {}", metadata.len(), identity.bytes)
    }))
}

/// A file that is being written.
struct Plain(File);

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Plain {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}

impl Directory for Files {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let mut opened = locked(&self.0.opened);
        let known = opened.get(path).map(|known| (known.identity, known.number, &known.handle));
        if let Some(handle) = known.and_then(|(.., handle)| handle.upgrade()) {
            return Ok(handle);
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        };
        let file = File::open(self.full(path)).map_err(failed)?;
        let identity = Identity::of(&file.metadata().map_err(failed)?);
        let number = match known {
            Some((known, number, _)) if known == identity => number,
            Some(_) => {
                let what = format!("{} is another file, or was written to", path.display());
                return Err(failed(io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            None => self.0.next_number.fetch_add(1, Ordering::Relaxed),
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let handle = Arc::new(Handle {
            file,
            identity,
            name: path.to_owned(),
            number,
            holds_postings: matches!(extension, Some("idx" | "pos")),
            kept: Arc::clone(&self.0.kept),
        });
        let entry = Opened { identity, number, handle: Arc::downgrade(&handle) };
        opened.insert(path.to_owned(), entry);
        Ok(handle)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        locked(&self.0.opened).remove(path);
        fs::remove_file(self.full(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DeleteError::FileDoesNotExist(path.to_owned()),
            _ => DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() },
        })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let exists = self.full(path).try_exists();
        exists.map_err(|error| OpenReadError::wrap_io_error(error, path.to_owned()))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.full(path));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(Plain(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        fs::read(self.full(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        })
    }

    fn atomic_write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut replaced = locked(&self.0.replaced);
        let full = self.full(path);
        let new = full.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        let identity = Identity::of(&file.metadata()?);
        fs::rename(&new, &full)?;
        replaced.insert(path.to_owned(), identity);
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Nobody else is there: the folder is locked as a whole, and an index has one writer.
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &Files, name: &str, bytes: &[u8]) {
        let mut writer = files.open_write(Path::new(name)).unwrap();
        writer.write_all(bytes).unwrap();
        writer.terminate().unwrap();
    }

    fn damage(error: SearchError) -> String {
        match error {
            SearchError::Damaged(how) => how,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_gone() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        write(&files, "a", b"12");
        let path = Path::new("a");
        let _handle = files.get_file_handle(path).unwrap();
        fs::remove_file(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("a")).unwrap();
        let error = files.check([path].into_iter()).unwrap_err();
        assert!(matches!(error, SearchError::Io(_)), "{error:?}");
    }

    #[test]
    fn a_file_that_was_cut_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        for name in ["a.idx", "a.term"] {
            write(&files, name, &[7; 10_000]);
            let handle = files.get_file_handle(Path::new(name)).unwrap();
            assert_eq!(handle.read_bytes(0..2_000).unwrap().as_slice(), [7; 2_000]);
            let cut = OpenOptions::new().write(true).open(folder.path().join(name)).unwrap();
            cut.set_len(100).unwrap();
            assert!(handle.read_bytes(50..6_000).is_err());
            assert!(handle.read_bytes(9_999..10_001).is_err());
            let error = files.check([Path::new(name)].into_iter()).unwrap_err();
            assert_eq!(damage(error), format!("{name} has 100 bytes, not 10000"));
        }
    }

    #[test]
    fn checksums_are_compared_piece_by_piece() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        let managed = tantivy::directory::ManagedDirectory::wrap(Box::new(files.clone())).unwrap();
        let sizes = [0, 1, 1_000, PIECE_BYTES - 40, PIECE_BYTES, 2 * PIECE_BYTES + 7];
        for (n, size) in sizes.into_iter().enumerate() {
            let (name, bytes) = (format!("{n}.store"), vec![7; size]);
            let path = Path::new(&name);
            let mut writer = managed.open_write(path).unwrap();
            writer.write_all(&bytes).unwrap();
            writer.terminate().unwrap();
            assert!(files.is_whole(path).unwrap(), "{size}");
            let full = folder.path().join(path);
            let mut spoilt = fs::read(&full).unwrap();
            for at in [0, size / 2, size.saturating_sub(1)].into_iter().take(size) {
                spoilt[at] ^= 1;
                fs::write(&full, &spoilt).unwrap();
                assert!(!files.is_whole(path).unwrap(), "{size} at {at}");
                spoilt[at] ^= 1;
            }
            fs::write(&full, &spoilt[..spoilt.len() - 1]).unwrap();
            assert!(files.is_whole(path).is_err(), "{size}");
        }
    }

    #[test]
    fn files_that_are_gone_or_others_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        write(&files, "a", b"12");
        files.atomic_write(Path::new("m"), b"34").unwrap();
        let path = Path::new("a");
        let check = || files.check([path].into_iter());
        let handle = files.get_file_handle(path).unwrap();
        check().unwrap();
        let aside = folder.path().join("aside");
        fs::rename(folder.path().join("a"), &aside).unwrap();
        assert!(damage(check().unwrap_err()).starts_with("a is gone"));
        fs::write(folder.path().join("a"), b"56").unwrap();
        assert_eq!(damage(check().unwrap_err()), "a is another file, or was written to");
        assert_eq!(handle.read_bytes(0..2).unwrap().as_slice(), b"12");
        fs::rename(aside, folder.path().join("a")).unwrap();
        check().unwrap();
        fs::remove_file(folder.path().join("m")).unwrap();
        assert!(check().is_err());
    }

    #[test]
    fn a_file_that_was_written_to_is_noticed_though_it_is_as_long() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        write(&files, "a", b"12");
        let path = Path::new("a");
        let _handle = files.get_file_handle(path).unwrap();
        let before = fs::metadata(folder.path().join("a")).unwrap().modified().unwrap();
        let mut there = OpenOptions::new().write(true).open(folder.path().join("a")).unwrap();
        there.write_all(b"21").unwrap();
        // Clocks of file systems tick every few milliseconds.
        there.set_modified(before + std::time::Duration::from_millis(1)).unwrap();
        let error = files.check([path].into_iter()).unwrap_err();
        assert_eq!(damage(error), "a is another file, or was written to");
    }

    #[test]
    fn what_is_held_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned());
        for name in ["a.term", "a.idx"] {
            write(&files, name, &[1; 9_000]);
            let read = || files.get_file_handle(Path::new(name)).unwrap().read_bytes(0..8_000);
            let one = read().unwrap();
            let two = read().unwrap();
            assert_eq!(one.as_slice().as_ptr(), two.as_slice().as_ptr(), "{name}");
        }
    }
}
