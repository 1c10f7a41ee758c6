//! Seasons: when something is on, by a calendar in a named time zone.
//!
//! A [`Season`] is one of three: days of each year, days or times that come once, or days that an iCalendar
//! rule gives. [`Seasons`] are on wherever one of them is; spans that touch are one. All of them are worked
//! out when seasons are read, so that how things stand at a moment is a search in a sorted list.
//!
//! Days and local times become instants here and nowhere else, by the time-zone rules that are part of the
//! program ([`zone`]), so that all replicas agree, whatever their machines have. From there on everything
//! is instants.
//!
//! **Invariant:** everything is a function of its arguments, and its cost has a bound: years have one, the
//! days of a rule are counted when it is read, and so are the spans that remain.
//! **Invariant:** nothing that follows by the clock goes from span to span, or asks a calendar: anybody may
//! ask for any moment.

mod duration;
mod once;
mod read;
mod rule;
mod rule_text;
mod write;
mod yearly;
pub mod zone;

use std::sync::Arc;

use super::clock::Moment;

pub use {
    duration::DAYS_MAX,
    once::Once,
    read::read,
    rule::{OCCURRENCES_MAX, Rule},
    yearly::Yearly,
};

/// Most seasons of one thing.
pub const SEASONS_MAX: usize = 20;

/// Most spans of one thing's seasons together, those that touch being one: two rules that give all the days
/// that one may. They take 16 bytes each.
pub const SPANS_MAX: usize = 2 * OCCURRENCES_MAX;

/// The years in which seasons begin, first and last.
pub const YEARS: (i16, i16) = (1970, 2099);

/// A time for which something is on, or off: from an instant up to, not including, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub since: Moment,
    /// The first instant after it.
    pub until: Moment,
}

/// How things stand at a moment, and from when until when they stand so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is on.
    pub active: bool,
    /// Since when it has been so; `None` where it has never been otherwise.
    pub since: Option<Moment>,
    /// The instant at which that ends; `None` where it does not.
    pub until: Option<Moment>,
    /// The next time it comes on, after the one that is on now.
    pub next: Option<Span>,
}

impl Standing {
    /// On, always.
    pub const ALWAYS: Self = Self { active: true, since: None, until: None, next: None };

    /// Whether things stand so at a moment.
    #[must_use]
    pub fn holds_at(&self, at: Moment) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// One season.
#[derive(Debug, Clone, PartialEq)]
pub enum Season {
    /// Days of each year.
    Yearly(Yearly),
    /// Days or times that come once.
    Once(Once),
    /// Days that a rule gives.
    Rule(Rule),
}

/// At least one season, and at most [`SEASONS_MAX`]. Made by [`read`].
#[derive(Debug, Clone)]
pub struct Seasons {
    all: Vec<Season>,
    /// When one of them is on, in order. None touches another.
    spans: Arc<[Span]>,
}

impl PartialEq for Seasons {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all // the spans follow from them
    }
}

/// Milliseconds of an instant; spans of these are worked with.
type Ms = i64;

/// Spans, from an instant up to, not including, another.
type Spans = Vec<(Ms, Ms)>;

impl Seasons {
    /// Seasons that are on in these spans. How many of those there are, if that is too many.
    fn new(all: Vec<Season>, spans: Spans) -> Result<Self, usize> {
        let spans = merged(spans);
        if spans.len() > SPANS_MAX {
            return Err(spans.len());
        }
        let moment = Moment::from_unix_ms;
        let span = |(since, until)| Span { since: moment(since), until: moment(until) };
        Ok(Self { all, spans: spans.into_iter().map(span).collect() })
    }

    /// The seasons.
    pub fn iter(&self) -> impl Iterator<Item = &Season> {
        self.all.iter()
    }

    /// How things stand at a moment.
    #[must_use]
    pub fn standing(&self, at: Moment) -> Standing {
        let begun = self.spans.partition_point(|span| span.since <= at);
        let (begun, coming) = self.spans.split_at(begun);
        let (last, next) = (begun.last().copied(), coming.first().copied());
        if let Some(Span { since, until }) = last.filter(|last| at < last.until) {
            return Standing { active: true, since: Some(since), until: Some(until), next };
        }
        Standing {
            active: false,
            since: last.map(|last| last.until),
            until: next.map(|next| next.since),
            next,
        }
    }
}

/// The same time in as few spans as there can be, in order.
fn merged(mut spans: Spans) -> Spans {
    spans.sort_unstable();
    spans.dedup_by(|later, earlier| {
        let touches = later.0 <= earlier.1;
        if touches {
            earlier.1 = earlier.1.max(later.1);
        }
        touches
    });
    spans
}

#[cfg(test)]
mod tests;
