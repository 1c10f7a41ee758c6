//! What people look for, as editors study it.

use crate::domain::{
    invalid::Invalid,
    parameters::{Parameters, integer},
};

/// What editors study of searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Studied {
    /// What is looked for most.
    Popular,
    /// What is looked for and not found.
    Empty,
}

/// Which searches are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SearchesAsk {
    /// Of how many days, today included.
    pub days: u16,
    /// How many at most.
    pub limit: u16,
}

impl SearchesAsk {
    /// Distinct clients on one day that a search must have had to be shown: fewer could be known by it.
    ///
    /// Clients have other numbers on each day, so that those of two days cannot be told apart: a search
    /// is shown where a single day had so many.
    pub const CLIENTS_MIN: u32 = 5;
    /// Most days.
    pub const DAYS_MAX: u16 = 90;
    /// Days unless asked otherwise.
    pub const DAYS_DEFAULT: u16 = 7;
    /// Most searches of an answer.
    pub const LIMIT_MAX: u16 = 200;
    /// Searches of an answer unless asked otherwise.
    pub const LIMIT_DEFAULT: u16 = 50;

    /// Reads the query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let mut count = |name: &'static str, most: u16, default: u16| {
            let must = format!("an integer from 1 to {most}");
            let read = |text: &str| integer(text).filter(|count| (1..=most).contains(count));
            parameters.parsed(name, &must, read).unwrap_or(default)
        };
        let days = count("days", Self::DAYS_MAX, Self::DAYS_DEFAULT);
        let limit = count("limit", Self::LIMIT_MAX, Self::LIMIT_DEFAULT);
        parameters.finish(Self { days, limit })
    }
}

/// A search that many people made.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchStudied {
    /// The search in its canonical form: what stands after `/v1/search?`.
    pub query: String,
    /// How often it was made.
    pub searches: u64,
    /// By about how many clients on the day on which there were most.
    pub clients: u32,
    /// How many movies it found when it was last made.
    pub hits: u64,
    /// From how many of them something was opened.
    pub opened: u64,
    /// At which position that was, on average; the first is 1.
    pub position: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_limit_have_bounds_and_defaults() {
        let ask = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            SearchesAsk::from_pairs(pairs.iter().map(owned).collect())
        };
        assert_eq!(ask(&[]), Ok(SearchesAsk { days: 7, limit: 50 }));
        assert_eq!(ask(&[("limit", "200"), ("days", "90")]).unwrap().days, 90);
        let bad = [("days", "91"), ("limit", "0"), ("window", "day")];
        assert_eq!(ask(&bad).unwrap_err().faults().len(), 3);
    }
}
