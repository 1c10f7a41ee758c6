//! The folder of an index, and how one index takes another's place in it.
//!
//! ```text
//! lock              locked by the process that has the folder
//! current           the name of the index that counts
//! index-…/          that index
//! building-…/       one that is being built; without meaning until it is renamed and `current` names it
//! ```
//!
//! Nothing is synced. `index-…/boot` names the boot of the machine under which the index was last
//! opened: after another one, or where that cannot be read, every checksum is compared before the index is used.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::domain::revision::Revision;

use super::{
    BuildOptions, Builder, Index,
    error::{SearchError, guarded},
    schema,
};

/// What a folder holds.
#[derive(Debug)]
pub enum Opened {
    /// A whole index of this schema and epoch.
    Ready(Index),
    /// No index.
    Missing,
    /// An index of another version of this program.
    OtherSchema,
    /// An index of what the database was before it was restored.
    OtherEpoch,
    /// An index that cannot be read, and why.
    Damaged(String),
}

/// A folder for an index, held by this process alone as long as this or anything that it gave exists.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Held>);

#[derive(Debug)]
struct Held {
    path: PathBuf,
    lock: Mutex<File>,
    /// Held while an index takes another's place.
    current: Mutex<Option<String>>,
}

/// What an index says of itself, in tantivy's own record of its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) schema: u32,
    pub(super) epoch: String,
    pub(super) revision: i64,
}

impl Stamp {
    pub(super) fn new(epoch: &str, revision: Revision) -> Self {
        Self { schema: schema::VERSION, epoch: epoch.to_owned(), revision: revision.get() }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// How the names of indexes and of those that are being built begin.
const INDEX: &str = "index-";
const BUILDING: &str = "building-";

impl Folder {
    /// Takes a folder, which is made if there is none.
    ///
    /// # Errors
    /// [`SearchError::InUse`] where another process (or another `Folder`) has it, [`SearchError::Io`].
    pub fn take(path: &Path) -> Result<Self, SearchError> {
        let lock = lock(path)?;
        let (lock, current) = (Mutex::new(lock), Mutex::default());
        let folder = Self(Arc::new(Held { path: path.to_owned(), lock, current }));
        folder.sweep(None);
        Ok(folder)
    }

    /// Opens the index in the folder. After the machine was started anew, this reads every file.
    ///
    /// # Errors
    /// [`SearchError::Io`] where the folder cannot be read; an index that cannot be used is a value.
    pub fn open(&self, epoch: &str) -> Result<Opened, SearchError> {
        match self.try_open(epoch) {
            Err(SearchError::Damaged(why)) => Ok(Opened::Damaged(why)),
            opened => opened,
        }
    }

    /// Starts a new index beside the one that the folder has, which is not touched until
    /// [`Builder::finish`] and may be searched and kept up in the meantime.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn build(&self, epoch: &str, options: BuildOptions) -> Result<Builder, SearchError> {
        self.hold()?;
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|error| SearchError::of_folder(error.into()))?;
        let name = format!("{:016x}", u64::from_be_bytes(number));
        let path = self.0.path.join(format!("{BUILDING}{name}"));
        fs::create_dir(&path).map_err(SearchError::of_folder)?;
        Builder::new(self.clone(), name, path, epoch, options)
    }

    fn try_open(&self, epoch: &str) -> Result<Opened, SearchError> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let name = match fs::read_to_string(self.0.path.join("current")) {
            Ok(name) => name.trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Missing),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok(Opened::Damaged("its name cannot be read".to_owned()));
            }
            Err(error) => return Err(SearchError::of_folder(error)),
        };
        if !name.starts_with(INDEX) || name.contains('/') {
            return Ok(Opened::Damaged("its name is none".to_owned()));
        }
        let path = self.0.path.join(&name);
        let stamp = match stamp(&path)? {
            Some(stamp) if stamp.schema == schema::VERSION => stamp,
            Some(_) => return Ok(Opened::OtherSchema),
            None => return Ok(Opened::Damaged("it was never completed".to_owned())),
        };
        if stamp.epoch != epoch {
            return Ok(Opened::OtherEpoch);
        }
        let boot = boot();
        let same_boot = boot.is_some() && boot == fs::read_to_string(path.join("boot")).ok();
        let index = guarded(|| {
            let index = Index::open(self.clone(), name.clone(), &path)?;
            if !same_boot {
                index.verify()?;
            }
            Ok(index)
        })?;
        // Where it cannot be noted, as with a full disk, all is compared once more next time.
        if !same_boot && let Err(error) = write_boot(&path) {
            tracing::warn!(%error, "under which boot the index was opened cannot be noted");
        }
        *current = Some(name);
        Ok(Opened::Ready(index))
    }

    /// Puts a finished index in the place of the one that the folder has.
    pub(super) fn put(&self, name: &str, built: &Path) -> Result<Index, SearchError> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{INDEX}{name}");
        let path = self.0.path.join(&name);
        write_boot(built)?;
        fs::rename(built, &path).map_err(SearchError::of_folder)?;
        let index = guarded(|| Index::open(self.clone(), name.clone(), &path))?;
        let write = || {
            let new = self.0.path.join("current.new");
            fs::write(&new, format!("{name}\n"))?;
            fs::rename(new, self.0.path.join("current"))
        };
        write().map_err(SearchError::of_folder)?;
        self.sweep(Some(&name));
        *current = Some(name);
        Ok(index)
    }

    /// Whether an index of that name is the one that counts, here and on the disk.
    pub(super) fn check(&self, name: &str) -> Result<(), SearchError> {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_deref() != Some(name) {
            return Err(SearchError::Replaced);
        }
        match fs::read_to_string(self.0.path.join("current")) {
            Ok(on_disk) if on_disk.trim_end() == name => Ok(()),
            Ok(_) => Err(SearchError::Damaged("another index was put in its place".to_owned())),
            Err(error) => Err(SearchError::Damaged(format!("its name is gone: {error}"))),
        }
    }

    /// Whether an index of that name may be changed.
    pub(super) fn may_change(&self, name: &str) -> Result<(), SearchError> {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_deref() == Some(name) { Ok(()) } else { Err(SearchError::Replaced) }
    }

    /// Makes sure that the folder is there and locked still: somebody may have removed it.
    fn hold(&self) -> Result<(), SearchError> {
        let mut held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let there = fs::metadata(self.0.path.join("lock")).map(inode);
        let mine = held.metadata().map(inode);
        if !matches!((there, mine), (Ok(there), Ok(mine)) if there == mine) {
            *held = lock(&self.0.path)?;
        }
        Ok(())
    }

    /// Removes what no index needs: those that were being built when a process ended, and those that
    /// were replaced. What cannot be removed does no harm.
    fn sweep(&self, current: Option<&str>) {
        let Ok(entries) = fs::read_dir(&self.0.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let replaced =
                name.starts_with(INDEX) && current.is_some_and(|current| current != name);
            // While an index is put in place, another may be built.
            let left = name.starts_with(BUILDING) && current.is_none();
            if (replaced || left) && fs::remove_dir_all(entry.path()).is_err() {
                tracing::warn!(name, "an old search index cannot be removed");
            }
        }
    }
}

fn lock(path: &Path) -> Result<File, SearchError> {
    fs::create_dir_all(path).map_err(SearchError::of_folder)?;
    let file = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
    let file = file.map_err(SearchError::of_folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SearchError::InUse),
        Err(TryLockError::Error(error)) => Err(SearchError::of_folder(error)),
    }
}

/// What an index says of itself; `None` where it does not.
fn stamp(path: &Path) -> Result<Option<Stamp>, SearchError> {
    #[derive(Deserialize)]
    struct Record {
        payload: Option<String>,
    }
    let record = fs::read(path.join("meta.json"))?;
    let record: Record = serde_json::from_slice(&record)?;
    Ok(record.payload.map(|payload| serde_json::from_str(&payload)).transpose()?)
}

/// The machine's boot; `None` where it has no name.
fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}

fn write_boot(path: &Path) -> Result<(), SearchError> {
    let Some(boot) = boot() else { return Ok(()) };
    let write = || File::create(path.join("boot"))?.write_all(boot.as_bytes());
    write().map_err(SearchError::of_folder)
}
