//! What tests of the cache begin with.

use std::time::Duration;

use bytes::Bytes;

use super::{entry::Payload, known::Known, lease::Bounds, rule::Rules};
use crate::domain::{
    clock::{Clock, Moment},
    revision::{Revision, Scope},
};

/// An answer that is a text.
#[derive(Debug)]
pub(super) struct Text(pub(super) Bytes);

impl Payload for Text {
    const SCHEMA: u64 = 0;

    fn weight(&self) -> usize {
        self.0.len()
    }

    fn write(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.0);
    }

    fn read(bytes: Bytes) -> Option<Self> {
        Some(Self(bytes))
    }
}

pub(super) fn at(revision: i64) -> Revision {
    Revision::new(revision).unwrap()
}

/// What is known of a catalogue at revision 10 in life 1, where genres were last touched at 9.
pub(super) fn known() -> Known {
    let bounds = Bounds { staleness: Duration::from_secs(1), cap: Duration::from_secs(5) };
    let known = Known::new(bounds, Clock::manual(Moment::from_unix_ms(0)), Rules::default());
    known.forget();
    known.begin_life(known.begin_poll(), 1, at(10), &[(Scope::Movies, at(9))]);
    known
}
