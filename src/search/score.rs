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
//! | 0–350 | words that stand side by side in one name of the cast; 0–120, of the directors |
//! | 0–200 | popularity, twice |
//! | 0–100 | votes: 20 for each factor of ten |

use crate::domain::movie::MovieId;

use super::{
    beside::BESIDE_MAX,
    columns::{MERIT_MAX, Standing},
    matching::{Code, Query},
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
    /// A number or a title that is written otherwise: `4` for `iv`, `dr` for `doctor`.
    Otherwise,
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
/// The title writes a number otherwise than the query: with letters where it has digits.
pub(super) const WRITTEN_OUT: Code = 128;
/// What a number is worth less that is written otherwise.
const OTHERWISE: u16 = 5;

/// What a word that is found in a field is worth, and where it was found.
pub(super) fn code(field: TextField, how: How) -> Code {
    let weight = WEIGHTS.iter().find(|(of, _)| *of == field).map_or(0, |(_, weight)| *weight);
    let (percent, written) = match how {
        How::Exactly => (100, APART),
        How::Otherwise => (100 - OTHERWISE, APART),
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

/// Where a word was found as it is written: where it is worth most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    InTitle,
    StartsInTitle,
    InDirectors,
    InCast,
    InGenres,
    InSynopsis,
    AsYear,
    /// Otherwise: with errors, as the beginning of a name, as a year beside.
    Roughly,
}

/// Where a word was found as it is written.
pub(super) fn found(of: Code) -> Found {
    let is = |place, field, how| of & place == place && of >> 8 == code(field, how) >> 8;
    if is(IN_TITLE, TextField::Title, How::Exactly)
        || is(IN_TITLE, TextField::Title, How::Otherwise)
    {
        Found::InTitle
    } else if is(IN_TITLE, TextField::Title, How::AsStart) {
        Found::StartsInTitle
    } else if of & AS_YEAR != 0 && of >> 8 == YEAR {
        Found::AsYear
    } else if is(IN_DIRECTORS, TextField::Directors, How::Exactly) {
        Found::InDirectors
    } else if is(IN_CAST, TextField::Cast, How::Exactly) {
        Found::InCast
    } else if of & IN_TITLE == 0 && is(0, TextField::Genres, How::Exactly) {
        Found::InGenres
    } else if is(0, TextField::Synopsis, How::Exactly) {
        Found::InSynopsis
    } else {
        Found::Roughly
    }
}

/// What a year is worth.
pub(super) const fn year_code(beside: bool) -> Code {
    (if beside { YEAR_BESIDE } else { YEAR } << 8) | AS_YEAR
}

/// What a title is worth that the words cover, and one that is nothing but them.
const TITLE_COVERED: u32 = 300;
const TITLE_WHOLE: u32 = 150;

/// The points of movies without those for words side by side. Most movies that a word finds, it finds in the same
/// way, and what that is worth is worked out once.
pub(super) struct Scale<'q> {
    required: &'q [bool],
    fillers: &'q [bool],
    codes: Vec<Code>,
    /// What the codes are worth to a movie whose title they are not found in.
    worth: Option<u32>,
}

impl<'q> Scale<'q> {
    pub(super) fn new(query: &'q Query) -> Self {
        let Query { required, fillers, .. } = query;
        Self { required, fillers, codes: Vec::new(), worth: None }
    }

    #[inline]
    pub(super) fn points(&mut self, standing: Standing, codes: &[Code]) -> u32 {
        if let Some(worth) = self.worth
            && self.codes.iter().eq(codes)
        {
            return worth + u32::from(standing.merit);
        }
        let worth = points(standing, codes, self.required, self.fillers);
        self.codes.clear();
        self.codes.extend_from_slice(codes);
        let elsewhere = codes.iter().all(|code| code & IN_TITLE == 0);
        self.worth = elsewhere.then_some(worth);
        worth + u32::from(standing.merit)
    }
}

fn points(standing: Standing, codes: &[Code], required: &[bool], fillers: &[bool]) -> u32 {
    let (mut sum, mut count) = (0, 0);
    // In hundredths of a word, so that what was guessed counts for less.
    let (mut in_title, mut covered, mut asked) = (0, 0, 0);
    let (mut words_covered, mut all_in_title) = (0, true);
    let mut half = false;
    let words = codes.iter().zip(required).zip(fillers);
    for ((code, _), filler) in words.filter(|((_, required), _)| **required) {
        let otherwise = if code & WRITTEN_OUT == 0 { 0 } else { OTHERWISE };
        let worth = u32::from((code >> 8).saturating_sub(otherwise));
        sum += worth;
        count += 1;
        // Fillers do not count for a title's length either.
        if *filler {
            half = false;
            continue;
        }
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
    use super::{super::beside::Beside, *};

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
    fn a_word_is_found_where_it_is_worth_most() {
        use How::{AsStart, Exactly, Mistyped};
        use TextField::{Cast, Directors, Genres, Synopsis, Title};
        let found_by = |codes: &[Code]| {
            let most = codes.iter().map(|code| code >> 8).max().unwrap_or_default();
            found(codes.iter().fold(most << 8, |all, code| all | (code & 0xff)))
        };
        for (codes, expected) in [
            (vec![code(Title, Exactly), code(Cast, Exactly)], Found::InTitle),
            (vec![code(Title, AsStart), code(Cast, AsStart)], Found::StartsInTitle),
            (vec![code(Title, Mistyped(1)), code(Cast, Exactly)], Found::InCast),
            (vec![code(Directors, Exactly), code(Cast, Exactly)], Found::InDirectors),
            (vec![code(Genres, Exactly), code(Cast, AsStart)], Found::InGenres),
            (vec![year_code(false)], Found::AsYear),
            (vec![year_code(true)], Found::Roughly),
            (vec![code(Synopsis, Exactly)], Found::InSynopsis),
            (vec![code(Title, Mistyped(1))], Found::Roughly),
            (vec![code(Cast, AsStart), code(Synopsis, Exactly)], Found::Roughly),
        ] {
            assert_eq!(found_by(&codes), expected, "{codes:?}");
        }
    }

    #[test]
    fn a_title_is_whole_by_the_words_that_it_has_and_not_by_how_they_are_joined() {
        let of = |how| code(TextField::Title, how);
        let (apart, joined, halved) = (of(How::Exactly), of(How::Joined), of(How::Halved));
        let points = |title_length, codes: &[Code]| {
            let standing = Standing { merit: 0, fame: 0, title_length };
            points(standing, codes, &vec![true; codes.len()], &vec![false; codes.len()]) - 1000
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
    fn a_number_is_worth_most_as_it_is_typed() {
        let of = |how| code(TextField::Title, how);
        let standing = Standing { merit: 0, fame: 0, title_length: 1 };
        let points = |found: Code| points(standing, &[found], &[true], &[false]);
        // `9`: the term of Nine is that of 9, too. `nine`: 9 has that of Nine's alone.
        assert!(points(of(How::Exactly)) > points(of(How::Exactly) | WRITTEN_OUT));
        assert_eq!(points(of(How::Exactly) | WRITTEN_OUT), points(of(How::Otherwise)));
    }

    #[test]
    fn a_filler_covers_nothing_of_a_title() {
        let found = code(TextField::Title, How::Exactly);
        let points = |title_length, fillers: &[bool]| {
            let standing = Standing { merit: 0, fame: 0, title_length };
            points(standing, &[found; 2], &[true; 2], fillers) - 1000
        };
        // `"the end"`: The End, The End of the Affair.
        assert_eq!(points(1, &[true, false]), TITLE_COVERED + TITLE_WHOLE);
        assert_eq!(points(2, &[true, false]), TITLE_COVERED / 2);
    }

    #[test]
    fn one_name_of_the_cast_is_worth_as_much_as_a_word_of_a_title_and_one_of_a_name() {
        let of = |field| code(field, How::Exactly);
        let (title, cast) = (of(TextField::Title), of(TextField::Cast));
        let standing = Standing { merit: 0, fame: 0, title_length: 1 };
        let points = |codes: &[Code; 2]| points(standing, codes, &[true; 2], &[false; 2]);
        let beside = Beside::at_most(&[cast; 2], &[true; 2]);
        // `emma thompson`: a film with her, and Emma with somebody else of her name.
        assert!(points(&[cast; 2]) + beside.points() >= points(&[title, cast]));
    }

    #[test]
    fn ranks_are_ordered_by_points_then_popularity() {
        assert!(rank(2, 0) > rank(1, 10_001));
        assert!(rank(2, 5) > rank(2, 4));
        let id = |id| MovieId::new(id).unwrap();
        assert!(key(5, id(1)) > key(5, id(2)) && key(6, id(9)) > key(5, id(1)));
    }
}
