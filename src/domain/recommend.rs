//! What recommendations are asked for, in one canonical form: which movies may be shown, and how many.

use super::{
    field::{Field, FieldSet},
    invalid::Invalid,
    list::{self, Filter, query_text::pair},
    movie::MovieId,
    parameters::{Parameters, integer},
};

/// Most rows of an answer.
pub const LIMIT_MAX: u16 = 100;
/// Rows of an answer unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 20;

/// Which movies may be shown, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Which movies.
    pub filter: Filter,
    /// How many rows at most.
    pub limit: u16,
    /// With which fields.
    pub fields: FieldSet,
}

impl Choice {
    /// Reads the query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let filter = Filter::take(p);
        let must = format!("an integer from 1 to {LIMIT_MAX}");
        let limit = p
            .parsed("limit", &must, |text| {
                integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
            })
            .unwrap_or(LIMIT_DEFAULT);
        let fields = list::fields(p);
        parameters.finish(Self { filter, limit, fields })
    }

    /// The same text for all that mean the same; empty where nothing is asked for.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        self.filter.write(&mut text);
        if self.limit != LIMIT_DEFAULT {
            pair(&mut text, "limit", &self.limit.to_string());
        }
        if self.fields != FieldSet::of_lists() {
            let names: Vec<&str> = self.fields.iter().map(Field::name).collect();
            pair(&mut text, "fields", &names.join(","));
        }
        text
    }
}

/// What is like a movie.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarQuery {
    /// The movie.
    pub movie: MovieId,
    /// Which ones may be shown.
    pub choice: Choice,
}

/// Why a movie is in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// People who did the one thing do the other, as a model learnt it.
    Model,
    /// It is alike by what is written about it.
    Content,
    /// Many look at it these days.
    Trending,
    /// It is popular.
    Popular,
}

impl Source {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Model, Self::Content, Self::Trending, Self::Popular];

    /// Its name in answers and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Content => "content",
            Self::Trending => "trending",
            Self::Popular => "popular",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::list::query_text::pairs, *};

    #[test]
    fn choices_that_mean_the_same_are_written_alike() {
        let read = |text| Choice::from_pairs(pairs(text)).unwrap();
        assert_eq!(read("limit=20&").canonical(), "");
        let written = read("limit=5&genre=DRAMA").canonical();
        assert_eq!(written, "genre=drama&limit=5");
        assert_eq!(read(&written), read("genre=drama&limit=5"));
        let faults = Choice::from_pairs(pairs("limit=0&sort=year&cursor=x")).unwrap_err();
        assert_eq!(faults.faults().len(), 3);
    }
}
