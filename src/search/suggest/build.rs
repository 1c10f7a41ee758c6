//! How a segment is made: movies come one by one, in any order, and are numbered at the end.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::domain::{movie::MovieId, suggest::fold};

use super::{
    item::Item,
    score::{self, Role},
    segment::{Array, Segment},
    suffixes::Suffixes,
    texts::{Texts, push_number, take_number},
    tops::Tops,
    typing::{Entry, entries},
    vocabulary::{ARRAYS, Vocabulary},
};

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The movies that are kept are the best known.
    pub(super) movies: usize,
    /// And so are the people.
    pub(super) people: usize,
}

impl Bounds {
    /// As many as there are.
    pub(super) const NONE: Self = Self { movies: usize::MAX, people: usize::MAX };
}

/// People that are met while building, for each that may be kept.
const MET_PER_KEPT: usize = 4;

/// A segment while it is made.
#[derive(Debug)]
pub(super) struct Building {
    bounds: Bounds,
    titles: Texts,
    ids: Vec<MovieId>,
    years: Vec<i16>,
    scores: Vec<u16>,
    names: Texts,
    /// Where people's credits are known from elsewhere, since not all of their movies are here. Those
    /// with 0 are known by name only.
    given: Option<Vec<u32>>,
    /// People by a hash of their names; where two have the same, the next number is tried.
    known: HashMap<u64, u32, FixedState>,
    hasher: FixedState,
    dropped: Dropped,
    scratch: Vec<u8>,
}

/// What did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Movies that are less known than all that were kept.
    pub movies: u64,
    /// People, in the same sense.
    pub people: u64,
}

impl Building {
    /// A segment that has all movies of its people.
    pub(super) fn whole(bounds: Bounds) -> Self {
        Self {
            bounds,
            titles: Texts::default(),
            ids: Vec::new(),
            years: Vec::new(),
            scores: Vec::new(),
            names: Texts::default(),
            given: None,
            known: HashMap::default(),
            hasher: FixedState::with_seed(0x5_0663_5717),
            dropped: Dropped::default(),
            scratch: Vec::new(),
        }
    }

    /// A segment of some movies, whose people's credits are given.
    pub(super) fn part() -> Self {
        Self { given: Some(Vec::new()), ..Self::whole(Bounds::NONE) }
    }

    /// Takes a movie.
    pub(super) fn movie(&mut self, item: &Item) {
        let mut credits = std::mem::take(&mut self.scratch);
        credits.clear();
        for (name, role) in &item.people {
            if let Some(person) = self.meet(name) {
                push_number(
                    &mut credits,
                    u64::from(person) << 1 | u64::from(*role == Role::Director),
                );
            }
        }
        if self.titles.push(&fold(&item.title).text, &item.title, &credits) {
            self.ids.push(item.id);
            self.years.push(item.year.unwrap_or_default());
            self.scores.push(item.score);
        } else {
            self.dropped.movies += 1;
        }
        self.scratch = credits;
        let kept = self.bounds.movies;
        if self.ids.len() > kept.saturating_add(kept / 4).saturating_add(1024) {
            self.prune();
        }
    }

    /// Takes a person's credit.
    pub(super) fn person(&mut self, name: &str, credit: u32) {
        let person = self.meet(name);
        if let (Some(person), Some(given)) = (person, &mut self.given) {
            given[person as usize] = credit;
        }
    }

    fn meet(&mut self, name: &str) -> Option<u32> {
        use std::hash::BuildHasher as _;
        let mut hash = self.hasher.hash_one(name);
        while let Some(person) = self.known.get(&hash) {
            if self.names.get(*person).is(name) {
                return Some(*person);
            }
            hash = hash.wrapping_add(1);
        }
        let met = self.names.len();
        let has_room = met < self.bounds.people.saturating_mul(MET_PER_KEPT);
        if !has_room || !self.names.push(&fold(name).text, name, &[]) {
            self.dropped.people += 1;
            return None;
        }
        let person = number(met);
        self.known.insert(hash, person);
        if let Some(given) = &mut self.given {
            given.push(0);
        }
        Some(person)
    }

    /// Movies, the best known first, as many as may be kept.
    fn best(&self) -> Vec<u32> {
        let mut best: Vec<u32> = (0..number(self.ids.len())).collect();
        let rank = |n: &u32| (u16::MAX - self.scores[*n as usize], self.ids[*n as usize]);
        if best.len() > self.bounds.movies {
            best.select_nth_unstable_by_key(self.bounds.movies, rank);
            best.truncate(self.bounds.movies);
        }
        best.sort_unstable_by_key(rank);
        best
    }

    /// Lets go of the least known movies.
    fn prune(&mut self) {
        let best = self.best();
        self.dropped.movies += (self.ids.len() - best.len()) as u64;
        let mut titles = Texts::with_capacity(best.len(), 0);
        for n in &best {
            let record = self.titles.get(*n);
            titles.push(record.key, &record.written(), record.more);
        }
        self.titles = titles;
        self.ids = best.iter().map(|n| self.ids[*n as usize]).collect();
        self.years = best.iter().map(|n| self.years[*n as usize]).collect();
        self.scores = best.iter().map(|n| self.scores[*n as usize]).collect();
    }

    /// Numbers and sorts.
    pub(super) fn finish(mut self) -> (Segment, Dropped) {
        self.known = HashMap::default();
        let movies = self.best();
        self.dropped.movies += (self.ids.len() - movies.len()) as u64;
        let people = self.people(&movies);
        let mut segment = Segment {
            ids: movies.iter().map(|n| self.ids[*n as usize]).collect(),
            years: movies.iter().map(|n| self.years[*n as usize]).collect(),
            scores: movies.iter().map(|n| self.scores[*n as usize]).collect(),
            credits: people.credits,
            ..Segment::default()
        };
        let number_of = people.number_of;
        segment.titles = Texts::with_capacity(movies.len(), self.titles.bytes());
        let (mut credits, mut more) = (Vec::new(), Vec::new());
        for n in &movies {
            let record = self.titles.get(*n);
            credits.clear();
            let mut rest = record.more;
            while !rest.is_empty() {
                let credit = take_number(&mut rest);
                let person = number_of[usize::try_from(credit >> 1).unwrap_or_default()];
                if person != u32::MAX {
                    credits.push(u64::from(person) << 1 | credit & 1);
                }
            }
            credits.sort_unstable();
            more.clear();
            let mut last = 0;
            for credit in &credits {
                push_number(&mut more, ((credit >> 1) - last) << 1 | credit & 1);
                last = credit >> 1;
            }
            segment.titles.push(record.key, &record.written(), &more);
        }
        self.titles = Texts::default();
        segment.names = Texts::with_capacity(people.order.len(), self.names.bytes());
        for n in &people.order {
            let record = self.names.get(*n);
            segment.names.push(record.key, &record.written(), &[]);
        }
        drop(self.names);
        segment.titles.shrink();
        segment.names.shrink();
        let mut by_id: Vec<u32> = (0..number(movies.len())).collect();
        by_id.sort_unstable_by_key(|n| segment.ids[*n as usize]);
        segment.by_id = by_id;
        index(&mut segment);
        (segment, self.dropped)
    }

    fn people(&mut self, movies: &[u32]) -> People {
        let all = number(self.names.len());
        let is_whole = self.given.is_none();
        let credits = self.given.take().unwrap_or_else(|| {
            let mut credits = vec![0_u32; self.names.len()];
            for n in movies {
                let mut rest = self.titles.get(*n).more;
                while !rest.is_empty() {
                    let credit = take_number(&mut rest);
                    let role = if credit & 1 == 1 { Role::Director } else { Role::Cast };
                    let sum = &mut credits[usize::try_from(credit >> 1).unwrap_or_default()];
                    *sum = sum.saturating_add(score::credit(self.scores[*n as usize], role));
                }
            }
            credits
        });
        let mut ranked: Vec<(u16, u64, u32)> = (0..all)
            .filter(|n| credits[*n as usize] > 0)
            .map(|n| {
                let tie = score::tie(self.names.get(n));
                (u16::MAX - score::of_person(credits[n as usize]), tie, n)
            })
            .collect();
        ranked.sort_unstable();
        if ranked.len() > self.bounds.people {
            self.dropped.people += (ranked.len() - self.bounds.people) as u64;
            ranked.truncate(self.bounds.people);
        }
        let mut order: Vec<u32> = ranked.into_iter().map(|(_, _, n)| n).collect();
        let people = order.len();
        if !is_whole {
            order.extend((0..all).filter(|n| credits[*n as usize] == 0));
        }
        let mut number_of = vec![u32::MAX; self.names.len()];
        for (place, n) in (0..).zip(&order) {
            number_of[*n as usize] = place;
        }
        let credits = order[..people].iter().map(|n| credits[*n as usize]).collect();
        People { order, credits, number_of }
    }
}

/// People as they are numbered.
struct People {
    /// Those with a credit, the best known first, and then the others.
    order: Vec<u32>,
    credits: Vec<u32>,
    number_of: Vec<u32>,
}

fn index(segment: &mut Segment) {
    let places = |is_start: bool| {
        let titles = &segment.titles;
        (0..number(titles.len())).flat_map(move |n| {
            let record = titles.get(n);
            let elided = elided(&record.written());
            let places: Vec<u8> = entries(record.key, &elided)
                .filter_map(|entry| match entry {
                    Entry::Start(at) if is_start => Some(at),
                    Entry::Later(at) if !is_start => Some(at),
                    _ => None,
                })
                .collect();
            places.into_iter().map(move |at| (n, at))
        })
    };
    let names = (0..number(segment.credits.len())).flat_map(|n| {
        let record = segment.names.get(n);
        let elided = elided(&record.written());
        let words = super::typing::name_entries(record.key, &elided);
        words.into_iter().map(move |at| (n, at))
    });
    let arrays: [Suffixes; ARRAYS] = [
        Suffixes::new(&segment.titles, places(true)),
        Suffixes::new(&segment.titles, places(false)),
        Suffixes::new(&segment.names, names),
    ];
    segment.words = Vocabulary::new(
        Array::ALL.map(|array| segment.texts(array)),
        [&arrays[0], &arrays[1], &arrays[2]],
    );
    segment.arrays = arrays;
    segment.tops = Array::ALL.map(|array| {
        let places = segment.words.all_places(array as usize);
        let suffixes = &segment.arrays[array as usize];
        Tops::new(segment.texts(array), suffixes, places, |n| segment.score(array.kind(), n))
    });
}

/// Where words go on after elisions. Texts without an apostrophe have none, and most have none.
fn elided(written: &str) -> Vec<usize> {
    let has_mark = |c: char| c == '\'' || c == '`' || !c.is_ascii();
    if written.contains(has_mark) { fold(written).elided } else { Vec::new() }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
