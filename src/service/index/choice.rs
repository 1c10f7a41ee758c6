//! Which lists the index answers.

use crate::domain::list::{Filter, ListQuery, Start};

/// Alternatives that make a list one of several conditions.
const ALTERNATIVES: usize = 2;

/// Whether the index answers a list faster than the database.
///
/// The database reads one range of an index in the list's order and stops where the page is full. It is
/// the better one where that range is the list: no filter, or a single one. Where conditions meet, it
/// looks at many rows that are not in the list, for the page and above all for the total, which the index
/// has from its postings. So the index takes lists of two conditions or more, where a genre with
/// alternatives counts as two. A director has so few movies, and `ids` names so few, that the database
/// is quicker whatever else is asked. `page=` is the database's: it counts rows from the front, for few
/// clients. The figures are in docs/LISTS.md.
pub(super) fn is_for_index(query: &ListQuery) -> bool {
    let Filter { director, ids, .. } = &query.filter;
    if director.is_some() || ids.is_some() || matches!(query.start, Start::Page(_)) {
        return false;
    }
    conditions(&query.filter) >= ALTERNATIVES
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
    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> bool {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        is_for_index(&ListQuery::from_pairs(pairs.iter().map(owned).collect()).unwrap())
    }

    #[test]
    fn the_index_takes_lists_in_which_conditions_meet() {
        for pairs in [
            &[("genre", "Drama,Romance")][..],
            &[("genre", "Comedy|Horror")],
            &[("genre", "Horror"), ("country", "Japan")],
            &[("genre", "Drama"), ("genre_not", "War"), ("sort", "-rating")],
            &[("year_min", "1990"), ("rating_min", "7")],
        ] {
            assert!(chosen(pairs), "{pairs:?}");
        }
    }

    #[test]
    fn the_database_takes_what_one_range_has() {
        for pairs in [
            &[][..],
            &[("genre", "Drama")],
            &[("year_min", "1990"), ("year_max", "1999")],
            &[("genre_not", "Drama")],
            &[("director", "Agnès Varda"), ("genre", "Drama")],
            &[("ids", "1,2"), ("genre", "Drama,War")],
            &[("genre", "Drama,Romance"), ("page", "2")],
        ] {
            assert!(!chosen(pairs), "{pairs:?}");
        }
    }
}
