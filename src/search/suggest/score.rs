//! How well known a movie or a person is: the number by which suggestions are ranked.
//!
//! Both are on one scale, 0 to [`SCORE_MAX`], so that a director stands where the films do that
//! people ask for as often.

use crate::domain::movie::MovieData;

use super::texts::Record;

/// The best score, a movie's popularity of 100.
pub(super) const SCORE_MAX: u16 = 10_000;

/// Votes that count for as much as a popularity of 100, where a movie has votes only.
const VOTES_TOP: f64 = 3_000_000.0;

/// The credit at which a person has the best score: some 30 of the best-known films.
const CREDIT_TOP: f64 = 30_000.0;
/// How fast scores grow with the first films: a person of one film of 100 has a score of 58 %.
const CREDIT_BASE: f64 = 50.0;

/// What somebody did in a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Played in it.
    Cast,
    /// Directed it, and perhaps played in it too.
    Director,
}

/// A movie's score: its popularity, or what its votes make of it.
pub(super) fn of_movie(movie: &MovieData) -> u16 {
    let popularity = movie.popularity.or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "a logarithm is taken of it")]
        let votes = movie.votes? as f64;
        Some(100.0 * (votes + 1.0).ln() / VOTES_TOP.ln())
    });
    whole(popularity.unwrap_or(0.0) * 100.0)
}

/// What a movie of this score adds to a person's credit. Well-known films count for much more than
/// others (the cube), so that a hundred small parts are no fame; to have directed counts twice. It is
/// a whole number, so that sums do not depend on the order, and at least 1, so that a credit of 0 is
/// a person without movies.
pub(super) fn credit(score: u16, role: Role) -> u32 {
    let score = u64::from(score.min(SCORE_MAX));
    let cube = u32::try_from(score * score * score / 1_000_000_000).unwrap_or(u32::MAX);
    match role {
        Role::Cast => 1 + cube,
        Role::Director => 1 + 2 * cube,
    }
}

/// The score of a person with this credit: damped, so that the tenth film counts for less than the
/// first.
pub(super) fn of_person(credit: u32) -> u16 {
    let share =
        (1.0 + f64::from(credit) / CREDIT_BASE).ln() / (1.0 + CREDIT_TOP / CREDIT_BASE).ln();
    whole(share * f64::from(SCORE_MAX))
}

fn whole(score: f64) -> u16 {
    let score = score.round().clamp(0.0, f64::from(SCORE_MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let score = score as u16;
    score
}

/// Puts people of one score in an order that depends on nothing but their names (FNV-1a).
pub(super) fn tie(name: Record<'_>) -> u64 {
    let written = name.written.unwrap_or_default().bytes();
    name.key.bytes().chain(written).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_grow_with_films_and_stay_on_the_scale() {
        let one = of_person(credit(SCORE_MAX, Role::Cast));
        assert!((4000..6500).contains(&one), "{one}");
        assert!(of_person(20 * credit(9000, Role::Cast)) > 8500);
        assert!(of_person(50 * credit(3000, Role::Cast)) < one + 1500);
        assert_eq!(of_person(u32::MAX), SCORE_MAX);
        assert_eq!(of_person(0), 0);
        assert!(credit(0, Role::Cast) > 0);
    }

    #[test]
    fn votes_stand_in_for_popularity() {
        let mut movie = MovieData { votes: Some(1000), ..MovieData::default() };
        let score = of_movie(&movie);
        assert!((4000..5500).contains(&score), "{score}");
        movie.popularity = Some(12.5);
        assert_eq!(of_movie(&movie), 1250);
        assert_eq!(of_movie(&MovieData::default()), 0);
    }
}
