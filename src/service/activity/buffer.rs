//! What each thread noted of late.
//!
//! A hit costs a few microseconds, so noting it must cost next to nothing: each thread puts it into a
//! buffer of its own, whose lock nobody else takes but the writer, a few times a second and for as long as
//! it takes to swap two pointers.
//!
//! **Invariant:** noting never waits for the database, and a full buffer drops and counts.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::event::{Kind, Noted, Wish};

/// Most events of one thread that wait.
pub(super) const PER_THREAD: usize = 32_768;
/// What a buffer keeps room for while little comes.
const ROOM_KEPT: usize = 1_024;

/// The buffers of all threads.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Tells these buffers from those of another service in the same process.
    owner: u64,
    all: Mutex<Vec<Arc<Buffer>>>,
}

#[derive(Debug, Default)]
struct Buffer(Mutex<Waiting>);

/// What waits in a buffer, and what was counted there.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) events: Vec<Noted>,
    /// Of each kind, those for which there was no room.
    pub(super) dropped: [u64; Kind::ALL.len()],
    /// Those of people who do not want to be tracked.
    pub(super) opted_out: u64,
    /// Those of requests that are private.
    pub(super) private: u64,
}

thread_local! {
    static MINE: RefCell<Vec<(u64, Arc<Buffer>)>> = const { RefCell::new(Vec::new()) };
}

impl Buffers {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { owner: NEXT.fetch_add(1, Ordering::Relaxed), all: Mutex::default() }
    }

    /// Notes an event of this thread.
    #[inline]
    pub(super) fn note(&self, event: Noted) {
        self.with(|waiting| {
            let last = waiting.events.last_mut().filter(|last| last.is_again(&event));
            if let Some(last) = last {
                last.times += 1;
            } else if waiting.events.len() < PER_THREAD {
                waiting.events.push(event);
            } else {
                waiting.dropped[event.subject.kind() as usize] += 1;
            }
        });
    }

    /// Counts events that must not be noted.
    #[inline]
    pub(super) fn ignore(&self, wish: Wish, count: u64) {
        self.with(|waiting| match wish {
            Wish::Unsaid => {}
            Wish::OptedOut => waiting.opted_out += count,
            Wish::Private => waiting.private += count,
        });
    }

    #[inline]
    fn with(&self, work: impl FnOnce(&mut Waiting)) {
        // A thread that is ending has answered its last request.
        let _ = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            let found = mine.iter().position(|(owner, _)| *owner == self.owner);
            let at = found.unwrap_or_else(|| {
                mine.push((self.owner, self.buffer()));
                mine.len() - 1
            });
            work(&mut mine[at].1.0.lock().unwrap_or_else(PoisonError::into_inner));
        });
    }

    #[cold]
    fn buffer(&self) -> Arc<Buffer> {
        let buffer = Arc::<Buffer>::default();
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&buffer));
        buffer
    }

    /// Takes what waits in each buffer, and leaves room out of `spare` instead.
    pub(super) fn take(&self, spare: &mut Vec<Vec<Noted>>) -> Vec<Waiting> {
        let buffers = {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            let buffers = all.clone();
            // A thread that has ended holds its own no more: it is in the two lists here alone.
            all.retain(|buffer| Arc::strong_count(buffer) > 2);
            buffers
        };
        let take = |buffer: Arc<Buffer>| {
            let empty = Waiting { events: spare.pop().unwrap_or_default(), ..Waiting::default() };
            let mut waiting = buffer.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *waiting, empty)
        };
        buffers.into_iter().map(take).collect()
    }
}

impl Waiting {
    /// Its memory, to be used again; but for little when little comes.
    pub(super) fn room(mut self, used: usize) -> Vec<Noted> {
        self.events.clear();
        if used < self.events.capacity() / 8 {
            self.events.shrink_to(ROOM_KEPT);
        }
        self.events
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{
        domain::{clock::Tick, movie::MovieId},
        service::activity::event::{Client, Subject},
    };

    fn noted(n: i64) -> Noted {
        Noted {
            subject: Subject::Movie(MovieId::new(n).unwrap()),
            client: Client::new([127, 0, 0, 1].into(), None),
            user: None,
            at: Tick::START,
            erasures: 0,
            times: 1,
        }
    }

    fn drained(buffers: &Buffers) -> (usize, u64) {
        let taken = buffers.take(&mut Vec::new());
        let dropped = taken.iter().flat_map(|waiting| waiting.dropped).sum();
        (taken.iter().map(|waiting| waiting.events.len()).sum(), dropped)
    }

    #[test]
    fn what_threads_note_is_all_there_whether_they_live_or_have_ended() {
        let buffers = Arc::new(Buffers::new());
        buffers.note(noted(1));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let buffers = Arc::clone(&buffers);
                thread::spawn(move || {
                    (1..=1_000).for_each(|n| buffers.note(noted(n)));
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(drained(&buffers), (4_001, 0));
        assert_eq!(drained(&buffers), (0, 0));
        drained(&buffers);
        assert_eq!(buffers.all.lock().unwrap().len(), 1, "those of ended threads are gone");
    }

    #[test]
    fn a_full_buffer_drops_and_counts() {
        let buffers = Buffers::new();
        let sent = PER_THREAD + 123;
        (1..=i64::try_from(sent).unwrap()).for_each(|n| buffers.note(noted(n)));
        assert_eq!(drained(&buffers), (PER_THREAD, 123));
        buffers.note(noted(1));
        assert_eq!(drained(&buffers), (1, 0), "there is room again");
    }

    #[test]
    fn who_asks_again_at_once_takes_no_more_room() {
        let buffers = Buffers::new();
        (0..1_000_000).for_each(|_| buffers.note(noted(1)));
        buffers.note(noted(2));
        buffers.note(noted(1));
        let taken = buffers.take(&mut Vec::new());
        let times: Vec<u32> = taken[0].events.iter().map(|event| event.times).collect();
        assert_eq!((times, taken[0].dropped), (vec![1_000_000, 1, 1], [0; 4]));
    }

    #[test]
    fn services_in_one_process_do_not_mix_and_wishes_are_counted() {
        let (one, other) = (Buffers::new(), Buffers::new());
        one.note(noted(1));
        other.ignore(Wish::OptedOut, 1);
        other.ignore(Wish::Private, 1);
        other.ignore(Wish::Unsaid, 1);
        let taken = other.take(&mut Vec::new());
        let told: Vec<_> = taken
            .iter()
            .map(|waiting| (waiting.events.len(), waiting.opted_out, waiting.private))
            .collect();
        assert_eq!((told, drained(&one)), (vec![(0, 1, 1)], (1, 0)));
    }
}
