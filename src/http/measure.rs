//! Single steps of an answer's way, for those who measure them. Nothing that serves calls this.
//!
//! **Invariant:** what is measured is what serves; nothing is done here that is not done there.

use bytes::Bytes;
use hyper::header::HeaderMap;

use crate::{
    cache::{entry::Payload as _, key::Key},
    domain::{
        list::{ListPage, ListQuery},
        revision::{AsOf, Revision},
    },
};

use super::{conditional::ETag, encoding::Coding, finished::Finished, handlers::list};

/// A list's name in the cache, from what stands behind `?` in a target.
#[must_use]
pub fn name_of_list(query: &str) -> Option<Key> {
    Some(list::read(Some(query)).ok()?.ask(Revision::ZERO).key)
}

/// Which coding is given to who sends these fields.
#[must_use]
pub fn coding(headers: &HeaderMap) -> &'static str {
    Coding::negotiate(headers, &Coding::ALL).name()
}

/// The bytes of a body's tag.
#[must_use]
pub fn tag(body: &[u8]) -> usize {
    ETag::of(body).as_bytes().len()
}

/// A finished answer.
#[derive(Debug)]
pub struct Made(Finished);

impl Made {
    /// The answer to a list: its JSON, tag and headers.
    #[must_use]
    pub fn of_list(query: &ListQuery, page: &AsOf<ListPage>) -> Self {
        Self(list::render(query, page))
    }

    /// Its body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// What replicas share of it.
    #[must_use]
    pub fn shared(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.0.weight() + 256);
        self.0.write(&mut bytes);
        bytes.into()
    }

    /// The answer from what replicas share.
    #[must_use]
    pub fn of_shared(bytes: Bytes) -> Option<Self> {
        Finished::read(bytes).map(Self)
    }
}
