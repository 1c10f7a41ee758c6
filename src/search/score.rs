//! How well a movie matches: one formula, in whole points, so that equal movies are equal.
//!
//! It uses no statistics of the index. Those of BM25 count deleted movies and differ between segments,
//! so that an index that was written to would rank otherwise than one built anew; and as a movie must
//! have every word, how rare a word is says little.
//!
//! | points | for |
//! |---|---|
//! | 0–1000 | the words: ten times the mean of what each found (see [`WEIGHTS`]) |
//! | 0–300 | the title: how much of it the words cover × how many of the words are in it |
//! | 0–150 | a title that is nothing but the words |
//! | 0–120 | words that stand side by side in the title, as in the query |
//! | 0 or 60 | a title that begins with them |
//! | 0–120 | words that stand side by side in one name |
//! | 0–200 | popularity, twice |
//! | 0–100 | votes: 20 for each factor of ten |

use crate::domain::movie::MovieId;

use super::{
    columns::{MERIT_MAX, Standing},
    matching::Code,
    schema::TextField,
};

/// What a word is worth by where it is found, of 100.
const WEIGHTS: [(TextField, u16); 5] = [
    (TextField::Title, 100),
    (TextField::Directors, 85),
    (TextField::Cast, 60),
    (TextField::Genres, 55),
    (TextField::Synopsis, 20),
];

/// What a year is worth that is the movie's own, and one beside it.
const YEAR: u16 = 85;
const YEAR_BESIDE: u16 = 30;

/// How a word was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// As it is written.
    Exactly,
    /// Written together with the word beside it.
    Joined,
    /// Written as two words.
    Halved,
    /// As the beginning of a word.
    AsStart,
    /// With so many typing errors.
    Mistyped(usize),
    /// Written together with the word beside it, and mistyped.
    JoinedMistyped,
}

/// Where a word was found.
pub(super) const IN_TITLE: Code = 1;
pub(super) const IN_DIRECTORS: Code = 2;
pub(super) const IN_CAST: Code = 4;
/// It is the movie's year.
const AS_YEAR: Code = 8;
/// How the title has it: by itself, as one word with that beside it, as two words.
const APART: Code = 16;
const JOINED: Code = 32;
const HALVED: Code = 64;

/// What a word that is found in a field is worth, and where it was found.
pub(super) fn code(field: TextField, how: How) -> Code {
    let weight = WEIGHTS.iter().find(|(of, _)| *of == field).map_or(0, |(_, weight)| *weight);
    let (percent, written) = match how {
        How::Exactly => (100, APART),
        How::Joined => (100, JOINED),
        How::Halved => (100, HALVED),
        How::AsStart => (75, APART),
        How::Mistyped(0 | 1) => (55, APART),
        How::Mistyped(_) => (40, APART),
        How::JoinedMistyped => (55, JOINED),
    };
    let place = match field {
        TextField::Title => IN_TITLE | written,
        TextField::Directors => IN_DIRECTORS,
        TextField::Cast => IN_CAST,
        TextField::Genres | TextField::Synopsis => 0,
    };
    ((weight * percent / 100) << 8) | place
}

/// What a year is worth.
pub(super) const fn year_code(beside: bool) -> Code {
    (if beside { YEAR_BESIDE } else { YEAR } << 8) | AS_YEAR
}

/// What standing side by side may add.
pub(super) const BESIDE_MAX: u32 = TITLE_BESIDE + TITLE_BEGINS + NAME_BESIDE;
const TITLE_COVERED: u32 = 300;
const TITLE_WHOLE: u32 = 150;
const TITLE_BESIDE: u32 = 120;
const TITLE_BEGINS: u32 = 60;
const NAME_BESIDE: u32 = 120;

/// Which words stand side by side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Pairs of neighbours in the query, all of them.
    pub(super) pairs: u32,
    /// Those that are neighbours in the title.
    pub(super) in_title: u32,
    /// Those that are neighbours in a name.
    pub(super) in_name: u32,
    /// The title begins with the first word.
    pub(super) title_begins: bool,
}

impl Beside {
    pub(super) fn points(self) -> u32 {
        if self.pairs == 0 {
            return 0;
        }
        let title = TITLE_BESIDE * self.in_title / self.pairs;
        let begins = self.title_begins && self.in_title == self.pairs;
        let name = NAME_BESIDE * self.in_name / self.pairs;
        title + if begins { TITLE_BEGINS } else { 0 } + name
    }
}

/// The points of movies without those of [`Beside`]. Most movies that a word finds, it finds in the same
/// way, and what that is worth is worked out once.
pub(super) struct Scale<'q> {
    required: &'q [bool],
    codes: Vec<Code>,
    /// What the codes are worth to a movie whose title they are not found in.
    worth: Option<u32>,
}

impl<'q> Scale<'q> {
    pub(super) const fn new(required: &'q [bool]) -> Self {
        Self { required, codes: Vec::new(), worth: None }
    }

    #[inline]
    pub(super) fn points(&mut self, standing: Standing, codes: &[Code]) -> u32 {
        if let Some(worth) = self.worth
            && self.codes.iter().eq(codes)
        {
            return worth + u32::from(standing.merit);
        }
        let worth = points(standing, codes, self.required);
        self.codes.clear();
        self.codes.extend_from_slice(codes);
        let elsewhere = codes.iter().all(|code| code & IN_TITLE == 0);
        self.worth = elsewhere.then_some(worth);
        worth + u32::from(standing.merit)
    }
}

fn points(standing: Standing, codes: &[Code], required: &[bool]) -> u32 {
    let (mut sum, mut count) = (0, 0);
    // In hundredths of a word, so that what was guessed counts for less.
    let (mut in_title, mut covered, mut asked) = (0, 0, 0);
    let (mut words_covered, mut all_in_title) = (0, true);
    let mut half = false;
    for (code, _) in codes.iter().zip(required).filter(|(_, required)| **required) {
        let worth = u32::from(code >> 8);
        sum += worth;
        count += 1;
        let title = code & IN_TITLE != 0;
        if title {
            // Of two that the title has as one word, the first counts for both.
            let joined = code & (APART | HALVED) == 0;
            let words = match (joined && half, code & HALVED != 0) {
                (true, _) => 0,
                (_, true) => 2,
                _ => 1,
            };
            half = joined && !half;
            in_title += worth;
            covered += words * worth;
            words_covered += words;
        } else {
            half = false;
        }
        if title || code & AS_YEAR == 0 {
            asked += 100;
            all_in_title &= title;
        }
    }
    let mut points = (10 * sum).checked_div(count).unwrap_or_default();
    if in_title > 0 {
        let length = u32::from(standing.title_length.max(1));
        let covered = covered.min(100 * length);
        points += TITLE_COVERED * covered / (100 * length) * in_title / asked;
        if all_in_title && words_covered >= length {
            points += TITLE_WHOLE * covered / (100 * length);
        }
    }
    points
}

/// Most points of a movie.
const POINTS_MAX: u32 = 1000 + TITLE_COVERED + TITLE_WHOLE + BESIDE_MAX + MERIT_MAX as u32;
const _: () = assert!(POINTS_MAX < 1 << 16);

/// The order of relevance as a number: points, then popularity.
pub(super) fn rank(points: u32, fame: u16) -> i64 {
    i64::from(points.min(u32::from(u16::MAX))) << 16 | i64::from(fame)
}

/// A rank and an id as one key, the better the larger: the older movie first.
pub(super) fn key(rank: i64, id: MovieId) -> u128 {
    u128::from(rank.unsigned_abs()) << 64 | u128::from((i64::MAX - id.get()).unsigned_abs())
}

/// The rank of a [`key`].
pub(super) fn rank_of_key(key: u128) -> i64 {
    i64::try_from(key >> 64).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_word_is_worth_more_than_any_other_finding_in_its_place() {
        for field in TextField::ALL {
            let of = |how| code(field, how) >> 8;
            assert!(of(How::Exactly) > of(How::AsStart));
            assert!(of(How::AsStart) > of(How::Mistyped(1)));
            assert!(of(How::Mistyped(1)) > of(How::Mistyped(2)));
        }
    }

    #[test]
    fn a_title_is_whole_by_the_words_that_it_has_and_not_by_how_they_are_joined() {
        let of = |how| code(TextField::Title, how);
        let (apart, joined, halved) = (of(How::Exactly), of(How::Joined), of(How::Halved));
        let points = |title_length, codes: &[Code]| {
            let standing = Standing { merit: 0, fame: 0, title_length };
            points(standing, codes, &vec![true; codes.len()]) - 1000
        };
        let whole = TITLE_COVERED + TITLE_WHOLE;
        // `spider man`: Spider-Man, Spider-Man 2, Spiderman, Spiderman Returns.
        assert_eq!(points(2, &[apart | joined; 2]), whole);
        assert_eq!(points(3, &[apart | joined; 2]), TITLE_COVERED * 2 / 3);
        assert_eq!(points(1, &[joined; 2]), whole);
        assert_eq!(points(2, &[joined; 2]), TITLE_COVERED / 2);
        // `starwars`: Star Wars, Star Wars 2.
        assert_eq!(points(2, &[halved]), whole);
        assert_eq!(points(3, &[halved]), TITLE_COVERED * 2 / 3);
    }

    #[test]
    fn ranks_are_ordered_by_points_then_popularity() {
        assert!(rank(2, 0) > rank(1, 10_001));
        assert!(rank(2, 5) > rank(2, 4));
        let id = |id| MovieId::new(id).unwrap();
        assert!(key(5, id(1)) > key(5, id(2)) && key(6, id(9)) > key(5, id(1)));
    }
}
