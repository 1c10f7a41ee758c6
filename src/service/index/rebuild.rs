//! A new index, from one snapshot of the truth.
//!
//! One task reads the snapshot, some movies at a time, and pauses in between; one thread puts them into
//! the index, which has threads of its own for at most half of the processors, at a lower priority. So requests go
//! on: the database and a processor are free for them every few milliseconds.

use std::{
    sync::{Arc, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::nice;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::{
    domain::{movie::Movie, revision::Revision},
    search::{BuildOptions, Folder, SearchError},
};

use super::{
    Phase, Reason,
    finder::Rebuilding,
    keeper::{Keeper, Step, Trouble, name_of},
    suggestions::Suggestions,
};

/// Chunks of movies that were read and are not in the index yet.
const CHUNKS: usize = 4;
/// The longest pause between two chunks.
const PAUSE_MAX: Duration = Duration::from_millis(50);
/// How much nicer the threads that build are than others: they get a third of what one that answers gets where both
/// want a processor. At the lowest priority a replica that is never idle would not get its index.
const NICE: i32 = 5;
/// How often the log tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What the thread that builds is told.
enum Told {
    Movies(Vec<Movie>),
    /// That was all of them.
    End,
}

impl Keeper {
    /// Builds an index. What comes next is to open it.
    pub(super) async fn build(&self, reason: Reason) -> Result<Step, Trouble> {
        self.begin_rebuild(reason);
        let known = &self.desktop.known;
        let epoch = known.epoch();
        let mut snapshot = self.store.snapshot().await?;
        if snapshot.epoch() != epoch {
            known.ask();
            return Err(Trouble::Unsettled);
        }
        let (revision, total) = (snapshot.revision(), snapshot.movies().await?);
        let began = Instant::now();
        tracing::info!(reason = reason.label(), %revision, movies = total, "the index is being built");
        let (movies, chunks) = mpsc::channel(CHUNKS);
        let options =
            BuildOptions { threads: self.options.threads, memory_bytes: self.options.memory_bytes };
        let suggestions = Arc::clone(&self.desktop.suggestions);
        let (folder, stamp) = (self.folder.clone(), (epoch, revision));
        let built = spawn(move || build(&folder, stamp, options, &suggestions, chunks))?;
        let (mut done, mut told) = (0, began);
        loop {
            let asked = Instant::now();
            let chunk = snapshot.next().await?;
            if chunk.is_empty() {
                break;
            }
            let took = asked.elapsed();
            done += chunk.len() as u64;
            if movies.send(Told::Movies(chunk)).await.is_err() {
                break; // it failed, and says why
            }
            self.is_so_far(done, total.max(done));
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                tracing::info!(done, total, "the index is being built");
            }
            sleep((took / 2).min(PAUSE_MAX)).await;
        }
        snapshot.end().await;
        let _ = movies.send(Told::End).await;
        built.await.map_err(|_| Trouble::Lost)??;
        let took = began.elapsed();
        self.desktop.metrics.rebuild_seconds.set(took.as_secs_f64());
        tracing::info!(movies = done, %revision, ?took, "the index was built");
        Ok(Step::Open)
    }

    /// Whether the last index answers meanwhile depends on what it lacks: it is the catalogue as it was,
    /// or nothing at all.
    fn begin_rebuild(&self, reason: Reason) {
        let mut state = self.desktop.state.lock().unwrap_or_else(PoisonError::into_inner);
        let again = state.rebuild.is_some_and(|rebuild| rebuild.reason == reason);
        state.rebuild =
            Some(Rebuilding { reason, done: 0, total: 0, began: Instant::now().into_std() });
        drop(state);
        if !again {
            self.desktop.metrics.rebuilds(reason);
        }
        let goes_on =
            matches!(reason, Reason::Bumped | Reason::Gap) && self.desktop.known.shown().is_some();
        if !goes_on {
            self.desktop.known.hide();
            self.desktop.serving.store(None);
            self.desktop.suggestions.forget();
        }
        self.is(if goes_on { Phase::Rebuilding } else { Phase::Building });
    }

    fn is_so_far(&self, done: u64, total: u64) {
        let mut state = self.desktop.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rebuild) = &mut state.rebuild {
            (rebuild.done, rebuild.total) = (done, total);
        }
    }
}

/// Begins the thread that builds; gives how it ended.
fn spawn(
    work: impl FnOnce() -> Result<(), SearchError> + Send + 'static,
) -> Result<oneshot::Receiver<Result<(), SearchError>>, Trouble> {
    let (sender, outcome) = oneshot::channel();
    let thread = thread::Builder::new().name("index-build".to_owned()).spawn(move || {
        // Of this thread, and of those that it begins; if the system does not let it, it takes its turn.
        let _ = nice(NICE);
        let _ = sender.send(work());
    });
    thread.map(|_| outcome).map_err(|_| Trouble::Lost)
}

/// Builds an index of all movies that it is told, and fills the suggestions with them. Of less than all,
/// there is neither.
fn build(
    folder: &Folder,
    (epoch, revision): (u64, Revision),
    options: BuildOptions,
    suggestions: &Suggestions,
    mut chunks: mpsc::Receiver<Told>,
) -> Result<(), SearchError> {
    let mut builder = folder.build(&name_of(epoch), options)?;
    let (mut failed, mut is_all) = (None, false);
    suggestions.fill(|suggested| {
        while let Some(told) = chunks.blocking_recv() {
            let Told::Movies(movies) = told else {
                is_all = true;
                return true;
            };
            for movie in &movies {
                suggested.add(movie.id, &movie.data);
                if let Err(error) = builder.add(movie) {
                    failed = Some(error);
                    return false;
                }
            }
        }
        false
    });
    match failed {
        Some(error) => Err(error),
        // The index is opened anew, as after a restart: what was written must be readable.
        None if is_all => builder.finish(revision).map(drop),
        None => Ok(()), // nobody waits for it
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn what_builds_and_what_it_begins_gives_way_to_requests() {
        let usual = getpriority_process(None).unwrap();
        let (sender, seen) = oneshot::channel();
        let ended = spawn(move || {
            let inner = thread::spawn(|| getpriority_process(None)).join();
            let _ = sender.send((getpriority_process(None), inner));
            Ok(())
        });
        ended.unwrap().await.unwrap().unwrap();
        let (own, inner) = seen.await.unwrap();
        let nicer = (usual + NICE).min(19);
        assert_eq!((own.unwrap(), inner.unwrap().unwrap()), (nicer, nicer));
        assert_eq!(getpriority_process(None).unwrap(), usual, "nobody else does");
    }
}
