//! Movies and people that can be suggested, as they were at one moment. It never changes; what
//! changes since is in other segments, and which of these are over is told by whoever holds them.
//!
//! Movies and people are numbered by how well known they are, the best first.

use std::ops::Range;

use crate::domain::{movie::MovieId, suggest::Kind};

use super::{
    score::{self, Role},
    suffixes::Suffixes,
    texts::{Record, Texts, take_number},
    tops::Tops,
    vocabulary::{ARRAYS, Sought, Vocabulary},
};

/// Where texts are entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Array {
    /// Titles, at their beginning.
    Starts,
    /// Titles, at later words.
    Later,
    /// Names, at any word.
    Names,
}

impl Array {
    /// All of them, by number.
    pub(super) const ALL: [Self; ARRAYS] = [Self::Starts, Self::Later, Self::Names];

    /// What its texts are.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Starts | Self::Later => Kind::Movie,
            Self::Names => Kind::Person,
        }
    }
}

/// Movies and people.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) titles: Texts,
    pub(super) ids: Vec<MovieId>,
    /// 0 where it is not known; none is that old.
    pub(super) years: Vec<i16>,
    pub(super) scores: Vec<u16>,
    /// Movies in the order of their ids.
    pub(super) by_id: Vec<u32>,
    /// People, and after them those whose numbers are in another segment but who have movies here.
    pub(super) names: Texts,
    pub(super) credits: Vec<u32>,
    pub(super) arrays: [Suffixes; ARRAYS],
    pub(super) words: Vocabulary,
    pub(super) tops: [Tops; ARRAYS],
}

impl Segment {
    /// How many movies it has.
    pub(super) fn movies(&self) -> usize {
        self.ids.len()
    }

    /// How many people it has.
    pub(super) fn people(&self) -> usize {
        self.credits.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.titles.bytes()
            + self.names.bytes()
            + 8 * self.ids.capacity()
            + 2 * (self.years.capacity() + self.scores.capacity())
            + 4 * (self.by_id.capacity() + self.credits.capacity())
            + self.arrays.iter().map(Suffixes::bytes).sum::<usize>()
            + self.words.bytes()
            + self.tops.iter().map(Tops::bytes).sum::<usize>()
    }

    /// The texts of an array.
    pub(super) fn texts(&self, array: Array) -> &Texts {
        match array.kind() {
            Kind::Movie => &self.titles,
            Kind::Person => &self.names,
        }
    }

    /// A movie's title, or a person's name.
    pub(super) fn record(&self, kind: Kind, n: u32) -> Record<'_> {
        match kind {
            Kind::Movie => self.titles.get(n),
            Kind::Person => self.names.get(n),
        }
    }

    /// The score.
    pub(super) fn score(&self, kind: Kind, n: u32) -> u16 {
        match kind {
            Kind::Movie => self.scores[n as usize],
            Kind::Person => score::of_person(self.credits[n as usize]),
        }
    }

    /// What puts those of one score in order; within a segment, their numbers do.
    pub(super) fn tie(&self, kind: Kind, n: u32) -> u64 {
        match kind {
            Kind::Movie => self.ids[n as usize].get().cast_unsigned(),
            Kind::Person => score::tie(self.names.get(n)),
        }
    }

    /// The movie of an id.
    pub(super) fn movie(&self, id: MovieId) -> Option<u32> {
        let at = self.by_id.binary_search_by_key(&id, |n| self.ids[*n as usize]).ok()?;
        Some(self.by_id[at])
    }

    /// A movie's year.
    pub(super) fn year(&self, movie: u32) -> Option<i16> {
        Some(self.years[movie as usize]).filter(|year| *year != 0)
    }

    /// Who is in a movie, by number, and as what.
    pub(super) fn credited(&self, movie: u32) -> impl Iterator<Item = (u32, Role)> + use<'_> {
        let mut more = self.titles.get(movie).more;
        let mut person = 0;
        std::iter::from_fn(move || {
            if more.is_empty() {
                return None;
            }
            let number = take_number(&mut more);
            person += number >> 1;
            let role = if number & 1 == 1 { Role::Director } else { Role::Cast };
            Some((u32::try_from(person).unwrap_or(u32::MAX), role))
        })
    }

    /// The person of a name as it is written, folded to `key`.
    pub(super) fn person(&self, key: &str, name: &str) -> Option<u32> {
        let array = &self.arrays[Array::Names as usize];
        let (_, range) = self.phrase(key, std::iter::once(Array::Names)).next()?;
        let (ends, _) = array.ends(&self.names, range.clone(), key.len());
        (range.start..ends)
            .filter(|place| array.is_beginning(*place))
            .map(|place| array.text(place))
            .find(|n| self.names.get(*n).is(name))
    }

    /// The places that begin with this text, of these arrays.
    pub(super) fn phrase<'a>(
        &'a self,
        text: &'a str,
        arrays: impl Iterator<Item = Array> + 'a,
    ) -> impl Iterator<Item = (Array, Range<usize>)> + 'a {
        let (first, sought) = match text.split_once(' ') {
            Some((first, _)) => (first, Sought::Word),
            None => (text, Sought::Beginning),
        };
        let words = self.words.find(first, sought);
        let found = words.into_iter().flat_map({
            let mut arrays = Some(arrays);
            move |words| {
                arrays.take().into_iter().flatten().map(move |array| (words.clone(), array))
            }
        });
        found.filter_map(move |(words, array)| {
            let mut range = self.words.places(&words, array as usize);
            if first.len() < text.len() && !range.is_empty() {
                let suffixes = &self.arrays[array as usize];
                range = suffixes.narrow(self.texts(array), range, text.as_bytes());
            }
            (!range.is_empty()).then_some((array, range))
        })
    }
}
