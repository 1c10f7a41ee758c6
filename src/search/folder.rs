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
        folder.sweep_all();
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
        let put = guarded(|| Index::open(self.clone(), name.clone(), &path)).and_then(|index| {
            self.write_current(&name).map_err(SearchError::of_folder)?;
            Ok(index)
        });
        if put.is_err() {
            remove(&path);
            return put;
        }
        self.sweep_indexes(&name);
        *current = Some(name);
        put
    }

    fn write_current(&self, name: &str) -> io::Result<()> {
        let new = self.0.path.join("current.new");
        fs::write(&new, format!("{name}\n"))?;
        fs::rename(new, self.0.path.join("current"))
    }

    /// Whether an index of that name is the one that counts, here and on the disk.
    pub(super) fn check(&self, name: &str) -> Result<(), SearchError> {
        let current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_deref() != Some(name) {
            return Err(SearchError::Replaced);
        }
        let on_disk = fs::read_to_string(self.0.path.join("current"))
            .map_err(|error| SearchError::of_looking("its name is gone", error))?;
        if on_disk.trim_end() == name {
            return Ok(());
        }
        Err(SearchError::Damaged("another index was put in its place".to_owned()))
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

    /// Removes what a process that ended has left: what it was building, and the indexes that do not count. To be
    /// done before anything is opened or built. What cannot be removed does no harm.
    fn sweep_all(&self) {
        self.sweep(|name| name.starts_with(BUILDING));
        match fs::read_to_string(self.0.path.join("current")) {
            Ok(current) => self.sweep_indexes(current.trim_end()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.sweep_indexes(""),
            Err(_) => {} // which one counts is not known
        }
    }

    /// Removes the indexes but for the one that counts.
    fn sweep_indexes(&self, current: &str) {
        self.sweep(|name| is_index(name) && name != current);
    }

    fn sweep(&self, is_over: impl Fn(&str) -> bool) {
        let Ok(entries) = fs::read_dir(&self.0.path) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(&is_over) {
                remove(&entry.path());
            }
        }
    }
}

/// Whether a folder is of an index, by its name.
fn is_index(name: &str) -> bool {
    let number = name.strip_prefix(INDEX);
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path) {
        let path = path.display();
        tracing::warn!(%path, %error, "a search index that is over cannot be removed");
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

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: BuildOptions = BuildOptions { threads: 1, memory_bytes: 0 };

    fn build(folder: &Folder) -> Result<Index, SearchError> {
        folder.build("epoch", OPTIONS)?.finish(Revision::new(1).unwrap())
    }

    /// What is in the folder but for the lock and the name.
    fn left(home: &Path) -> Vec<String> {
        let names = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with(INDEX) || name.starts_with(BUILDING)).collect()
    }

    #[test]
    fn an_index_whose_name_cannot_be_read_is_not_damaged() {
        let home = tempfile::tempdir().unwrap();
        let index = build(&Folder::take(home.path()).unwrap()).unwrap();
        let current = home.path().join("current");
        let name = fs::read(&current).unwrap();
        fs::remove_file(&current).unwrap();
        fs::create_dir(&current).unwrap();
        assert!(matches!(index.check(), Err(SearchError::Io(_))));
        fs::remove_dir(&current).unwrap();
        assert!(matches!(index.check(), Err(SearchError::Damaged(_))), "it is gone");
        fs::write(&current, [0xff]).unwrap();
        assert!(matches!(index.check(), Err(SearchError::Damaged(_))), "it is none");
        fs::write(&current, name).unwrap();
        index.check().unwrap();
    }

    #[test]
    fn an_index_that_cannot_be_put_in_place_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::take(home.path()).unwrap();
        let old = build(&folder).unwrap();
        let before = left(home.path());
        fs::create_dir(home.path().join("current.new")).unwrap();
        assert!(matches!(build(&folder), Err(SearchError::Io(_))));
        assert_eq!(left(home.path()), before);
        old.check().unwrap();
        fs::remove_dir(home.path().join("current.new")).unwrap();
        build(&folder).unwrap().check().unwrap();
        assert_eq!(left(home.path()).len(), 1);
    }

    #[test]
    fn a_start_removes_the_indexes_that_do_not_count_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::take(home.path()).unwrap();
        drop(build(&folder).unwrap());
        drop(folder);
        let mut expected = left(home.path());
        expected.push("index-of-photos".to_owned());
        expected.sort_unstable();
        let others = ["index-0123456789abcdef", "building-7", "index-of-photos"];
        for other in others {
            fs::create_dir(home.path().join(other)).unwrap();
        }
        let current = home.path().join("current");
        let aside = home.path().join("aside");
        fs::rename(&current, &aside).unwrap();
        fs::create_dir(&current).unwrap();
        drop(Folder::take(home.path()).unwrap());
        assert_eq!(left(home.path()).len(), 3, "which one counts cannot be read");
        fs::remove_dir(&current).unwrap();
        fs::rename(&aside, &current).unwrap();
        let folder = Folder::take(home.path()).unwrap();
        let mut kept = left(home.path());
        kept.sort_unstable();
        assert_eq!(kept, expected);
        assert!(matches!(folder.open("epoch"), Ok(Opened::Ready(_))));
    }
}
