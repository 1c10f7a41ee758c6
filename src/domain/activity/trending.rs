//! What is trending: movies that many different clients have looked at of late.
//!
//! Of each hour the number of distinct clients counts, and of that the square root: a hundred times as many
//! clients weigh ten times as much, whether they are people or addresses that somebody rents. An hour
//! weighs half as much for each half-life that has passed since its middle.

use crate::domain::{
    clock::Moment,
    invalid::Invalid,
    movie::{MovieId, rule},
    parameters::{Parameters, integer},
    text::name_key,
};

use super::Hour;

/// Most movies of an answer.
pub const LIMIT_MAX: u16 = 100;
/// Movies of an answer unless asked otherwise.
pub const LIMIT_DEFAULT: u16 = 20;

/// Over how long a time movies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Window {
    /// An hour or so.
    Hour,
    /// A day or so.
    #[default]
    Day,
    /// A week or so.
    Week,
}

impl Window {
    /// Every window, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// The hours that are looked at, this one included.
    #[must_use]
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 3,
            Self::Day => 36,
            Self::Week => 192,
        }
    }

    /// Hours after which what was done weighs half as much.
    #[must_use]
    pub const fn half_life_hours(self) -> f64 {
        match self {
            Self::Hour => 0.5,
            Self::Day => 12.0,
            Self::Week => 84.0,
        }
    }

    /// What an hour weighs at a moment: one now, and half of it for each half-life since the middle of
    /// what has passed of it.
    #[must_use]
    pub fn weight(self, hour: Hour, now: Moment) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a window has few milliseconds")]
        let since_its_beginning = (now.unix_ms() - hour.begins().unix_ms()).max(0) as f64 / 3.6e6;
        let since_its_middle = since_its_beginning - since_its_beginning.min(1.0) / 2.0;
        (-since_its_middle / self.half_life_hours()).exp2()
    }

    /// What so many distinct clients of an hour add to a movie's score.
    #[must_use]
    pub fn score(self, hour: Hour, now: Moment, clients: f64) -> f64 {
        self.weight(hour, now) * clients.max(0.0).sqrt()
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrendingAsk {
    /// Over how long a time.
    pub window: Window,
    /// Only movies of this genre, by its [`name_key`].
    pub genre: Option<String>,
    /// How many at most.
    pub limit: u16,
}

impl Default for TrendingAsk {
    fn default() -> Self {
        Self { window: Window::default(), genre: None, limit: LIMIT_DEFAULT }
    }
}

impl TrendingAsk {
    /// Reads the query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let window = p.parsed("window", "hour, day or week", |text| {
            Window::ALL.into_iter().find(|window| window.as_str() == text)
        });
        let most = rule::GENRE_MAX;
        let genre = p.parsed("genre", &format!("a genre of 1 to {most} characters"), |text| {
            let length = text.trim().chars().count();
            (1..=most).contains(&length).then(|| name_key(text))
        });
        let limit = p.parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
            integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
        });
        let (window, limit) = (window.unwrap_or_default(), limit.unwrap_or(LIMIT_DEFAULT));
        parameters.finish(Self { window, genre, limit })
    }

    /// The query as text, the same for all that mean the same.
    #[must_use]
    pub fn canonical(&self) -> String {
        use crate::domain::list::query_text::pair;
        let mut text = String::new();
        pair(&mut text, "window", self.window.as_str());
        if let Some(genre) = &self.genre {
            pair(&mut text, "genre", genre);
        }
        if self.limit != LIMIT_DEFAULT {
            pair(&mut text, "limit", &self.limit.to_string());
        }
        text
    }
}

/// A movie that is trending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Which.
    pub movie: MovieId,
    /// How much, on a scale of its own: a movie that two clients look at now has about 1.4.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pairs: &[(&str, &str)]) -> Result<TrendingAsk, Invalid> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TrendingAsk::from_pairs(pairs.iter().map(owned).collect())
    }

    #[test]
    fn questions_that_mean_the_same_are_written_alike() {
        let one = ask(&[("genre", " Drama "), ("limit", "20")]).unwrap();
        assert_eq!(one.canonical(), "window=day&genre=drama");
        assert_eq!(ask(&[]).unwrap(), TrendingAsk::default());
        let bad = [("window", "year"), ("genre", " "), ("limit", "0"), ("x", "1")];
        assert_eq!(ask(&bad).unwrap_err().faults().len(), bad.len());
    }

    #[test]
    fn an_hour_weighs_half_as_much_after_each_half_life() {
        let hour = Hour::new(1000);
        let now = |minutes: i64| Moment::from_unix_ms(hour.begins().unix_ms() + minutes * 60_000);
        for window in Window::ALL {
            let half_life = match window {
                Window::Hour => 30,
                Window::Day => 720,
                Window::Week => 5_040,
            };
            assert!((window.weight(hour, now(0)) - 1.0).abs() < 1e-9);
            let (one, two) =
                (window.weight(hour, now(60)), window.weight(hour, now(60 + half_life)));
            assert!((one / two - 2.0).abs() < 1e-9, "{window}");
            let last = hour.get() + window.hours() - 1;
            let left = window.weight(hour, Hour::new(last).begins());
            assert!(left < 0.25, "{window}: what is cut off weighs little, {left}");
        }
    }

    #[test]
    fn a_hundred_times_the_clients_weigh_ten_times_as_much() {
        let (hour, now) = (Hour::new(0), Moment::from_unix_ms(0));
        for (clients, expected) in [(1.0, 1.0), (100.0, 10.0), (10_000.0, 100.0)] {
            assert!((Window::Day.score(hour, now, clients) - expected).abs() < 1e-9);
        }
    }
}
