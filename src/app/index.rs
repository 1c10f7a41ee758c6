//! The index, from settings: whether there is one, and in which folder.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use prometheus::Registry;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AppError;
use crate::{
    cache::known::Known,
    config::{Settings, index::Switch},
    search::{Folder, SearchError},
    service::index::{CATCH_UP, Finder, Keeper, Metrics, Options},
    store::Store,
};

/// Searches at once for each processor, where nothing else is said.
const AT_ONCE: usize = 2;
/// Searches that wait for each that is answered.
const WAITING: usize = 4;
/// Threads that build, at most. More would not be faster than the database is read.
const THREADS_MAX: usize = 4;

/// The index, before it is kept.
pub(super) struct Kept {
    keeper: Keeper,
    /// The folder, where it goes with the process.
    pub(super) folder: Option<TemporaryFolder>,
}

/// A folder that goes with this.
#[derive(Debug)]
pub(super) struct TemporaryFolder(PathBuf);

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.0.display(), "the index's folder is left behind");
        }
    }
}

impl TemporaryFolder {
    fn new() -> io::Result<Self> {
        let within = std::env::temp_dir();
        sweep(&within, LEFT_FOR);
        let random = getrandom::u64().map_err(io::Error::other)?;
        let path = within.join(format!("{TEMPORARY}{}-{random:016x}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

/// How the names of temporary folders begin.
const TEMPORARY: &str = "marquee-index-";
/// A folder in which nothing came or went for so long, and that nobody has locked, is nobody's: who makes one locks it
/// at once.
const LEFT_FOR: Duration = Duration::from_mins(1);

/// Removes the folders of processes that were killed: their locks went with them. What cannot be removed does no harm.
fn sweep(within: &Path, left_for: Duration) {
    let Ok(entries) = fs::read_dir(within) else { return };
    for entry in entries.flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
        let is_folder = || entry.file_type().is_ok_and(|kind| kind.is_dir()); // no link
        if !named || !is_folder() {
            continue;
        }
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let old = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age >= left_for);
        let lock = File::options().write(true).open(entry.path().join("lock"));
        if !old || !lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            continue;
        }
        let folder = entry.path();
        match fs::remove_dir_all(&folder) {
            Ok(()) => {
                tracing::info!(folder = %folder.display(), "an index that was left is removed");
            }
            Err(error) => tracing::warn!(%error, folder = %folder.display(), "an index is left"),
        }
    }
}

/// What is to keep the index, if there is to be one. Its metrics are there in any case.
pub(super) fn index(
    settings: &Settings,
    registry: &Registry,
    store: &Arc<Store>,
    known: &Arc<Known>,
    tasks: &TaskTracker,
) -> Result<(Option<Kept>, Option<Finder>), AppError> {
    let metrics = Arc::new(Metrics::new(registry));
    if settings.index.index == Switch::Off {
        return Ok((None, None));
    }
    let (taken, folder) = take(settings)?;
    let (store, known) = (Arc::clone(store), Arc::clone(known));
    let (keeper, finder) =
        Keeper::new(store, known, taken, options(settings), metrics, tasks.clone());
    Ok((Some(Kept { keeper, folder }), Some(finder)))
}

fn options(settings: &Settings) -> Options {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let at_once = match usize::try_from(settings.index.search_concurrency) {
        Ok(0) | Err(_) => AT_ONCE * processors,
        Ok(number) => number,
    };
    Options {
        memory_bytes: settings.index.index_memory.as_usize(),
        threads: (processors / 2).clamp(1, THREADS_MAX),
        at_once,
        waiting: WAITING * at_once,
        timeout: settings.index.search_timeout,
    }
}

/// Takes the folder that the settings name. Where they name none, the one beside the database's file, and
/// else one of its own: two replicas may well share a file.
fn take(settings: &Settings) -> Result<(Folder, Option<TemporaryFolder>), AppError> {
    let failed = |folder: &Path, source| AppError::Index { folder: folder.to_owned(), source };
    if let Some(folder) = &settings.index.index_dir {
        let taken = Folder::take(folder).map_err(|source| failed(folder, source))?;
        tracing::info!(folder = %folder.display(), "the index has its folder");
        return Ok((taken, None));
    }
    if let Some(folder) = settings.index_dir() {
        match Folder::take(&folder) {
            Ok(taken) => {
                tracing::info!(folder = %folder.display(), "the index has its folder");
                return Ok((taken, None));
            }
            Err(error) => tracing::warn!(
                %error,
                folder = %folder.display(),
                "the index goes into a temporary folder"
            ),
        }
    }
    let temporary = TemporaryFolder::new();
    let temporary = temporary
        .map_err(|error| failed(&std::env::temp_dir(), SearchError::Io(Arc::new(error))))?;
    let taken = Folder::take(&temporary.0).map_err(|source| failed(&temporary.0, source))?;
    tracing::info!(folder = %temporary.0.display(), "the index has a temporary folder");
    Ok((taken, Some(temporary)))
}

impl Kept {
    /// Has the index kept from now on, and waits for one that is there to be opened, for as long as
    /// `patience` lasts, and then to catch up: a small one is ready with the service, and a large one does not
    /// keep others waiting. Gives the folder that goes with the process.
    pub(super) async fn begin(
        self,
        tasks: &TaskTracker,
        stop: CancellationToken,
        patience: Duration,
    ) -> Option<TemporaryFolder> {
        let Self { mut keeper, folder } = self;
        let [opened, caught_up] = keeper.begun();
        tasks.spawn(keeper.run(stop));
        let ready = async {
            timeout(patience, opened).await?;
            timeout(CATCH_UP, caught_up).await
        };
        if ready.await.is_err() {
            tracing::info!("the index is not ready yet: lists are served meanwhile");
        }
        folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_were_killed_are_removed_and_no_others() {
        let within = tempfile::tempdir().unwrap();
        let folder = |name: &str| within.path().join(name);
        let (left, held, other) = ("marquee-index-1-a", "marquee-index-2-b", "else-1");
        for name in [left, other] {
            drop(Folder::take(&folder(name)).unwrap());
        }
        let _held = Folder::take(&folder(held)).unwrap();
        sweep(within.path(), Duration::from_mins(1));
        assert!(folder(left).exists(), "it is too new to be nobody's");
        sweep(within.path(), Duration::ZERO);
        assert!(!folder(left).exists());
        assert!(folder(held).exists() && folder(other).exists());
    }
}
