//! What is read and written: queries, writes, and the database, which is the truth.

/// Number of a write, from 1. The truth's head is the last one; 0 is the empty catalogue.
pub(crate) type Revision = u8;

/// `*`, two genres, one item bucket.
pub(crate) const SCOPES: usize = 4;

/// The last revision of each scope.
pub(crate) type Scopes = [Revision; SCOPES];

const EVERYTHING: usize = 0;
const DRAMA: usize = 1;
const WESTERN: usize = 2;
const ITEM: usize = 3;

/// What can be asked for. The shapes differ in their scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Query {
    /// The list of one genre in the order of titles. It shows [`Query::Item`].
    Drama,
    /// The list of two genres in the order of titles. It shows [`Query::Item`].
    DramaOrWestern,
    /// The list of all movies.
    Everything,
    /// One movie, a drama.
    Item,
}

/// How many queries there are.
pub(crate) const QUERIES: usize = 4;

impl Query {
    /// What an answer depends on. Of a list that is known once it is made: which movies it shows.
    pub(crate) const fn scopes(self) -> &'static [usize] {
        match self {
            Self::Drama => &[DRAMA, ITEM],
            Self::DramaOrWestern => &[DRAMA, WESTERN, ITEM],
            Self::Everything => &[EVERYTHING],
            Self::Item => &[ITEM],
        }
    }

    /// What of that is known before.
    pub(crate) const fn scopes_before(self) -> &'static [usize] {
        match self {
            Self::Drama => &[DRAMA],
            Self::DramaOrWestern => &[DRAMA, WESTERN],
            Self::Everything | Self::Item => self.scopes(),
        }
    }

    /// The last revision of any of `scopes` that this query depends on.
    pub(crate) fn newest(self, scopes: Scopes) -> Revision {
        self.scopes().iter().map(|&scope| scopes[scope]).max().unwrap_or(0)
    }
}

/// A change of one movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Write {
    /// Of the drama that [`Query::Item`] asks for.
    Drama,
    /// Of its votes: it stays where it is in lists that are ordered by titles.
    Votes,
    /// Of a western in another item bucket.
    Western,
}

impl Write {
    /// What a write touches.
    pub(crate) const fn scopes(self) -> &'static [usize] {
        match self {
            Self::Drama => &[EVERYTHING, DRAMA, ITEM],
            Self::Votes => &[EVERYTHING, ITEM],
            Self::Western => &[EVERYTHING, WESTERN],
        }
    }
}

/// What an answer says, told by the last write that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Content {
    /// The last write that changed it.
    pub(crate) last: Revision,
    /// That write is not in the catalogue any more: the database was restored from before it.
    pub(crate) lost: bool,
}

/// A restore from a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Restore {
    /// The last revision that the dump had.
    pub(crate) head: Revision,
    /// Ticks since, up to the bound.
    pub(crate) age: u8,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Truth {
    log: Vec<Write>,
    /// Drawn anew when a restore was found out.
    pub(crate) epoch: u8,
    pub(crate) restored: Option<Restore>,
    /// The head one tick ago, two ticks ago and so on up to the bound.
    past_heads: Vec<Revision>,
}

impl Truth {
    /// An empty catalogue that remembers its head for `bound` ticks.
    pub(crate) fn new(bound: u8) -> Self {
        Self { log: Vec::new(), epoch: 0, restored: None, past_heads: vec![0; usize::from(bound)] }
    }

    pub(crate) fn head(&self) -> Revision {
        Revision::try_from(self.log.len()).expect("bounds keep the log short")
    }

    /// The head as of so long ago that each answer without the mark has to include it;
    /// nothing is due while the clock stands still.
    pub(crate) fn head_that_is_due(&self) -> Revision {
        self.past_heads.last().copied().unwrap_or(0)
    }

    /// Table `catalog_revisions`.
    pub(crate) fn scopes(&self) -> Scopes {
        let mut scopes = [0; SCOPES];
        for (revision, write) in (1..).zip(&self.log) {
            for &scope in write.scopes() {
                scopes[scope] = revision;
            }
        }
        scopes
    }

    /// The last write up to `revision` that changes the answer to `query`.
    pub(crate) fn last_change(&self, query: Query, revision: Revision) -> Revision {
        let upto = 1..=revision.min(self.head());
        upto.rev().find(|&revision| self.changes(revision, query)).unwrap_or(0)
    }

    /// Whether the write under `revision` changes the answer to `query`.
    pub(crate) fn changes(&self, revision: Revision, query: Query) -> bool {
        let scopes = self.write(revision).scopes();
        query.scopes().iter().any(|scope| scopes.contains(scope))
    }

    /// The answer to `query` as of now.
    pub(crate) fn read(&self, query: Query) -> Content {
        Content { last: self.last_change(query, self.head()), lost: false }
    }

    /// Whether `content` has every change up to `floor`, which is a [`Self::last_change`].
    pub(crate) fn is_included(&self, floor: Revision, content: Content) -> bool {
        match self.restored {
            Some(restore) if content.lost => floor <= restore.head,
            _ => floor <= content.last,
        }
    }

    /// Whether a restore has not been found out yet.
    pub(crate) fn is_restored_in_secret(&self) -> bool {
        self.restored.is_some() && self.epoch == 0
    }

    /// What was written under `revision`.
    pub(crate) fn write(&self, revision: Revision) -> Write {
        self.log[usize::from(revision) - 1]
    }

    pub(crate) fn commit(&mut self, write: Write) -> Revision {
        self.log.push(write);
        self.head()
    }

    pub(crate) fn restore(&mut self, head: Revision) {
        self.log.truncate(usize::from(head));
        self.restored = Some(Restore { head, age: 0 });
        for past in &mut self.past_heads {
            *past = head.min(*past);
        }
    }

    pub(crate) fn tick(&mut self, bound: u8) {
        let head = self.head();
        if !self.past_heads.is_empty() {
            self.past_heads.rotate_right(1);
            self.past_heads[0] = head;
        }
        if let Some(restore) = &mut self.restored {
            restore.age = bound.min(restore.age + 1);
        }
    }
}
