//! What is asked for while somebody types, and what is suggested.

mod fold;

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    invalid::Invalid,
    movie::MovieId,
    parameters::{Parameters, integer},
};

pub use fold::{Folded, fold};

/// Most characters of what was typed.
pub const TEXT_MAX: usize = 100;
/// Most rows of an answer, and as many as it has unless asked otherwise.
pub const LIMIT_MAX: u8 = 10;

/// What was typed so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SuggestQuery {
    /// Folded ([`fold`]): at least one word, the last of which may be unfinished.
    pub text: String,
    /// How many rows at most.
    pub limit: u8,
    /// Which kinds of rows.
    pub kinds: Kinds,
}

/// What a suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A movie, by its title.
    Movie,
    /// Somebody who directed movies or played in them.
    Person,
}

impl Kind {
    /// Its name in queries and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Person => "person",
        }
    }
}

/// Which kinds of rows are asked for: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kinds {
    /// Movies and people.
    All,
    /// One kind only.
    Only(Kind),
}

impl Kinds {
    /// Whether rows of this kind are asked for.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only == kind,
        }
    }
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What it is.
    pub kind: Kind,
    /// The title or name, as it is stored.
    pub text: String,
    /// The movie. People have no number: they are what lists are filtered by.
    pub id: Option<MovieId>,
    /// The movie's year.
    pub year: Option<i16>,
}

impl SuggestQuery {
    /// A query for all kinds, as many rows as there may be. `None` where there is no letter and no
    /// digit in the text, or more than [`TEXT_MAX`] characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = read_text(text).ok()?;
        Some(Self { text, limit: LIMIT_MAX, kinds: Kinds::All })
    }

    /// Reads the parameters `q`, `limit` and `kinds`, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut p = Parameters::new(pairs);
        let text = match p.one("q") {
            None => Err("must be given".to_owned()),
            Some(text) => read_text(&text),
        };
        let text = text.unwrap_or_else(|detail| {
            p.fault("q", detail);
            String::new()
        });
        let limit = p.parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
            integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
        });
        let kinds = p.parsed("kinds", "movie, person, or movie,person", read_kinds);
        p.finish(Self {
            text,
            limit: limit.unwrap_or(LIMIT_MAX),
            kinds: kinds.unwrap_or(Kinds::All),
        })
    }

    /// The query as text, the same for all queries that mean the same. Reading it again gives this
    /// query.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = format!("q={}", utf8_percent_encode(&self.text, NON_ALPHANUMERIC));
        if self.limit != LIMIT_MAX {
            let _ = write!(text, "&limit={}", self.limit); // writing to a String cannot fail
        }
        if let Kinds::Only(kind) = self.kinds {
            text.push_str("&kinds=");
            text.push_str(kind.name());
        }
        text
    }
}

fn read_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().nth(TEXT_MAX).is_some() {
        return Err(format!("must have at most {TEXT_MAX} characters"));
    }
    let folded = fold(text).text;
    if folded.is_empty() {
        return Err("must have a letter or a digit".to_owned());
    }
    // Some characters fold to several; no title is told from another that late.
    let end = folded.char_indices().nth(TEXT_MAX).map_or(folded.len(), |(at, _)| at);
    Ok(folded[..end].trim_end().to_owned())
}

fn read_kinds(text: &str) -> Option<Kinds> {
    match text {
        "movie" => Some(Kinds::Only(Kind::Movie)),
        "person" => Some(Kinds::Only(Kind::Person)),
        "movie,person" | "person,movie" => Some(Kinds::All),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decode(name), decode(value))).collect()
    }

    #[test]
    fn queries_that_mean_the_same_are_equal() {
        let canonical = |text| SuggestQuery::from_pairs(pairs(text)).unwrap().canonical();
        let same = "q=am%C3%A9lie%20poul";
        for text in [same, "q= AMELIE  Poul", "kinds=person,movie&q=amelie-poul&limit=10"] {
            assert_eq!(canonical(text), "q=amelie%20poul", "{text}");
        }
        assert_eq!(canonical("q=x&limit=3&kinds=movie"), "q=x&limit=3&kinds=movie");
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = SuggestQuery::from_pairs(pairs("q=!%3F&limit=11&kinds=film&page=2"));
        let text = faults.unwrap_err().to_string();
        for fault in ["q: must have a letter", "limit: ", "kinds: ", "page: "] {
            assert!(text.contains(fault), "{fault} in {text}");
        }
        assert!(SuggestQuery::from_pairs(Vec::new()).unwrap_err().to_string().contains("q: "));
        assert!(SuggestQuery::new(&"x".repeat(TEXT_MAX)).is_some());
        assert!(SuggestQuery::new(&"x".repeat(TEXT_MAX + 1)).is_none());
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_as_the_same_query(text in "\\PC{1,100}", limit in 1..=10_u8) {
            let given = vec![("q".to_owned(), text), ("limit".to_owned(), limit.to_string())];
            if let Ok(query) = SuggestQuery::from_pairs(given) {
                prop_assert!(query.text.chars().count() <= TEXT_MAX);
                let again = SuggestQuery::from_pairs(pairs(&query.canonical())).unwrap();
                prop_assert_eq!(again, query);
            }
        }
    }
}
