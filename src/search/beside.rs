//! What words are worth that stand side by side, as in the query: in a title, in one name.

use super::{
    matching::Code,
    score::{IN_CAST, IN_DIRECTORS, IN_TITLE},
};

/// What standing side by side may add.
pub(super) const BESIDE_MAX: u32 = TITLE_BESIDE + TITLE_BEGINS + CAST_BESIDE;
const TITLE_BESIDE: u32 = 120;
const TITLE_BEGINS: u32 = 60;
const DIRECTOR_BESIDE: u32 = 120;
/// A cast has so many names that two words of it are often of two people; and it is worth less by itself.
const CAST_BESIDE: u32 = 350;

/// Which words stand side by side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Pairs of neighbours in the query, all of them.
    pub(super) pairs: u32,
    /// Those that are neighbours in the title.
    pub(super) in_title: u32,
    /// Those that are neighbours in a name of the cast, and those in one of the directors alone.
    pub(super) in_cast: u32,
    pub(super) in_directors: u32,
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
        let names = CAST_BESIDE * self.in_cast + DIRECTOR_BESIDE * self.in_directors;
        title + if begins { TITLE_BEGINS } else { 0 } + names / self.pairs
    }

    /// If all that are in one field stood side by side there.
    pub(super) fn at_most(codes: &[Code], required: &[bool]) -> Self {
        let mut beside = Self { title_begins: true, ..Self::none_of(codes) };
        for (one, two) in neighbours(codes, required) {
            let common = codes[one] & codes[two];
            beside.in_title += u32::from(common & IN_TITLE != 0);
            beside.in_cast += u32::from(common & IN_CAST != 0);
            beside.in_directors += u32::from(common & (IN_CAST | IN_DIRECTORS) == IN_DIRECTORS);
        }
        beside
    }

    pub(super) fn none_of(codes: &[Code]) -> Self {
        let pairs = u32::try_from(codes.len().saturating_sub(1)).unwrap_or(u32::MAX);
        Self { pairs, ..Self::default() }
    }
}

/// Pairs of words that are neighbours in the query. Fillers that a movie lacks are passed over.
pub(super) fn neighbours(
    codes: &[Code],
    required: &[bool],
) -> impl Iterator<Item = (usize, usize)> {
    let mut before = None;
    let words = codes.iter().zip(required).enumerate();
    let words = words.filter(|(_, (code, required))| **code != 0 || **required);
    words.filter_map(move |(two, _)| before.replace(two).map(|one| (one, two)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            schema::TextField,
            score::{How, code},
        },
        *,
    };

    #[test]
    fn words_side_by_side_are_worth_no_more_than_what_is_reckoned_with() {
        let of = |field| code(field, How::Exactly);
        let (title, director, cast, genre) = (
            of(TextField::Title),
            of(TextField::Directors),
            of(TextField::Cast),
            of(TextField::Genres),
        );
        for (codes, points) in [
            (vec![title | director | cast; 3], BESIDE_MAX),
            (vec![cast, cast, genre], CAST_BESIDE / 2),
            (vec![director, director], DIRECTOR_BESIDE),
            (vec![director, cast], 0),
            (vec![title, 0, title], TITLE_BESIDE / 2),
        ] {
            let required: Vec<bool> = codes.iter().map(|code| *code != 0).collect();
            assert_eq!(Beside::at_most(&codes, &required).points(), points, "{codes:?}");
        }
    }
}
