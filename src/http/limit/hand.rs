//! The buckets that a thread judged last.
//!
//! **Invariant:** a bucket that left the table is not judged by from here, but for a judgement that
//! had begun.

use std::{cell::RefCell, sync::Arc};

use hyper::header::HeaderValue;

use super::{
    policy::Policy,
    standing::Writer,
    table::{Bucket, Name},
};
use crate::domain::rate::KeyRates;

/// Places of one thread; a client and class has one of them.
const PLACES: usize = 256;

/// What one thread has at hand.
pub(super) struct Hand {
    places: Vec<Option<Place>>,
    writer: Writer,
}

struct Place {
    owner: u64,
    bucket: Arc<Bucket>,
    /// The value of `RateLimit-Policy`. A copy of this thread's own: the count of whoever shares it
    /// goes from core to core otherwise.
    policy: HeaderValue,
    /// The value of `RateLimit` that was said last. A client that does not come close to its quota is
    /// told the same each time.
    last: Last,
}

/// A value, and what it says.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) said: (usize, u32, u64),
    pub(super) value: HeaderValue,
}

impl Last {
    /// Nothing was said yet.
    pub(super) const fn none() -> Self {
        Self { said: (usize::MAX, 0, 0), value: HeaderValue::from_static("") }
    }
}

type Ready<'h> = (&'h Arc<Bucket>, &'h HeaderValue, &'h mut Last, &'h mut Writer);

thread_local! {
    static HAND: RefCell<Hand> = RefCell::new(Hand {
        places: std::iter::repeat_with(|| None).take(PLACES).collect(),
        writer: Writer::default(),
    });
}

/// Does something with what this thread has at hand.
#[inline]
pub(super) fn with<T>(work: impl FnOnce(&mut Hand) -> T) -> T {
    HAND.with_borrow_mut(work)
}

impl Hand {
    /// A client's bucket, if it is at hand and still in the table.
    #[inline]
    pub(super) fn find(
        &mut self,
        owner: u64,
        hash: u64,
        name: &Name,
        rates: Option<&Arc<KeyRates>>,
    ) -> Option<Ready<'_>> {
        let Self { places, writer } = self;
        let place = places[place(hash)].as_mut()?;
        let bucket = &place.bucket;
        let good = bucket.name == *name && place.owner == owner && !bucket.is_retired();
        (good && are_same(bucket.rates.as_ref(), rates)).then_some((
            bucket,
            &place.policy,
            &mut place.last,
            writer,
        ))
    }

    /// Keeps a bucket at hand.
    pub(super) fn keep(&mut self, owner: u64, hash: u64, bucket: Arc<Bucket>) -> Ready<'_> {
        let Self { places, writer } = self;
        let policy = value_of(&bucket.policy);
        let place = places[place(hash)].insert(Place { owner, bucket, policy, last: Last::none() });
        (&place.bucket, &place.policy, &mut place.last, writer)
    }

    /// Memory for values.
    pub(super) const fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

/// The value of `RateLimit-Policy`.
pub(super) fn value_of(policy: &Policy) -> HeaderValue {
    HeaderValue::from_str(&policy.text).expect("names and digits are visible ASCII")
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % (PLACES as u64)).unwrap_or(0)
}

#[inline]
fn are_same(one: Option<&Arc<KeyRates>>, other: Option<&Arc<KeyRates>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        _ => false,
    }
}
