//! Work on several threads whose result does not depend on how many there are.
//!
//! **Invariant:** a piece is computed by one thread from its index alone; results are in the order of indexes.

use std::{num::NonZero, thread};

/// How many threads there are use for.
pub(super) fn available() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Maps each index below `count`.
pub(super) fn map<R: Send>(count: usize, threads: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
    let share = count.div_ceil(threads.max(1)).max(1);
    each_chunk(&mut results, share, threads, |first, chunk| {
        for (index, place) in (first * share..).zip(chunk) {
            *place = Some(f(index));
        }
    });
    results.into_iter().flatten().collect()
}

/// Calls `f` with each chunk of `size` and the chunk's number.
pub(super) fn each_chunk<T: Send>(
    values: &mut [T],
    size: usize,
    threads: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) {
    let threads = threads.max(1);
    let mut shares: Vec<Vec<(usize, &mut [T])>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, chunk) in values.chunks_mut(size.max(1)).enumerate() {
        shares[number % threads].push((number, chunk));
    }
    let f = &f;
    let run = |share: Vec<(usize, &mut [T])>| share.into_iter().for_each(|(n, chunk)| f(n, chunk));
    thread::scope(|scope| {
        let own = shares.pop();
        for share in shares {
            scope.spawn(move || run(share));
        }
        run(own.unwrap_or_default());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_number_of_threads() {
        let expected: Vec<_> = (0..101).map(|n| n * n).collect();
        for threads in [0, 1, 2, 3, 200] {
            assert_eq!(map(101, threads, |n| n * n), expected, "{threads}");
        }
        assert!(map(0, 4, |n| n).is_empty());
    }
}
