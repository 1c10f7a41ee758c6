//! What a list is asked for, in one canonical form: requests that mean the same are equal.

mod accepts;
mod filter;
mod genres;
mod page;
pub(in crate::domain) mod query_text;
mod sort;

use super::{
    cursor::{Cursor, Position},
    field::{Field, FieldSet},
    invalid::Invalid,
    parameters::Parameters,
    revision::Scope,
};

use query_text::pair;

pub use {
    filter::{Between, Filter, IDS_MAX},
    genres::GENRES_MAX,
    page::{LIMIT_DEFAULT, LIMIT_MAX, ListPage, PAGED_ROWS_MAX, Start, TOTAL_COUNTED_MAX, Total},
    sort::{Sort, SortKey},
};

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Which movies.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// How many rows at most.
    pub limit: u16,
    /// From where on.
    pub start: Start,
    /// With which fields.
    pub fields: FieldSet,
}

impl ListQuery {
    /// Reads a list's query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let filter = Filter::take(p);
        let sort = Sort::take(p);
        let limit = page::limit(p);
        let fields = fields(p);
        let start = page::start(p, &filter, sort, limit);
        parameters.finish(Self { filter, sort, limit, start, fields })
    }

    /// The query as text, the same for all queries that mean the same: parameters in a fixed order,
    /// defaults left out, names folded. Reading it again gives this query.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        self.filter.write(&mut text);
        if self.sort != Sort::DEFAULT {
            pair(&mut text, "sort", &self.sort.to_string());
        }
        if self.limit != LIMIT_DEFAULT {
            pair(&mut text, "limit", &self.limit.to_string());
        }
        match &self.start {
            Start::First => {}
            Start::Page(page) => pair(&mut text, "page", &page.to_string()),
            Start::At(position) => pair(&mut text, "cursor", &self.cursor(position).to_string()),
        }
        if self.fields != FieldSet::of_lists() {
            let names: Vec<&str> = self.fields.iter().map(Field::name).collect();
            pair(&mut text, "fields", &names.join(","));
        }
        text
    }

    /// The scopes whose changes can change which movies its page has, and in which order. What is shown of
    /// each depends on [`Scope::of_movie`] beside.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        self.filter.scopes(self.sort.key)
    }

    /// The cursor of a position in this list.
    #[must_use]
    pub fn cursor(&self, position: &Position) -> Cursor {
        Cursor::seal(position, &page::list_name(&self.filter, self.sort))
    }
}

/// Takes `fields`.
pub(in crate::domain) fn fields(p: &mut Parameters) -> FieldSet {
    let Some(text) = p.one("fields") else { return FieldSet::of_lists() };
    let mut set = FieldSet::EMPTY;
    for name in text.split(',') {
        match name.parse::<Field>() {
            Ok(field) if set.contains(field) => {
                p.fault("fields", format!("{} is given twice", field.name()));
            }
            Ok(field) if field.in_lists() => set = set.with(field),
            Ok(field) => {
                p.fault("fields", format!("{} comes with the single movie only", field.name()));
            }
            Err(()) => p.fault("fields", format!("{name:?} is not a field of a movie")),
        }
    }
    set
}

#[cfg(test)]
impl ListQuery {
    /// Reads a query's text as a server does.
    pub(crate) fn of(text: &str) -> Result<Self, Invalid> {
        Self::from_pairs(query_text::pairs(text))
    }
}

#[cfg(test)]
mod tests {
    use super::{query_text::pairs, *};
    use proptest::prelude::*;

    #[test]
    fn requests_that_mean_the_same_are_equal() {
        let same = [
            "genre=Sci-Fi,Drama&year=1999",
            "year=1999&genre=drama&genre=SCI-FI",
            "genre=%44rama,sci-fi,drama&year_min=1999&year_max=1999&limit=50&sort=-popularity&page=1",
            "genre=drama|horror&genre=drama,sci-fi&year=1999",
        ];
        for text in same {
            assert_eq!(
                ListQuery::of(text).unwrap().canonical(),
                ListQuery::of(same[0]).unwrap().canonical(),
                "{text}"
            );
        }
    }

    #[test]
    fn faults_name_their_parameters() {
        let faults = ListQuery::of(
            "limit=501&sort=name&year=1999&year_min=x&rating_min=8&rating_max=7&ids=1,02&page=0&colour=red\
             &fields=title,cast&genre=,&director=&limit=2",
        )
        .unwrap_err();
        let text = faults.to_string();
        for name in [
            "limit: must be given once",
            "sort:",
            "year_min:",
            "rating_min:",
            "ids:",
            "page:",
            "colour:",
            "fields:",
            "genre:",
            "director:",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_as_the_same_query(
            genres in proptest::collection::vec("[a-cA-C ,|\\\\éß]{1,6}", 0..4),
            not in proptest::option::of("[d-f,|]{1,4}"),
            year in proptest::option::of(1870i16..=2100),
            rating in proptest::option::of(0.0f64..=10.0),
            limit in 1u16..=500,
            sort in 0usize..12,
        ) {
            let mut given: Vec<(String, String)> =
                genres.into_iter().map(|genre| ("genre".to_owned(), genre)).collect();
            given.extend(not.map(|not| ("genre_not".to_owned(), not)));
            given.extend(year.map(|year| ("year_min".to_owned(), year.to_string())));
            given.extend(rating.map(|rating| ("rating_max".to_owned(), format!("{rating:.3}"))));
            given.push(("limit".to_owned(), limit.to_string()));
            let sort = Sort { key: SortKey::ALL[sort % 6], descending: sort >= 6 };
            given.push(("sort".to_owned(), sort.to_string()));
            if let Ok(query) = ListQuery::from_pairs(given) {
                let again = ListQuery::from_pairs(pairs(&query.canonical())).unwrap();
                prop_assert_eq!(again, query);
            }
        }
    }
}
