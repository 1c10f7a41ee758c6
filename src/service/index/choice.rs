//! Which lists the index answers.

use crate::{
    domain::list::{Filter, ListQuery, Start},
    store::Estimate,
};

use super::experience::Took;

/// Alternatives that make a list one of several conditions.
const ALTERNATIVES: usize = 2;

/// Microseconds that the index takes: for what each question takes, for each movie that there is where ranges
/// are compared, for each movie that is read of what has a name, and that is in the list. Measured with 5 million
/// movies (docs/LISTS.md, `examples/list_choice.rs`).
const ANY: f64 = 400.0;
const COMPARED: f64 = 0.0004;
const READ: f64 = 0.003;
const FOUND: f64 = 0.012;
/// What a page's rows take more for each movie that there is, since less of a large index is at hand; and up to
/// how many.
const FAR: f64 = 320e-6;
const FAR_MAX: f64 = 5e6;
/// Finding one movie among those that have a name costs as much as reading so many.
const SEEK: f64 = 8.0;

/// When the index is to answer a list that it can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Where it is the faster one, but for a try of the slower one now and then.
    Learning,
    /// Where it is the faster one: the database has no room for trying.
    Faster,
    /// Always: the database cannot be reached, or did not answer in time.
    Whatever,
}

/// Whether the index may answer a list faster than the database: where it cannot, nothing is estimated.
///
/// The database reads one range of an index in the list's order and stops where the page is full. It is
/// the better one where that range is the list: no filter, or a single one. Where conditions meet, it
/// looks at movies that are not in the list, for the page and above all for the total. A director has so
/// few movies, and `ids` names so few, that the database is quicker whatever else is asked. `page=` is the
/// database's: it counts rows from the front, for few clients.
pub(super) fn may_be_for_index(query: &ListQuery) -> bool {
    let Filter { director, ids, .. } = &query.filter;
    if director.is_some() || ids.is_some() || matches!(query.start, Start::Page(_)) {
        return false;
    }
    conditions(&query.filter) >= ALTERNATIVES
}

/// Whether the index answers a list, of which so much is estimated, faster than the database.
///
/// The database stops counting at ten thousand, so what it looks at is the less the more of what it reads
/// is in the list; the index goes through all that ranges and the rarest name leave, and so takes the
/// longer the longer the list is. Both are estimated, and the lower estimate wins; what a reader was seen
/// to take counts instead of what it is thought to.
#[must_use]
pub fn is_for_index(query: &ListQuery, estimate: &Estimate, took: &Took) -> bool {
    may_be_for_index(query) && took.is_for_index(by_index(estimate), estimate.database)
}

/// The same without trying the slower one, for when the faster one is needed.
pub(super) fn is_faster(query: &ListQuery, estimate: &Estimate, took: &Took) -> bool {
    may_be_for_index(query) && took.is_faster(by_index(estimate), estimate.database)
}

/// Microseconds that the index takes.
fn by_index(estimate: &Estimate) -> f64 {
    let Estimate { all, names, excluded, within, matches, .. } = estimate;
    let mut names: Vec<(f64, f64)> =
        names.iter().map(|names| (names.iter().sum(), names.iter().map(|_| 1.0).sum())).collect();
    names.sort_by(|one, two| one.0.total_cmp(&two.0));
    let all = all.max(1.0);
    // Ranges are looked at first, and then names, the rarest first: what is left is looked for if it is few.
    let (mut read, mut left) = (0.0, *within);
    for (movies, lists) in names {
        read += movies.min(left * SEEK * lists);
        left *= (movies / all).min(1.0);
    }
    read += excluded.min(left * SEEK);
    let compared = if *within < all { all } else { 0.0 };
    ANY + FAR * all.min(FAR_MAX) + COMPARED * compared + READ * read + FOUND * matches
}

/// How many conditions a filter has, in the sense of the rule.
fn conditions(filter: &Filter) -> usize {
    let Filter { genres, genres_not, country, language, years, ratings, .. } = filter;
    genres.iter().map(|group| group.len().min(ALTERNATIVES)).sum::<usize>()
        + genres_not.len()
        + usize::from(country.is_some())
        + usize::from(language.is_some())
        + usize::from(!years.is_open())
        + usize::from(!ratings.is_open())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Work;

    fn query(pairs: &[(&str, &str)]) -> ListQuery {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQuery::from_pairs(pairs.iter().map(owned).collect()).unwrap()
    }

    fn estimate(names: &[&[f64]], matches: f64, database: f64) -> Estimate {
        Estimate {
            database,
            page: Work::default(),
            count: Work::default(),
            all: 5e6,
            names: names.iter().map(|names| names.to_vec()).collect(),
            excluded: 0.0,
            within: 5e6,
            matches,
        }
    }

    #[test]
    fn the_index_may_take_lists_in_which_conditions_meet() {
        for pairs in [
            &[("genre", "Drama,Romance")][..],
            &[("genre", "Comedy|Horror")],
            &[("genre", "Horror"), ("country", "Japan")],
            &[("genre", "Drama"), ("genre_not", "War"), ("sort", "-rating")],
            &[("year_min", "1990"), ("rating_min", "7")],
        ] {
            assert!(may_be_for_index(&query(pairs)), "{pairs:?}");
        }
    }

    #[test]
    fn the_database_takes_what_one_range_has_whatever_is_estimated() {
        let costly = estimate(&[&[10.0]], 1.0, 1e9);
        for pairs in [
            &[][..],
            &[("genre", "Drama")],
            &[("year_min", "1990"), ("year_max", "1999")],
            &[("genre_not", "Drama")],
            &[("director", "Agnès Varda"), ("genre", "Drama")],
            &[("ids", "1,2"), ("genre", "Drama,War")],
            &[("genre", "Drama,Romance"), ("page", "2")],
        ] {
            assert!(!is_for_index(&query(pairs), &costly, &Took::default()), "{pairs:?}");
        }
    }

    #[test]
    fn long_lists_are_the_databases_and_rare_meetings_the_indexes() {
        let query = query(&[("genre", "Horror"), ("country", "Japan")]);
        // A quarter of 5 million: the database is done after some ten thousand rows.
        let long = estimate(&[&[2.1e6], &[3e6]], 1.2e6, 2_500.0);
        assert!(!is_for_index(&query, &long, &Took::default()));
        // One movie in ten of the rarer condition: the database looks at ten for each.
        let rare = estimate(&[&[4e5], &[1.5e5]], 1.8e4, 60_000.0);
        assert!(is_for_index(&query, &rare, &Took::default()));
    }

    #[test]
    fn what_a_reader_was_seen_to_take_counts_instead_of_its_estimate() {
        let query = query(&[("genre", "Horror"), ("country", "Japan")]);
        // The index would take some 3.6 ms.
        let alike = estimate(&[&[4e5], &[1.5e5]], 1.8e4, 5_000.0);
        let mut took = Took::default();
        assert!(is_for_index(&query, &alike, &took));
        for _ in 0..2 {
            took.note(true, Duration::from_millis(6));
        }
        assert!(!is_for_index(&query, &alike, &took), "5 ms are thought to be less than 6");
        for _ in 0..2 {
            took.note(false, Duration::from_millis(10));
        }
        assert!(is_for_index(&query, &alike, &took), "10 ms were seen to be more than 6");
    }

    #[test]
    fn what_is_few_is_looked_for_and_not_read() {
        let few = by_index(&estimate(&[&[100.0], &[2e6]], 40.0, 0.0));
        let many = by_index(&estimate(&[&[1e6], &[2e6]], 40.0, 0.0));
        let least = ANY + FAR * 5e6;
        assert!(few < least + 10.0, "{few}");
        assert!(many - least > 100.0 * (few - least), "{many}");
    }
}
