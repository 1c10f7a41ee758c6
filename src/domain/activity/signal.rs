//! What somebody did with a movie, and how much that says.

use crate::domain::{clock::Moment, movie::MovieId};

use super::UserId;

/// What somebody did with a movie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// Looked at it.
    View,
    /// Said to like it.
    Like,
    /// Said not to like it.
    Dislike,
    /// Rated it, from 0 to 10.
    Rating(f32),
    /// Has seen the film.
    Watched,
    /// Opened it from what a search had found.
    Opened,
}

impl Signal {
    /// The names of all, in the order of [`Signal::code`].
    pub const NAMES: [&'static str; 6] = ["view", "like", "dislike", "rating", "watched", "opened"];

    /// How much it says for the movie, as a weight in sums: a look 1, a look from a search 1.5, a film
    /// seen to its end 3, a like 4. A rating weighs from -2 (0) over nothing (4) to 4 (10), and a dislike
    /// -2. Explicit words outweigh looks, which may be chance.
    #[must_use]
    pub fn weight(self) -> f32 {
        match self {
            Self::View => 1.0,
            Self::Opened => 1.5,
            Self::Watched => 3.0,
            Self::Like => 4.0,
            Self::Dislike => -2.0,
            Self::Rating(value) if value < 4.0 => (value - 4.0) / 2.0,
            Self::Rating(value) => (value - 4.0) * 2.0 / 3.0,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.code() as usize]
    }

    /// The number under which it is stored.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::View => 0,
            Self::Like => 1,
            Self::Dislike => 2,
            Self::Rating(_) => 3,
            Self::Watched => 4,
            Self::Opened => 5,
        }
    }

    /// The signal of a number and a value.
    #[must_use]
    pub fn stored(code: i64, value: Option<f64>) -> Option<Self> {
        Some(match (code, value) {
            (0, None) => Self::View,
            (1, None) => Self::Like,
            (2, None) => Self::Dislike,
            #[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
            (3, Some(value)) if (0.0..=10.0).contains(&value) => Self::Rating(value as f32),
            (4, None) => Self::Watched,
            (5, None) => Self::Opened,
            _ => return None,
        })
    }

    /// The value that comes with it.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        let Self::Rating(value) = self else { return None };
        Some(f64::from(value))
    }

    /// Whether somebody who does it shows interest in the movie: whether it counts for what is trending.
    #[must_use]
    pub fn is_interest(self) -> bool {
        self.weight() > 0.0
    }
}

/// Somebody did something with a movie. Of several opinions of one user on one movie the latest counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// Who.
    pub user: UserId,
    /// With which movie. It may be gone.
    pub movie: MovieId,
    /// What.
    pub signal: Signal,
    /// When.
    pub at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_more_weighs_more() {
        let rated = |value| Signal::Rating(value).weight();
        let order = [
            Signal::Dislike.weight(),
            rated(1.0),
            rated(4.0),
            Signal::View.weight(),
            Signal::Opened.weight(),
            Signal::Watched.weight(),
            Signal::Like.weight(),
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
        assert_eq!((rated(0.0), rated(10.0)), (-2.0, 4.0));
        assert!(!Signal::Dislike.is_interest() && !Signal::Rating(3.0).is_interest());
    }

    #[test]
    fn what_is_stored_reads_back() {
        for signal in [
            Signal::View,
            Signal::Like,
            Signal::Dislike,
            Signal::Rating(7.3),
            Signal::Watched,
            Signal::Opened,
        ] {
            assert_eq!(Signal::stored(signal.code().into(), signal.value()), Some(signal));
        }
        for bad in [(3, None), (3, Some(11.0)), (3, Some(f64::NAN)), (6, None), (0, Some(1.0))] {
            assert_eq!(Signal::stored(bad.0, bad.1), None);
        }
    }
}
