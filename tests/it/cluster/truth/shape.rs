//! A question that readers ask again and again, and its answer at each revision.

use std::{collections::VecDeque, sync::Arc};

use marquee::domain::{
    list::ListQuery,
    movie::{ImdbId, MovieId},
};

use super::{
    digest::{Digest, digest},
    evaluate::{self, Matcher},
    history::{Effect, History},
    row::{Row, missing},
};

/// A shape's number.
pub(crate) type ShapeId = usize;

/// What readers send, and what it means.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) target: String,
    pub(crate) asked: Asked,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    List(Box<ListQuery>),
    Movie(MovieId),
    Imdb(ImdbId),
    Genres,
    Compat,
}

impl Asked {
    /// A word for reports.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::List(query) if query.filter.ids.is_some() => "list by ids",
            Self::List(query) if query.filter.genres.is_empty() => "list of all",
            Self::List(_) => "list by genre",
            Self::Movie(_) => "movie",
            Self::Imdb(_) => "movie by imdb id",
            Self::Genres => "genres",
            Self::Compat => "compat list",
        }
    }

    /// Whether a body ends with the revision at which it was read.
    pub(crate) const fn says_its_revision(&self) -> bool {
        matches!(self, Self::List(_) | Self::Genres)
    }
}

/// A question, with what is known of its answers. An answer stays the same from one touch to the next.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) question: Arc<Question>,
    matcher: Option<Matcher>,
    /// The revisions that may have changed the answer. The first one stands for all before it.
    touches: VecDeque<Touch>,
    /// Revisions up to this one were looked at.
    scanned: i64,
}

#[derive(Debug)]
struct Touch {
    revision: i64,
    /// Computed when it is first asked for.
    content: Option<Digest>,
}

impl Shape {
    pub(crate) fn new(question: Arc<Question>, history: &History) -> Self {
        let matcher = match &question.asked {
            Asked::List(query) => Some(Matcher::new(&query.filter)),
            _ => None,
        };
        let oldest = history.oldest();
        let touches = VecDeque::from([Touch { revision: oldest, content: None }]);
        Self { question, matcher, touches, scanned: oldest }
    }

    /// The digest of the answer at a revision from `history.oldest()` to `history.head()`, without the
    /// revision that the body may end with.
    pub(crate) fn content(&mut self, revision: i64, history: &History) -> Digest {
        let at = self.touch(revision, history);
        if let Some(content) = self.touches[at].content {
            return content;
        }
        let content = digest(&self.body(revision, history));
        self.touches[at].content = Some(content);
        content
    }

    /// The first revision after `revision`, and not after `last`, that changed the answer.
    pub(crate) fn changed_after(
        &mut self,
        revision: i64,
        last: i64,
        history: &History,
    ) -> Option<i64> {
        let content = self.content(revision, history);
        self.touch(last, history);
        let from = self.touch(revision, history) + 1;
        let touches: Vec<i64> = self.touches.range(from..).map(|touch| touch.revision).collect();
        let until = touches.into_iter().take_while(|touch| *touch <= last);
        until.into_iter().find(|touch| self.content(*touch, history) != content)
    }

    /// Whether the answer was this one at any revision from `first` to `last`.
    pub(crate) fn has_been(
        &mut self,
        content: Digest,
        (first, last): (i64, i64),
        history: &History,
    ) -> bool {
        self.touch(last, history);
        let from = self.touch(first, history);
        let touches: Vec<i64> =
            self.touches.range(from + 1..).map(|touch| touch.revision).collect();
        let later = touches.into_iter().take_while(|touch| *touch <= last);
        [first].into_iter().chain(later).any(|at| self.content(at, history) == content)
    }

    /// When, if ever, the answer was this one. For reports.
    pub(crate) fn identify(&mut self, content: Digest, history: &History) -> String {
        let (oldest, head) = (history.oldest(), history.head());
        let same: Vec<i64> =
            (oldest..=head).filter(|at| self.content(*at, history) == content).collect();
        match (same.first(), same.last()) {
            (Some(first), Some(last)) => {
                format!("it is what {} revisions from {first} to {last} have", same.len())
            }
            _ => format!("no revision from {oldest} to {head} has it"),
        }
    }

    /// Computes the answer at a revision.
    pub(crate) fn body(&self, revision: i64, history: &History) -> Vec<u8> {
        let movies = || history.movies(revision);
        match (&self.question.asked, &self.matcher) {
            (Asked::List(query), Some(matcher)) => evaluate::page(query, matcher, movies()),
            (Asked::List(_), None) => unreachable!("lists have a matcher"),
            (Asked::Movie(id), _) => {
                let movie = history.movie(id.get(), revision);
                movie.map_or_else(|| missing(&id.to_string()), |row| row.whole.clone())
            }
            (Asked::Imdb(id), _) => {
                let movie = movies().find(|row| row.movie.data.imdb_id.as_ref() == Some(id));
                movie.map_or_else(|| missing(id.as_str()), |row| row.whole.clone())
            }
            (Asked::Genres, _) => evaluate::genres(movies()),
            (Asked::Compat, _) => evaluate::compat(movies()),
        }
    }

    /// Forgets answers before `history.oldest()`.
    pub(crate) fn forget(&mut self, history: &History) {
        let oldest = history.oldest();
        if self.scanned < oldest {
            // Nobody asked for so long that what happened meanwhile is forgotten.
            self.scanned = oldest;
            self.touches.push_back(Touch { revision: oldest, content: None });
        }
        while self.touches.len() > 1 && self.touches[1].revision <= oldest {
            self.touches.pop_front();
        }
    }

    /// Which touch a revision belongs to.
    fn touch(&mut self, revision: i64, history: &History) -> usize {
        self.scan(revision, history);
        self.touches.partition_point(|touch| touch.revision <= revision).saturating_sub(1)
    }

    fn scan(&mut self, revision: i64, history: &History) {
        while self.scanned < revision {
            let Some(effects) = history.effects(self.scanned + 1) else { return };
            self.scanned += 1;
            if effects.iter().any(|effect| self.is_touched_by(effect)) {
                self.touches.push_back(Touch { revision: self.scanned, content: None });
            }
        }
    }

    fn is_touched_by(&self, Effect { id, before, after }: &Effect) -> bool {
        let either = |holds: &dyn Fn(&Row) -> bool| {
            [before, after].into_iter().flatten().any(|row| holds(row))
        };
        match (&self.question.asked, &self.matcher) {
            (Asked::Movie(asked), _) => asked.get() == *id,
            (Asked::Imdb(asked), _) => {
                either(&|row| row.movie.data.imdb_id.as_ref() == Some(asked))
            }
            (Asked::Genres, _) => {
                let genres = |row: &Option<Arc<Row>>| row.as_ref().map(|r| r.genres);
                genres(before) != genres(after)
            }
            (_, Some(matcher)) => either(&|row| matcher.lets_through(row)),
            _ => true,
        }
    }
}
