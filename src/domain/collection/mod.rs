//! Collections: movies that an editor put together, to be shown as one document, always or in seasons.

mod query;
mod read;
mod write;

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{
    clock::Moment,
    list::ListQuery,
    movie::{ImdbId, MovieId},
    revision::{Revision, Scope},
    search::SearchQuery,
    season::{Seasons, Standing},
};

pub use {
    read::{Naming, read},
    write::DefinitionView,
};

/// The bounds of a collection's values.
pub mod rule {
    /// Characters of a slug.
    pub const SLUG_MAX: usize = 64;
    /// Characters of a title after trimming.
    pub const TITLE_MAX: usize = 200;
    /// Characters of a description.
    pub const DESCRIPTION_MAX: usize = 2_000;
    /// Movies that are named one by one, and movies that are left out.
    pub const MOVIES_MAX: usize = 500;
    /// Collections of one catalogue.
    pub const COLLECTIONS_MAX: usize = 1_000;
}

/// The name of a collection in addresses: words of lower-case letters and digits, joined by `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let word = |word: &str| !word.is_empty() && word.bytes().all(plain);
        let good = text.len() <= rule::SLUG_MAX && text.split('-').all(word);
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A movie that a collection names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MovieRef {
    /// By the catalogue's number.
    Id(MovieId),
    /// By `IMDb`'s id, which says the same in other catalogues.
    Imdb(ImdbId),
}

impl fmt::Display for MovieRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Imdb(id) => id.fmt(f),
        }
    }
}

/// A query that is saved in a collection. `query` is where JSON becomes one.
#[derive(Debug, Clone, PartialEq)]
pub enum CollectionQuery {
    /// A list: its filters, its order, and how many at most.
    List(Box<ListQuery>),
    /// A search: what is looked for, among which movies, in which order, and how many at most.
    Search(Box<SearchQuery>),
}

impl CollectionQuery {
    /// How many movies it gives at most.
    #[must_use]
    pub fn limit(&self) -> u16 {
        match self {
            Self::List(query) => query.limit,
            Self::Search(query) => query.limit,
        }
    }

    /// The scopes whose changes can change which movies it gives.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::List(query) => query.scopes(),
            Self::Search(_) => vec![Scope::All], // any movie may come to match, or match better
        }
    }
}

/// What an editor says of a collection. Made by [`read()`], which checks the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Trimmed, never empty.
    pub title: String,
    /// A few sentences.
    pub description: Option<String>,
    /// Movies that come first, in this order.
    pub movies: Vec<MovieRef>,
    /// What gives the movies that follow.
    pub query: Option<CollectionQuery>,
    /// Movies that the query must not bring in.
    pub exclude: Vec<MovieRef>,
    /// When it is on; `None` for always.
    pub seasons: Option<Seasons>,
}

impl Definition {
    /// The search that gives the movies beyond those that it names, for as many more as may have to be left
    /// out of what is found: those that it names, and those that it excludes.
    #[must_use]
    pub fn search(&self) -> Option<SearchQuery> {
        let Some(CollectionQuery::Search(query)) = &self.query else { return None };
        let more = self.movies.len() + self.exclude.len();
        let limit = query.limit.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        Some(SearchQuery { limit, ..(**query).clone() })
    }

    /// How it stands at a moment.
    #[must_use]
    pub fn standing(&self, at: Moment) -> Standing {
        self.seasons.as_ref().map_or(Standing::ALWAYS, |seasons| seasons.standing(at))
    }

    /// The scopes whose changes can change which movies it has. `found` has the movies that its references
    /// lead to, one for each of [`Definition::movies`]; before that is known, any of the catalogue may be what
    /// is named by an `IMDb` id. What is shown of the movies that its query brings in depends on those beside.
    #[must_use]
    pub fn scopes(&self, slug: &Slug, found: Option<&[Option<MovieId>]>) -> Vec<Scope> {
        let mut scopes = BTreeSet::from([Scope::Collection(slug.to_string())]);
        for (n, movie) in self.movies.iter().enumerate() {
            let id = match movie {
                MovieRef::Id(id) => Some(*id),
                MovieRef::Imdb(_) => found.and_then(|found| found.get(n).copied().flatten()),
            };
            // A movie that nobody has may come.
            scopes.insert(id.map_or(Scope::Movies, Scope::of_movie));
        }
        scopes.extend(self.query.iter().flat_map(CollectionQuery::scopes));
        if scopes.contains(&Scope::All) {
            return vec![Scope::All]; // raised by every write, those of the others included
        }
        scopes.into_iter().collect()
    }
}

/// A stored collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Its name.
    pub slug: Slug,
    /// What its editor said of it.
    pub definition: Definition,
    /// 1 when it was created, and one more for each change.
    pub version: i64,
    /// The revision of its last change.
    pub revision: Revision,
    /// When it was created.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
}

#[cfg(test)]
mod tests;
