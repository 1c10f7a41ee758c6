//! Seasons: when something is on, by a calendar in a named time zone.
//!
//! A [`Season`] is one of three: days of each year, days or times that come once, or days that an iCalendar
//! rule gives. [`Seasons`] are on wherever one of them is; spans that touch are one.
//!
//! Days and local times become instants here and nowhere else, by the time-zone rules that are part of the
//! program ([`zone`]), so that all replicas agree, whatever their machines have. From there on everything
//! is instants.
//!
//! **Invariant:** everything is a function of its arguments, and its cost has a bound: years have one, and
//! the days of a rule are counted when it is read.

mod duration;
mod once;
mod read;
mod rule;
mod rule_text;
mod write;
mod yearly;
pub mod zone;

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
#[derive(Debug, Clone, PartialEq)]
pub struct Seasons(Vec<Season>);

/// Milliseconds of an instant; spans of these are worked with.
type Ms = i64;

impl Season {
    /// The hull of its spans that contain an instant or end there.
    fn around(&self, at: Ms) -> Option<(Ms, Ms)> {
        match self {
            Self::Yearly(yearly) => hull(yearly.near(at), at),
            Self::Once(once) => hull([once.span()], at),
            Self::Rule(rule) => hull(rule.begun_by(at), at),
        }
    }

    /// When it next begins after an instant.
    fn begins_after(&self, at: Ms) -> Option<Ms> {
        match self {
            Self::Yearly(yearly) => yearly.begins_after(at),
            Self::Once(once) => Some(once.span().0).filter(|start| *start > at),
            Self::Rule(rule) => rule.begins_after(at),
        }
    }

    /// When it last ended before an instant, or at it.
    fn ended_by(&self, at: Ms) -> Option<Ms> {
        match self {
            Self::Yearly(yearly) => yearly.ended_by(at),
            Self::Once(once) => Some(once.span().1).filter(|end| *end <= at),
            Self::Rule(rule) => rule.ended_by(at),
        }
    }
}

/// The hull of those spans that contain an instant or end there.
fn hull(spans: impl IntoIterator<Item = (Ms, Ms)>, at: Ms) -> Option<(Ms, Ms)> {
    let near = spans.into_iter().filter(|(start, end)| *start <= at && at <= *end);
    near.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

impl Seasons {
    /// The seasons.
    pub fn iter(&self) -> impl Iterator<Item = &Season> {
        self.0.iter()
    }

    /// How things stand at a moment.
    #[must_use]
    pub fn standing(&self, at: Moment) -> Standing {
        let at = at.unix_ms();
        let next = |after: Ms| {
            let start = self.begins_after(after)?;
            Some(span(self.whole(start)?))
        };
        if let Some((start, end)) = self.whole(at).filter(|(_, end)| at < *end) {
            return Standing {
                active: true,
                since: Some(Moment::from_unix_ms(start)),
                until: Some(Moment::from_unix_ms(end)),
                next: next(end),
            };
        }
        let next = next(at);
        Standing {
            active: false,
            since: self.ended_by(at).map(Moment::from_unix_ms),
            until: next.map(|next| next.since),
            next,
        }
    }

    /// The longest time without a gap around an instant; one that ends there is taken too.
    fn whole(&self, at: Ms) -> Option<(Ms, Ms)> {
        let (mut start, mut end) = self.around(at)?;
        // Each turn gets further by a span at least, and there are so many.
        loop {
            let earlier = self.around(start).map_or(start, |(earlier, _)| earlier);
            let later = self.around(end).map_or(end, |(_, later)| later);
            if (earlier, later) == (start, end) {
                return Some((start, end));
            }
            (start, end) = (earlier.min(start), later.max(end));
        }
    }

    fn around(&self, at: Ms) -> Option<(Ms, Ms)> {
        hull(self.0.iter().filter_map(|season| season.around(at)), at)
    }

    fn begins_after(&self, at: Ms) -> Option<Ms> {
        self.0.iter().filter_map(|season| season.begins_after(at)).min()
    }

    fn ended_by(&self, at: Ms) -> Option<Ms> {
        self.0.iter().filter_map(|season| season.ended_by(at)).max()
    }
}

fn span((since, until): (Ms, Ms)) -> Span {
    Span { since: Moment::from_unix_ms(since), until: Moment::from_unix_ms(until) }
}

#[cfg(test)]
mod tests;
