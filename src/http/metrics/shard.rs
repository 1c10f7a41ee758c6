//! Cells of each thread, which it alone writes.
//!
//! An atomic that many cores raise costs each of them tens of nanoseconds, for the line of memory moves
//! between them. A cell that one thread writes is raised by a plain load and a plain store.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The cells of all threads.
#[derive(Debug)]
pub(super) struct Shards {
    /// Tells the cells of one set of counters from those of another in the same process.
    owner: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Of threads that have counted; a thread that has ended holds its own no more.
    shards: Vec<Arc<Shard>>,
    /// What threads counted that have ended.
    retired: Vec<u64>,
}

/// One thread's.
#[derive(Debug)]
struct Shard(Box<[AtomicU64]>);

impl Shard {
    #[inline]
    fn add(&self, additions: &[(usize, u64)]) {
        for (cell, n) in additions {
            let cell = &self.0[*cell];
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(*n), Ordering::Relaxed);
        }
    }
}

thread_local! {
    static MINE: RefCell<Vec<(u64, Arc<Shard>)>> = const { RefCell::new(Vec::new()) };
}

impl Shards {
    /// So many cells for each thread, all zero.
    pub(super) fn new(cells: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let owner = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { owner, kept: Mutex::new(Kept { shards: Vec::new(), retired: vec![0; cells] }) }
    }

    /// Adds to cells of this thread.
    #[inline]
    pub(super) fn add(&self, additions: &[(usize, u64)]) {
        let done = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            if let Some((_, shard)) = mine.iter().find(|(owner, _)| *owner == self.owner) {
                shard.add(additions);
            } else {
                let shard = self.shard();
                shard.add(additions);
                mine.push((self.owner, shard));
            }
        });
        if done.is_err() {
            // The thread is ending, and has no cells any more.
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for (cell, n) in additions {
                kept.retired[*cell] = kept.retired[*cell].wrapping_add(*n);
            }
        }
    }

    #[cold]
    fn shard(&self) -> Arc<Shard> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = Arc::new(Shard(kept.retired.iter().map(|_| AtomicU64::new(0)).collect()));
        kept.shards.push(Arc::clone(&shard));
        shard
    }

    /// The sum of each cell over all threads.
    pub(super) fn sums(&self) -> Vec<u64> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { shards, retired } = &mut *kept;
        shards.retain_mut(|shard| {
            let Some(shard) = Arc::get_mut(shard) else { return true };
            for (sum, cell) in retired.iter_mut().zip(&mut shard.0) {
                *sum = sum.wrapping_add(*cell.get_mut());
            }
            false
        });
        let mut sums = retired.clone();
        for shard in shards {
            for (sum, cell) in sums.iter_mut().zip(&shard.0) {
                *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
            }
        }
        sums
    }

    /// Threads that have cells.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).shards.len()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_threads_counted_is_added_up_whether_they_live_or_have_ended() {
        let shards = Arc::new(Shards::new(2));
        shards.add(&[(0, 1), (1, 5)]);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let shards = Arc::clone(&shards);
                thread::spawn(move || (0..1000).for_each(|_| shards.add(&[(0, 1)])))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(shards.sums(), [4001, 5]);
        assert_eq!(shards.threads(), 1, "those of ended threads are folded into one");
        assert_eq!(shards.sums(), [4001, 5]);
    }

    #[test]
    fn sets_of_counters_do_not_mix() {
        let (one, other) = (Shards::new(1), Shards::new(1));
        one.add(&[(0, 1)]);
        other.add(&[(0, 2)]);
        one.add(&[(0, 1)]);
        assert_eq!((one.sums(), other.sums()), (vec![2], vec![2]));
    }
}
