//! How far a search goes: as it is written, or with errors, or with words missing.
//!
//! A search goes through stages until one finds what is likely to be meant. What counts is what is found
//! without the filter, so that a filter never widens a search, and counts of facets hold when one of them
//! is chosen.

use std::ops::ControlFlow;

use crate::domain::{cursor::Position, search::SearchQuery};

use super::{
    answer::each,
    error::SearchError,
    index::Snapshot,
    plan::{Known, Plan},
    schema::Fields,
    together::Together,
};

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Words as they are written.
    AsWritten,
    /// Words with typing errors, words that a title or a name writes as two, and years beside those that
    /// are given, as well.
    Corrected,
    /// Words with more typing errors.
    Guessed,
    /// All words but one.
    AllButOne,
    /// Any of the words.
    Any,
}

/// So many movies with the words as they are written end a search, if one of them has the words together.
const ENOUGH_AS_WRITTEN: usize = 10;
/// So many movies end it where none has, with errors or without.
const ENOUGH_APART: usize = 20;

impl Stage {
    /// Every stage, in the order in which they are tried. Each finds what the one before it finds, too.
    pub(super) const ALL: [Self; 5] =
        [Self::AsWritten, Self::Corrected, Self::Guessed, Self::AllButOne, Self::Any];

    /// As it stands in a cursor.
    pub(super) fn number(self) -> u8 {
        let at = Self::ALL.iter().position(|stage| *stage == self);
        at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or_default()
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.number() == number)
    }

    /// Whether a search ends with a stage that finds so many movies, of which one has the words together or
    /// none has.
    const fn is_enough(self, movies: usize, together: bool) -> bool {
        movies
            >= match (self, together) {
                (Self::AsWritten, true) => ENOUGH_AS_WRITTEN,
                (_, true) => 1,
                (_, false) => ENOUGH_APART,
            }
    }
}

/// What a stage finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finds {
    Nothing,
    TooLittle,
    Enough,
}

/// The first stage that finds enough without the filter, and its plan; the last one that finds anything
/// where none does.
pub(super) fn choose(
    snapshot: &Snapshot,
    fields: &Fields,
    query: &SearchQuery,
    position: Option<&Position>,
) -> Result<Option<(Plan, Stage)>, SearchError> {
    let mut known = Known::default();
    let mut plan = |stage| Plan::new(snapshot, fields, &query.text, stage, &mut known);
    // Later pages are of the stage that the first one was of.
    if let Some(stage) = position.and_then(|position| Stage::from_number(position.stage))
        && let Some(plan) = plan(stage)?
    {
        return Ok(Some((plan, stage)));
    }
    let mut widest = None;
    for stage in Stage::ALL {
        let Some(plan) = plan(stage)? else { continue };
        match finds(snapshot, fields, &plan, stage)? {
            Finds::Nothing => {}
            Finds::TooLittle => widest = Some((plan, stage)),
            Finds::Enough => return Ok(Some((plan, stage))),
        }
    }
    Ok(widest)
}

fn finds(
    snapshot: &Snapshot,
    fields: &Fields,
    plan: &Plan,
    stage: Stage,
) -> Result<Finds, SearchError> {
    let (mut movies, mut together) = (0, false);
    let mut codes = vec![0; plan.query.words.len()];
    for part in &snapshot.parts {
        let mut of_part = Together::new(part, fields, &plan.query);
        each(part, fields, plan, &plan.query, &[], |window| {
            for document in window.documents {
                movies += 1;
                if !together {
                    window.codes(*document, &mut codes);
                    together = of_part.has(*document, &codes)?;
                }
                if stage.is_enough(movies, together) {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if stage.is_enough(movies, together) {
            return Ok(Finds::Enough);
        }
    }
    Ok(if movies == 0 { Finds::Nothing } else { Finds::TooLittle })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_movies_end_a_search_only_if_one_has_the_words_together() {
        let ends = |stage: Stage, movies| [true, false].map(|is| stage.is_enough(movies, is));
        for (movies, expected) in
            [(0, [false; 2]), (9, [false; 2]), (10, [true, false]), (20, [true; 2])]
        {
            assert_eq!(ends(Stage::AsWritten, movies), expected, "{movies}");
        }
        for (movies, expected) in
            [(0, [false; 2]), (1, [true, false]), (19, [true, false]), (20, [true; 2])]
        {
            assert_eq!(ends(Stage::Corrected, movies), expected, "{movies}");
        }
    }
}
