//! What a search is asked for, in one canonical form: requests that mean the same are equal.

mod facet;
mod fold;
mod page;
mod sort;
mod text;
mod words;

use super::{
    cursor::{Cursor, Position},
    field::{Field, FieldSet},
    invalid::Invalid,
    list::{self, Filter, query_text::pair},
    parameters::{Parameters, integer},
};

pub use {
    facet::{Facet, FacetCount, FacetSet, Facets},
    fold::fold,
    page::{FACET_VALUES_MAX, Highlights, LIMIT_DEFAULT, LIMIT_MAX, SearchPage, SearchRow},
    sort::SearchSort,
    text::{Clause, SearchText, TEXT_MAX, WORD_PARTS_MAX, WORDS_MAX},
    words::{Part, Word, words},
};

/// Where a page of a search starts.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchStart {
    /// At the beginning.
    First,
    /// Beside a position. By relevance, its value is an integer that means something to the index
    /// alone.
    At(Position),
}

/// A page of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    /// What is looked for.
    pub text: SearchText,
    /// Which movies are looked at.
    pub filter: Filter,
    /// In which order.
    pub sort: SearchSort,
    /// How many rows at most.
    pub limit: u16,
    /// From where on.
    pub start: SearchStart,
    /// With which fields.
    pub fields: FieldSet,
    /// Whether rows come with what matched in them.
    pub highlight: bool,
    /// Which values of all matches are counted.
    pub facets: FacetSet,
}

impl SearchQuery {
    /// Reads a search's query parameters, decoded and in any order.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, Invalid> {
        let mut parameters = Parameters::new(pairs);
        let query = Self::take(&mut parameters);
        parameters.finish(query)
    }

    /// Reads the same with `personalize`: whether the page is to be ranked anew for who asks.
    ///
    /// # Errors
    /// Every fault, by parameter.
    pub fn with_personalize(pairs: Vec<(String, String)>) -> Result<(Self, bool), Invalid> {
        let mut parameters = Parameters::new(pairs);
        let p = &mut parameters;
        let query = Self::take(p);
        let personalize = p.parsed("personalize", "true or false", |text| text.parse().ok());
        let personalize = personalize.unwrap_or(false);
        if personalize && query.sort != SearchSort::Relevance {
            p.fault("personalize", "goes with sort=relevance");
        }
        parameters.finish((query, personalize))
    }

    fn take(p: &mut Parameters) -> Self {
        let text = SearchText::take(p);
        let filter = Filter::take(p);
        let sort = SearchSort::take(p);
        let limit = limit(p);
        let fields = list::fields(p);
        let highlight = highlight(p);
        let facets = FacetSet::take(p);
        let start = start(p, &text, &filter, sort);
        Self { text, filter, sort, limit, start, fields, highlight, facets }
    }

    /// The query as text, the same for all queries that mean the same: parameters in a fixed order,
    /// defaults left out, words and names folded. Reading it again gives this query.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        pair(&mut text, "q", &self.text.to_string());
        self.filter.write(&mut text);
        if self.sort != SearchSort::Relevance {
            pair(&mut text, "sort", &self.sort.to_string());
        }
        if self.limit != LIMIT_DEFAULT {
            pair(&mut text, "limit", &self.limit.to_string());
        }
        if let SearchStart::At(position) = &self.start {
            pair(&mut text, "cursor", &self.cursor(position).to_string());
        }
        if self.fields != FieldSet::of_lists() {
            let names: Vec<&str> = self.fields.iter().map(Field::name).collect();
            pair(&mut text, "fields", &names.join(","));
        }
        if self.highlight {
            pair(&mut text, "highlight", "true");
        }
        if self.facets != FacetSet::EMPTY {
            pair(&mut text, "facets", &self.facets.to_string());
        }
        text
    }

    /// What is looked for and where, whatever the order and the page: what it has in common with all that
    /// look for the same.
    #[must_use]
    pub fn sought(&self) -> String {
        let mut text = String::new();
        pair(&mut text, "q", &self.text.to_string());
        self.filter.write(&mut text);
        text
    }

    /// The cursor of a position in this search.
    #[must_use]
    pub fn cursor(&self, position: &Position) -> Cursor {
        Cursor::seal(position, &name(&self.text, &self.filter, self.sort))
    }
}

/// What a cursor is bound to: what is looked for, where and in which order, but not the page's size,
/// its fields or what comes with it.
fn name(text: &SearchText, filter: &Filter, sort: SearchSort) -> String {
    let mut name = String::new();
    pair(&mut name, "q", &text.to_string());
    filter.write(&mut name);
    pair(&mut name, "sort", &sort.to_string());
    name
}

fn limit(p: &mut Parameters) -> u16 {
    p.parsed("limit", &format!("an integer from 1 to {LIMIT_MAX}"), |text| {
        integer(text).filter(|limit| (1..=LIMIT_MAX).contains(limit))
    })
    .unwrap_or(LIMIT_DEFAULT)
}

fn highlight(p: &mut Parameters) -> bool {
    let read = |text: &str| text.parse().ok();
    p.parsed("highlight", "true or false", read).unwrap_or(false)
}

fn start(p: &mut Parameters, text: &SearchText, filter: &Filter, sort: SearchSort) -> SearchStart {
    let Some(cursor) = p.one("cursor") else { return SearchStart::First };
    let opened = Cursor::open(&cursor, &name(text, filter, sort)).filter(|at| at.stage > 0);
    if let Some(position) = opened.filter(|position| sort.has(position)) {
        return SearchStart::At(position);
    }
    p.fault(
        "cursor",
        "is not a cursor of this search: keep q, the filters and the sort that it came with",
    );
    SearchStart::First
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cursor::{Side, SortValue},
        list::query_text::pairs,
        movie::MovieId,
    };
    use proptest::prelude::*;

    fn query(text: &str) -> Result<SearchQuery, Invalid> {
        SearchQuery::from_pairs(pairs(text))
    }

    #[test]
    fn requests_that_mean_the_same_are_equal() {
        let same = [
            "q=Am%C3%A9lie&genre=comedy&facets=genre,year&facets=",
            "q=amelie%20&genre=comedy",
            "q=%20AMELIE%20%20&genre=Comedy&sort=relevance&limit=20&highlight=false",
            "genre=comedy&q=ame%CC%81lie%20",
        ];
        for text in &same[2..] {
            assert_eq!(query(text).unwrap().canonical(), query(same[1]).unwrap().canonical());
        }
        assert!(query(same[0]).is_err());
    }

    #[test]
    fn faults_name_their_parameters() {
        let text = query(
            "limit=0&sort=-relevance&cursor=x&facets=genre,colour,genre&highlight=1&page=2&year=1&q=%3F",
        )
        .unwrap_err()
        .to_string();
        for name in [
            "limit:",
            "sort:",
            "cursor:",
            "facets: \"colour\"",
            "highlight:",
            "page:",
            "year:",
            "q:",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(query("limit=1").unwrap_err().to_string().contains("q: "));
    }

    #[test]
    fn a_cursor_belongs_to_its_search_and_order() {
        let one = query("q=alien&limit=3").unwrap();
        let id = MovieId::new(7).unwrap();
        let position = |value| Position { value, id, side: Side::After, stage: 1 };
        let cursor = one.cursor(&position(SortValue::Integer(5)));
        assert!(query(&format!("q=alien&cursor={cursor}&facets=genre")).is_ok());
        assert!(query(&format!("q=aliens&cursor={cursor}")).is_err());
        assert!(query(&format!("q=alien&sort=votes&cursor={cursor}")).is_err());
        let cursor = one.cursor(&position(SortValue::Missing));
        assert!(query(&format!("q=alien&cursor={cursor}")).is_err());
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_as_the_same_query(
            q in "[a-cA-C \"\\-é'.·Ⅷß🎬日本ﬁ&2001]{1,24}",
            limit in 1u16..=100,
            highlight: bool,
            facets in 0usize..6,
        ) {
            let facets: Vec<&str> = Facet::ALL[..facets.min(5)].iter().map(|f| f.name()).collect();
            let mut given = vec![("q".to_owned(), q), ("limit".to_owned(), limit.to_string())];
            given.push(("highlight".to_owned(), highlight.to_string()));
            if !facets.is_empty() {
                given.push(("facets".to_owned(), facets.join(",")));
            }
            if let Ok(query) = SearchQuery::from_pairs(given) {
                let again = SearchQuery::from_pairs(pairs(&query.canonical())).unwrap();
                prop_assert_eq!(again, query);
            }
        }
    }
}
