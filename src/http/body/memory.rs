//! The memory that bodies of requests may take, all together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// What all bodies may take. Cheap to clone.
#[derive(Debug, Clone)]
pub(in super::super) struct Memory {
    used: Arc<AtomicUsize>,
    most: usize,
}

/// What one body takes; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    memory: Memory,
    bytes: usize,
}

impl Memory {
    /// Memory for so many bytes.
    pub(in super::super) fn new(most: usize) -> Self {
        Self { used: Arc::default(), most }
    }

    /// Room for a body of which nothing has arrived.
    pub(super) fn room(&self) -> Room {
        Room { memory: self.clone(), bytes: 0 }
    }

    /// Bytes that are taken.
    #[cfg(test)]
    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Room {
    /// Takes so many bytes more, if there are.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let Memory { used, most } = &self.memory;
        let fits = |used: usize| used.checked_add(bytes).filter(|used| used <= most);
        let grown = used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if grown {
            self.bytes += bytes;
        }
        grown
    }

    /// The bytes, which keep their room until nobody has them any more.
    pub(super) fn around(self, bytes: Bytes) -> Bytes {
        struct Owner(Bytes, #[expect(dead_code, reason = "it is kept, and dropped")] Room);

        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        Bytes::from_owner(Owner(bytes, self))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_there_is_and_give_it_back_when_nobody_has_them_any_more() {
        let memory = Memory::new(10);
        let (mut one, mut other) = (memory.room(), memory.room());
        assert!(one.grow(4) && other.grow(5) && one.grow(1));
        assert!(!other.grow(1), "there is no more");
        assert!(!other.grow(usize::MAX));
        drop(other);
        assert_eq!(memory.used(), 5);
        let body = one.around(Bytes::from_static(b"12345"));
        let part = body.slice(1..3);
        drop(body);
        assert_eq!(memory.used(), 5);
        drop(part);
        assert_eq!(memory.used(), 0);
    }
}
